#include "api/open_refusal.h"

#include "api/entry_point.h"
#include "tflite/writer.h"

namespace atl {
namespace {

bool converts(const SourceProgram& program, SignaturePlan plan, PipelineOptions passes) {
  passes.observer = nullptr;
  passes.track_changes = false;
  auto entry = make_entry_point(program, std::move(plan), passes, false);
  if (!entry) return false;
  WriteOptions options;
  options.open_sizes.push_back(entry->open);
  Model model;
  model.graphs.push_back(std::move(entry->graph));
  return bool(check_writable(model, options));
}

SignaturePlan with_fixed(const SignaturePlan& plan, const std::vector<DynamicSize>& sizes) {
  SignaturePlan out = plan;
  for (const DynamicSize& s : sizes) {
    out.sizes[s.symbol] = s.hint.value_or(s.min);
    std::erase_if(out.open, [&](const DynamicSize& o) { return o.symbol == s.symbol; });
  }
  return out;
}

std::string text_of(const std::vector<DynamicSize>& sizes) {
  std::string out;
  for (size_t i = 0; i < sizes.size(); ++i)
    out += fmt::format("{}axis {} of input '{}' ({})",
                       i == 0                  ? ""
                       : i + 1 == sizes.size() ? " and "
                                               : ", ",
                       sizes[i].axis, sizes[i].input, sizes[i].symbol);
  return out;
}

}  // namespace

Error explain_open_refusal(Error refusal, const SourceProgram& program, const SignaturePlan& plan,
                           const PipelineOptions& passes) {
  if (refusal.code != Code::kSymbolic || plan.open.empty()) return refusal;
  if (!converts(program, with_fixed(plan, plan.open), passes)) return refusal;
  std::vector<DynamicSize> to_blame;
  if (plan.open.size() > 1)
    for (const DynamicSize& s : plan.open)
      if (converts(program, with_fixed(plan, {s}), passes)) to_blame.push_back(s);
  const bool one_of_several = to_blame.size() > 1;
  if (to_blame.empty()) to_blame = plan.open;
  refusal.what += fmt::format("; {} cannot {}stay open", text_of(to_blame), one_of_several ? "all " : "");
  if (one_of_several) to_blame.resize(1);
  // Sizes that need not be fixed stand as '?'.
  SignaturePlan shown = plan;
  shown.open = to_blame;
  refusal.hint += fmt::format("{}fix the size: {}", refusal.hint.empty() ? "" : ", or ", shape_option(program, shown));
  return refusal;
}

}  // namespace atl
