// SystemTree: the files of /sys, /dev and /etc that tell of devices, under a root that tests choose.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

class SystemTree {
 public:
  /// Who asks for access to a device.
  struct Identity {
    uid_t user = 0;
    std::vector<gid_t> groups;
  };

  /// The tree under `root`. With `who`, may_use() judges by mode bits for that identity; without, it asks the system.
  explicit SystemTree(std::filesystem::path root = "/", std::optional<Identity> who = std::nullopt)
      : root_(std::move(root)), who_(std::move(who)) {}
  /// This machine's; or the tree that ATOLL_SYSTEM_ROOT names (a copy of another machine's, a test's).
  static SystemTree here();

  /// Where an absolute path of the tree lies on this machine.
  std::filesystem::path at(std::string_view path) const;
  bool exists(std::string_view path) const;
  /// The file's text without white space at its ends; empty where it cannot be read.
  std::string text(std::string_view path) const;
  /// Names in a folder, sorted; none where it cannot be read.
  std::vector<std::string> entries(std::string_view path) const;
  /// The last part of what a symbolic link points to; empty where it is none.
  std::string link_name(std::string_view path) const;
  /// May the asking user read and write it?
  bool may_use(std::string_view path) const;
  /// The name of a file's group, from the tree's /etc/group; its number where it has no name there.
  std::string group_of(std::string_view path) const;
  /// Is the asking user a member of the group of a file?
  bool in_group_of(std::string_view path) const;

 private:
  std::filesystem::path root_;
  std::optional<Identity> who_;
};

}  // namespace atl
