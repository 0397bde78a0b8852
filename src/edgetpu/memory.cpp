#include "edgetpu/memory.h"

#include <algorithm>
#include <map>

#include "edgetpu/layer.h"
#include "edgetpu/rearrangement.h"

namespace atl::edgetpu {
namespace {

using Op = tflite::BuiltinOperator;

// Constants of 32 bits lie four to a row of 64 bytes: the scales of facemesh's MULs, the bounds of a softmax.
constexpr uint64_t kWideElementBytes = 16;
// The constants of a softmax whose classes leave lanes empty, of one element for each class. Compiler 16: models of 2, 10, 965
// and 1,001 classes. Compiler 15: int8 models of 10 classes; the uint8 ones of it have none, and none of compilers 2.0 and 2.1.
constexpr uint64_t kSoftmaxConstants = 3, kEarlierSoftmaxConstants = 2;
// With them, where a RESHAPE stands before the softmax: a one, in the nine MobileNets v1.
constexpr uint64_t kReshapedSoftmaxBytes = 64;
// Of the one compiled LSTM that was seen: how often its gates are there, and what each four features of its input take.
constexpr uint64_t kLstmGates = 4, kLstmCopies = 4, kLstmInputBytes = 576;
// Beside the tensors while the model's inputs are read: models of one padding or one convolution show it.
constexpr uint64_t kFixedNarrowBytes = 780;
constexpr uint64_t kPaddedPixelBytes = 16;  // the least that a pixel of a padded image takes

bool is_zero(const SourceTensor& t) {
  return std::ranges::all_of(t.content, [](std::byte b) { return b == std::byte{0}; });
}

// Bytes of scales, offsets and bias that each output carries. Compiler 16 leaves out what does nothing: a bias of zeros (70
// int8 models of untrained convolutions), and scales of channels that are all the same (the Gabor filters of LibrEdgeTPU).
uint64_t word_of(const SourceModel& m, const SourceOp& op, const Kernel& k, Compiler compiler) {
  const SourceTensor& w = *m.input(op, 1);
  if (compiler != Compiler::k16) return !k.per_channel ? 4 : k.has_bias ? 12 : 8;
  const SourceTensor* bias = m.input(op, op.code == Op::TRANSPOSE_CONV ? 3 : 2);
  const uint64_t added = k.has_bias && !(bias->constant && is_zero(*bias)) ? 4 : 0;
  if (!k.per_channel) return w.type == tflite::TensorType::INT8 ? added : 4;
  const bool differ = std::ranges::any_of(w.scale, [&](float s) { return s != w.scale[0]; });
  return 4 + (differ ? 4 : 0) + added;
}

// A RESHAPE that parts the channels of a convolution is done by it: each part begins at a lane of its own (face_detection_front
// of MediaPipe: 6 outputs as rows of 1).
uint64_t outputs_with_gaps(const SourceModel& m, const SourceOp& op, const Kernel& k) {
  if (op.code != Op::CONV_2D) return k.out;
  const std::vector<int>& readers = m.output(op).readers;
  if (readers.size() != 1 || m.ops[size_t(readers[0])].code != Op::RESHAPE) return k.out;
  const uint64_t part = last(m.output(m.ops[size_t(readers[0])]).shape);
  return part < k.out && k.out % part == 0 ? k.out / part * up(part, kLanes) : k.out;
}

uint64_t kernel_bytes(const SourceModel& m, const SourceOp& op, const Kernel& k, Store store, Compiler compiler) {
  const uint64_t taps = k.height * k.width, word = word_of(m, op, k, compiler);
  if (k.depthwise && !k.multiplied) return matrix_bytes(up(k.out, kLanes), kLanes * taps, word);
  const uint64_t outputs = outputs_with_gaps(m, op, k);
  return matrix_bytes(rows_of(outputs, store, !k.dense), taps * k.stored_in, word);
}

bool is_elementwise(Op code) {
  return code == Op::ADD || code == Op::SUB || code == Op::MUL || code == Op::MAXIMUM || code == Op::MINIMUM ||
         code == Op::SQUARED_DIFFERENCE;
}

// Vectors over the channels are kept as scales or offsets of 32 bits, images as they are.
uint64_t elementwise_bytes(const SourceModel& m, const SourceOp& op) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const SourceTensor* t = m.input(op, i);
    if (!t || !t->constant || count(t->shape) <= 1) continue;
    const uint64_t n = count(t->shape);
    bytes += n == last(t->shape) ? kWideElementBytes * up(n, kLanes) : up(n, kParameterAlignment);
  }
  return bytes;
}

