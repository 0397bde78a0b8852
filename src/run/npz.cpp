// The .npz format: a ZIP archive with one .npy file for each array.
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "run/tensor_file.h"
#include "support/atomic_file.h"

namespace atl {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr uint32_t kMax32 = 0xffffffff;
constexpr size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kLocatorBytes = 20, kEnd64Bytes = 56;
constexpr uint64_t kMaxDeflateRatio = 1032;  // no deflate stream expands further

Error bad(const std::string& what, const std::string& why) {
  return error(Code::kTensorFile, fmt::format("{}: {}", what, why));
}

using Bytes = std::span<const std::byte>;

// A little-endian number; callers have checked the range.
template <class T>
T number(Bytes b, size_t at) {
  T value;
  std::memcpy(&value, b.data() + at, sizeof(T));
  return value;
}

struct Entry {
  std::string name;
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0;
  uint64_t packed = 0, size = 0, offset = 0;
};

struct Directory {
  uint64_t offset = 0, size = 0, count = 0;
};

Result<Directory> find_directory(Bytes b, const std::string& what) {
  size_t lowest = b.size() > kEndBytes + 0xffff ? b.size() - kEndBytes - 0xffff : 0;
  for (size_t at = b.size() < kEndBytes ? 0 : b.size() - kEndBytes + 1; at-- > lowest;) {
    if (number<uint32_t>(b, at) != kEnd || number<uint16_t>(b, at + 20) != b.size() - at - kEndBytes) continue;
    Directory d{number<uint32_t>(b, at + 16), number<uint32_t>(b, at + 12), number<uint16_t>(b, at + 10)};
    if (at >= kLocatorBytes && number<uint32_t>(b, at - kLocatorBytes) == kLocator64) {
      auto end64 = number<uint64_t>(b, at - kLocatorBytes + 8);
      if (b.size() < kEnd64Bytes || end64 > b.size() - kEnd64Bytes || number<uint32_t>(b, end64) != kEnd64) {
        return bad(what, "the archive's directory lies outside the file");
      }
      d = {number<uint64_t>(b, end64 + 48), number<uint64_t>(b, end64 + 40), number<uint64_t>(b, end64 + 32)};
    }
    if (d.offset > at || d.size > at - d.offset) return bad(what, "the archive's directory lies outside the file");
    return d;
  }
  return bad(what, "the archive has no directory (the file may have been cut off)");
}

// The ZIP64 field holds those of size, packed size and offset that do not fit 32 bits, in this order.
bool read_zip64(Bytes extra, Entry& e) {
  uint64_t* wanted[] = {&e.size, &e.packed, &e.offset};
  bool needed = std::any_of(std::begin(wanted), std::end(wanted), [](const uint64_t* v) { return *v == kMax32; });
  while (needed && extra.size() >= 4) {
    size_t length = number<uint16_t>(extra, 2);
    if (length > extra.size() - 4) return false;
    if (number<uint16_t>(extra, 0) == 1) {
      size_t at = 4;
      for (uint64_t* v : wanted) {
        if (*v != kMax32) continue;
        if (at + 8 > 4 + length) return false;
        *v = number<uint64_t>(extra, at);
        at += 8;
      }
      return true;
    }
    extra = extra.subspan(4 + length);
  }
  return !needed;
}

Result<std::vector<Entry>> read_directory(Bytes b, const std::string& what) {
  TRY(Directory d, find_directory(b, what));
  Bytes rest = b.subspan(d.offset, d.size);
  std::vector<Entry> entries;
  uint64_t total = 0;
  for (uint64_t i = 0; i < d.count; ++i) {
    if (rest.size() < kCentralBytes || number<uint32_t>(rest, 0) != kCentral)
      return bad(what, "the archive's directory is damaged");
    size_t name = number<uint16_t>(rest, 28), extra = number<uint16_t>(rest, 30), comment = number<uint16_t>(rest, 32);
    if (rest.size() - kCentralBytes < name + extra + comment) return bad(what, "the archive's directory is damaged");
    Entry e;
    e.name.assign(reinterpret_cast<const char*>(rest.data()) + kCentralBytes, name);
    e.flags = number<uint16_t>(rest, 8);
    e.method = number<uint16_t>(rest, 10);
    e.crc = number<uint32_t>(rest, 16);
    e.packed = number<uint32_t>(rest, 20);
    e.size = number<uint32_t>(rest, 24);
    e.offset = number<uint32_t>(rest, 42);
    if (!read_zip64(rest.subspan(kCentralBytes + name, extra), e))
      return bad(what, fmt::format("the entry of '{}' is damaged", e.name));
    // Members that share bytes would let a small file unfold to any size.
    if (e.packed > b.size() || (total += e.packed) > b.size())
      return bad(what, "its members claim more bytes than the file has");
    rest = rest.subspan(kCentralBytes + name + extra + comment);
    entries.push_back(std::move(e));
  }
  return entries;
}

Result<Bytes> packed_bytes(Bytes b, const Entry& e, const std::string& what) {
  if (b.size() < kLocalBytes || e.offset > b.size() - kLocalBytes || number<uint32_t>(b, e.offset) != kLocal) {
    return bad(what, "its header is not where the directory says");
  }
  size_t begin = e.offset + kLocalBytes + number<uint16_t>(b, e.offset + 26) + number<uint16_t>(b, e.offset + 28);
  if (begin > b.size() || e.packed > b.size() - begin) return bad(what, "it lies partly outside the file");
  return b.subspan(begin, e.packed);
}

Result<std::vector<std::byte>> inflated(Bytes packed, uint64_t size, const std::string& what) {
  if (size > packed.size() * kMaxDeflateRatio + 64) return bad(what, "its size is a lie");
  std::vector<std::byte> out(size);
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return bad(what, "zlib cannot start");
  size_t in_left = packed.size(), out_left = out.size();
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  int code = Z_OK;
  while (code == Z_OK) {
    auto in = static_cast<uInt>(std::min<size_t>(in_left, 1u << 30)),
         room = static_cast<uInt>(std::min<size_t>(out_left, 1u << 30));
    z.avail_in = in;
    z.avail_out = room;
    code = inflate(&z, Z_NO_FLUSH);
    in_left -= in - z.avail_in;
    out_left -= room - z.avail_out;
    if (code == Z_OK && z.avail_in == in && z.avail_out == room) code = Z_BUF_ERROR;
  }
  inflateEnd(&z);
  if (code != Z_STREAM_END || out_left != 0) return bad(what, "its compressed bytes are damaged");
  return out;
}

uint32_t crc_of(uint32_t start, Bytes b) {
  if (b.empty()) return start;  // zlib takes a null pointer as a request for the initial value
  return static_cast<uint32_t>(crc32_z(start, reinterpret_cast<const Bytef*>(b.data()), b.size()));
}

// ---------------------------------------------------------------- writing

void put16(std::string& s, uint64_t v) { s.append({static_cast<char>(v & 0xff), static_cast<char>(v >> 8 & 0xff)}); }
void put32(std::string& s, uint64_t v) {
  put16(s, v);
  put16(s, v >> 16);
}
void put64(std::string& s, uint64_t v) {
  put32(s, v);
  put32(s, v >> 32);
}

// The fields that the local and the central header share, from the version needed to the length of the name.
void put_common(std::string& s, const Entry& e, bool zip64) {
  put16(s, zip64 ? 45 : 20);
  put16(s, e.flags);
  put16(s, 0);       // stored
  put16(s, 0);       // midnight
  put16(s, 0x0021);  // of 1 January 1980, so that equal arrays give equal files
  put32(s, e.crc);
  put32(s, zip64 ? kMax32 : e.size);
  put32(s, zip64 ? kMax32 : e.size);
  put16(s, e.name.size());
}

std::string local_header(const Entry& e) {
  bool zip64 = e.size >= kMax32;
  std::string s;
  put32(s, kLocal);
  put_common(s, e, zip64);
  put16(s, zip64 ? 20 : 0);
  s += e.name;
  if (zip64) {
    put16(s, 1);
    put16(s, 16);
    put64(s, e.size);
    put64(s, e.size);
  }
  return s;
}

std::string central_header(const Entry& e) {
  bool zip64 = e.size >= kMax32 || e.offset >= kMax32;
  std::string s;
  put32(s, kCentral);
  put16(s, zip64 ? 45 : 20);
  put_common(s, e, zip64);
  put16(s, zip64 ? 28 : 0);
  put16(s, 0);  // comment
  put16(s, 0);  // disk
  put16(s, 0);  // internal attributes
  put32(s, 0);  // external attributes
  put32(s, zip64 ? kMax32 : e.offset);
  s += e.name;
  if (zip64) {
    put16(s, 1);
    put16(s, 24);
    put64(s, e.size);
    put64(s, e.size);
    put64(s, e.offset);
  }
  return s;
}

std::string end_of_directory(uint64_t offset, uint64_t size, uint64_t count) {
  std::string s;
  if (offset >= kMax32 || size >= kMax32 || count >= 0xffff) {
    put32(s, kEnd64);
    put64(s, kEnd64Bytes - 12);
    put16(s, 45);
    put16(s, 45);
    put32(s, 0);
    put32(s, 0);
    put64(s, count);
    put64(s, count);
    put64(s, size);
    put64(s, offset);
    put32(s, kLocator64);
    put32(s, 0);
    put64(s, offset + size);
    put32(s, 1);
  }
  put32(s, kEnd);
  put32(s, 0);
  put16(s, std::min<uint64_t>(count, 0xffff));
  put16(s, std::min<uint64_t>(count, 0xffff));
  put32(s, std::min<uint64_t>(size, kMax32));
  put32(s, std::min<uint64_t>(offset, kMax32));
  put16(s, 0);
  return s;
}

}  // namespace

