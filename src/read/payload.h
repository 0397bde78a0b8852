// Payloads: the weights or the constants of a program, by their names in the module.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "read/archive.h"
#include "read/source.h"

namespace atl {

/// The tensors of data/weights or data/constants. Only the directory is read at first; each tensor is checked when asked for.
class Payloads {
 public:
  /// Reads data/<folder>/<model>_<folder>_config.json, or data/<folder>/<model>.pt as torch 2.8 wrote it. `folder` is "weights"
  /// or "constants". Errors: kArchive when there is neither, kJson, kPickle.
  static Result<Payloads> open(const Archive& archive, std::string_view folder, std::string_view model);
  /// Reads a dictionary of tensors that was saved as one torch.save file, the entry `path`. No such entry, or an empty one,
  /// holds no tensors. Errors: kPickle, kArchive, kWeight.
  static Result<Payloads> open_dictionary(const Archive& archive, std::string_view path);

  bool has(const std::string& fqn) const { return payloads_.count(fqn) > 0 || tensors_.count(fqn) > 0; }
  /// The tensor of that name, which exists. Tensors of one storage are views of the same bytes. Errors: kArchive for missing
  /// bytes, kWeight for bytes that do not fit the declared type, kPickle for one that was pickled and is no plain tensor.
  Result<StoredTensor> read(const std::string& fqn);

 private:
  struct Payload {
    std::string path;  ///< inside the archive
    bool pickled = false;
    TensorMeta meta;
  };

  Status read_config(const std::string& path, std::string_view folder);
  Status read_dictionary(const ArchiveEntry& entry);

  const Archive* archive_ = nullptr;
  std::unordered_map<std::string, Payload> payloads_;
  std::unordered_map<std::string, StoredTensor> tensors_;  ///< those of a pickled dictionary
  std::unordered_map<std::string, Blob> storages_;         ///< by path
};

}  // namespace atl
