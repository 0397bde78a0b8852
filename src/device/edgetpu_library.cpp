#include "device/edgetpu_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace atl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNames[] = {"libedgetpu.so.1", "libedgetpu.so"};
constexpr const char* kInstallHint =
    "install it: sudo apt install libedgetpu1-std (from Coral's package list, or a build of feranick/libedgetpu), or set "
    "ATOLL_EDGETPU to libedgetpu.so.1 or its folder";

template <class F>
bool resolve(void* handle, const char* symbol, F*& function) {
  function = reinterpret_cast<F*>(dlsym(handle, symbol));
  return function != nullptr;
}

// The first function that the library lacks; empty when it has all.
std::string resolve_all(void* handle, edgetpu_api::Api& api) {
  std::string missing;
#define ATOLL_RESOLVE(member, symbol, result, ...) \
  if (!resolve(handle, #symbol, api.member) && missing.empty()) missing = #symbol;
  ATOLL_EDGETPU_FUNCTIONS(ATOLL_RESOLVE)
#undef ATOLL_RESOLVE
  return missing;
}

}  // namespace

Result<std::shared_ptr<const EdgeTpuLibrary>> EdgeTpuLibrary::open(const std::string& file) {
  std::shared_ptr<EdgeTpuLibrary> library(new EdgeTpuLibrary);
  library->file_ = file;
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!handle) {
    const char* text = dlerror();
    const std::string reason = text ? text : "unknown reason";
    return error(Code::kDeviceLibrary, fmt::format("'{}' cannot be opened: {}", file, reason),
                 reason.starts_with("libusb") ? "it needs libusb: sudo apt install libusb-1.0-0" : kInstallHint);
  }
  if (const std::string missing = resolve_all(handle, library->api_); !missing.empty()) {
    dlclose(handle);
    return error(Code::kDeviceLibrary, fmt::format("'{}' is no libedgetpu: it lacks the function {}", file, missing),
                 kInstallHint);
  }
  return std::shared_ptr<const EdgeTpuLibrary>(std::move(library));
}

Result<std::shared_ptr<const EdgeTpuLibrary>> EdgeTpuLibrary::find(const fs::path& path) {
  const char* variable = std::getenv("ATOLL_EDGETPU");
  const bool by_variable = path.empty() && variable && *variable;
  if (!path.empty() || by_variable) {
    const fs::path named = by_variable ? fs::path(variable) : path;
    std::error_code ignored;
    if (!fs::exists(named, ignored))
      return error(Code::kDeviceLibrary,
                   by_variable ? fmt::format("ATOLL_EDGETPU names '{}', which is not there", named.string())
                               : fmt::format("there is no libedgetpu at '{}'", named.string()),
                   kInstallHint);
    if (!fs::is_directory(named, ignored)) return open(fs::absolute(named, ignored).string());
    for (const char* name : kNames)
      if (fs::exists(named / name, ignored)) return open(fs::absolute(named / name, ignored).string());
    return error(Code::kDeviceLibrary, fmt::format("'{}' holds no libedgetpu.so.1", named.string()), kInstallHint);
  }
  std::optional<Error> refused;
  for (const char* name : kNames) {
    auto library = open(name);
    if (library) return library;
    if (!refused) refused = std::move(library.error());
  }
  // Found, but something that it needs is missing.
  if (refused->what.find(fmt::format("{}: cannot open shared object file", kNames[0])) == std::string::npos)
    return std::move(*refused);
  return error(Code::kDeviceLibrary, "libedgetpu was not found on the system's library path", kInstallHint);
}

std::string EdgeTpuLibrary::version() const {
  const char* text = api_.version();
  return text ? text : "";
}

int EdgeTpuLibrary::runtime_version() const {
  constexpr std::string_view kMark = "RuntimeVersion(";
  const std::string text = version();
  const size_t at = text.find(kMark);
  return at == text.npos ? 0 : std::atoi(text.c_str() + at + kMark.size());
}

std::vector<EdgeTpuLibrary::Listed> EdgeTpuLibrary::devices() const {
  size_t count = 0;
  edgetpu_api::Device* list = api_.list_devices(&count);
  std::vector<Listed> out;
  for (size_t i = 0; list && i < count; ++i)
    out.push_back(
        {list[i].type == edgetpu_api::kUsb ? edgetpu_api::kUsb : edgetpu_api::kPci, list[i].path ? list[i].path : ""});
  if (list) api_.free_devices(list);
  std::ranges::sort(out, [](const Listed& a, const Listed& b) { return std::tie(a.type, a.path) < std::tie(b.type, b.path); });
  return out;
}

}  // namespace atl