uint64_t softmax_bytes(const SourceModel& m, const SourceOp& op, Compiler compiler) {
  const SourceTensor* x = m.input(op, 0);
  if (!x || last(x->shape) % kLanes == 0) return 0;
  const uint64_t constant = kWideElementBytes * up(last(x->shape), kLanes);
  if (compiler == Compiler::k15) return x->type == tflite::TensorType::INT8 ? kEarlierSoftmaxConstants * constant : 0;
  if (compiler != Compiler::k16) return 0;
  const SourceOp* maker = m.maker_of(op.inputs[0]);
  return kSoftmaxConstants * constant + (maker && maker->code == Op::RESHAPE ? kReshapedSoftmaxBytes : 0);
}

// The gates as fully connected layers of input and state, and matrices that pick each step of the input.
uint64_t lstm_cached_bytes(const SourceModel& m, const SourceOp& op, Store store) {
  uint64_t bytes = 0, features = 0;
  for (size_t gate = 1; gate <= kLstmGates; ++gate) {
    const SourceTensor *of_input = m.input(op, gate), *of_state = m.input(op, gate + kLstmGates);
    if (!of_input || !of_state) continue;
    features = at(of_input->shape, 1);
    const uint64_t stored = up(features, kLanes) + up(at(of_state->shape, 1), kLanes);
    bytes += kLstmCopies * matrix_bytes(rows_of(at(of_input->shape, 0), store), stored, kBiasBytes);
  }
  const uint64_t steps = lstm_steps(m, op);
  return bytes + parts(features, kLanes) * kLstmInputBytes + matrix_bytes(rows_of(steps, store), steps * kLanes, kBiasBytes);
}

uint64_t lstm_streamed_bytes(const SourceModel& m, const SourceOp& op) {
  return up(lstm_steps(m, op) * last(m.output(op).shape), kParameterAlignment);
}

uint64_t cached_bytes(const SourceModel& m, const SourceOp& op, Store store, Compiler compiler) {
  if (const auto k = kernel_of(m, op)) return kernel_bytes(m, op, *k, store, compiler);
  if (op.code == Op::UNIDIRECTIONAL_SEQUENCE_LSTM) return lstm_cached_bytes(m, op, store);
  return op.code == Op::SOFTMAX ? softmax_bytes(m, op, compiler) : rearrangement_bytes_of(m, op, store);
}

struct Rim {
  uint64_t y = 0, x = 0;
};
/// How far a window reaches: its dilated extent, and the step that it takes.
struct Reach {
  uint64_t height = 1, width = 1, stride_y = 1, stride_x = 1;
};

std::optional<Reach> reach_of(const SourceModel& m, const SourceOp& op) {
  const auto k = kernel_of(m, op);
  if (!k || k->dense || op.code == Op::TRANSPOSE_CONV) return std::nullopt;
  Reach r;
  const auto take = [&](const auto* o) {
    if (!o) return;
    r.stride_y = uint64_t(std::max(o->stride_h(), 1)), r.stride_x = uint64_t(std::max(o->stride_w(), 1));
    r.height = (k->height - 1) * uint64_t(std::max(o->dilation_h_factor(), 1)) + 1;
    r.width = (k->width - 1) * uint64_t(std::max(o->dilation_w_factor(), 1)) + 1;
  };
  if (k->depthwise) {
    take(op.options_as<tflite::DepthwiseConv2DOptions>());
  } else {
    take(op.options_as<tflite::Conv2DOptions>());
  }
  return r;
}

Rim rim_of(const SourceModel& m, const SourceOp& op) {
  const auto r = reach_of(m, op);
  if (!r) return {};
  return {r->height > r->stride_y ? r->height - r->stride_y : 0, r->width > r->stride_x ? r->width - r->stride_x : 0};
}

/// The activations of a placed model, which live from the operator that makes them to the last that reads them.
class Activations {
 public:
  Activations(const SourceModel& m, const Placement& placement);
  uint64_t peak() const;

 private:
  const SourceModel& m_;
  std::vector<const SourceOp*> ops_;  // on the Edge TPU
  std::vector<uint64_t> size_;
  std::vector<size_t> last_use_;
  std::vector<int> held_by_;  // the tensor whose memory a tensor is in: another one for padding that a convolution does itself

  bool is_absorbed(const SourceOp& pad) const;
  void absorb_paddings();
  void measure();
};

Activations::Activations(const SourceModel& m, const Placement& placement)
    : m_(m), size_(m.tensors.size()), last_use_(m.tensors.size()), held_by_(m.tensors.size()) {
  for (size_t t = 0; t < held_by_.size(); ++t) held_by_[t] = int(t);
  for (const SourceOp& op : m.ops)
    if (placement.is_mapped(op.index)) ops_.push_back(&op);
  absorb_paddings();
  measure();
}

