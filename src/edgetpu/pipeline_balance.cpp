#include "edgetpu/pipeline_balance.h"

#include <algorithm>
#include <limits>

#include "edgetpu/layer.h"
#include "tflite/tensor_type.h"

namespace atl::edgetpu {
namespace {

constexpr double kCpuMacsPerMs = 4e6, kCpuBytesPerMs = 1e6;  // of a board's four cores, roughly
constexpr double kNever = std::numeric_limits<double>::infinity();

/// What of each operator the cost of a segment is made of, found once.
struct Facts {
  struct Op {
    bool on_tpu = false;
    OpCost cost;        // on the Edge TPU
    double cpu_ms = 0;  // on the CPU
  };
  std::vector<Op> ops;
  std::vector<uint64_t> bytes;   // of each tensor that may cross a border; 0 for constants and variables
  std::vector<size_t> last_use;  // the operator behind which a tensor is not needed; the count of operators for outputs
  std::vector<bool> may_cut;     // in front of each operator

  Facts(const SourceModel& m, Compiler compiler);
};

uint64_t bytes_of(const SourceTensor& t) {
  if (t.constant || t.variable) return 0;
  Type type{from_tensor_type(t.type), t.shape, {}};
  for (int64_t& d : type.shape) d = std::max<int64_t>(d, 1);
  const auto bytes = byte_size(type);
  return bytes ? std::max<uint64_t>(*bytes, 1) : 1;
}

// LiteRT hands tensors of numbers from model to model, of sizes that are fixed.
bool may_cross(const SourceTensor& t) {
  return !t.variable && from_tensor_type(t.type) != DType::kUnknown && t.type != tflite::TensorType::RESOURCE &&
         t.type != tflite::TensorType::STRING && std::ranges::all_of(t.shape, [](int64_t d) { return d >= 0; });
}

Facts::Facts(const SourceModel& m, Compiler compiler) : may_cut(m.ops.size(), true) {
  const Placement placement = place(m, compiler);
  for (const SourceOp& op : m.ops) {
    // In a segment of its own, an operator need not wait for one on the CPU.
    const OpStatus status = placement.verdicts[op.index].status;
    Op f;
    f.on_tpu = status == OpStatus::kMapped || status == OpStatus::kSubgraphs;
    if (f.on_tpu) {
      f.cost = cost_of(m, op, compiler);
    } else {
      f.cpu_ms = double(macs_of(m, op)) / kCpuMacsPerMs;
      for (const int t : op.outputs) f.cpu_ms += double(bytes_of(m.tensors[size_t(t)])) / kCpuBytesPerMs;
    }
    ops.push_back(f);
  }
  last_use.assign(m.tensors.size(), 0);
  std::vector<size_t> first_use(m.tensors.size(), m.ops.size());
  for (const SourceTensor& t : m.tensors) bytes.push_back(bytes_of(t));
  for (const SourceOp& op : m.ops) {
    for (const int t : op.inputs) {
      if (t < 0) continue;
      first_use[size_t(t)] = std::min(first_use[size_t(t)], op.index);
      last_use[size_t(t)] = op.index;
    }
    for (const int t : op.outputs) {
      first_use[size_t(t)] = std::min(first_use[size_t(t)], op.index);
      last_use[size_t(t)] = std::max(last_use[size_t(t)], op.index);
    }
  }
  for (size_t t = 0; t < m.tensors.size(); ++t) {
    if (m.tensors[t].constant || may_cross(m.tensors[t])) continue;
    for (size_t i = first_use[t] + 1; i <= last_use[t] && i < m.ops.size(); ++i) may_cut[i] = false;
  }
  for (const int t : m.outputs) last_use[size_t(t)] = m.ops.size();
}

/// A segment that grows operator by operator.
class Segment {
 public:
  Segment(const SourceModel& m, const Facts& facts, size_t first)
      : model_(&m), facts_(&facts), first_(first), entered_(m.tensors.size()) {}
  void add(const SourceOp& op) {
    const Facts::Op& f = facts_->ops[op.index];
    if (f.on_tpu) {
      program_.add(f.cost);
    } else {
      cpu_ms_ += f.cpu_ms;
    }
    for (auto at = op.inputs.begin(); at != op.inputs.end(); ++at) {
      const int t = *at;
      // An operator may read a tensor twice.
      if (t < 0 || facts_->bytes[size_t(t)] == 0 || std::find(op.inputs.begin(), at, t) != at) continue;
      const bool made_inside = model_->tensors[size_t(t)].maker >= ptrdiff_t(first_);
      if (!made_inside && !entered_[size_t(t)]) crossing_.input_bytes += facts_->bytes[size_t(t)];
      entered_[size_t(t)] = true;
      if (made_inside && facts_->last_use[size_t(t)] == op.index) crossing_.output_bytes -= facts_->bytes[size_t(t)];
    }
    for (const int t : op.outputs)
      if (facts_->last_use[size_t(t)] > op.index) crossing_.output_bytes += facts_->bytes[size_t(t)];
  }
  double ms() const {
    MemoryCost memory = program_.memory();
    memory.input_bytes = crossing_.input_bytes;
    memory.output_bytes = crossing_.output_bytes;
    return cpu_ms_ + program_.latency(memory).usb3;
  }
  double crossing_bytes() const { return double(crossing_.input_bytes + crossing_.output_bytes); }

