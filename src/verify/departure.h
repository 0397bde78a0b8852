// Where a written file begins to compute something else than its source.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "pass/pipeline.h"
#include "verify/comparison.h"
#include "verify/written_model.h"

namespace atl {

/// Who changed the values.
enum class DepartureCause {
  kPass,    ///< the graph after the passes is another function than the imported one: a bug of Atoll
  kFile,    ///< the file's operator or a constant that it reads is not what Atoll writes for this source
  kRuntime  ///< LiteRT computes the operator in another way
};
/// "pass", "file", "runtime".
std::string_view name(DepartureCause cause);

/// The first layer that departs. For kFile and kRuntime it is judged alone: LiteRT's result against eval on the operands that
/// LiteRT had, so that errors of earlier layers do not count.
struct Departure {
  DepartureCause cause = DepartureCause::kRuntime;
  std::string pass;             ///< kPass: the pass; empty when it could not be told
  Origin origin;                ///< of the layer; empty when it could not be told
  std::string op;               ///< "conv2d {stride=[1,1], ...}"
  std::string tensor;           ///< its name in the file; empty for kPass
  int64_t operator_index = -1;  ///< in the file; -1 for kPass
  Comparison comparison;
  /// No layer departs alone: many small errors add up, and this is the layer with the largest.
  bool accumulated = false;
};

/// What the search works on. References must outlive it.
struct DepartureSearch {
  const Graph& source;   ///< imported, before the passes
  const Graph& written;  ///< after the passes
  const WrittenFileSource& file;
  const InterfaceLayouts& layouts;
  std::span<const Tensor> inputs;           ///< on which the outputs departed, in the source's layout
  std::span<const Tensor> source_outputs;   ///< what the source gives for them
  const PipelineOptions* passes = nullptr;  ///< with which `written` was made; without it no pass is named
  Tolerance tolerance;
  WrittenModelOptions run;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

/// Finds the first departing layer; nullopt when the deadline ended the search or everything agrees.
/// E: LiteRT's and eval's; kInput when the file's operators are not those of `written`.
Result<std::optional<Departure>> find_departure(const DepartureSearch& search, std::shared_ptr<const LiteRtLibrary> library);

/// Finds the first pass after which the graph gives other outputs, and the first node there whose value changed; nullopt when
/// all agree or the deadline came.
Result<std::optional<Departure>> find_departing_pass(const DepartureSearch& search);

/// Tensors of the source's layout as the file or the written graph takes them, or back.
Tensors to_layout(std::span<const Tensor> tensors, const std::vector<Perm>& perms);
Tensors from_layout(std::span<const Tensor> tensors, const std::vector<Perm>& perms);

}  // namespace atl
