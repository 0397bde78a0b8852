#include "support/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace atl {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;
constexpr int kNameAttempts = 100;

std::string reason(int code) { return std::generic_category().message(code); }

std::filesystem::path folder_of(const std::filesystem::path& path) {
  auto folder = path.parent_path();
  return folder.empty() ? "." : folder;
}

std::string hint_for(int code, const std::filesystem::path& path) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return "free some space, or write to another disk";
    case EFBIG:
      return "raise the limit on file sizes (ulimit -f), or write to another disk";
    case ENOENT:
    case ENOTDIR: {
      if (path.empty()) return "give a file name";
      std::error_code ignored;
      const auto folder = folder_of(path);
      if (std::filesystem::is_directory(folder, ignored)) return "choose a folder that you may write to";
      return fmt::format("create the folder first: mkdir -p '{}'", folder.string());
    }
    case EACCES:
    case EPERM:
    case EROFS:
      return "choose a folder that you may write to";
    case EISDIR:
      return fmt::format("give a file name, such as '{}'", (path / "out").string());
    default:
      return {};
  }
}

Error write_error(int code, const std::filesystem::path& path) {
  return error(Code::kWrite, fmt::format("cannot write '{}': {}", path.string(), reason(code)), hint_for(code, path));
}

std::filesystem::path temporary_name(const std::filesystem::path& target, int attempt) {
  return folder_of(target) / fmt::format(".{}.{}-{}.part", target.filename().string(), getpid(), attempt);
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path) {
  AtomicFile file;
  file.path_ = path;
  file.target_ = path;
  struct stat info {};
  bool exists = stat(path.c_str(), &info) == 0;
  if (!exists && errno != ENOENT) return write_error(errno, path);
  if (path.empty() || !path.has_filename()) return write_error(path.empty() ? ENOENT : EISDIR, path);
  if (exists) {
    if (S_ISDIR(info.st_mode)) return write_error(EISDIR, path);
    if (access(path.c_str(), W_OK) != 0) return write_error(errno, path);
    if (!S_ISREG(info.st_mode)) {
      file.direct_ = true;
      file.fd_ = open(path.c_str(), O_WRONLY | O_CLOEXEC);
      if (file.fd_ < 0) return write_error(errno, path);
      return file;
    }
    std::error_code ignored;
    if (auto real = std::filesystem::canonical(path, ignored); !ignored) file.target_ = real;
  }
  file.fd_ = open(folder_of(file.target_).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  for (int attempt = 0; file.fd_ < 0 && attempt < kNameAttempts; ++attempt) {
    file.temporary_ = temporary_name(file.target_, attempt);
    file.fd_ = open(file.temporary_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (file.fd_ < 0 && errno != EEXIST) break;
  }
  if (file.fd_ < 0) {
    file.temporary_.clear();
    return write_error(errno, path);
  }
  if (exists) (void)!fchmod(file.fd_, info.st_mode & 07777);
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept { *this = std::move(other); }

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this == &other) return *this;
  discard();
  path_ = std::move(other.path_);
  target_ = std::move(other.target_);
  temporary_ = std::exchange(other.temporary_, {});
  fd_ = std::exchange(other.fd_, -1);
  direct_ = other.direct_;
  broken_ = other.broken_;
  size_ = other.size_;
  pending_ = std::move(other.pending_);
  return *this;
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  if (!temporary_.empty()) unlink(temporary_.c_str());
  temporary_.clear();
}

Error AtomicFile::failed(int code) {
  broken_ = true;
  discard();
  return write_error(code, path_);
}

Status AtomicFile::push(const std::byte* data, size_t n) {
  while (n > 0) {
    ssize_t done = ::write(fd_, data, n);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return failed(errno);
    data += done;
    n -= static_cast<size_t>(done);
  }
  return {};
}

Status AtomicFile::drain() {
  TRY_STATUS(push(pending_.data(), pending_.size()));
  pending_.clear();
  return {};
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  if (broken_ || fd_ < 0) return error(Code::kWrite, fmt::format("cannot write '{}': it is closed", path_.string()));
  size_ += bytes.size();
  if (pending_.size() + bytes.size() > kBufferBytes) TRY_STATUS(drain());
  if (bytes.size() > kBufferBytes) return push(bytes.data(), bytes.size());
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  return {};
}

Status AtomicFile::write(std::string_view text) { return write(std::as_bytes(std::span(text.data(), text.size()))); }

// An unnamed file can be linked to a free name only: over an existing file it takes a temporary name first.
Status AtomicFile::name_unnamed() {
  std::string self = fmt::format("/proc/self/fd/{}", fd_);
  if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, target_.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  for (int attempt = 0; errno == EEXIST && attempt < kNameAttempts; ++attempt) {
    auto name = temporary_name(target_, attempt);
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) continue;
    temporary_ = name;
    return {};
  }
  return failed(errno);
}

Status AtomicFile::commit() {
  if (broken_ || fd_ < 0) return error(Code::kWrite, fmt::format("cannot write '{}': it is closed", path_.string()));
  TRY_STATUS(drain());
  if (!direct_ && temporary_.empty()) TRY_STATUS(name_unnamed());
  if (close(std::exchange(fd_, -1)) != 0 && errno != EINTR) return failed(errno);
  if (!temporary_.empty() && rename(temporary_.c_str(), target_.c_str()) != 0) return failed(errno);
  temporary_.clear();
  return {};
}

Status write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  TRY(auto file, AtomicFile::create(path));
  TRY_STATUS(file.write(bytes));
  return file.commit();
}

}  // namespace atl