 private:
  const SourceModel* model_;
  const Facts* facts_;
  size_t first_;
  std::vector<bool> entered_;
  Program program_;
  struct {
    uint64_t input_bytes = 0, output_bytes = 0;
  } crossing_;
  double cpu_ms_ = 0;
};

/// best[k][j]: the least cost of the first j operators in k segments.
class Cuts {
 public:
  Cuts(size_t operators, size_t segments)
      : best_(segments + 1, std::vector<double>(operators + 1, kNever)),
        from_(segments + 1, std::vector<size_t>(operators + 1, 0)) {
    best_[0][0] = 0;
  }
  void offer(size_t k, size_t first, size_t last, double cost) {
    if (cost >= best_[k][last]) return;
    best_[k][last] = cost;
    from_[k][last] = first;
  }
  double best(size_t k, size_t last) const { return best_[k][last]; }
  std::vector<size_t> borders() const {
    std::vector<size_t> out{best_[0].size() - 1};
    for (size_t k = best_.size() - 1; k > 0; --k) out.push_back(from_[k][out.back()]);
    std::ranges::reverse(out);
    return out;
  }

 private:
  std::vector<std::vector<double>> best_;
  std::vector<std::vector<size_t>> from_;
};

// Calls f(first, last, segment) for every segment that may be.
template <class F>
void for_each_segment(const SourceModel& m, const Facts& facts, F f) {
  for (size_t first = 0; first < m.ops.size(); ++first) {
    if (first > 0 && !facts.may_cut[first]) continue;
    Segment s(m, facts, first);
    for (size_t last = first + 1; last <= m.ops.size(); ++last) {
      s.add(m.ops[last - 1]);
      if (last == m.ops.size() || facts.may_cut[last]) f(first, last, s);
    }
  }
}

}  // namespace

Result<std::vector<size_t>> balance_pipeline(const SourceModel& m, Compiler compiler, size_t segments) {
  const Facts facts(m, compiler);
  const size_t n = m.ops.size();
  const auto places = size_t(std::count(facts.may_cut.begin() + (n > 0 ? 1 : 0), facts.may_cut.end(), true));
  if (segments == 0 || segments > places + 1) {
    const bool open = std::ranges::any_of(
        m.tensors, [](const auto& t) { return std::ranges::any_of(t.shape, [](int64_t d) { return d < 0; }); });
    if (open && segments > 0 && segments <= n)
      return error(Code::kSymbolic,
                   "the model has open dimensions, and what crosses from segment to segment needs a fixed size",
                   "convert it with fixed sizes (--shape)");
    return error(Code::kUsage, fmt::format("a model of {} operators cannot be cut into {} segments", n, segments),
                 fmt::format("it can be cut into at most {}", n == 0 ? 0 : places + 1));
  }
  Cuts fastest(n, segments);
  for_each_segment(m, facts, [&](size_t first, size_t last, const Segment& s) {
    for (size_t k = 1; k <= segments; ++k)
      if (fastest.best(k - 1, first) < kNever) fastest.offer(k, first, last, std::max(fastest.best(k - 1, first), s.ms()));
  });
  const double slowest = fastest.best(segments, n);
  Cuts leanest(n, segments);
  for_each_segment(m, facts, [&](size_t first, size_t last, const Segment& s) {
    if (s.ms() > slowest) return;
    for (size_t k = 1; k <= segments; ++k)
      if (leanest.best(k - 1, first) < kNever) leanest.offer(k, first, last, leanest.best(k - 1, first) + s.crossing_bytes());
  });
  return leanest.borders();
}

}  // namespace atl::edgetpu
