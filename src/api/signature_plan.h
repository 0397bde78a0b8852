// The entry points of a file that is to be written: one for each set of shapes that --shape gives.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "import/dynamic_sizes.h"

namespace atl {

struct SignaturePlan {
  std::string key;   ///< "serving_default" for the first, else the shapes: "x_4x3x224x224"
  SizeValues sizes;  ///< those that the shapes fix
  std::vector<DynamicSize> open;
};

/// Reads the texts of --shape (see parse_input_shapes) and solves them. One plan without texts.
/// E: kUsage for a text that is not understood and for two sets of the same shapes; of solve_sizes.
Result<std::vector<SignaturePlan>> plan_signatures(const SourceProgram& program, std::span<const std::string> shapes);

/// The option that fixes what the plan leaves open, at the sizes of the export: "--shape x=3x8x16".
std::string shape_option(const SourceProgram& program, const SignaturePlan& plan);

}  // namespace atl
