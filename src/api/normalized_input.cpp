#include "api/normalized_input.h"

#include "api/inspection.h"
#include "api/metadata.h"
#include "ops/binary.h"
#include "ops/shape.h"
#include "pass/pass.h"
#include "tflite/file_view.h"

namespace atl {
namespace {

// True when a shift or a scale along an axis is the same in front of the node as behind it.
bool commutes(const Graph& g, Value v, size_t axis, bool shift) {
  if (g.as<Transpose>(v)) return true;
  const auto* pad = g.as<Pad>(v);
  if (!pad || pad->before[axis] != 0 || pad->after[axis] != 0) return false;
  return pad->mode != PadMode::kConstant || (pad->value == 0 && !shift);
}

// The value behind the transposes and paddings that alone read v, and the axis there.
std::pair<Value, size_t> moved_behind(const Graph& g, Value v, size_t axis, bool shift) {
  for (;;) {
    const auto& uses = g.uses(v);
    if (uses.size() != 1 || uses[0].node == kGraphOutput || !commutes(g, {uses[0].node, 0}, axis, shift)) return {v, axis};
    v = {uses[0].node, 0};
    if (const auto* move = g.as<Transpose>(v)) axis = size_t(std::ranges::find(move->perm, int64_t(axis)) - move->perm.begin());
  }
}

// One number for each index of the axis, in the shape that broadcasts along it.
Value along_axis(Builder& b, const std::vector<double>& values, size_t rank, size_t axis, double (*f)(double)) {
  Shape shape(rank, 1);
  shape[axis] = int64_t(values.size());
  Tensor t = Tensor::make(Type{DType::kF32, shape, {}});
  for (size_t i = 0; i < values.size(); ++i) t.mutable_data<float>()[i] = float(f(values[i]));
  return b.constant(Constant::of(std::move(t)));
}

// y = op(v, constant along the axis), read by all that read v. Returns y.
Result<Value> insert(Graph& g, std::pair<Value, size_t> place, BinaryKind kind, const std::vector<double>& values,
                     double (*f)(double)) {
  const auto [v, axis] = place;
  const uint32_t added = g.size();
  Builder b(g);
  b.set_origin(g[v].origin);
  const Value y = b.add(Binary(kind), {v, along_axis(b, values, g.type(v).shape.size(), axis, f)});
  TRY_STATUS(b.take_status());
  TRY_STATUS(g.replace(v, y, added));
  return y;
}

}  // namespace

Status normalize_input(Graph& g, size_t input, size_t axis, const PixelNormalization& normalization) {
  const auto shifted = moved_behind(g, g.inputs()[input].value, axis, true);
  TRY(const Value centred, insert(g, shifted, BinaryKind::kAdd, normalization.mean, [](double m) { return -m; }));
  const auto scaled = moved_behind(g, centred, shifted.second, false);
  TRY_STATUS(insert(g, scaled, BinaryKind::kMul, normalization.std, [](double s) { return 1 / s; }));
  PassContext context;
  TRY_STATUS(fold_scales(g, context));
  g.remove_dead_nodes();
  return {};
}

Result<bool> take_pixels(Graph& g, DatasetSamples& samples, const PixelNormalization& normalization) {
  if (!samples.holds_pictures() || g.inputs().size() != 1) return false;
  TRY(const size_t axis, samples.channel_axis(0));
  TRY_STATUS(normalize_input(g, 0, axis, normalization));
  TRY_STATUS(samples.take_pixels(normalization));
  return true;
}

std::optional<PixelNormalization> stated_normalization(const std::vector<std::pair<std::string, std::string>>& metadata) {
  for (const auto& [key, text] : metadata) {
    if (key != kMetadataName) continue;
    if (auto entry = parse_atoll_entry(text); entry && !entry->pixel_mean.empty() && !entry->pixel_std.empty())
      return PixelNormalization{std::move(entry->pixel_mean), std::move(entry->pixel_std)};
  }
  return std::nullopt;
}

std::optional<PixelNormalization> stated_normalization(std::span<const std::byte> tflite_file) {
  const auto file = FileView::open(tflite_file, nullptr);
  if (!file) return std::nullopt;
  const auto* all = file->model().metadata();
  std::vector<std::pair<std::string, std::string>> entries;
  for (size_t i = 0; i < size_of(all); ++i) {
    const auto* m = all->Get(flatbuffers::uoffset_t(i));
    if (!m->name() || m->name()->string_view() != kMetadataName) continue;
    if (const auto bytes = file->buffer(m->buffer()))
      entries.emplace_back(kMetadataName, std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size()));
  }
  return stated_normalization(entries);
}

}  // namespace atl
