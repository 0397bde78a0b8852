#include "edgetpu/cost.h"

#include <algorithm>

#include "edgetpu/layer.h"

namespace atl::edgetpu {
namespace {

using Op = tflite::BuiltinOperator;

constexpr double kClockHz = 500e6;

// Calibrated, as all constants below, with iwatake2222's measurements on a Jetson Nano (EdgeTPU_Analysis, Result.xlsx) and
// with Google's published benchmarks; tests/edgetpu/latency_test.cpp holds them all.
constexpr uint64_t kNarrowOutputs = 16;          // outputs at a time of pointwise and depthwise convolutions
constexpr double kPointwiseCycles = 0.95;        // for four inputs of such a group, at a pixel
constexpr double kDepthwiseCycles = 1.5;         // for a tap of such a group, at a pixel
constexpr double kImageCycles = 2500;            // before an operator on images: tiles hand each other their rims
constexpr uint64_t kParameterMemory = 7u << 20;  // 8 MiB but for what instructions and activations take of it
constexpr uint64_t kCellMemory = 8192;
// Instructions: of a network, of an operator, and of one whose image does not part into equal tiles.
constexpr uint64_t kInstructionsPerNetwork = 4000, kInstructionsPerOp = 1500, kInstructionsPerUnequalOp = 2900;

/// Bytes in a millisecond: activations to the Edge TPU, parameters and instructions to it, and activations back.
struct Link {
  double start_ms, input, parameters, output;
};
constexpr std::array<Link, 3> kLinks = {{
    {0.28, 320e3, 410e3, 31e3},    // USB 3
    {0.21, 36e3, 36.6e3, 11.8e3},  // USB 2
    {0.28, 320e3, 370e3, 31e3},    // PCIe, of the Dev Board
}};

/// The image of an operator's result; nullopt for features.
struct Image {
  uint64_t height, width;
};
std::optional<Image> image_of(const SourceTensor& t) {
  const Shape& s = t.shape;
  if (s.size() < 4 || at(s, s.size() - 3) * at(s, s.size() - 2) == 1) return std::nullopt;
  return Image{at(s, s.size() - 3), at(s, s.size() - 2)};
}

// Each tile has its share of the image; its cells take one output channel each, four inputs at a time.
double cycles_of(const SourceModel& m, const SourceOp& op) {
  const SourceTensor& result = m.output(op);
  const auto image = image_of(result);
  const double pixels = image ? double(parts(image->height, kTilesAcross)) * double(parts(image->width, kTilesAcross)) : 1;
  const double start = image ? kImageCycles : 0;
  const auto k = kernel_of(m, op);
  if (!k) return start + pixels * double(parts(last(result.shape), kCells));
  const double quads = double(parts(k->in, kLanes)), taps = double(k->height * k->width);
  if (k->dense) return quads * double(parts(k->out, kCells * kTiles));
  if (k->depthwise) return start + pixels * taps * double(parts(k->out, kNarrowOutputs)) * kDepthwiseCycles;
  if (taps == 1) return start + pixels * quads * double(parts(k->out, kNarrowOutputs)) * kPointwiseCycles;
  return start + pixels * taps * quads * double(parts(k->out, kCells));
}

uint64_t instructions_of(const SourceModel& m, const SourceOp& op) {
  if (op.code == Op::UNIDIRECTIONAL_SEQUENCE_LSTM) return lstm_steps(m, op) * kInstructionsPerOp;
  const auto image = image_of(m.output(op));
  const bool equal = !image || (image->height % kTilesAcross == 0 && image->width % kTilesAcross == 0);
  return equal ? kInstructionsPerOp : kInstructionsPerUnequalOp;
}

uint64_t transferred_bytes(const SourceTensor& t) { return count(t.shape) / last(t.shape) * up(last(t.shape), kLanes); }

// What crosses between host and Edge TPU.
void count_transfers(const SourceModel& m, const Placement& placement, MemoryCost& memory) {
  std::vector<bool> inside(m.tensors.size()), counted(m.tensors.size()), needed_outside(m.tensors.size());
  for (const int t : m.outputs) needed_outside[size_t(t)] = true;
  for (const SourceOp& op : m.ops) {
    for (const int t : op.outputs) inside[size_t(t)] = placement.is_mapped(op.index);
    for (const int t : op.inputs)
      if (t >= 0 && !placement.is_mapped(op.index)) needed_outside[size_t(t)] = true;
  }
  for (const SourceOp& op : m.ops) {
    if (!placement.is_mapped(op.index)) continue;
    for (const int t : op.inputs) {
      if (t < 0 || inside[size_t(t)] || counted[size_t(t)] || m.tensors[size_t(t)].constant || m.tensors[size_t(t)].variable)
        continue;
      counted[size_t(t)] = true;
      memory.input_bytes += count(m.tensors[size_t(t)].shape);
    }
    for (const int t : op.outputs)
      if (needed_outside[size_t(t)]) memory.output_bytes += transferred_bytes(m.tensors[size_t(t)]);
  }
}

}  // namespace

OpCost cost_of(const SourceModel& m, const SourceOp& op, Compiler compiler) {
  return {cycles_of(m, op) / kClockHz * 1e3, instructions_of(m, op),         parameter_bytes_of(m, op, compiler),
          on_chip_bytes_of(m, op, compiler), cell_bytes_of(m, op, compiler), streamed_bytes_of(m, op)};
}

void Program::add(const OpCost& op) {
  memory_.instruction_bytes += op.instruction_bytes + (empty() ? kInstructionsPerNetwork : 0);
  memory_.parameter_bytes += op.parameter_bytes;
  const bool fits = memory_.on_chip_bytes + op.on_chip_bytes <= kParameterMemory && cell_bytes_ + op.cell_bytes <= kCellMemory;
  const uint64_t streamed = fits ? op.streamed_bytes : op.parameter_bytes;
  memory_.streamed_bytes += streamed;
  if (fits) {
    memory_.on_chip_bytes += op.on_chip_bytes;
    cell_bytes_ += op.cell_bytes;
  }
  for (size_t i = 0; i < kLinks.size(); ++i) busy_ms_[i] += std::max(op.compute_ms, double(streamed) / kLinks[i].parameters);
}

Latency Program::latency(const MemoryCost& memory) const {
  if (empty()) return {};
  std::array<double, kLinks.size()> ms{};
  for (size_t i = 0; i < kLinks.size(); ++i) {
    const Link& link = kLinks[i];
    ms[i] = link.start_ms + double(memory.input_bytes) / link.input + double(memory.instruction_bytes) / link.parameters +
            busy_ms_[i] + double(memory.output_bytes) / link.output;
  }
  return {ms[0], ms[1], ms[2]};
}

Cost cost_of(const SourceModel& m, const Placement& placement, Compiler compiler) {
  Program program;
  for (const SourceOp& op : m.ops)
    if (placement.is_mapped(op.index)) program.add(cost_of(m, op, compiler));
  MemoryCost memory = program.memory();
  const uint64_t peak = peak_narrow_bytes(m, placement);
  memory.needs_bands = peak > kNarrowBytes;
  memory.activation_bytes_per_tile = std::min(peak, kNarrowBytes);
  // Each band of an image has instructions of its own.
  if (memory.needs_bands)
    memory.instruction_bytes = uint64_t(double(memory.instruction_bytes) * double(peak) / double(kNarrowBytes));
  count_transfers(m, placement, memory);
  return {memory, program.latency(memory)};
}

}  // namespace atl::edgetpu
