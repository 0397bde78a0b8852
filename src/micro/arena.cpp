#include "micro/arena.h"

#include <algorithm>

#include "micro/memory_plan.h"
#include "tflite/tensor_type.h"

namespace atl::micro {
namespace {

using edgetpu::SourceModel;
using edgetpu::SourceOp;
using edgetpu::SourceTensor;
using Op = tflite::BuiltinOperator;

constexpr int64_t kAlignment = 16;
constexpr int64_t kInt = 4;
// Sizes of the interpreter's structures where pointers have 64 bits, and bounds on what kernels keep.
constexpr int64_t kTensor = 24, kPort = 112, kNode = 64, kOptions = 32, kKernel = 96, kLightKernel = 16, kLstmKernel = 1024;
constexpr int64_t kInterpreter = 512;
constexpr int64_t kChannel = 8;                    // a multiplier and a shift for each result channel of a weight
constexpr int64_t kPlannedBuffer = 64;             // while memory is planned
constexpr int64_t kSoftmaxTables16 = 2 * 2 * 513;  // of int16 values

int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

int64_t bytes_of(const SourceTensor& t) { return (element_count(t.shape) * bits(from_tensor_type(t.type)) + 7) / 8; }

// The channels of a weighted operator, whose kernel keeps a multiplier and a shift for each.
int64_t channels_of(const SourceModel& m, const SourceOp& op) {
  switch (op.code) {
    case Op::CONV_2D:
    case Op::DEPTHWISE_CONV_2D:
    case Op::TRANSPOSE_CONV:
      return m.output(op).shape.empty() ? 0 : m.output(op).shape.back();
    case Op::FULLY_CONNECTED:
      return m.input(op, 1) && m.input(op, 1)->per_channel ? m.input(op, 1)->shape[0] : 0;
    default:
      return 0;
  }
}

bool is_integer_op(const SourceTensor& t) { return t.type == tflite::TensorType::INT8 || t.type == tflite::TensorType::INT16; }

// Scratch buffers of the reference kernels, in the order in which they are asked for.
std::vector<int64_t> scratch_of(const SourceModel& m, const SourceOp& op) {
  const SourceTensor* x = m.input(op, 0);
  if (!x) return {};
  const int64_t rank = int64_t(x->shape.size()), results = element_count(m.output(op).shape);
  const auto axes = [&] { return m.input(op, 1) ? element_count(m.input(op, 1)->shape) : 0; };
  switch (op.code) {
    case Op::MEAN:
    case Op::SUM:
      if (is_integer_op(*x)) return {kInt * results, kInt * rank, kInt * axes()};
      return {kInt * rank, kInt * axes()};
    case Op::REDUCE_MAX:
    case Op::REDUCE_MIN:
    case Op::REDUCE_ALL:
      return {kInt * rank, kInt * axes()};
    case Op::TRANSPOSE_CONV:
      if (m.output(op).type == tflite::TensorType::INT8) return {kInt * results};
      if (m.output(op).type == tflite::TensorType::INT16) return {2 * kInt * results};
      return {};
    case Op::UNIDIRECTIONAL_SEQUENCE_LSTM: {
      // Four buffers of the cell state's size; the states are the last variables among the operands.
      const SourceTensor* cell = m.input(op, 19);
      return cell ? std::vector<int64_t>(4, bytes_of(*cell)) : std::vector<int64_t>{};
    }
    case Op::ADD_N:
      return {int64_t(op.inputs.size()) * int64_t(sizeof(void*))};
    case Op::MIRROR_PAD:
      return {kInt * rank, kInt * rank};
    case Op::CONV_2D:
    case Op::DEPTHWISE_CONV_2D:
    case Op::FULLY_CONNECTED:
      // Weights of four bits are unpacked.
      if (m.input(op, 1) && m.input(op, 1)->type == tflite::TensorType::INT4) return {element_count(m.input(op, 1)->shape)};
      return {};
    default:
      return {};
  }
}

// Tensors from the step that makes them to the last that reads them, then the scratch buffers. Inputs are there at step 0,
// operator i runs at step i + 1, outputs stay to the end.
std::vector<Lifetime> lifetimes_of(const SourceModel& m) {
  constexpr int kUnused = -1;
  const int end = int(m.ops.size());
  std::vector<Lifetime> of(m.tensors.size(), {0, kUnused, kUnused});
  const auto live = [&](int tensor, int step) {
    if (tensor < 0) return;
    Lifetime& l = of[size_t(tensor)];
    if (l.first == kUnused) l.first = step;
    l.last = std::max(l.last, step);
  };
  for (const int t : m.inputs) live(t, 0);
  std::vector<Lifetime> scratch;
  for (const SourceOp& op : m.ops) {
    const int step = int(op.index) + 1;
    for (const int t : op.outputs) live(t, step);
    for (const int t : op.inputs) live(t, step);
    for (const int64_t bytes : scratch_of(m, op)) scratch.push_back({aligned(bytes), step, step});
  }
  for (const int t : m.outputs) live(t, end);
  std::vector<Lifetime> all;
  for (size_t t = 0; t < of.size(); ++t) {
    const SourceTensor& tensor = m.tensors[t];
    if (tensor.constant || tensor.variable || of[t].first == kUnused || bytes_of(tensor) == 0) continue;
    all.push_back({aligned(bytes_of(tensor)), of[t].first, of[t].last});
  }
  all.insert(all.end(), scratch.begin(), scratch.end());
  return all;
}

int64_t kernel_of(const SourceOp& op) {
  switch (op.code) {
    case Op::UNIDIRECTIONAL_SEQUENCE_LSTM:
      return kLstmKernel;
    case Op::EXPAND_DIMS:
    case Op::PACK:
    case Op::RESHAPE:
    case Op::SQUEEZE:
    case Op::TRANSPOSE:
    case Op::UNPACK:
      return kLightKernel;
    default:
      return kKernel;
  }
}

int64_t kept_by(const SourceModel& m, const SourceOp& op) {
  int64_t bytes = kNode + kOptions + kernel_of(op);
  if (const int64_t channels = channels_of(m, op)) bytes += channels * kChannel + 2 * kAlignment;
  if (op.code == Op::SOFTMAX && m.input(op, 0) && m.input(op, 0)->type == tflite::TensorType::INT16) bytes += kSoftmaxTables16;
  return bytes;
}

}  // namespace

Result<ArenaEstimate> estimate_arena(const SourceModel& m) {
  if (m.subgraphs != 1)
    return error(Code::kUnsupportedForm, fmt::format("the file has {} graphs; the memory of one is planned", m.subgraphs),
                 "models with loops or branches are not exported");
  for (const SourceTensor& t : m.tensors)
    if (!is_static(t.shape))
      return error(Code::kSymbolic, fmt::format("tensor '{}' is {}: its size is open", t.name, to_string(t.shape)),
                   "export the model with constant shapes");
  ArenaEstimate e;
  const auto lifetimes = lifetimes_of(m);
  e.activations = plan_memory(lifetimes).bytes;
  e.planning = kPlannedBuffer * int64_t(m.tensors.size() + 1);
  e.tensors = kTensor * int64_t(m.tensors.size()) + kPort * int64_t(m.inputs.size() + m.outputs.size());
  for (const SourceTensor& t : m.tensors)
    if (t.variable) e.tensors += aligned(bytes_of(t));
  for (const SourceOp& op : m.ops) e.operators += kept_by(m, op);
  e.interpreter = kInterpreter;
  return e;
}

}  // namespace atl::micro
