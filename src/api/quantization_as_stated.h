// Quantization with the scales that the program states itself.
#pragma once
#include "api/quantization.h"
#include "quant/stated_quantization.h"
#include "read/source.h"

namespace atl {

/// A program's own quantization, apart from the float graph, and the graph that it was taken from, which rounds.
struct OwnQuantization {
  StatedQuantization stated;
  Graph rounding;
};

/// True when a program rounds values to integers itself. E: of importing a program that calls operators which may do so.
Result<bool> states_quantization(const SourceProgram& program);

/// Takes its own quantization out of a program: out of `graph`, as it would be written in float, and out of `imported`, the
/// same before the passes. The float model is what is written first and proven: roundings turn the smallest differences into
/// steps. E: of take_stated_quantization.
Result<OwnQuantization> take_quantization(Graph& graph, Graph& imported);

/// The integer graph of a program. No data is needed; where there is some, values that the program leaves in float get a range
/// from it. The result is compared in LiteRT with the eval of the program as it rounds, on the data or on random inputs.
/// E: as quantize_model().
Result<QuantizedModel> quantize_as_stated(const OwnQuantization& own, std::span<const Perm> input_permutations,
                                          const QuantizeOptions& options);

}  // namespace atl
