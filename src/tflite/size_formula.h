// Numbers that depend on the open sizes of a graph, known from several examples, as formulas over sizes of tensors.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace atl {

/// A number at each of several sizes of a graph, in the order of the graphs of a SizeFamily.
using SizeVector = std::vector<int64_t>;

/// True when the number is the same at all sizes.
bool is_fixed(const SizeVector& v);

/// A formula whose leaves are constants and sizes out of a list.
struct SizeFormula {
  enum class Kind {
    kConstant,    ///< `number`
    kSize,        ///< the size `index` of the list
    kProduct,     ///< left * right
    kSum,         ///< left + right
    kDifference,  ///< left - right
    kQuotient,    ///< floor(left / number)
  };
  Kind kind = Kind::kConstant;
  int64_t number = 0;
  size_t index = 0;
  std::shared_ptr<const SizeFormula> left, right;
};

/// The simplest formula over `sizes` that gives `wanted` at every size, nothing when none of the forms tried does: products,
/// sums and differences of up to three sizes with constant factors and terms, and their quotients by a constant. `wanted` and
/// the sizes must have at least three numbers.
std::optional<SizeFormula> find_formula(const SizeVector& wanted, std::span<const SizeVector> sizes);

/// What a formula gives at one of the graphs.
int64_t evaluate(const SizeFormula& f, std::span<const SizeVector> sizes, size_t graph);

}  // namespace atl
