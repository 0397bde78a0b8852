// Evaluator: a graph computed by the ops' own eval, node by node.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <span>

#include "ir/graph.h"

namespace atl {

/// Until when evaluations on this thread may go on. It reaches the graphs inside ops, whose loops may never end: eval of such
/// an op fails once it has passed. The innermost one holds; its end gives way to the one around it.
class EvaluationLimit {
 public:
  using Clock = std::chrono::steady_clock;
  explicit EvaluationLimit(std::optional<Clock::time_point> end);
  ~EvaluationLimit();
  EvaluationLimit(const EvaluationLimit&) = delete;
  EvaluationLimit& operator=(const EvaluationLimit&) = delete;
  /// False where there is none.
  static bool has_passed();

 private:
  std::optional<Clock::time_point> around_;
};

/// A graph made ready to be computed, once or many times. The graph must outlive it.
class Evaluator {
 public:
  enum class Constants {
    kFree,  ///< evaluated when first needed in a run and freed after their last use
    kKeep,  ///< evaluated once and kept for the following runs
  };
  explicit Evaluator(const Graph& graph, Constants constants = Constants::kFree);

  /// A node that has just been computed; an absent operand has no bytes.
  struct Step {
    uint32_t id = 0;
    std::span<const Tensor> operands, results;
  };
  /// Called after every node but inputs and constants; false ends the run.
  using Observer = std::function<bool(const Step&)>;

  /// Computes the outputs from dense inputs of the graph's types, in their order; every value is freed after its last use.
  /// False when the observer ended it. E: kInput for a wrong number or type of inputs; what eval of an op or of a constant
  /// says, with the node's origin.
  Result<bool> run(std::span<const Tensor> inputs, Tensors& outputs, const Observer& observer = {});

  const std::vector<uint32_t>& order() const { return order_; }

 private:
  Status set_inputs(std::span<const Tensor> inputs);
  Result<Tensor> take(Value v);

  const Graph& graph_;
  const Constants constants_;
  std::vector<uint32_t> order_;
  std::vector<uint32_t> uses_;    // by node, of a whole run
  std::vector<uint32_t> left_;    // of the present run
  std::vector<Tensors> values_;   // by node
  std::vector<uint32_t> filled_;  // nodes whose value may still be there when a run ends early
};

/// Computes one node from its operands (absent ones without bytes) and checks the results' types.
/// E: eval's, with the node's origin; kInternal for a result of another type than infer says.
Result<Tensors> evaluate_node(const Graph& graph, uint32_t id, std::span<const Tensor> operands);

/// The stand-in for an operand that a node does not have.
Tensor absent_operand();

}  // namespace atl
