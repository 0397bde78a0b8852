// One run of a .pt2 in the user's Python with torch.
#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "ir/tensor.h"

namespace atl {

struct TorchRunOptions {
  std::string python;
  double timeout_seconds = 600;
  std::function<void(double share)> progress;
  std::function<bool()> cancelled;
};

/// What torch computed.
struct TorchValues {
  std::string version;
  std::map<std::string, Tensor> values;  ///< by the value's name in the exported graph; bf16 comes as f32
  Tensors outputs;                       ///< those that are tensors or numbers
};

/// Runs the program on its tensor inputs, in their order, and records the values named. Values that NumPy cannot hold are left
/// out. `hint_version` is the torch version that the hint of an error asks for; may be empty.
/// E: kReference, with the end of what Python wrote to stderr; kWrite, kTensorFile for the files between the two.
Result<TorchValues> run_torch(const std::string& pt2, std::span<const Tensor> inputs, std::span<const std::string> names,
                              const std::string& hint_version, const TorchRunOptions& options);

}  // namespace atl
