#include "edgetpu/placement.h"

#include <algorithm>

namespace atl::edgetpu {
namespace {

/// The epochs of TensorFlow Lite's partition, one at a time.
class Partition {
 public:
  Partition(const SourceModel& model, const std::vector<Verdict>& verdicts)
      : model_(model), verdicts_(verdicts), ready_(model.tensors.size()), done_(model.ops.size()) {
    for (size_t i = 0; i < model.tensors.size(); ++i) ready_[i] = model.tensors[i].constant || model.tensors[i].variable;
    for (const int t : model.inputs) ready_[size_t(t)] = true;
    // Tensors that nothing writes cannot be waited for.
    std::vector<bool> written(model.tensors.size());
    for (const SourceOp& op : model.ops)
      for (const int t : op.outputs) written[size_t(t)] = true;
    for (size_t i = 0; i < written.size(); ++i)
      if (!written[i]) ready_[i] = true;
  }

  struct Epoch {
    bool on_tpu = false;
    std::vector<size_t> ops;
  };
  /// The next epoch; empty after the last.
  Epoch next() {
    Epoch epoch;
    bool grew = true;
    while (grew) {
      grew = false;
      for (const SourceOp& op : model_.ops) {
        if (done_[op.index] || !is_ready(op)) continue;
        const bool on_tpu = verdicts_[op.index].status == OpStatus::kMapped;
        if (epoch.ops.empty()) epoch.on_tpu = on_tpu;
        if (on_tpu != epoch.on_tpu) continue;
        done_[op.index] = grew = true;
        epoch.ops.push_back(op.index);
        for (const int t : op.outputs) ready_[size_t(t)] = true;
      }
    }
    return epoch;
  }

 private:
  bool is_ready(const SourceOp& op) const {
    return std::ranges::all_of(op.inputs, [&](int t) { return t < 0 || ready_[size_t(t)]; });
  }
  const SourceModel& model_;
  const std::vector<Verdict>& verdicts_;
  std::vector<bool> ready_, done_;
};

// The operator on the CPU that an unmapped operator waits for: the nearest one before it.
const SourceOp* blocker_of(const SourceModel& m, const SourceOp& op, const std::vector<Verdict>& verdicts) {
  std::vector<int> waiting(op.inputs);
  std::vector<bool> seen(m.tensors.size());
  for (size_t i = 0; i < waiting.size(); ++i) {
    const int t = waiting[i];
    const SourceOp* before = m.maker_of(t);
    if (!before || seen[size_t(t)]) continue;
    seen[size_t(t)] = true;
    if (verdicts[before->index].status != OpStatus::kMapped) return before;
    waiting.insert(waiting.end(), before->inputs.begin(), before->inputs.end());
  }
  return nullptr;
}

}  // namespace

size_t Placement::mapped_count() const { return size_t(std::ranges::count(verdicts, OpStatus::kMapped, &Verdict::status)); }

Placement place(const SourceModel& model, Compiler compiler) {
  Placement out;
  for (const SourceOp& op : model.ops) out.verdicts.push_back(judge(model, op, compiler));
  Partition partition(model, out.verdicts);
  std::vector<bool> mapped(model.ops.size());
  for (auto epoch = partition.next(); !epoch.ops.empty(); epoch = partition.next()) {
    if (!epoch.on_tpu) continue;
    for (const size_t op : epoch.ops) mapped[op] = true;
    break;
  }
  const std::vector<Verdict> alone = out.verdicts;
  for (const SourceOp& op : model.ops) {
    if (mapped[op.index] || alone[op.index].status != OpStatus::kMapped) continue;
    const SourceOp* blocker = blocker_of(model, op, alone);
    out.verdicts[op.index] = {
        OpStatus::kSubgraphs,
        blocker ? fmt::format("it waits for operator {} ({}), which runs on the CPU", blocker->index, blocker->name)
                : "it belongs to a later part of the graph",
        blocker ? fmt::format("change operator {} ({})", blocker->index, blocker->name) : ""};
  }
  return out;
}

}  // namespace atl::edgetpu
