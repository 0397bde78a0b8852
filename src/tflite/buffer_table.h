// The buffers of a file that is being written: each distinct content once.
#pragma once
#include <unordered_map>
#include <vector>

#include "ir/constant.h"

namespace atl {

/// Constants below this many bytes are evaluated while the file is laid out and lie inside its structure; larger ones follow
/// it.
inline constexpr size_t kInlineBytes = 4096;

/// A buffer: bytes that lie inside the structure, or a constant that is evaluated when it is written.
struct BufferEntry {
  std::vector<std::byte> bytes;
  ConstantPtr constant;
  uint64_t size = 0;
  bool is_streamed() const { return constant != nullptr; }
};

/// Buffer 0 is the empty one, as the format demands. Two constants share a buffer when they are below kInlineBytes and hold
/// equal bytes, or when Constant::same_content says so.
class BufferTable {
 public:
  BufferTable() : entries_(1) {}
  /// E: whatever evaluating a small constant says; kInternal when it gives another size than its type.
  Result<uint32_t> add(const ConstantPtr& c);
  /// Bytes that are kept whatever their size and shared with nothing (metadata).
  uint32_t add_own(std::vector<std::byte> bytes);

  const std::vector<BufferEntry>& entries() const { return entries_; }
  uint64_t streamed_bytes() const { return streamed_bytes_; }

 private:
  std::vector<BufferEntry> entries_;
  std::unordered_map<std::string, uint32_t> small_;
  std::unordered_multimap<size_t, uint32_t> streamed_;
  uint64_t streamed_bytes_ = 0;
};

/// Evaluates a constant for writing. E: the recipe's; kInternal when the size is not the type's.
Result<Tensor> bytes_of(const Constant& c);

}  // namespace atl
