#include "import/known_numbers.h"

#include <algorithm>
#include <cmath>

namespace atl {
namespace {

// Doubles hold integers up to here.
constexpr double kMaxInteger = 0x1p53;

double floor_mod(double a, double b) { return a - std::floor(a / b) * b; }

struct Function {
  std::string_view name;
  double (*one)(double);
  double (*two)(double, double);
};
constexpr Function kFunctions[] = {
    {"_operator.add", nullptr, [](double a, double b) { return a + b; }},
    {"_operator.sub", nullptr, [](double a, double b) { return a - b; }},
    {"_operator.mul", nullptr, [](double a, double b) { return a * b; }},
    {"_operator.truediv", nullptr, [](double a, double b) { return a / b; }},
    {"_operator.floordiv", nullptr, [](double a, double b) { return std::floor(a / b); }},
    {"_operator.mod", nullptr, floor_mod},
    {"_operator.pow", nullptr, [](double a, double b) { return std::pow(a, b); }},
    {"_operator.eq", nullptr, [](double a, double b) { return double(a == b); }},
    {"_operator.ne", nullptr, [](double a, double b) { return double(a != b); }},
    {"_operator.lt", nullptr, [](double a, double b) { return double(a < b); }},
    {"_operator.le", nullptr, [](double a, double b) { return double(a <= b); }},
    {"_operator.gt", nullptr, [](double a, double b) { return double(a > b); }},
    {"_operator.ge", nullptr, [](double a, double b) { return double(a >= b); }},
    {"_operator.and_", nullptr, [](double a, double b) { return double(a != 0 && b != 0); }},
    {"_operator.or_", nullptr, [](double a, double b) { return double(a != 0 || b != 0); }},
    {"torch.sym_max", nullptr, [](double a, double b) { return std::max(a, b); }},
    {"torch.sym_min", nullptr, [](double a, double b) { return std::min(a, b); }},
    {"_operator.neg", [](double a) { return -a; }, nullptr},
    {"torch.sym_not", [](double a) { return double(a == 0); }, nullptr},
    {"torch.sym_float", [](double a) { return a; }, nullptr},
    {"torch.sym_int", [](double a) { return std::trunc(a); }, nullptr},
    {"math.floor", [](double a) { return std::floor(a); }, nullptr},
    {"math.ceil", [](double a) { return std::ceil(a); }, nullptr},
    {"math.trunc", [](double a) { return std::trunc(a); }, nullptr},
};

}  // namespace

std::optional<double> KnownNumbers::number(const SourceValue& v) const {
  const auto named = [](const auto& map, const std::string& name) -> std::optional<double> {
    const auto it = map.find(name);
    return it == map.end() ? std::nullopt : std::optional(it->second);
  };
  if (const auto* s = v.get<SymInt>()) return s->is_static() ? std::optional(double(s->value)) : named(integers_, s->name);
  if (const auto* s = v.get<SymFloat>()) return s->is_static() ? std::optional(s->value) : named(floats_, s->name);
  if (const auto* s = v.get<SymBool>()) return s->is_static() ? std::optional(double(s->value)) : named(bools_, s->name);
  if (const auto* i = v.get<int64_t>()) return double(*i);
  if (const auto* d = v.get<double>()) return *d;
  if (const auto* b = v.get<bool>()) return double(*b);
  return std::nullopt;
}

bool KnownNumbers::compute(Builder& b, const SourceNode& node, const std::function<Value(const std::string&)>& value_of) {
  if (node.outputs.size() != 1 || node.inputs.empty()) return false;
  std::optional<double> result;
  const auto* tensor = node.inputs[0].value.get<TensorRef>();
  if (tensor) {
    const Value v = value_of(tensor->name);
    if (!v.valid()) return false;
    const Shape& s = b.shape(v);
    if (node.target == "aten.sym_numel.default" && is_static(s)) result = double(element_count(s));
    if (node.target == "aten.sym_size.int" && node.inputs.size() == 2) {
      const auto axis = number(node.inputs[1].value);
      const bool sane = axis && std::abs(*axis) <= double(s.size());
      const int64_t a = sane ? int64_t(*axis) + (*axis < 0 ? int64_t(s.size()) : 0) : -1;
      if (a >= 0 && a < int64_t(s.size()) && s[size_t(a)] >= 0) result = double(s[size_t(a)]);
    }
    if (node.target == "aten.item.default" || node.target == "aten._local_scalar_dense.default")
      if (const auto t = known_value(b, v); t && t->count() == 1) result = element_as_double(*t, 0);
  } else {
    const auto f =
        std::find_if(std::begin(kFunctions), std::end(kFunctions), [&](const Function& k) { return k.name == node.target; });
    if (f == std::end(kFunctions) || node.inputs.size() != (f->one ? 1u : 2u)) return false;
    const auto x = number(node.inputs[0].value), y = f->one ? x : number(node.inputs[1].value);
    if (x && y) result = f->one ? f->one(*x) : f->two(*x, *y);
  }
  if (!result) return false;
  if (const auto* s = node.outputs[0].get<SymInt>(); s && std::abs(*result) <= kMaxInteger)
    integers_[s->name] = *result;
  else if (const auto* f = node.outputs[0].get<SymFloat>())
    floats_[f->name] = *result;
  else if (const auto* q = node.outputs[0].get<SymBool>())
    bools_[q->name] = *result;
  else
    return false;
  return true;
}

std::optional<SourceArg> KnownNumbers::find(const std::string& name) const {
  if (const auto it = integers_.find(name); it != integers_.end()) return SourceArg(int64_t(it->second));
  if (const auto it = floats_.find(name); it != floats_.end()) return SourceArg(it->second);
  if (const auto it = bools_.find(name); it != bools_.end()) return SourceArg(it->second != 0);
  return std::nullopt;
}

}  // namespace atl
