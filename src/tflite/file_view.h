// A .tflite file whose flatbuffer structure has been verified, with checked access to what flatbuffers do not check.
#pragma once
#include <schema_tables.h>

#include <memory>
#include <span>
#include <vector>

#include "ir/type.h"

namespace atl {

/// A tensor as the file states it.
struct FileTensor {
  const tflite::Tensor* table = nullptr;
  std::string name;
  Type type;
  std::span<const std::byte> content;  ///< of its buffer; empty without one
  bool has_content = false;
  bool variable = false;
  bool odd = false;  ///< has something that Type and Constant cannot say (sparsity, strings, an unknown element type, ...)
};

class FileView {
 public:
  /// Verifies the structure. E: kTflite.
  static Result<FileView> open(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

  const tflite::Model& model() const { return *model_; }
  const std::shared_ptr<const void>& owner() const { return owner_; }
  /// The bytes of a buffer, wherever they lie; empty for buffer 0 and for one without data. E: kTflite.
  Result<std::span<const std::byte>> buffer(uint32_t index) const;
  /// E: kTflite for sizes, element types, quantization or buffers that do not fit together.
  Result<FileTensor> tensor(const tflite::Tensor* t) const;
  /// Counts bytes that are copied out of the file. Parts of a flatbuffer may be shared, so that copies of a small hostile file
  /// could fill the memory. E: kTflite when the copies are many times larger than the file.
  Status charge(uint64_t bytes) const;

 private:
  Status describe(FileTensor& out) const;

  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
  const tflite::Model* model_ = nullptr;
  mutable uint64_t budget_ = 0;
};

/// True when the 64-bit vectors of a table and of nothing below it are aligned, which the flatbuffers verifier does not check.
bool has_aligned_vectors(const void* table, const flatbuffers::TypeTable* type);

/// A vector of the file; null stands for an empty one.
template <class T>
std::vector<T> to_vector(const flatbuffers::Vector<T>* v) {
  return v ? std::vector<T>(v->begin(), v->end()) : std::vector<T>();
}
template <class V>
size_t size_of(const V* v) {
  return v ? v->size() : 0;
}
inline std::string to_text(const flatbuffers::String* s) { return s ? s->str() : std::string(); }

}  // namespace atl
