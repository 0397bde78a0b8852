#include "edgetpu/rearrangement.h"

#include <algorithm>
#include <numeric>

#include "edgetpu/memory.h"

namespace atl::edgetpu {
namespace {

using Op = tflite::BuiltinOperator;

constexpr uint64_t kGatheredOutputs = 512;  // of one matrix, in QuantRL's flattened 6x6x114
constexpr uint64_t kGatheredPixels = 16;    // images of one channel: LibrEdgeTPU's of 64x64 and 128x128
// Before a transposition each of four lanes is taken by itself.
constexpr uint64_t kLanePickBytes = 64;

bool is_image(const Shape& s) { return count(s) > last(s); }

// What the host sends is laid out as the first operator needs it.
bool comes_from_host(const SourceModel& m, int tensor) {
  const SourceOp* maker = m.maker_of(tensor);
  size_t before = m.ops.size();
  while (maker && maker->index < before && !maker->inputs.empty() &&
         (maker->code == Op::QUANTIZE || maker->code == Op::RESHAPE)) {
    before = maker->index;
    maker = m.maker_of(maker->inputs[0]);
  }
  return !maker;
}

// Pixels in a row become one of all their channels: each matrix reads the groups of four that hold its outputs.
uint64_t gather_bytes(uint64_t outputs, uint64_t channels, Store store) {
  const uint64_t groups = parts(channels, kLanes);
  const auto group = [&](uint64_t c) { return c / channels * groups + c % channels / kLanes; };
  uint64_t bytes = 0;
  for (uint64_t begin = 0; begin < outputs; begin += kGatheredOutputs) {
    const uint64_t end = std::min(begin + kGatheredOutputs, outputs);
    bytes += matrix_bytes(rows_of(end - begin, store), (group(end - 1) - group(begin) + 1) * kLanes, kBiasBytes);
  }
  return bytes;
}

// A RESHAPE that joins the channels of pixels. The matrices repeat after the pixels whose channels fill the cells (QuantRL's
// flattened 6x6x114, the maps of YOLOv5 and v8 of 7, 11, 14 and 22 pixels, LibrEdgeTPU's images of one channel).
uint64_t reshape_bytes(const SourceModel& m, const SourceOp& op, Store store) {
  const SourceTensor* x = m.input(op, 0);
  if (!x || op.inputs[0] < 0) return 0;
  const uint64_t channels = last(x->shape), joined = last(m.output(op).shape);
  if (joined <= channels || joined % channels != 0 || channels % kLanes == 0 || comes_from_host(m, op.inputs[0])) return 0;
  if (joined > kTiles * kNarrowBytes) return 0;  // no tensor of the Edge TPU is so large
  if (channels == 1) {
    const uint64_t pixels = std::min(joined, kGatheredPixels);
    return matrix_bytes(rows_of(pixels, store), pixels * kLanes, kBiasBytes);
  }
  const uint64_t period = std::lcm(channels, kCells), rest = joined % period;
  return (joined >= period ? gather_bytes(period, channels, store) : 0) + gather_bytes(rest, channels, store);
}

// Channels become the image's rows, its columns the channels (YOLOv5 and v8, maps of 7 to 22 pixels).
uint64_t transpose_bytes(const SourceModel& m, const SourceOp& op, Store store) {
  const auto order = m.ints(op, 1);
  if (!m.input(op, 0) || !order || *order != std::vector<int64_t>{0, 3, 1, 2}) return 0;
  const uint64_t columns = at(m.input(op, 0)->shape, 2), weights = columns * kLanes;
  return kLanePickBytes + matrix_bytes(rows_of(columns * kLanes, store), weights, 0) +
         matrix_bytes(rows_of(columns, store), weights, 0);
}

// Along the channels: parts behind one that leaves lanes empty are moved (LibrEdgeTPU's pairs of numbers).
uint64_t concatenation_bytes(const SourceModel& m, const SourceOp& op, Store store) {
  const Shape& result = m.output(op).shape;
  uint64_t stored = 0;
  bool fits = true, sent = true;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const SourceTensor* t = m.input(op, i);
    if (!t || last(t->shape) == last(result)) return 0;
    fits &= last(t->shape) % kLanes == 0 || i + 1 == op.inputs.size();
    sent &= comes_from_host(m, op.inputs[i]);
    stored += up(last(t->shape), kLanes);
  }
  return fits || sent ? 0 : matrix_bytes(rows_of(last(result), store, is_image(result)), stored, kBiasBytes);
}

// Each part along the channels; those that the host alone reads are sent from where they lie (split_concat of Coral's tests).
uint64_t split_bytes(const SourceModel& m, const SourceOp& op, Store store) {
  const SourceTensor* x = m.input(op, op.code == Op::SPLIT ? 1 : 0);
  if (!x) return 0;
  uint64_t bytes = 0;
  for (const int t : op.outputs) {
    const Shape& s = m.tensors[size_t(t)].shape;
    if (m.tensors[size_t(t)].readers.empty() || last(s) == last(x->shape) || last(s) % kLanes == 0) continue;
    bytes += matrix_bytes(rows_of(last(s), store, is_image(s)), up(last(x->shape), kLanes), kBiasBytes);
  }
  return bytes;
}

// Of channels (the face models of MediaPipe).
uint64_t pad_bytes(const SourceModel& m, const SourceOp& op, Store store) {
  const SourceTensor* x = m.input(op, 0);
  const uint64_t padded = last(m.output(op).shape);
  return x && last(x->shape) < padded ? matrix_bytes(rows_of(padded, store), up(last(x->shape), kLanes), kBiasBytes) : 0;
}

}  // namespace

uint64_t rearrangement_bytes_of(const SourceModel& m, const SourceOp& op, Store store) {
  switch (op.code) {
    case Op::RESHAPE:
      return reshape_bytes(m, op, store);
    case Op::TRANSPOSE:
      return transpose_bytes(m, op, store);
    case Op::CONCATENATION:
      return concatenation_bytes(m, op, store);
    case Op::SPLIT:
    case Op::SPLIT_V:
      return split_bytes(m, op, store);
    case Op::PAD:
      return pad_bytes(m, op, store);
    default:
      return 0;
  }
}

}  // namespace atl::edgetpu
