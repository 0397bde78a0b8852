// ModelImage: the bytes of a .tflite file as LiteRT is given them, checked before it reads them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/result.h"

namespace atl {

/// A private, writable image of a .tflite file (mapped, or in memory). LiteRT 2.3 trusts a file's offsets, so they are verified
/// here: the structure of the flatbuffer, and the indices and ranks that LiteRT uses unchecked.
class ModelImage {
 public:
  /// Maps a file. E: kFileMissing, kTflite (not a .tflite file, or damaged), kRuntimeFailure (a tensor of more than 8 axes).
  static Result<ModelImage> open(const std::filesystem::path& file);
  /// Takes a file's bytes. E: kTflite, kRuntimeFailure.
  static Result<ModelImage> from_bytes(std::vector<std::byte> bytes);
  ModelImage(ModelImage&& other) noexcept;
  ModelImage& operator=(ModelImage&& other) noexcept;
  ~ModelImage();

  std::span<const std::byte> bytes() const { return bytes_; }
  /// How messages call the model: its path in quotes, or "the model in memory".
  const std::string& what() const { return what_; }

  /// The outputs of a signature as the file lists them: name and tensor, in any order. Empty for a file without signatures.
  std::vector<std::pair<std::string, uint32_t>> signature_outputs(size_t signature) const;

  struct OpenAxes {
    std::vector<bool> open;      ///< by axis; empty for a tensor that says nothing of open axes
    std::vector<int64_t> shape;  ///< what the file gives as an example
  };
  /// Which axes of a tensor of the signature's graph the file leaves open.
  OpenAxes open_axes(size_t signature, uint32_t tensor) const;

  /// LiteRT's model reader refuses tensors marked as variables (the state of an LSTM) and nodes with intermediate tensors,
  /// while its interpreter, which reads the same bytes later, runs them. This hides those marks until show_variables().
  void hide_variables();
  void show_variables();

 private:
  ModelImage() = default;
  Status verify() const;
  std::span<std::byte> bytes_;
  std::vector<std::byte> owned_;  // empty for a mapped file
  std::string what_;
  std::vector<std::pair<std::byte*, std::byte>> hidden_;  // each a byte's place and its value in the file
};

}  // namespace atl
