// A file opened in LiteRT as `run` and `bench` do it.
#pragma once
#include "api/device_choice.h"
#include "atoll/run.h"
#include "run/compiled_model.h"

namespace atl {

struct LoadedModel {
  CompiledModel model;
  size_t signature = 0;
  double load_seconds = 0;
  DeviceAttempt device;            ///< that it runs on
  std::vector<std::string> notes;  ///< why it does not run on one that comes first
  std::shared_ptr<const MappedFile> file;
  bool has_state = false;  ///< keeps values in variable tensors between runs
  SignatureInfo resized;   ///< of `signature`, with the inputs' shapes as they are now
  const SignatureInfo& info() const { return resized; }
};

/// Finds LiteRT and the device, opens the file and its signature, and gives open axes the sizes of `options.shapes`.
/// E: LiteRtLibrary::find's, plan_devices's, CompiledModel::load's, kUsage for unknown kernels and for shapes that are not
/// understood, kInput for shapes that do not fit. `changed` is loaded in place of what the file holds.
Result<LoadedModel> load_model(const std::string& file, const ModelOptions& options, bool profile = false,
                               std::optional<std::vector<std::byte>> changed = std::nullopt);

/// Seeded random inputs for a signature; indices of tables stay inside them. E: kUnsupportedType.
Result<std::vector<NdArray>> random_arrays(const std::string& file, const SignatureInfo& signature, uint64_t seed);

/// "f32[1,10]", as graphs print types; with '?' for open axes.
std::string type_text(const TensorInfo& info);
std::string type_text(ElementType dtype, std::span<const int64_t> shape);

/// The value in the middle of a sorted list.
double median(std::span<const double> sorted);

}  // namespace atl
