#include "import/source_results.h"

#include "import/stored_tensors.h"

namespace atl {

ResultTypes result_types(const SourceGraph& graph, const SourceNode& node) {
  ResultTypes types;
  const auto add = [&](const std::string& name) {
    const TensorMeta* meta = graph.find(name);
    types.parts.push_back(meta ? type_of(*meta) : absent_type());
    types.complex.push_back(meta && is_complex(meta->dtype));
  };
  for (const SourceValue& v : node.outputs) {
    if (const auto* t = v.get<TensorRef>()) add(t->name);
    if (const auto* t = v.get<TensorRefs>())
      for (const std::string& name : t->names) add(name);
  }
  return types;
}

Result<std::vector<Values>> checked_results(const SourceCall& call) {
  std::vector<Values> results;
  for (size_t i = 0; i < call.results().size(); ++i) {
    const bool complex = call.result_is_complex(i);
    Values parts{call.results()[i]};
    if (complex) parts.push_back(i < call.imaginary_results().size() ? call.imaginary_results()[i] : Value{});
    const Type& expected = call.result_type(i);
    for (Value v : parts) {
      if (expected.dtype == DType::kUnknown || (!v.valid() && !complex)) continue;
      const Type& got = call.type(v);
      if (got.dtype == expected.dtype && (got.shape == expected.shape || !is_static(expected.shape))) continue;
      return error(Code::kInternal,
                   fmt::format("{} is imported as {}, torch says {}", call.target(), to_string(got), to_string(expected)));
    }
    results.push_back(std::move(parts));
  }
  return results;
}

}  // namespace atl
