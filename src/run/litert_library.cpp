#include "run/litert_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <system_error>

#include "run/litert_log.h"
#include "run/python.h"

namespace atl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kInstallHint =
    "install it with `pip install ai-edge-litert==2.3.0`, or set ATOLL_LITERT to libLiteRt.so or to its folder";

// The file in a folder that may be the library's own, or one that a wheel was unpacked into.
fs::path library_in(const fs::path& folder) {
  std::error_code ignored;
  for (const fs::path& candidate : {folder / kLiteRtFile, folder / "ai_edge_litert" / kLiteRtFile}) {
    if (fs::is_regular_file(candidate, ignored)) return candidate;
  }
  return {};
}

// The version of the wheel that `file` belongs to: site-packages/ai_edge_litert-2.3.0.dist-info stands beside ai_edge_litert/.
std::string wheel_version(const fs::path& file) {
  constexpr std::string_view kPrefix = "ai_edge_litert-", kSuffix = ".dist-info";
  std::error_code failed;
  fs::path real = fs::canonical(file, failed);
  if (failed) return {};
  for (const fs::path& folder : {real.parent_path().parent_path(), real.parent_path()}) {
    for (fs::directory_iterator it(folder, failed), end; !failed && it != end; it.increment(failed)) {
      std::string entry = it->path().filename().string();
      if (entry.starts_with(kPrefix) && entry.ends_with(kSuffix)) {
        return entry.substr(kPrefix.size(), entry.size() - kPrefix.size() - kSuffix.size());
      }
    }
  }
  return {};
}

bool same_minor_version(std::string_view a, std::string_view b) {
  auto minor = [](std::string_view v) {
    size_t first = v.find('.');
    return v.substr(0, first == std::string_view::npos ? first : v.find('.', first + 1));
  };
  return minor(a) == minor(b);
}

template <class F>
void resolve(void* handle, const char* symbol, F*& function, std::vector<std::string>& missing) {
  function = reinterpret_cast<F*>(dlsym(handle, symbol));
  if (function == nullptr) missing.emplace_back(symbol);
}

std::vector<std::string> resolve_all(void* handle, litert::Api& api) {
  std::vector<std::string> missing;
#define ATOLL_RESOLVE(member, symbol, ...) resolve(handle, #symbol, api.member, missing);
  ATOLL_LITERT_FUNCTIONS(ATOLL_RESOLVE)
  ATOLL_LITERT_VOID_FUNCTIONS(ATOLL_RESOLVE)
#undef ATOLL_RESOLVE
  return missing;
}

struct Place {
  fs::path folder;
  std::string by;
};

std::vector<Place> places_without_python() {
  std::vector<Place> places;
  std::error_code failed;
  fs::path program = fs::read_symlink("/proc/self/exe", failed);
  if (!failed) {
    fs::path folder = program.parent_path();
    for (const fs::path& p : {folder, folder / ".litert", folder.parent_path() / "lib" / "atoll"}) {
      places.push_back({p, "beside the program"});
    }
  }
  if (const char* venv = std::getenv("VIRTUAL_ENV"); venv != nullptr && *venv != 0) {
    for (fs::directory_iterator it(fs::path(venv) / "lib", failed), end; !failed && it != end; it.increment(failed)) {
      if (it->path().filename().string().starts_with("python3")) {
        places.push_back({it->path() / "site-packages" / "ai_edge_litert", "VIRTUAL_ENV"});
      }
    }
  }
  return places;
}

std::optional<Place> place_of_python() {
  std::string python = find_python();
  if (python.empty()) return std::nullopt;
  const std::string package = "ai_edge_litert";
  auto found = find_python_packages(python, {&package, 1});
  if (!found || found->front().folder.empty()) return std::nullopt;
  return Place{found->front().folder, python};
}

}  // namespace

