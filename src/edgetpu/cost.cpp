#include "edgetpu/cost.h"

#include <algorithm>
#include <map>

namespace atl::edgetpu {
namespace {

using Op = tflite::BuiltinOperator;

constexpr uint64_t kParameterAlignment = 64, kCells = 64, kHalfCells = 16, kLanes = 4;
constexpr int64_t kSmallOutput = 4;   // a convolution with so few outputs takes no more rows
constexpr uint64_t kTilesAcross = 4;  // tiles in x and in y
constexpr uint64_t kLstmStepBytes = 992;
constexpr uint64_t kFixedNarrowBytes = 784;
constexpr double kClockHz = 500e6;
constexpr double kCellMacs = 4;  // multiplications that a cell does in a cycle
// Compiler 16 adds these bytes to every model that ends in a uint8 softmax over 1,001 classes; nine MobileNets show it, why is
// not known.
constexpr uint64_t kSoftmax1001Bytes = 48256;
constexpr int64_t kSoftmaxClasses = 1001;

uint64_t up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }
uint64_t at(const Shape& s, size_t i) { return i < s.size() && s[i] > 0 ? uint64_t(s[i]) : 1; }
uint64_t last(const Shape& s) { return s.empty() || s.back() <= 0 ? 1 : uint64_t(s.back()); }

uint64_t count(const Shape& s) {
  uint64_t n = 1;
  for (size_t i = 0; i < s.size(); ++i) n *= at(s, i);
  return n;
}

/// Height, width and channels of a convolution-like operator's kernel, and its outputs.
struct Kernel {
  uint64_t height = 1, width = 1, in = 1, out = 1;
  bool depthwise = false, per_channel = false, has_bias = false, dense = false;
};

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
      return k;
    case Op::FULLY_CONNECTED:
      k.out = at(s, 0), k.in = at(s, 1), k.dense = true;
      return k;
    case Op::DEPTHWISE_CONV_2D:
      k.height = at(s, 1), k.width = at(s, 2), k.out = at(s, 3), k.depthwise = true;
      return k;
    default:
      return std::nullopt;
  }
}

// Bytes of scales, offsets and bias that each output carries.
uint64_t word_of(const Kernel& k) { return !k.per_channel ? 4 : k.has_bias ? 12 : 8; }

uint64_t bytes_of_rows(const Kernel& k, uint64_t rows) {
  if (k.depthwise) return up(up(k.out, kLanes) * (kLanes * k.height * k.width + word_of(k)), kParameterAlignment);
  return up(rows * (k.height * k.width * up(k.in, kLanes) + word_of(k)), kParameterAlignment);
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

uint64_t lstm_steps(const SourceModel& m, const SourceOp& op) {
  const auto* o = op.options_as<tflite::UnidirectionalSequenceLSTMOptions>();
  return m.input(op, 0) ? at(m.input(op, 0)->shape, o && o->time_major() ? 0 : 1) : 0;
}

// Fitted to the one compiled LSTM that was seen: its gates as fully connected layers, and a constant for each time step.
uint64_t lstm_cached_bytes(const SourceModel& m, const SourceOp& op) {
  uint64_t bytes = lstm_steps(m, op) * kLstmStepBytes;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const SourceTensor* t = m.input(op, i);
    if (!t || !t->constant || t->shape.size() != 2) continue;
    Kernel k;
    k.out = at(t->shape, 0), k.in = at(t->shape, 1), k.dense = true;
    bytes += bytes_of_rows(k, up(k.out, kHalfCells));
  }
  return bytes;
}

uint64_t lstm_streamed_bytes(const SourceModel& m, const SourceOp& op) {
  return up(lstm_steps(m, op) * last(m.output(op).shape), kParameterAlignment);
}

