// The inputs of a run from the files that a person names.
#pragma once
#include "atoll/run.h"
#include "run/compiled_model.h"

namespace atl {

/// One array for each input of the signature, in its order; with RunModelOptions::each they have a further axis in front.
struct InputArrays {
  std::vector<NdArray> arrays;
  std::string picture;       ///< the first input that was given as a picture: its file
  size_t picture_input = 0;  ///< and which input it is
  bool along_batch = false;  ///< that axis stands where the model has a batch axis of one
};

/// Reads, preprocesses and makes up what the options say. `file` is the model's path. Types and shapes are checked by the run.
/// E: as run_model() says.
Result<InputArrays> read_inputs(const std::string& file, const SignatureInfo& signature, const RunModelOptions& options);

/// The shape without its leading axes of one element.
std::span<const int64_t> without_leading_ones(std::span<const int64_t> shape);

}  // namespace atl
