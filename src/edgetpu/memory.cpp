#include "edgetpu/memory.h"

#include <algorithm>
#include <map>

#include "edgetpu/layer.h"

namespace atl::edgetpu {
namespace {

using Op = tflite::BuiltinOperator;

constexpr uint64_t kParameterAlignment = 64, kHalfCells = 16;
constexpr int64_t kSmallOutput = 4;  // a convolution with so few outputs takes no more rows
constexpr uint64_t kLstmStepBytes = 992;
// Compiler 16 adds these bytes to every model that ends in a uint8 softmax over 1,001 classes; nine MobileNets show it, why is
// not known. (Their instructions grow by 125 to 143 kB, too, which no estimate here counts.)
constexpr uint64_t kSoftmax1001Bytes = 48256;
constexpr int64_t kSoftmaxClasses = 1001;
// Beside the tensors while the model's inputs are read: models of one padding or one convolution show it.
constexpr uint64_t kFixedNarrowBytes = 780;
constexpr uint64_t kPaddedPixelBytes = 16;  // the least that a pixel of a padded image takes

// Bytes of scales, offsets and bias that each output carries.
uint64_t word_of(const Kernel& k) { return !k.per_channel ? 4 : k.has_bias ? 12 : 8; }

uint64_t bytes_of_rows(const Kernel& k, uint64_t rows) {
  if (k.depthwise) return up(up(k.out, kLanes) * (kLanes * k.height * k.width + word_of(k)), kParameterAlignment);
  return up(rows * (k.height * k.width * k.stored_in + word_of(k)), kParameterAlignment);
}

bool is_elementwise(Op code) {
  return code == Op::ADD || code == Op::SUB || code == Op::MUL || code == Op::MAXIMUM || code == Op::MINIMUM ||
         code == Op::SQUARED_DIFFERENCE;
}

uint64_t elementwise_bytes(const SourceModel& m, const SourceOp& op) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < op.inputs.size(); ++i)
    if (const SourceTensor* t = m.input(op, i); t && t->constant && count(t->shape) > 1)
      bytes += up(t->content.size(), kParameterAlignment);
  return bytes;
}

// Fitted to the one compiled LSTM that was seen: its gates as fully connected layers, and a constant for each time step.
uint64_t lstm_cached_bytes(const SourceModel& m, const SourceOp& op) {
  uint64_t bytes = lstm_steps(m, op) * kLstmStepBytes;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const SourceTensor* t = m.input(op, i);
    if (!t || !t->constant || t->shape.size() != 2) continue;
    Kernel k;
    k.out = at(t->shape, 0), k.in = at(t->shape, 1), k.dense = true;
    k.stored_in = up(k.in, kLanes);
    bytes += bytes_of_rows(k, up(k.out, kHalfCells));
  }
  return bytes;
}

uint64_t lstm_streamed_bytes(const SourceModel& m, const SourceOp& op) {
  return up(lstm_steps(m, op) * last(m.output(op).shape), kParameterAlignment);
}

// The narrow memory that a tensor takes in a tile: its share of the image with the rim that its convolution reads.
uint64_t narrow_bytes(const SourceTensor& t, uint64_t rim_y, uint64_t rim_x) {
  const Shape& s = t.shape;
  const uint64_t h = s.size() >= 4 ? at(s, s.size() - 3) : 1, w = s.size() >= 3 ? at(s, s.size() - 2) : 1;
  return (parts(h, kTilesAcross) + rim_y) * (parts(w, kTilesAcross) + rim_x) * up(last(s), kLanes);
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
  bool read = false;
  for (const SourceOp& op : m_.ops) {
    if (std::ranges::count(op.inputs, pad.outputs[0]) == 0) continue;
    const auto r = reach_of(m_, op);
    if (!r || y >= r->height || x >= r->width) return false;
    read = true;
  }
  return read && (*pads)[6] == 0 && (*pads)[7] == 0;
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
      const uint64_t bytes = narrow_bytes(made, 0, 0);
      const uint64_t lanes = up(last(made.shape), kLanes);
      grow(t, op->code == Op::PAD && lanes < kPaddedPixelBytes ? bytes / lanes * kPaddedPixelBytes : bytes);
    }
    for (size_t i = 0; i < op->inputs.size(); ++i) {
      if (op->inputs[i] < 0 || m_.tensors[size_t(op->inputs[i])].constant) continue;
      const int t = held_by_[size_t(op->inputs[i])];
      const Rim rim = i == 0 ? rim_of(m_, *op) : Rim{};
      grow(t, narrow_bytes(m_.tensors[size_t(t)], rim.y, rim.x));
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
  if (const auto k = kernel_of(m, op)) {
    const bool few = !k->dense && int64_t(k->out) <= kSmallOutput;
    return bytes_of_rows(*k, few ? kSmallOutput : up(k->out, k->out >= kCells ? kCells : kHalfCells));
  }
  if (op.code == Op::UNIDIRECTIONAL_SEQUENCE_LSTM) return lstm_cached_bytes(m, op) + lstm_streamed_bytes(m, op);
  if (is_elementwise(op.code)) return elementwise_bytes(m, op);
  const bool wide_softmax = op.code == Op::SOFTMAX && compiler == Compiler::k16 && m.input(op, 0) &&
                            m.input(op, 0)->type == tflite::TensorType::UINT8 &&
                            int64_t(last(m.input(op, 0)->shape)) == kSoftmaxClasses;
  return wide_softmax ? kSoftmax1001Bytes : 0;
}

uint64_t on_chip_bytes_of(const SourceModel& m, const SourceOp& op) {
  if (const auto k = kernel_of(m, op)) return bytes_of_rows(*k, up(k->out, kCells));
  return op.code == Op::UNIDIRECTIONAL_SEQUENCE_LSTM ? lstm_cached_bytes(m, op) : 0;
}

uint64_t cell_bytes_of(const SourceModel& m, const SourceOp& op) {
  const auto k = kernel_of(m, op);
  return k && k->dense ? parts(k->out, kTiles * kCells) * (k->stored_in + word_of(*k)) : 0;
}

uint64_t streamed_bytes_of(const SourceModel& m, const SourceOp& op) {
  if (op.code == Op::UNIDIRECTIONAL_SEQUENCE_LSTM) return lstm_streamed_bytes(m, op);
  return is_elementwise(op.code) ? elementwise_bytes(m, op) : 0;
}

uint64_t peak_narrow_bytes(const SourceModel& m, const Placement& placement) { return Activations(m, placement).peak(); }

}  // namespace atl::edgetpu