Result<std::vector<NamedArray>> parse_npz(std::span<const std::byte> bytes, const std::string& what) {
  TRY(auto entries, read_directory(bytes, what));
  std::vector<NamedArray> arrays;
  std::set<std::string> names;
  for (const Entry& e : entries) {
    std::string member = fmt::format("{}, member '{}'", what, e.name);
    std::string name = e.name.ends_with(".npy") ? e.name.substr(0, e.name.size() - 4) : e.name;
    if (!names.insert(name).second) return bad(member, "there are two of this name");
    if ((e.flags & 1) != 0) return bad(member, "it is encrypted");
    if (e.method != 0 && e.method != 8) return bad(member, fmt::format("compression method {} is not read here", e.method));
    TRY(Bytes packed, packed_bytes(bytes, e, member));
    std::vector<std::byte> unpacked;
    Bytes content = packed;
    if (e.method == 8) {
      TRY(unpacked, inflated(packed, e.size, member));
      content = unpacked;
    } else if (e.size != e.packed) {
      return bad(member, "its size is a lie");
    }
    if (crc_of(0, content) != e.crc) return bad(member, "its checksum is wrong");
    TRY(NdArray array, parse_npy(content, member));
    arrays.push_back({std::move(name), std::move(array)});
  }
  return arrays;
}

