// Whether a target takes the operators of a model.
#pragma once
#include <string>
#include <vector>

#include "edgetpu/source_model.h"
#include "ir/graph.h"
#include "ir/target.h"

namespace atl {

/// Judges a graph before it is written. For kTflm as check_micro does; for kCoral a warning for each operator whose version is
/// newer than Google's compiler knows, which therefore stays on the CPU, and kUnsupportedOp for loops and branches; kLiteRt
/// takes everything that can be written.
Status check_target(const Graph& graph, TargetKind target, std::vector<std::string>& warnings);

/// Whether Google's compiler takes the written file at all. E: edgetpu::check_placeable's.
Status check_compilable(const std::string& file);

/// Every operator that TensorFlow Lite Micro does not run, as one error with the others in it: kUnsupportedOp for those that it
/// lacks, kUnsupportedType for those whose kernels do not take the types. An origin is the layer that the result's tensor
/// names.
Status check_micro(const edgetpu::SourceModel& model);

}  // namespace atl