// Cycles of an operator: each cell of each tile takes one output channel and pixel at a time.
double cycles_of(const SourceModel& m, const SourceOp& op) {
  const Shape& out = m.output(op).shape;
  const uint64_t h = out.size() >= 4 ? at(out, 1) : 1, w = out.size() >= 4 ? at(out, 2) : 1;
  const uint64_t rows = (h + kTilesAcross - 1) / kTilesAcross, columns = (w + kTilesAcross - 1) / kTilesAcross;
  const double pixels = double(rows) * double(columns);
  if (const auto k = kernel_of(m, op)) {
    if (k->dense)
      return double(up(k->in, kLanes)) / kCellMacs * double(up(k->out, kCells * kTilesAcross * kTilesAcross)) /
             double(kCells * kTilesAcross * kTilesAcross);
    // Pointwise and depthwise layers run at a quarter of the rate, in groups of 16 outputs.
    if (k->depthwise) return pixels * double(k->height * k->width) * double(up(k->out, kHalfCells)) / double(kHalfCells) * 1.2;
    const double per_output = double(k->height * k->width) * double(up(k->in, kLanes)) / kCellMacs;
    if (k->height == 1 && k->width == 1) return pixels * per_output * double(up(k->out, kHalfCells)) / double(kHalfCells) * 1.2;
    return pixels * per_output * double(up(k->out, kCells)) / double(kCells);
  }
  return pixels * double(up(last(out), kCells)) / double(kCells);
}

// The narrow memory that a tensor takes in a tile: its share of the image with the rim that its convolution reads.
uint64_t narrow_bytes(const SourceTensor& t, uint64_t rim_y, uint64_t rim_x) {
  const Shape& s = t.shape;
  const uint64_t h = s.size() >= 4 ? at(s, s.size() - 3) : 1, w = s.size() >= 3 ? at(s, s.size() - 2) : 1;
  return ((h + kTilesAcross - 1) / kTilesAcross + rim_y) * ((w + kTilesAcross - 1) / kTilesAcross + rim_x) *
         up(last(s), kLanes);
}

struct Rim {
  uint64_t y = 0, x = 0;
};
Rim rim_of(const SourceModel& m, const SourceOp& op) {
  const auto k = kernel_of(m, op);
  if (!k || k->dense || op.code == Op::TRANSPOSE_CONV) return {};
  uint64_t stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1;
  const auto take = [&](const auto* o) {
    if (!o) return;
    stride_y = uint64_t(std::max(o->stride_h(), 1)), stride_x = uint64_t(std::max(o->stride_w(), 1));
    dilation_y = uint64_t(std::max(o->dilation_h_factor(), 1)), dilation_x = uint64_t(std::max(o->dilation_w_factor(), 1));
  };
  if (k->depthwise) {
    take(op.options_as<tflite::DepthwiseConv2DOptions>());
  } else {
    take(op.options_as<tflite::Conv2DOptions>());
  }
  const uint64_t y = (k->height - 1) * dilation_y + 1, x = (k->width - 1) * dilation_x + 1;
  return {y > stride_y ? y - stride_y : 0, x > stride_x ? x - stride_x : 0};
}

uint64_t peak_narrow_bytes(const SourceModel& m, const Placement& placement) {
  std::vector<uint64_t> size(m.tensors.size());
  std::vector<size_t> last_use(m.tensors.size());
  const auto grow = [&](int t, Rim rim) {
    size[size_t(t)] = std::max(size[size_t(t)], narrow_bytes(m.tensors[size_t(t)], rim.y, rim.x));
  };
  for (const SourceOp& op : m.ops) {
    if (!placement.is_mapped(op.index)) continue;
    for (const int t : op.outputs) grow(t, {});
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      const int t = op.inputs[i];
      if (t < 0 || m.tensors[size_t(t)].constant) continue;
      grow(t, i == 0 ? rim_of(m, op) : Rim{});
      last_use[size_t(t)] = op.index;
    }
  }
  for (const int t : m.outputs) last_use[size_t(t)] = m.ops.size();
  uint64_t live = 0, peak = 0;
  std::vector<bool> is_live(m.tensors.size());
  std::multimap<size_t, int> ends;
  const auto begin = [&](int t) {
    if (t < 0 || is_live[size_t(t)] || size[size_t(t)] == 0) return;
    is_live[size_t(t)] = true;
    live += size[size_t(t)];
    ends.emplace(last_use[size_t(t)], t);
  };
  for (const SourceOp& op : m.ops) {
    if (!placement.is_mapped(op.index)) continue;
    for (const int t : op.inputs) begin(t);
    for (const int t : op.outputs) begin(t);
    peak = std::max(peak, live);
    while (!ends.empty() && ends.begin()->first <= op.index) {
      live -= size[size_t(ends.begin()->second)];
      ends.erase(ends.begin());
    }
  }
  return peak;
}

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

