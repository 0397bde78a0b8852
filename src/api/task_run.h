// The tasks of `atoll run --task`: what goes before the run of a model and what comes after it.
#pragma once
#include "api/input_files.h"
#include "api/loaded_model.h"
#include "atoll/run.h"

namespace atl {

/// A model whose last operator is PoseNet's decoder, which LiteRT has not: the same without it, as a file in memory, whose
/// outputs are the decoder's inputs. Nothing for every other model and task. E: kTflite.
Result<std::optional<std::vector<std::byte>>> without_decoder(const std::shared_ptr<const MappedFile>& file,
                                                              const TaskOptions& task);

/// Reads the outputs of a run of what has this signature, and draws where TaskOptions::draw says. `file` makes the outputs: its
/// operators tell detections after LiteRT's post-processing. E: kInput where the outputs do not fit the task, or there is no
/// picture to draw on; kImage, kWrite.
Result<TaskReport> read_task(const RunModelOptions& options, const SignatureInfo& signature,
                             const std::shared_ptr<const MappedFile>& file, const InputArrays& inputs,
                             const std::vector<NamedArray>& outputs);

}  // namespace atl
