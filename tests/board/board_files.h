// What `make deb` and `make bundle-aarch64` left, as variables of the environment name it (the Makefile sets them).
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/process.h"

namespace atl::board {

namespace fs = std::filesystem;

/// Fails the test that asks where the variable is not set.
inline std::string named_by(const char* variable) {
  const char* value = std::getenv(variable);
  EXPECT_NE(value, nullptr) << variable << " is not set: these tests are run by `make test-packages`";
  return value ? value : "";
}
inline fs::path packages() { return named_by("ATOLL_BOARD_PACKAGES"); }        ///< the .deb files and the bundle
inline fs::path arm_root() { return named_by("ATOLL_BOARD_ROOT"); }            ///< of scripts/aarch64/root.sh
inline fs::path arm_stand_ins() { return named_by("ATOLL_BOARD_STAND_INS"); }  ///< tests/stand_in for aarch64

/// The only file in packages() with this end of its name.
inline fs::path package(const std::string& end) {
  fs::path found;
  for (const auto& entry : fs::directory_iterator(packages()))
    if (entry.path().filename().string().ends_with(end)) {
      EXPECT_TRUE(found.empty()) << found << " and " << entry.path();
      found = entry.path();
    }
  EXPECT_FALSE(found.empty()) << "no file *" << end << " in " << packages();
  return found;
}

/// QEMU takes minutes where a processor takes seconds.
inline ProcessResult execute(const std::vector<std::string>& argv,
                             const std::vector<std::pair<std::string, std::string>>& environment = {}) {
  ProcessOptions options;
  options.limit = std::chrono::minutes(10);
  options.environment = environment;
  auto result = run_process(argv, options);
  EXPECT_TRUE(result) << argv[0];
  return result ? std::move(*result) : ProcessResult{.status = -1};
}

inline std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace atl::board
