#include "edgetpu/layer.h"

namespace atl::edgetpu {

using Op = tflite::BuiltinOperator;

namespace {

constexpr uint64_t kQuarterOfCells = 16, kFewOutputs = 4;

uint64_t from_end(const Shape& s, size_t i) { return s.size() < i ? 1 : at(s, s.size() - i); }

}  // namespace

uint64_t at(const Shape& s, size_t i) { return i < s.size() && s[i] > 0 ? uint64_t(s[i]) : 1; }
uint64_t last(const Shape& s) { return s.empty() || s.back() <= 0 ? 1 : uint64_t(s.back()); }

uint64_t count(const Shape& s) {
  uint64_t n = 1;
  for (size_t i = 0; i < s.size(); ++i) n *= at(s, i);
  return n;
}

uint64_t row_bytes(const Shape& s, uint64_t rim_x) {
  return (parts(from_end(s, 2), kTilesAcross) + rim_x) * up(last(s), kLanes);
}
uint64_t tile_bytes(const Shape& s, uint64_t rim_y, uint64_t rim_x) {
  return (parts(from_end(s, 3), kTilesAcross) + rim_y) * row_bytes(s, rim_x);
}

uint64_t rows_of(uint64_t outputs, Store store, bool image) {
  if (image && store == Store::kPackage && outputs <= kFewOutputs) return kFewOutputs;
  return up(outputs, store == Store::kPackage && outputs < kCells ? kQuarterOfCells : kCells);
}

std::optional<Kernel> kernel_of(const SourceModel& m, const SourceOp& op) {
  const SourceTensor* w = m.input(op, 1);
  if (!w || !w->constant) return std::nullopt;
  const Shape& s = w->shape;
  Kernel k;
  k.per_channel = w->per_channel;
  k.has_bias = m.input(op, op.code == Op::TRANSPOSE_CONV ? 3 : 2) != nullptr;
  switch (op.code) {
    case Op::CONV_2D:
    case Op::TRANSPOSE_CONV:
      k.out = at(s, 0), k.height = at(s, 1), k.width = at(s, 2), k.in = at(s, 3);
      k.stored_in = up(k.in, kLanes);
      return k;
    case Op::FULLY_CONNECTED:
      k.out = at(s, 0), k.in = at(s, 1), k.dense = true;
      k.stored_in = up(k.in, kLanes);
      if (const SourceTensor* x = m.input(op, 0); x && x->shape.size() == 4 && count(x->shape) == k.in)
        k.stored_in = k.in / last(x->shape) * up(last(x->shape), kLanes);
      return k;
    case Op::DEPTHWISE_CONV_2D:
      k.height = at(s, 1), k.width = at(s, 2), k.out = at(s, 3), k.depthwise = true;
      if (const SourceTensor* x = m.input(op, 0); x && last(x->shape) < k.out) {
        k.multiplied = true;
        k.stored_in = up(last(x->shape), kLanes);
      }
      return k;
    default:
      return std::nullopt;
  }
}

uint64_t lstm_steps(const SourceModel& m, const SourceOp& op) {
  const auto* o = op.options_as<tflite::UnidirectionalSequenceLSTMOptions>();
  return m.input(op, 0) ? at(m.input(op, 0)->shape, o && o->time_major() ? 0 : 1) : 0;
}

namespace {

// Of operators that the Edge TPU never takes, which count among a model's all the same.
std::optional<uint64_t> macs_of_unmapped(const SourceModel& m, const SourceOp& op) {
  const auto shape = [&](size_t i) {
    return i < op.inputs.size() && m.input(op, i) ? m.input(op, i)->shape : std::vector<int64_t>();
  };
  const std::vector<int64_t> result = m.output(op).shape, x = shape(0), weight = shape(1);
  switch (op.code) {
    case Op::BATCH_MATMUL: {
      if (x.size() < 2 || result.size() < 2 || result[result.size() - 2] <= 0) return 0;
      const int64_t inner = x[x.size() - 1] * x[x.size() - 2] / result[result.size() - 2];
      return count(result) * uint64_t(inner);
    }
    case Op::CONV_3D:
      return weight.size() == 5 && weight[4] > 0 ? count(result) * (count(weight) / uint64_t(weight[4])) : 0;
    case Op::CONV_3D_TRANSPOSE:
      return weight.size() == 5 && weight[4] > 0 ? count(shape(2)) * (count(weight) / uint64_t(weight[4])) : 0;
    default:
      return std::nullopt;
  }
}

}  // namespace

uint64_t macs_of(const SourceModel& m, const SourceOp& op) {
  if (op.code == Op::UNIDIRECTIONAL_SEQUENCE_LSTM) {
    uint64_t weights = 0;
    for (size_t i = 0; i < op.inputs.size(); ++i)
      if (const SourceTensor* t = m.input(op, i); t && t->constant && t->shape.size() == 2) weights += count(t->shape);
    return weights * lstm_steps(m, op);
  }
  if (const auto unmapped = macs_of_unmapped(m, op)) return *unmapped;
  const auto k = kernel_of(m, op);
  if (!k) return 0;
  const uint64_t per_element = k->height * k->width * k->in;
  if (op.code == Op::TRANSPOSE_CONV) return m.input(op, 2) ? count(m.input(op, 2)->shape) * k->height * k->width * k->out : 0;
  return count(m.output(op).shape) * per_element;
}

}  // namespace atl::edgetpu