std::string_view litert_status_text(litert::StatusCode status) {
  switch (status) {
    case 0:
      return "ok";
    case 1:
      return "invalid argument";
    case 2:
      return "out of memory";
    case 3:
      return "runtime failure";
    case 4:
      return "missing input tensor";
    case 5:
      return "unsupported";
    case 6:
      return "not found";
    case 7:
      return "timeout expired";
    case 8:
      return "wrong version";
    case 10:
      return "already exists";
    case 100:
      return "cancelled";
    case 500:
      return "file cannot be read";
    case 501:
      return "invalid flatbuffer";
    case 502:
      return "dynamic loading failed";
    case 503:
      return "serialization failed";
    case 504:
      return "compilation failed";
    case 1000:
      return "index out of bounds";
    case 1001:
      return "invalid type";
    case 1002:
      return "invalid graph";
    default:
      return "unknown error";
  }
}

Result<std::shared_ptr<const LiteRtLibrary>> LiteRtLibrary::open(const fs::path& file) {
  std::shared_ptr<LiteRtLibrary> library(new LiteRtLibrary);
  library->file_ = file;
  library->version_ = wheel_version(file);
  library->found_by_ = "as given";
  if (!library->version_.empty() && !same_minor_version(library->version_, kLiteRtVersion)) {
    return error(Code::kRuntimeAbi,
                 fmt::format("'{}' is LiteRT {}, but LiteRT {} is needed: its C interface differs between minor versions",
                             file.string(), library->version_, kLiteRtVersion),
                 kInstallHint);
  }
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return error(Code::kRuntimeMissing,
                 fmt::format("'{}' cannot be opened: {}", file.string(), reason != nullptr ? reason : "unknown reason"),
                 kInstallHint);
  }
  if (auto missing = resolve_all(handle, library->api_); !missing.empty()) {
    dlclose(handle);
    return error(Code::kRuntimeAbi,
                 fmt::format("'{}' is not LiteRT {}: it lacks {} of the functions needed, such as {}", file.string(),
                             kLiteRtVersion, missing.size(), missing.front()),
                 kInstallHint);
  }
  library->quiet_ = redirect_stderr(handle);
  return std::shared_ptr<const LiteRtLibrary>(std::move(library));
}

void LiteRtLibrary::open_gpu_accelerator() const {
  fs::path file = file_.parent_path() / "libLiteRtWebGpuAccelerator.so";
  if (void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) redirect_stderr(handle);
}

Result<std::shared_ptr<const LiteRtLibrary>> LiteRtLibrary::find(const fs::path& path) {
  const char* variable = std::getenv("ATOLL_LITERT");
  bool by_variable = path.empty() && variable != nullptr && *variable != 0;
  if (!path.empty() || by_variable) {
    fs::path named = by_variable ? fs::path(variable) : path;
    std::error_code ignored;
    fs::path file = fs::is_directory(named, ignored) ? library_in(named) : named;
    if (file.empty() || !fs::exists(file, ignored)) {
      return error(Code::kRuntimeMissing,
                   fmt::format("{} '{}' {}", by_variable ? "ATOLL_LITERT names" : "there is no LiteRT at", named.string(),
                               by_variable ? fmt::format("where no {} is", kLiteRtFile) : fmt::format("(no {})", kLiteRtFile)),
                   kInstallHint);
    }
    auto library = open(file);
    if (library && by_variable) std::const_pointer_cast<LiteRtLibrary>(*library)->found_by_ = "ATOLL_LITERT";
    return library;
  }

  std::vector<std::string> looked;
  std::optional<Error> refused;  // the first library found that does not fit
  auto attempt = [&](const Place& place) -> std::shared_ptr<const LiteRtLibrary> {
    looked.push_back(place.folder.string());
    fs::path file = library_in(place.folder);
    if (file.empty()) return nullptr;
    auto library = open(file);
    if (!library) {
      if (!refused) refused = std::move(library.error());
      return nullptr;
    }
    std::const_pointer_cast<LiteRtLibrary>(*library)->found_by_ = place.by;
    return *library;
  };
  for (const Place& place : places_without_python()) {
    if (auto library = attempt(place)) return library;
  }
  if (auto place = place_of_python()) {
    if (auto library = attempt(*place)) return library;
  }
  if (refused) return std::move(*refused);
  std::string list;
  for (const std::string& l : looked) list += (list.empty() ? "" : ", ") + l;
  return error(Code::kRuntimeMissing,
               fmt::format("LiteRT ({}) was not found; looked in {}, and in the user's Python", kLiteRtFile, list),
               kInstallHint);
}

}  // namespace atl
