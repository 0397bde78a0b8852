// LiteRtLibrary: libLiteRt.so found on the user's machine, opened at run time and checked.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "run/litert_api.h"
#include "support/result.h"

namespace atl {

/// The version that Atoll is written for; its C interface changes between minor versions.
inline constexpr std::string_view kLiteRtVersion = "2.3.0";
inline constexpr std::string_view kLiteRtFile = "libLiteRt.so";

/// An opened library. It stays in the process until the end, because its threads do.
class LiteRtLibrary {
 public:
  /// Finds and opens the library. With `path` (a file or a folder) or ATOLL_LITERT set, only there; else beside the running
  /// program (its folder, .litert/ in it, ../lib/atoll), then in $VIRTUAL_ENV, then where the user's Python finds
  /// ai_edge_litert. E: kRuntimeMissing (not found, with the places looked at; not loadable, with the loader's reason),
  /// kRuntimeAbi (another version).
  static Result<std::shared_ptr<const LiteRtLibrary>> find(const std::filesystem::path& path = {});

  /// Opens one file. E: as find().
  static Result<std::shared_ptr<const LiteRtLibrary>> open(const std::filesystem::path& file);

  const litert::Api& api() const { return api_; }
  const std::filesystem::path& file() const { return file_; }
  /// As the wheel's metadata beside the file says; empty for a file that was copied alone (its functions were checked then).
  const std::string& version() const { return version_; }
  /// What find() was told or where it looked: "ATOLL_LITERT", "beside the program", "VIRTUAL_ENV", "Python", "as given".
  const std::string& found_by() const { return found_by_; }
  /// Opens the GPU accelerator that the wheel brings along, before LiteRT does, so that its log is captured as well.
  void open_gpu_accelerator() const;
  /// True when everything the library writes to stderr is captured; false where it may still reach the screen.
  bool is_quiet() const { return quiet_; }

 private:
  LiteRtLibrary() = default;
  litert::Api api_;
  std::filesystem::path file_;
  std::string version_, found_by_;
  bool quiet_ = false;
};

/// The name of a LiteRT status, such as "runtime failure".
std::string_view litert_status_text(litert::StatusCode status);

}  // namespace atl
