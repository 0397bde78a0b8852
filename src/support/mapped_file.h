// MappedFile: a file's bytes in memory without reading them. The owner of every view that the readers hand out.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "support/result.h"

namespace atl {

/// A regular file mapped read-only. Pages are read when touched. The file must not be shortened while it is mapped.
class MappedFile {
 public:
  /// Maps a whole file. Errors: kFileMissing for a missing or unreadable file, kFileFormat for a directory, a device or an
  /// empty file.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, std::span<const std::byte> bytes) : path_(std::move(path)), bytes_(bytes) {}

  std::string path_;
  std::span<const std::byte> bytes_;
};

/// Tells the kernel that these mapped bytes are read soon and in order. Only a hint: never fails, whole pages around the view.
void advise_sequential(std::span<const std::byte> view);
/// Tells the kernel that these mapped bytes are needed soon.
void advise_will_need(std::span<const std::byte> view);
/// Gives back the memory of the pages that lie wholly inside the view; they are read again from the file when touched.
/// Only for views of a MappedFile, not of memory on the heap.
void advise_dont_need(std::span<const std::byte> view);

}  // namespace atl
