#include "run/tensor_file.h"

#include <sys/stat.h>

#include <map>

#include "runtime.h"
#include "support/atomic_file.h"

namespace atl {
namespace {

std::span<const std::byte> as_bytes(const std::string& s) { return std::as_bytes(std::span(s.data(), s.size())); }

std::string npy(const std::string& dict, const std::string& values) {
  std::string header = std::string("\x93NUMPY\1\0", 8);
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict + values;
}

std::vector<double> numbers(const NdArray& a) {
  std::vector<double> v;
  auto add = [&](auto values) { v.assign(values.begin(), values.end()); };
  switch (a.dtype) {
    case ElementType::kF32:
      add(a.values<float>());
      break;
    case ElementType::kF64:
      add(a.values<double>());
      break;
    case ElementType::kI8:
      add(a.values<int8_t>());
      break;
    case ElementType::kI16:
      add(a.values<int16_t>());
      break;
    case ElementType::kI32:
      add(a.values<int32_t>());
      break;
    case ElementType::kI64:
      add(a.values<int64_t>());
      break;
    case ElementType::kU8:
      add(a.values<uint8_t>());
      break;
    case ElementType::kU16:
      add(a.values<uint16_t>());
      break;
    case ElementType::kU32:
      add(a.values<uint32_t>());
      break;
    case ElementType::kU64:
      add(a.values<uint64_t>());
      break;
    default:
      break;
  }
  return v;
}

std::vector<double> counted(size_t n) {
  std::vector<double> v(n);
  for (size_t i = 0; i < n; ++i) v[i] = static_cast<double>(i);
  return v;
}

TEST(TensorFile, ReadsWhatNumPyWrites) {
  for (const char* archive : {"stored.npz", "deflated.npz"}) {
    auto arrays = read_tensor_file(data_file(archive));
    ASSERT_TRUE(arrays) << format(arrays.error());
    std::map<std::string, NdArray> by_name;
    for (const NamedArray& a : *arrays) by_name[a.name] = a.array;
    const std::map<std::string, ElementType> types = {
        {"f4", ElementType::kF32}, {"f8", ElementType::kF64}, {"i1", ElementType::kI8}, {"i2", ElementType::kI16},
        {"i4", ElementType::kI32}, {"i8", ElementType::kI64}, {"u1", ElementType::kU8}, {"u2", ElementType::kU16},
        {"u4", ElementType::kU32}, {"u8", ElementType::kU64}};
    for (const auto& [name, type] : types) {
      EXPECT_EQ(by_name[name].dtype, type) << name;
      EXPECT_EQ(by_name[name].shape, (std::vector<int64_t>{2, 3, 4})) << name;
      EXPECT_EQ(numbers(by_name[name]), counted(24)) << name;
    }
    EXPECT_EQ(by_name["bool"].bytes[0], std::byte{0});
    EXPECT_EQ(by_name["bool"].bytes[23], std::byte{1});
    EXPECT_EQ(by_name["f2"].values<uint16_t>()[1], 0x3c00);
    EXPECT_EQ(by_name["c8"].values<float>()[46], 23.f);
    EXPECT_EQ(by_name["c16"].dtype, ElementType::kC128);
    EXPECT_EQ(by_name["scalar"].text(), "f32 scalar");
    EXPECT_EQ(by_name["empty"].text(), "f32[0x3]");
    EXPECT_EQ(arrays->size(), 16u);
  }
}

TEST(TensorFile, BringsArraysToRowMajorLittleEndian) {
  for (const char* name : {"fortran.npy", "big_endian.npy", "version2.npy"}) {
    auto arrays = read_tensor_file(data_file(name));
    ASSERT_TRUE(arrays) << format(arrays.error());
    ASSERT_EQ(arrays->size(), 1u);
    EXPECT_EQ(arrays->front().name, "");
    EXPECT_EQ(arrays->front().array.shape, (std::vector<int64_t>{2, 3, 4}));
    EXPECT_EQ(numbers(arrays->front().array), counted(24)) << name;
  }
  auto half = read_tensor_file(data_file("version3.npy"));
  ASSERT_TRUE(half) << format(half.error());
  EXPECT_EQ(half->front().array.dtype, ElementType::kF16);
}

TEST(TensorFile, WritesWhatItReads) {
  TemporaryFolder folder;
  auto arrays = *read_tensor_file(data_file("stored.npz"));
  ASSERT_TRUE(write_tensor_file(folder / "a.npz", arrays));
  auto again = read_tensor_file(folder / "a.npz");
  ASSERT_TRUE(again) << format(again.error());
  ASSERT_EQ(again->size(), arrays.size());
  for (size_t i = 0; i < arrays.size(); ++i) {
    EXPECT_EQ((*again)[i].name, arrays[i].name);
    EXPECT_EQ((*again)[i].array, arrays[i].array) << arrays[i].name;
    ASSERT_TRUE(write_npy(folder / "b.npy", arrays[i].array));
    EXPECT_EQ(read_tensor_file(folder / "b.npy")->front().array, arrays[i].array);
  }
  ASSERT_TRUE(write_npz(folder / "c.npz", arrays));
  EXPECT_EQ(bytes_of(folder / "a.npz"), bytes_of(folder / "c.npz"));
}

TEST(TensorFile, WidensTypesThatNumPyLacks) {
  NdArray bf16 = array_of<uint16_t>(ElementType::kBF16, {2}, {0x3f80, 0xc040});
  EXPECT_EQ(values_of<float>(*npy_values(bf16)), (std::vector<float>{1, -3}));
  NdArray i4 = array_of<uint8_t>(ElementType::kI4, {3}, {0x7f, 0x08});
  EXPECT_EQ(values_of<int8_t>(*npy_values(i4)), (std::vector<int8_t>{-1, 7, -8}));
  NdArray i2 = array_of<uint8_t>(ElementType::kI2, {4}, {0b01101100});
  EXPECT_EQ(values_of<int8_t>(*npy_values(i2)), (std::vector<int8_t>{0, -1, -2, 1}));
  EXPECT_NE(npy_header(i4)->find("'|i1'"), std::string::npos);
  EXPECT_EQ(npy_header(NdArray{ElementType::kString, {1}, {}}).error().code, Code::kTensorFile);
}

TEST(TensorFile, ReadsRawBytes) {
  TemporaryFolder folder;
  NdArray a = array_of<float>(ElementType::kF32, {2, 3}, {1, 2, 3, 4, 5, 6});
  std::vector<NamedArray> list = {{"x", a}};
  ASSERT_TRUE(write_tensor_file(folder / "x.bin", list));
  auto raw = read_raw(folder / "x.bin", ElementType::kF32, {3, 2});
  ASSERT_TRUE(raw) << format(raw.error());
  EXPECT_EQ(raw->bytes, a.bytes);
  auto wrong = read_raw(folder / "x.bin", ElementType::kF32, {2, 4});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().what, "'" + (folder / "x.bin").string() + "' holds 24 bytes, f32[2x4] needs 32");
  list.push_back({"y", a});
  EXPECT_EQ(write_tensor_file(folder / "two.npy", list).error().what,
            "'" + (folder / "two.npy").string() + "' holds one tensor, there are 2");
  EXPECT_EQ(write_tensor_file(folder / "x.txt", list).error().code, Code::kUsage);
  list[1].name = "x";
  EXPECT_EQ(write_tensor_file(folder / "x.npz", list).error().code, Code::kTensorFile);
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(TensorFile, RefusesWhatIsNoPlainArray) {
  auto what = [](const std::string& file) {
    auto array = parse_npy(as_bytes(file), "f");
    return array ? "accepted" : array.error().what;
  };
  EXPECT_EQ(read_tensor_file(data_file("object.npy")).error().hint,
            "convert it in Python, for example with x.astype('float32')");
  EXPECT_EQ(read_tensor_file(data_file("rgb.png")).error().code, Code::kTensorFile);
  EXPECT_EQ(read_tensor_file(data_file("nothing")).error().code, Code::kFileMissing);
  EXPECT_EQ(what("PK"), "f: not a .npy file: it does not begin with '\\x93NUMPY'");
  EXPECT_EQ(what(std::string("\x93NUMPY\1\0\xff\xff{", 11)), "f: the file ends within its header");
  EXPECT_EQ(what(std::string("\x93NUMPY\7\0\1\0{}}}", 14)), "f: format version 7 is not known (1 to 3 are)");
  EXPECT_EQ(what(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", "1234")),
            "f: f32[2x3] needs 24 bytes of values, the file holds 4");
  EXPECT_EQ(what(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 8), }", "1234")),
            "f: f32[4611686018427387904x8] needs too many bytes of values, the file holds 4");
  for (const char* dict :
       {"", "{", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}"}) {
    EXPECT_EQ(what(npy(dict, "1234")), "f: the header is not a description of a plain array") << dict;
  }
  EXPECT_EQ(what(npy("{'shape': (1,), \"fortran_order\": False, 'descr': '<f4'}", "1234")), "accepted");
}

TEST(TensorFile, SurvivesDamagedFiles) {
  for (const char* name : {"stored.npz", "deflated.npz", "fortran.npy"}) {
    auto whole = bytes_of(data_file(name));
    auto parse = [&](std::span<const std::byte> bytes) {
      return std::string_view(name).ends_with("npz") ? parse_npz(bytes, "f").operator bool()
                                                     : parse_npy(bytes, "f").operator bool();
    };
    for (size_t length = 0; length < whole.size(); ++length)
      EXPECT_FALSE(parse(std::span(whole).first(length))) << name << " " << length;
    uint32_t random = 1;
    for (size_t at = 0; at < whole.size(); ++at) {
      auto changed = whole;
      random = random * 1664525 + 1013904223;
      changed[at] ^= static_cast<std::byte>(1 + random % 255);
      parse(changed);  // must neither crash nor take long
    }
  }
}

TEST(AtomicFile, AppearsWholeOrNotAtAll) {
  TemporaryFolder folder;
  {
    auto file = AtomicFile::create(folder / "a");
    ASSERT_TRUE(file) << format(file.error());
    ASSERT_TRUE(file->write(std::string(1 << 20, 'x')));
    ASSERT_TRUE(file->write("end"));
    EXPECT_EQ(file->size(), (1u << 20) + 3);
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  }
  EXPECT_EQ(folder.entries(), 0u);
  ASSERT_TRUE(write_file(folder / "a", as_bytes("first")));
  chmod((folder / "a").c_str(), 0640);
  {
    auto file = AtomicFile::create(folder / "a");
    ASSERT_TRUE(file->write("second"));
    AtomicFile moved = std::move(*file);
    EXPECT_EQ(bytes_of(folder / "a").size(), 5u);
    ASSERT_TRUE(moved.commit());
    EXPECT_FALSE(moved.commit());
    EXPECT_FALSE(moved.write("late"));
  }
  EXPECT_EQ(bytes_of(folder / "a").size(), 6u);
  struct stat info {};
  stat((folder / "a").c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(AtomicFile, FollowsLinksAndWritesDevices) {
  TemporaryFolder folder;
  ASSERT_TRUE(write_file(folder / "real", as_bytes("1")));
  std::filesystem::create_symlink(folder / "real", folder / "link");
  ASSERT_TRUE(write_file(folder / "link", as_bytes("22")));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(bytes_of(folder / "real").size(), 2u);
  ASSERT_TRUE(write_file("/dev/null", as_bytes("gone")));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(AtomicFile, SaysWhyItCannotWrite) {
  TemporaryFolder folder;
  auto directory = AtomicFile::create(folder.path());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, Code::kWrite);
  EXPECT_EQ(directory.error().what, "cannot write '" + folder.path().string() + "': Is a directory");
  auto missing = AtomicFile::create(folder / "no/such/file");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().hint, "create the folder first: mkdir -p '" + (folder / "no/such").string() + "'");
  EXPECT_FALSE(AtomicFile::create(""));
  EXPECT_FALSE(AtomicFile::create(folder / "new/"));
  if (std::filesystem::exists("/dev/full")) {
    auto full = write_file("/dev/full", as_bytes("x"));
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().what, "cannot write '/dev/full': No space left on device");
    EXPECT_EQ(full.error().hint, "free some space, or write to another disk");
  }
}

}  // namespace
}  // namespace atl
