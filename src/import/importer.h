// SourceProgram -> Graph in its imported form: torch's operators as core ops, channels-first, weights as views. In-place
// operators become functional, views of a changed tensor see the change.
#pragma once
#include "ir/graph.h"
#include "read/source.h"

namespace atl {

/// A program as a graph, with what belongs to its interface.
struct ImportedProgram {
  /// Buffers that the program changes in place are its states: inputs and outputs behind the user's.
  Graph graph;
  /// For each graph input the tensor that was stored with the program as its example, dense; without bytes when there was none.
  /// A state's is its value before the first run.
  std::vector<std::optional<Tensor>> samples;
};

/// Imports a whole program.
/// E: all operators that have no form, in one error (kUnsupportedOp, kUnsupportedForm, kUnsupportedType; `others` has the rest,
/// grouped with counts); kMutation for a program that changes a parameter or input; kSymbolic for dynamic shapes; kInternal
/// when an inferred type is not the one that torch recorded.
Result<ImportedProgram> import_program(const SourceProgram& program);

/// The import rule of a source operator, or nullptr. Names as in "aten.relu.default".
const Import* find_import(std::string_view name);
/// Every operator name that has a rule, sorted.
std::vector<std::string_view> import_names();

/// The element type of a source's tensor; kUnknown for types that Atoll has not (complex, float8).
DType dtype_of(ScalarType t);

}  // namespace atl
