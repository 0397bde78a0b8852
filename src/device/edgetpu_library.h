// EdgeTpuLibrary: libedgetpu found on the user's machine and opened at run time.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "device/edgetpu_api.h"
#include "support/result.h"

namespace atl {

/// An opened library. It stays in the process until the end, because its threads do.
class EdgeTpuLibrary {
 public:
  /// Opens the library that `path` or ATOLL_EDGETPU names (a file, or a folder that holds it), else the one on the system's
  /// library path. E: kDeviceLibrary (not found, not loadable with the loader's reason, functions missing).
  static Result<std::shared_ptr<const EdgeTpuLibrary>> find(const std::filesystem::path& path = {});

  const edgetpu_api::Api& api() const { return api_; }
  /// As it was found; the loader's name where the system's path was searched.
  const std::string& file() const { return file_; }
  /// What the library says of itself: "BuildLabel(..), RuntimeVersion(14)".
  std::string version() const;
  /// The number in RuntimeVersion(..); 0 when it gives none. A compiled model states the lowest one that runs it.
  int runtime_version() const;

  struct Listed {
    edgetpu_api::DeviceType type = edgetpu_api::kPci;
    std::string path;
  };
  /// The devices that it can open: PCIe ones first, each kind in the order of its paths.
  std::vector<Listed> devices() const;

 private:
  EdgeTpuLibrary() = default;
  static Result<std::shared_ptr<const EdgeTpuLibrary>> open(const std::string& file);
  edgetpu_api::Api api_;
  std::string file_;
};

}  // namespace atl
