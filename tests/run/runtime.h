// What the tests of src/run share: LiteRT where it is installed, and the committed files.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "run/compiled_model.h"

namespace atl {

inline std::filesystem::path data_file(const std::string& name) {
  return std::filesystem::path(ATOLL_SOURCE_DIR) / "tests" / "run" / "data" / name;
}

inline std::filesystem::path shared_file(const std::string& name) {
  return std::filesystem::path(ATOLL_SOURCE_DIR) / ".." / "shared" / name;
}

inline std::vector<std::byte> bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> chars((std::istreambuf_iterator<char>(file)), {});
  auto bytes = std::as_bytes(std::span(chars));
  return {bytes.begin(), bytes.end()};
}

template <class T>
NdArray array_of(ElementType dtype, std::vector<int64_t> shape, const std::vector<T>& values) {
  NdArray a = *NdArray::zeros(dtype, std::move(shape));
  std::copy(values.begin(), values.end(), a.mutable_values<T>().begin());
  return a;
}

template <class T>
std::vector<T> values_of(const NdArray& a) {
  auto v = a.values<T>();
  return {v.begin(), v.end()};
}

/// A folder that is removed with its contents.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "atoll_test_XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }
  size_t entries() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
  }

 private:
  std::filesystem::path path_;
};

/// Tests that need LiteRT; skipped with the reason where it is not installed.
class RuntimeTest : public testing::Test {
 protected:
  void SetUp() override {
    auto found = LiteRtLibrary::find();
    if (!found) GTEST_SKIP() << found.error().what;
    library_ = *found;
  }
  std::shared_ptr<const LiteRtLibrary> library_;
};

}  // namespace atl