// A padding costs nothing where convolutions alone read it, whose windows reach over it.
bool Activations::is_absorbed(const SourceOp& pad) const {
  const auto pads = m_.ints(pad, 1);
  if (!pads || pads->size() != 8 || std::ranges::count(m_.outputs, pad.outputs[0]) > 0) return false;
  const uint64_t y = uint64_t(std::max((*pads)[2], (*pads)[3])), x = uint64_t(std::max((*pads)[4], (*pads)[5]));
  const std::vector<int>& readers = m_.output(pad).readers;
  const auto reaches = [&](int op) {
    const auto r = reach_of(m_, m_.ops[size_t(op)]);
    return r && y < r->height && x < r->width;
  };
  return !readers.empty() && std::ranges::all_of(readers, reaches) && (*pads)[6] == 0 && (*pads)[7] == 0;
}

void Activations::absorb_paddings() {
  for (const SourceOp* op : ops_)
    if (op->code == Op::PAD && op->inputs[0] >= 0 && is_absorbed(*op))
      held_by_[size_t(op->outputs[0])] = held_by_[size_t(op->inputs[0])];
}

void Activations::measure() {
  const auto grow = [&](int t, uint64_t bytes) { size_[size_t(t)] = std::max(size_[size_t(t)], bytes); };
  for (const SourceOp* op : ops_) {
    for (const int t : op->outputs) {
      const SourceTensor& made = m_.tensors[size_t(t)];
      if (held_by_[size_t(t)] != t) continue;
      const uint64_t bytes = tile_bytes(made.shape);
      const uint64_t lanes = up(last(made.shape), kLanes);
      grow(t, op->code == Op::PAD && lanes < kPaddedPixelBytes ? bytes / lanes * kPaddedPixelBytes : bytes);
    }
    for (size_t i = 0; i < op->inputs.size(); ++i) {
      if (op->inputs[i] < 0 || m_.tensors[size_t(op->inputs[i])].constant) continue;
      const int t = held_by_[size_t(op->inputs[i])];
      const Rim rim = i == 0 ? rim_of(m_, *op) : Rim{};
      grow(t, tile_bytes(m_.tensors[size_t(t)].shape, rim.y, rim.x));
      last_use_[size_t(t)] = op->index;
    }
  }
  for (const int t : m_.outputs) last_use_[size_t(held_by_[size_t(t)])] = m_.ops.size();
}

uint64_t Activations::peak() const {
  uint64_t live = 0, peak = 0;
  std::vector<bool> is_live(size_.size());
  std::multimap<size_t, int> ends;
  const auto begin = [&](int tensor) {
    if (tensor < 0) return;
    const auto t = size_t(held_by_[size_t(tensor)]);
    if (is_live[t] || size_[t] == 0) return;
    is_live[t] = true;
    live += size_[t];
    ends.emplace(last_use_[t], int(t));
  };
  for (const SourceOp* op : ops_) {
    for (const int t : op->inputs) begin(t);
    for (const int t : op->outputs) begin(t);
    peak = std::max(peak, live + (op == ops_.front() ? kFixedNarrowBytes : 0));
    while (!ends.empty() && ends.begin()->first <= op->index) {
      live -= size_[size_t(ends.begin()->second)];
      ends.erase(ends.begin());
    }
  }
  return peak;
}

}  // namespace

uint64_t parameter_bytes_of(const SourceModel& m, const SourceOp& op, Compiler compiler) {
  return cached_bytes(m, op, Store::kPackage, compiler) + streamed_bytes_of(m, op);
}

uint64_t on_chip_bytes_of(const SourceModel& m, const SourceOp& op, Compiler compiler) {
  return cached_bytes(m, op, Store::kChip, compiler);
}

uint64_t cell_bytes_of(const SourceModel& m, const SourceOp& op, Compiler compiler) {
  const auto k = kernel_of(m, op);
  return k && k->dense ? parts(k->out, kTiles * kCells) * (k->stored_in + word_of(m, op, *k, compiler)) : 0;
}

uint64_t streamed_bytes_of(const SourceModel& m, const SourceOp& op) {
  if (op.code == Op::UNIDIRECTIONAL_SEQUENCE_LSTM) return lstm_streamed_bytes(m, op);
  return is_elementwise(op.code) ? elementwise_bytes(m, op) : 0;
}

uint64_t peak_narrow_bytes(const SourceModel& m, const Placement& placement) { return Activations(m, placement).peak(); }

}  // namespace atl::edgetpu
