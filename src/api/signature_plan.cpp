#include "api/signature_plan.h"

#include <algorithm>

namespace atl {
namespace {

// "x_4x3_y_nx5": n for an axis that stays open.
std::string key_of(const InputShapes& shapes) {
  std::string key;
  for (const InputShape& s : shapes) {
    key += (key.empty() ? "" : "_") + s.input;
    for (size_t a = 0; a < s.shape.size(); ++a)
      key += fmt::format("{}{}", a == 0 ? "_" : "x", s.shape[a] == kDynamic ? "n" : std::to_string(s.shape[a]));
  }
  return key;
}

}  // namespace

Result<std::vector<SignaturePlan>> plan_signatures(const SourceProgram& program, std::span<const std::string> shapes) {
  TRY(const auto sets, parse_input_shapes(shapes));
  const auto sizes = dynamic_sizes(program);
  std::vector<SignaturePlan> plans;
  for (const InputShapes& set : sets) {
    SignaturePlan plan{plans.empty() ? "serving_default" : key_of(set), {}, {}};
    TRY(plan.sizes, solve_sizes(program, set));
    for (const SignaturePlan& other : plans)
      if (other.sizes == plan.sizes)
        return error(Code::kUsage,
                     fmt::format("--shape gives the signatures '{}' and '{}' the same shapes", other.key, plan.key),
                     "leave one out");
    plans.push_back(std::move(plan));
  }
  if (plans.empty()) plans.push_back({"serving_default", {}, {}});
  for (SignaturePlan& plan : plans)
    std::copy_if(sizes.begin(), sizes.end(), std::back_inserter(plan.open),
                 [&](const DynamicSize& s) { return !plan.sizes.contains(s.symbol); });
  return plans;
}

std::string shape_option(const SourceProgram& program, const SignaturePlan& plan) {
  SizeValues values = plan.sizes;
  for (const DynamicSize& s : plan.open) values[s.symbol] = s.hint.value_or(s.min);
  std::string out;
  for (const SourceInput& input : program.inputs) {
    const TensorMeta* meta = input.kind == InputKind::kUser ? program.graph.find(input.value) : nullptr;
    if (!meta || std::ranges::all_of(meta->sizes, &SymDim::is_static)) continue;
    const Shape shape = input_shape(program, input, values);
    bool fixed = false;
    for (size_t a = 0; a < shape.size(); ++a) fixed |= !meta->sizes[a].is_static() && shape[a] != kDynamic;
    if (!fixed) continue;
    std::string sizes;
    for (const int64_t n : shape) sizes += (sizes.empty() ? "" : "x") + (n == kDynamic ? "?" : std::to_string(n));
    out += fmt::format("{}{}={}", out.empty() ? "--shape " : ",", input.name, sizes);
  }
  return out;
}

}  // namespace atl
