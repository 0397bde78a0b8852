#include "device/system_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>

namespace atl {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxText = 1 << 16;
constexpr mode_t kReadWrite = 6;

std::vector<gid_t> own_groups() {
  std::vector<gid_t> groups(size_t(std::max(0, getgroups(0, nullptr))));
  const int n = getgroups(int(groups.size()), groups.data());
  groups.resize(size_t(std::max(0, n)));
  groups.push_back(getegid());
  return groups;
}

bool contains(const std::vector<gid_t>& groups, gid_t one) { return std::ranges::find(groups, one) != groups.end(); }

}  // namespace

SystemTree SystemTree::here() {
  const char* root = std::getenv("ATOLL_SYSTEM_ROOT");
  return SystemTree(root && *root ? root : "/");
}

fs::path SystemTree::at(std::string_view path) const { return root_ / fs::path(path).relative_path(); }

bool SystemTree::exists(std::string_view path) const {
  std::error_code ignored;
  return fs::exists(at(path), ignored);
}

std::string SystemTree::text(std::string_view path) const {
  std::ifstream file(at(path), std::ios::binary);
  std::string text(kMaxText, '\0');
  file.read(text.data(), std::streamsize(text.size()));
  text.resize(size_t(std::max<std::streamsize>(0, file.gcount())));
  const size_t begin = text.find_first_not_of(" \t\r\n"), end = text.find_last_not_of(" \t\r\n");
  return begin == text.npos ? "" : text.substr(begin, end - begin + 1);
}

std::vector<std::string> SystemTree::entries(std::string_view path) const {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator it(at(path), failed), end; !failed && it != end; it.increment(failed))
    names.push_back(it->path().filename().string());
  std::ranges::sort(names);
  return names;
}

std::string SystemTree::link_name(std::string_view path) const {
  std::error_code failed;
  const fs::path target = fs::read_symlink(at(path), failed);
  return failed ? "" : target.filename().string();
}

bool SystemTree::may_use(std::string_view path) const {
  const fs::path file = at(path);
  if (!who_) return access(file.c_str(), R_OK | W_OK) == 0;
  struct stat s {};
  if (stat(file.c_str(), &s) != 0) return false;
  if (who_->user == 0) return true;
  const mode_t bits = s.st_uid == who_->user ? s.st_mode >> 6 : contains(who_->groups, s.st_gid) ? s.st_mode >> 3 : s.st_mode;
  return (bits & kReadWrite) == kReadWrite;
}

std::string SystemTree::group_of(std::string_view path) const {
  struct stat s {};
  if (stat(at(path).c_str(), &s) != 0) return {};
  std::string number = std::to_string(s.st_gid);
  std::ifstream groups(at("/etc/group"));
  for (std::string line; std::getline(groups, line);) {  // name:password:number:members
    const size_t name = line.find(':'), second = line.find(':', name + 1), third = line.find(':', second + 1);
    if (second != line.npos && line.substr(second + 1, third - second - 1) == number) return line.substr(0, name);
  }
  return number;
}

bool SystemTree::in_group_of(std::string_view path) const {
  struct stat s {};
  if (stat(at(path).c_str(), &s) != 0) return false;
  return contains(who_ ? who_->groups : own_groups(), s.st_gid);
}

}  // namespace atl
