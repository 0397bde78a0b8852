// Expressions over named sizes: what torch.export records for a shape ("2*s0 + 1", "FloorDiv(s0, 2)") and for a guard
// ("L['x'].size()[1] % 4
// == 0").
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.h"

namespace atl {

/// The value of an expression: an integer, or a float where the source divides or takes roots. Truth values are 0 and 1.
struct SizeNumber {
  bool is_float = false;
  int64_t integer = 0;  ///< when !is_float
  double real = 0;      ///< when is_float
  double as_double() const { return is_float ? real : double(integer); }
  bool is_true() const { return is_float ? real != 0 : integer != 0; }
};

/// What a name stands for, or nullopt when it is not known. L['x'].size()[1] is one name.
using SizeLookup = std::function<std::optional<int64_t>(std::string_view name)>;

/// Evaluates an expression in the readable form of read/expression.h or in Python's syntax, with sympy's and torch's functions.
/// E: kSymbolic for an unknown name or function, another syntax, a division by zero, a result beyond 64 bits.
Result<SizeNumber> evaluate_size(std::string_view text, const SizeLookup& lookup);

/// The names in an expression, each once, in order of appearance.
std::vector<std::string> size_names(std::string_view text);

/// The points where an expression changes its form: the operand pairs of its Min and Max. The sign of their difference tells
/// the side. E: as evaluate_size.
Result<std::vector<double>> size_branches(std::string_view text, const SizeLookup& lookup);

}  // namespace atl
