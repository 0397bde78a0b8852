// The sizes that a program leaves open (torch.export.Dim), and how they are given values.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/type.h"
#include "read/source.h"
#include "support/result.h"

namespace atl {

/// Values of named sizes ("s77"); torch does not keep the names that the user gave them.
using SizeValues = std::map<std::string, int64_t>;

/// A named size of the shapes of a program's inputs.
struct DynamicSize {
  std::string symbol;
  int64_t min = 1;
  std::optional<int64_t> max;   ///< nullopt: any
  std::optional<int64_t> hint;  ///< its value at the export
  std::string input;  ///< the input that it belongs to (the first with an axis of this very size, else of an expression)
  size_t axis = 0;
};

/// The shape that an input is to have; kDynamic where an axis stays open.
struct InputShape {
  std::string input;
  Shape shape;
  bool operator==(const InputShape&) const = default;
};
/// The inputs of one signature that are given a shape.
using InputShapes = std::vector<InputShape>;

/// The open sizes, in the order of the inputs.
std::vector<DynamicSize> dynamic_sizes(const SourceProgram& program);

/// The sizes at the export, for those that are not stored there the smallest above 1.
SizeValues exported_sizes(const SourceProgram& program);

/// Reads the values of --shape: "x=4x3x224x224", several inputs apart by commas, '?' for an axis that stays open. Each text
/// adds to the set of the one before it; one that names an input a second time begins another set, which is another signature.
/// E: kUsage.
Result<std::vector<InputShapes>> parse_input_shapes(std::span<const std::string> texts);

/// The values that shapes of inputs give to open sizes; a size stands open where no shape gives it. E: kInput for an input that
/// is not there, another rank, an axis that is fixed to another size, a size outside its range, two values of one size, or a
/// guard of the program that does not hold.
Result<SizeValues> solve_sizes(const SourceProgram& program, const InputShapes& shapes);

/// Checks values against ranges and guards as far as all their sizes are known. E: kInput.
Status check_sizes(const SourceProgram& program, const SizeValues& values);

/// The shape of a user input under these values; kDynamic where a size is not among them.
Shape input_shape(const SourceProgram& program, const SourceInput& input, const SizeValues& values);

/// A size under these values; nullopt where one of its names is not among them. E: of the expression.
Result<std::optional<int64_t>> value_of(const SymDim& size, const SizeValues& values);

}  // namespace atl
