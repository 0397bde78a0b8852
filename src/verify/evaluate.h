// A graph computed by the ops' own eval within a time, with progress.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <span>

#include "ir/evaluator.h"

namespace atl {

/// A node that has just been computed.
struct EvaluatedNode {
  uint32_t id = 0;
  std::span<const Tensor> operands;  ///< an absent operand has no bytes
  std::span<const Tensor> results;
  double share = 0;  ///< of the graph's estimated work that is done now, 0 to 1
};

struct EvaluateOptions {
  /// Looked at after every node, and after every run of a loop inside one; any other node that has begun is finished.
  std::optional<std::chrono::steady_clock::time_point> deadline;
  /// Called after every node but inputs and constants, in topological order; false ends the evaluation.
  std::function<bool(const EvaluatedNode&)> observer;
};

/// What an evaluation gave. Ended early by the deadline or the observer: no outputs, and how far it came.
struct Evaluation {
  bool complete = false;
  Tensors outputs;   ///< in the order of the graph's outputs
  double share = 0;  ///< of the estimated work that was done
};

/// Computes a graph from dense inputs of its inputs' types, in their order. Constants are evaluated when first needed; every
/// value is freed after its last use.
/// E: kInput for a wrong number or type of inputs; what eval of an op or of a constant says, with the node's origin.
Result<Evaluation> evaluate(const Graph& graph, std::span<const Tensor> inputs, const EvaluateOptions& options = {});

/// A rough number of elementary operations for a node: multiplications where the op has weights or is a matrix product, else
/// elements read and written.
double estimated_work(const Graph& graph, uint32_t id);

}  // namespace atl
