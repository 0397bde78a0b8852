#include "support/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

namespace atl {
namespace {

/// A file descriptor that closes itself.
struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string_view file_type(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

/// The pages that cover `view` (`inside` false) or lie wholly in it (`inside` true).
void advise(std::span<const std::byte> view, int advice, bool inside) {
  if (view.empty()) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<uintptr_t>(view.data());
  auto begin = first, end = first + view.size();
  begin = (inside ? begin + page - 1 : begin) / page * page;
  end = (inside ? end : end + page - 1) / page * page;
  if (begin >= end) return;
  const int saved = errno;
  std::byte* const page_begin = const_cast<std::byte*>(view.data()) + (ptrdiff_t(begin) - ptrdiff_t(first));
  ::madvise(page_begin, end - begin, advice);
  errno = saved;
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) {
    const int reason = errno;
    const bool missing = reason == ENOENT || reason == ENOTDIR;
    return error(
        Code::kFileMissing,
        missing ? fmt::format("there is no file '{}'", path) : fmt::format("cannot open '{}': {}", path, std::strerror(reason)),
        missing ? "check the path" : "check the file's permissions");
  }
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) {
    return error(Code::kFileMissing, fmt::format("cannot read '{}': {}", path, std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) {
    return error(Code::kFileFormat, fmt::format("'{}' is {}, not a file", path, file_type(info.st_mode)),
                 "give the path of a file");
  }
  if (info.st_size == 0) {
    return error(Code::kFileFormat, fmt::format("'{}' is empty", path), "write the file again");
  }
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size > std::numeric_limits<size_t>::max() / 2) {
    return error(Code::kTooLarge, fmt::format("'{}' has {} bytes, more than this machine can address", path, size));
  }
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) {
    return error(Code::kFileMissing, fmt::format("cannot map '{}': {}", path, std::strerror(errno)));
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, {static_cast<const std::byte*>(data), size}));
}

MappedFile::~MappedFile() { ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

void advise_sequential(std::span<const std::byte> view) { advise(view, MADV_SEQUENTIAL, false); }
void advise_will_need(std::span<const std::byte> view) { advise(view, MADV_WILLNEED, false); }
void advise_dont_need(std::span<const std::byte> view) { advise(view, MADV_DONTNEED, true); }

}  // namespace atl