Status write_npz(const std::filesystem::path& path, std::span<const NamedArray> arrays) {
  std::set<std::string> names;
  for (const NamedArray& a : arrays) {
    if (!names.insert(a.name).second)
      return bad(fmt::format("'{}'", path.string()), fmt::format("two arrays are called '{}'", a.name));
    if (a.name.size() > 0xff00) return bad(fmt::format("'{}'", path.string()), "an array's name is too long");
  }
  TRY(auto file, AtomicFile::create(path));
  std::string directory;
  for (const NamedArray& a : arrays) {
    TRY(std::string header, npy_header(a.array));
    TRY(NdArray values, npy_values(a.array));
    Entry e;
    e.name = a.name + ".npy";
    bool ascii = std::all_of(e.name.begin(), e.name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    e.flags = ascii ? 0 : 1 << 11;  // the name is UTF-8
    e.crc = crc_of(crc_of(0, std::as_bytes(std::span(header))), values.bytes);
    e.size = e.packed = header.size() + values.bytes.size();
    e.offset = file.size();
    TRY_STATUS(file.write(local_header(e)));
    TRY_STATUS(file.write(header));
    TRY_STATUS(file.write(values.bytes));
    directory += central_header(e);
  }
  uint64_t offset = file.size();
  TRY_STATUS(file.write(directory));
  TRY_STATUS(file.write(end_of_directory(offset, directory.size(), arrays.size())));
  return file.commit();
}

}  // namespace atl
