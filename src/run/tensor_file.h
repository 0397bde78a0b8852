// Tensor files: NumPy's .npy and .npz, and raw bytes.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "run/nd_array.h"
#include "support/result.h"

namespace atl {

/// Reads the bytes of a .npy file, format version 1 to 3. Fortran order and big endian are brought to row-major little endian.
/// E: kTensorFile (damaged, cut off, or of a dtype that is no plain number), `what` names the file in messages.
Result<NdArray> parse_npy(std::span<const std::byte> bytes, const std::string& what);
/// The bytes of a .npy file that come before the values. bf16 is described as float32, i4 and i2 as int8: see npy_values().
Result<std::string> npy_header(const NdArray& array);
/// The array as a .npy file can hold it: bf16 widened to float32, i4 and i2 to int8, everything else as it is. E: kTensorFile
/// for strings.
Result<NdArray> npy_values(const NdArray& array);

/// Reads the bytes of a .npz file (stored or deflated members, ZIP64), in the order of its directory; names without ".npy".
/// E: kTensorFile.
Result<std::vector<NamedArray>> parse_npz(std::span<const std::byte> bytes, const std::string& what);

/// Reads a .npy file (one array with an empty name) or a .npz file, told apart by their first bytes.
/// E: kFileMissing, kFileFormat (a directory, an empty file), kTensorFile.
Result<std::vector<NamedArray>> read_tensor_file(const std::filesystem::path& path);
/// Reads a file that holds nothing but the values of one array. E: kFileMissing, kTensorFile (another number of bytes).
Result<NdArray> read_raw(const std::filesystem::path& path, ElementType dtype, std::vector<int64_t> shape);

/// Writes one array as .npy (version 1.0). The file appears whole or not at all. E: kWrite, kTensorFile.
Status write_npy(const std::filesystem::path& path, const NdArray& array);
/// Writes arrays as an uncompressed .npz with the same bytes for the same arrays. E: kWrite, kTensorFile (a name twice).
Status write_npz(const std::filesystem::path& path, std::span<const NamedArray> arrays);
/// By the ending: .npz; .npy and .bin or .raw for a single array. E: kUsage for another ending or for several arrays, and as
/// above.
Status write_tensor_file(const std::filesystem::path& path, std::span<const NamedArray> arrays);

}  // namespace atl