uint64_t streamed_bytes_of(const SourceModel& m, const SourceOp& op) {
  if (op.code == Op::UNIDIRECTIONAL_SEQUENCE_LSTM) return lstm_streamed_bytes(m, op);
  return is_elementwise(op.code) ? elementwise_bytes(m, op) : 0;
}

MemoryCost memory_cost(const SourceModel& m, const Placement& placement, Compiler compiler) {
  MemoryCost out;
  std::vector<bool> inside(m.tensors.size());
  std::vector<uint64_t> cached;
  for (const SourceOp& op : m.ops) {
    if (!placement.is_mapped(op.index)) continue;
    const uint64_t bytes = parameter_bytes_of(m, op, compiler);
    out.parameter_bytes += bytes;
    out.streamed_bytes += streamed_bytes_of(m, op);
    out.instruction_bytes += kInstructionsPerOp;
    for (const int t : op.outputs) inside[size_t(t)] = true;
  }
  if (out.instruction_bytes > 0) out.instruction_bytes += kInstructionsPerNetwork;
  // What stays on the chip: layer by layer in the order of execution, until the memory that instructions leave is full.
  const uint64_t peak = peak_narrow_bytes(m, placement) + (placement.mapped_count() > 0 ? kFixedNarrowBytes : 0);
  out.needs_bands = peak > kNarrowBytes;
  out.activation_bytes_per_tile = std::min(peak, kNarrowBytes);
  for (const SourceOp& op : m.ops) {
    if (!placement.is_mapped(op.index)) continue;
    const uint64_t on_chip = on_chip_bytes_of(m, op);
    if (out.on_chip_bytes + on_chip <= kParameterMemoryBytes) {
      out.on_chip_bytes += on_chip;
    } else {
      out.streamed_bytes += parameter_bytes_of(m, op, compiler) - streamed_bytes_of(m, op);
    }
  }
  std::vector<bool> counted(m.tensors.size());
  std::vector<bool> needed_outside(m.tensors.size());
  for (const int t : m.outputs) needed_outside[size_t(t)] = true;
  for (const SourceOp& op : m.ops)
    for (const int t : op.inputs)
      if (t >= 0 && !placement.is_mapped(op.index)) needed_outside[size_t(t)] = true;
  for (const SourceOp& op : m.ops) {
    if (!placement.is_mapped(op.index)) continue;
    for (const int t : op.inputs) {
      if (t < 0 || inside[size_t(t)] || counted[size_t(t)] || m.tensors[size_t(t)].constant || m.tensors[size_t(t)].variable)
        continue;
      counted[size_t(t)] = true;
      out.input_bytes += count(m.tensors[size_t(t)].shape);
    }
    for (const int t : op.outputs)
      if (needed_outside[size_t(t)]) out.output_bytes += count(m.tensors[size_t(t)].shape);
  }
  return out;
}

double compute_ms_of(const SourceModel& m, const SourceOp& op) { return cycles_of(m, op) / kClockHz * 1e3; }

Latency predict_latency(const SourceModel& m, const Placement& placement, const MemoryCost& memory) {
  if (placement.mapped_count() == 0) return {};
  double compute = 0;
  for (const SourceOp& op : m.ops)
    if (placement.is_mapped(op.index)) compute += compute_ms_of(m, op);
  return latency_of(compute, memory);
}

Latency latency_of(double compute, const MemoryCost& memory) {
  struct Link {
    double start_ms, in, out;  // bytes for each millisecond
  };
  const auto over = [&](const Link& link) {
    return link.start_ms + double(memory.input_bytes + memory.instruction_bytes) / link.in +
           std::max(compute, double(memory.streamed_bytes) / link.in) + double(memory.output_bytes) / link.out;
  };
  constexpr Link kUsb3{0.29, 330e3, 31e3}, kUsb2{0.36, 36e3, 11.8e3}, kPcie{0.2, 400e3, 200e3};
  return {over(kUsb3), over(kUsb2), over(kPcie)};
}

}  // namespace atl::edgetpu
