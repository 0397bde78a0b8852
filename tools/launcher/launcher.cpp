// What is started as `atoll` in the bundle for aarch64 (scripts/aarch64/bundle.sh). The bundle brings its own C library,
// because LiteRT's library needs a newer one than boards have, and a C library fits only the loader of its own version; so the
// program is started by the bundle's loader. This one is linked statically and runs on any system.
//
// Where libraries are looked for: the bundle, LD_LIBRARY_PATH, then the board's own folders. So the board's libedgetpu is
// found, and what it needs comes from the bundle where the bundle has it: two C libraries in one process would not do.
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr const char* kLoader = "/ld-linux-aarch64.so.1";
constexpr const char* kBoardFolders =
    "/usr/local/lib:/usr/lib/aarch64-linux-gnu:/lib/aarch64-linux-gnu:/usr/lib64:/lib64:/usr/lib:/lib";
constexpr int kCannotExecute = 126;  // as a shell says it

// The folder that this program lies in; empty when the system does not tell.
std::string own_folder() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0 || size == ssize_t(sizeof path)) return {};
  const std::string file(path, size_t(size));
  return file.substr(0, file.rfind('/'));
}

}  // namespace

int main(int, char** argv) {
  const std::string folder = own_folder();
  if (folder.empty()) {
    std::fputs("atoll: /proc/self/exe cannot be read: is /proc mounted?\n", stderr);
    return kCannotExecute;
  }
  const std::string libraries = folder + "/lib", loader = libraries + kLoader, program = libraries + "/atoll";
  const char* more = std::getenv("LD_LIBRARY_PATH");
  const std::string path = libraries + ":" + (more && *more ? std::string(more) + ":" : "") + kBoardFolders;
  std::vector<const char*> arguments = {loader.c_str(), "--library-path", path.c_str(), program.c_str()};
  for (char** a = argv + 1; argv[0] && *a; ++a) arguments.push_back(*a);
  arguments.push_back(nullptr);
  execv(loader.c_str(), const_cast<char* const*>(arguments.data()));
  std::perror(("atoll: " + loader).c_str());
  return kCannotExecute;
}
