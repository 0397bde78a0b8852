// Seeded random inputs that a graph accepts.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "ir/graph.h"

namespace atl {

/// Bounds of an integer, both inside.
struct IndexBounds {
  int64_t low = 0, high = 9;
  bool operator==(const IndexBounds&) const = default;
};

/// The values that input `i` may take, as far as its uses tell: an input that reaches the indices of a gather, scatter or
/// one-hot must lie inside their axis (never below 0). Followed through ops that move elements, and through addition,
/// subtraction and multiplication by a constant. nullopt when no use limits it.
std::optional<IndexBounds> index_range(const Graph& graph, size_t i);

/// One random tensor for each input. The same graph, samples and seed give the same values on every machine.
/// Floats: normal, with the sample's mean and deviation and inside its range; N(0,1) without a sample or with a constant one.
/// Integers: uniform in index_range(), else between the sample's least and largest value, else 0 to 9. Bools: true with the
/// sample's frequency, but at least a quarter and at most three quarters of the time.
/// `samples` may be empty, else it has one entry an input. E: kUnsupportedType for inputs that are not numbers.
Result<Tensors> random_inputs(const Graph& graph, std::span<const std::optional<Tensor>> samples, uint64_t seed);

}  // namespace atl
