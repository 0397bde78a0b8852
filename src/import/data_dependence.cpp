#include "import/data_dependence.h"

#include <algorithm>
#include <cctype>

namespace atl {
namespace {

/// Calls f with every name of a value that v holds.
template <class F>
void for_names(const SourceValue& v, const F& f) {
  if (const auto* t = v.get<TensorRef>()) f(t->name);
  if (const auto* list = v.get<TensorRefs>())
    for (const std::string& name : list->names) f(name);
  if (const auto* nested = v.get<NestedTensorRefs>())
    for (const auto& list : nested->names)
      for (const std::string& name : list) f(name);
  if (const auto* s = v.get<SymInt>()) f(s->name);
  if (const auto* s = v.get<SymFloat>()) f(s->name);
  if (const auto* s = v.get<SymBool>()) f(s->name);
  if (const auto* list = v.get<std::vector<SymInt>>())
    for (const SymInt& s : *list) f(s.name);
  if (const auto* list = v.get<std::vector<SymFloat>>())
    for (const SymFloat& s : *list) f(s.name);
  if (const auto* list = v.get<std::vector<SymBool>>())
    for (const SymBool& s : *list) f(s.name);
}

/// Whether an expression names a size after data: u0, u1, ... (s0, s1, ... are sizes of inputs).
bool names_data(const std::string& expr) {
  const auto in_word = [&](size_t i) { return i < expr.size() && (std::isalnum(uint8_t(expr[i])) || expr[i] == '_'); };
  for (size_t i = 0; i + 1 < expr.size(); ++i)
    if (expr[i] == 'u' && std::isdigit(uint8_t(expr[i + 1])) && (i == 0 || !in_word(i - 1))) return true;
  return false;
}

template <class F>
bool any_tensor_result(const SourceGraph& graph, const SourceNode& node, const F& f) {
  bool found = false;
  for (const SourceValue& v : node.outputs)
    for_names(v, [&](const std::string& name) {
      const TensorMeta* meta = graph.find(name);
      found = found || (meta && f(*meta));
    });
  return found;
}

}  // namespace

bool DataDependence::reaches(const SourceNode& node) const {
  bool found = false;
  for (const SourceArgument& a : node.inputs)
    for_names(a.value, [&](const std::string& name) { found = found || values_.count(name) != 0; });
  return found;
}

bool DataDependence::begins_at(const SourceGraph& graph, const SourceNode& node) {
  for (const SourceValue& v : node.outputs)
    if (v.is<SymInt>() || v.is<SymFloat>() || v.is<SymBool>()) return true;
  return any_tensor_result(graph, node, [](const TensorMeta& m) {
    return std::any_of(m.sizes.begin(), m.sizes.end(), [](const SymDim& d) { return names_data(d.expr); });
  });
}

void DataDependence::mark(const SourceNode& node) {
  for (const SourceValue& v : node.outputs)
    for_names(v, [&](const std::string& name) {
      if (!name.empty()) values_.insert(name);
    });
}

bool gives_tensor(const SourceNode& node) {
  return std::any_of(node.outputs.begin(), node.outputs.end(),
                     [](const SourceValue& v) { return v.is<TensorRef>() || v.is<TensorRefs>(); });
}

}  // namespace atl
