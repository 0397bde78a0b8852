// Archive: the directory of a zip file over mapped bytes. Stored entries are views, deflated ones are inflated on request.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "support/result.h"

namespace atl {

/// Bytes together with what keeps them alive.
struct Blob {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  size_t slack = 0;  ///< so many bytes behind `bytes` may be read too (their contents mean nothing)

  std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

/// One file in an archive.
struct ArchiveEntry {
  std::string_view name;  ///< without the archive's common top folder
  uint64_t offset = 0;    ///< of the data, from the archive's first byte
  uint64_t stored = 0;    ///< bytes in the archive
  uint64_t size = 0;      ///< bytes after inflating
  uint32_t crc = 0;
  bool deflated = false;
};

/// A zip archive (zip64 too) whose directory has been checked: every entry lies inside the file and overlaps no other, the
/// local headers agree with the directory, names are unique and stay inside the archive.
class Archive {
 public:
  /// Reads the directory. `name` is for messages. Errors: kFileFormat when the bytes are no zip, kFileTruncated when they end
  /// too early, kArchive when the directory lies.
  static Result<Archive> open(Blob file, std::string name);

  const std::vector<ArchiveEntry>& entries() const { return entries_; }
  /// The entry of that name; null when there is none.
  const ArchiveEntry* find(std::string_view name) const;
  /// The folder that held every entry, without '/'; empty when there was none.
  std::string_view top_folder() const { return top_folder_; }
  const std::string& name() const { return name_; }

  /// The entry's bytes without looking at their checksum: a view for a stored entry; a deflated one is inflated each time.
  Result<Blob> view(const ArchiveEntry& entry) const;
  /// The entry's bytes, after checking their CRC.
  Result<Blob> read(const ArchiveEntry& entry) const;
  /// read() of the entry of that name; kArchive when there is none.
  Result<Blob> read(std::string_view name) const;

 private:
  Archive() = default;
  Status add(const ArchiveEntry& entry);
  Status find_top_folder();

  Blob file_;
  std::string name_;
  std::string_view top_folder_;
  std::vector<ArchiveEntry> entries_;
  std::unordered_map<std::string_view, size_t> index_;
};

}  // namespace atl
