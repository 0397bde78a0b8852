#include "data/dataset.h"

#include <algorithm>

#include "data/file_datasets.h"
#include "support/mapped_file.h"

namespace atl {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kKnown =
    "a folder of images (.jpg, .jpeg, .png, .bmp), with one subfolder a class or without; a folder of .npy or .npz; a .npy, "
    ".npz, .csv, "
    ".bin, .raw or image file";

Result<std::vector<fs::path>> entries_of(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code e;
  for (fs::directory_iterator it(folder, e), end; !e && it != end; it.increment(e))
    if (!it->path().filename().string().starts_with('.')) out.push_back(it->path());
  if (e) return error(Code::kFileMissing, fmt::format("the folder '{}' cannot be read: {}", folder.string(), e.message()));
  std::ranges::sort(out);
  return out;
}

std::string ending_of(const fs::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return ending;
}

bool is_image_name(const fs::path& path) {
  const std::string e = ending_of(path);
  return e == ".jpg" || e == ".jpeg" || e == ".png" || e == ".bmp";
}

bool is_array_name(const fs::path& path) { return ending_of(path) == ".npy" || ending_of(path) == ".npz"; }

// All images below a folder, as torchvision walks it: in the order of their names.
Status images_below(const fs::path& folder, std::vector<fs::path>& out) {
  TRY(const auto entries, entries_of(folder));
  for (const fs::path& entry : entries) {
    std::error_code e;
    if (fs::is_directory(entry, e)) {
      TRY_STATUS(images_below(entry, out));
    } else if (is_image_name(entry)) {
      out.push_back(entry);
    }
  }
  return {};
}

Error nothing_in(const fs::path& path, std::string_view what) {
  return error(Code::kFileFormat, fmt::format("'{}' {}", path.string(), what),
               fmt::format("examples are read from {}", kKnown));
}

Result<std::unique_ptr<Dataset>> open_folder(const fs::path& path, const DatasetOptions& options) {
  TRY(const auto entries, entries_of(path));
  std::vector<fs::path> images, arrays, folders;
  for (const fs::path& entry : entries) {
    std::error_code e;
    if (fs::is_directory(entry, e)) {
      folders.push_back(entry);
    } else if (is_image_name(entry)) {
      images.push_back(entry);
    } else if (is_array_name(entry)) {
      arrays.push_back(entry);
    }
  }
  if (!images.empty() && !arrays.empty()) return nothing_in(path, "holds images and arrays: which of them are the examples?");
  if (!arrays.empty()) return make_array_folder(path, arrays, options);
  std::vector<ImageFile> files;
  for (const fs::path& image : images) files.push_back({image, std::nullopt});
  std::vector<std::string> classes;
  for (const fs::path& folder : folders) {
    std::vector<fs::path> below;
    TRY_STATUS(images_below(folder, below));
    if (below.empty()) continue;
    if (!images.empty())
      return nothing_in(
          path, fmt::format("holds images beside the subfolder '{}': are the subfolders classes?", folder.filename().string()));
    for (const fs::path& image : below) files.push_back({image, int64_t(classes.size())});
    classes.push_back(folder.filename().string());
  }
  if (files.empty()) return nothing_in(path, entries.empty() ? "is an empty folder" : "holds no examples");
  return make_image_dataset(path, std::move(files), std::move(classes), options);
}

}  // namespace

Result<std::unique_ptr<Dataset>> open_dataset(const fs::path& path, const DatasetOptions& options) {
  std::error_code e;
  if (!fs::exists(path, e)) return error(Code::kFileMissing, fmt::format("'{}' does not exist", path.string()));
  if (fs::is_directory(path, e)) return open_folder(path, options);
  const std::string ending = ending_of(path);
  if (is_array_name(path)) return make_array_dataset(path, options);
  if (is_image_name(path)) return make_image_dataset(path.parent_path(), {{path, std::nullopt}}, {}, options);
  if (ending == ".csv") return make_csv_dataset(path, options);
  if (ending == ".bin" || ending == ".raw") return make_raw_dataset(path, options);
  return nothing_in(path, "is of no kind that is known");
}

}  // namespace atl
