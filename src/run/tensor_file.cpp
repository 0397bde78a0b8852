#include "run/tensor_file.h"

#include "support/atomic_file.h"
#include "support/mapped_file.h"

namespace atl {

Result<std::vector<NamedArray>> read_tensor_file(const std::filesystem::path& path) {
  TRY(auto file, MappedFile::open(path.string()));
  std::string what = fmt::format("'{}'", path.string());
  std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  if (text.starts_with("\x93NUMPY")) {
    TRY(NdArray array, parse_npy(file->bytes(), what));
    std::vector<NamedArray> arrays;
    arrays.push_back({"", std::move(array)});
    return arrays;
  }
  if (text.starts_with("PK\3\4") || text.starts_with("PK\5\6")) return parse_npz(file->bytes(), what);
  return error(Code::kTensorFile, fmt::format("{} is neither a .npy nor a .npz file", what),
               "write it with numpy.save or numpy.savez");
}

Result<NdArray> read_raw(const std::filesystem::path& path, ElementType dtype, std::vector<int64_t> shape) {
  TRY(auto file, MappedFile::open(path.string()));
  auto size = dense_bytes(dtype, shape);
  if (size != file->bytes().size()) {
    return error(Code::kTensorFile, fmt::format("'{}' holds {} bytes, {} needs {}", path.string(), file->bytes().size(),
                                                tensor_text(dtype, shape), size ? std::to_string(*size) : "another number"));
  }
  return NdArray{dtype, std::move(shape), {file->bytes().begin(), file->bytes().end()}};
}

Status write_npy(const std::filesystem::path& path, const NdArray& array) {
  TRY(std::string header, npy_header(array));
  TRY(NdArray values, npy_values(array));
  TRY(auto file, AtomicFile::create(path));
  TRY_STATUS(file.write(header));
  TRY_STATUS(file.write(values.bytes));
  return file.commit();
}

Status write_tensor_file(const std::filesystem::path& path, std::span<const NamedArray> arrays) {
  std::string ending = path.extension().string();
  if (ending == ".npz") return write_npz(path, arrays);
  bool raw = ending == ".bin" || ending == ".raw";
  if (ending != ".npy" && !raw) {
    return error(Code::kUsage, fmt::format("cannot tell from '{}' how to write the tensors", path.string()),
                 "end the name in .npz, or in .npy or .bin for a single tensor");
  }
  if (arrays.size() != 1) {
    return error(Code::kUsage, fmt::format("'{}' holds one tensor, there are {}", path.string(), arrays.size()),
                 "end the name in .npz");
  }
  return raw ? write_file(path, arrays[0].array.bytes) : write_npy(path, arrays[0].array);
}

}  // namespace atl
