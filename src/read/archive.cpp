#include "read/archive.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "read/bytes.h"

namespace atl {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view kEndMagic = "PK\x05\x06";
constexpr std::string_view kEnd64Magic = "PK\x06\x06";
constexpr std::string_view kLocator64Magic = "PK\x06\x07";
constexpr std::string_view kDirectoryMagic = "PK\x01\x02";
constexpr std::string_view kLocalMagic = "PK\x03\x04";
constexpr size_t kEndSize = 22, kEnd64Size = 56, kLocator64Size = 20, kDirectorySize = 46, kLocalSize = 30;
constexpr uint32_t kMax32 = 0xFFFFFFFF;
constexpr uint16_t kMax16 = 0xFFFF;
/// Deflate cannot do better than 1032 to 1; whoever claims more lies. What grows more than a program's texts and weights do is
/// refused before memory is given to it, once it is large.
constexpr uint64_t kDeflateRatio = 1032, kLargeRatio = 100;
constexpr uint64_t kMaxInflated = uint64_t{1} << 30, kLargeInflated = uint64_t{64} << 20;

std::string_view text(Bytes bytes, size_t offset, size_t size) {
  return {reinterpret_cast<const char*>(bytes.data()) + offset, size};
}

/// Where the directory lies, and how many entries it holds.
struct Directory {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t entries = 0;
};

/// A directory entry before its local header was looked at.
struct RawEntry {
  std::string_view name;
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0;
  uint64_t stored = 0, size = 0, header = 0;
};

class DirectoryReader {
 public:
  DirectoryReader(Bytes bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Result<Directory> find_directory() const {
    TRY(const size_t end, find_end());
    Directory d{.offset = load<uint32_t>(bytes_, end + 16),
                .size = load<uint32_t>(bytes_, end + 12),
                .entries = load<uint16_t>(bytes_, end + 10)};
    bool split = load<uint16_t>(bytes_, end + 4) != 0 || load<uint16_t>(bytes_, end + 6) != 0;
    uint64_t directory_end = end;
    if (end >= kLocator64Size && has_magic(bytes_, end - kLocator64Size, kLocator64Magic)) {
      TRY(directory_end, read_end64(end - kLocator64Size, d));
      split = false;
    }
    if (split) return lies("is one part of an archive that was split into several files");
    if (!inside(d.offset, d.size, directory_end) || d.offset + d.size != directory_end) {
      return lies(
          fmt::format("says that its directory is at {} with {} bytes, but it ends at {}", d.offset, d.size, directory_end));
    }
    if (d.entries > d.size / kDirectorySize) {
      return lies(fmt::format("says that it has {} entries, more than its directory of {} bytes can hold", d.entries, d.size));
    }
    return d;
  }

  /// Reads the directory entry at `at` and moves `at` behind it.
  Result<RawEntry> read_entry(const Directory& d, uint64_t& at) const {
    const uint64_t end = d.offset + d.size;
    if (!inside(at, kDirectorySize, end) || !has_magic(bytes_, at, kDirectoryMagic)) {
      return lies(fmt::format("has a damaged directory at byte {}", at));
    }
    const uint16_t name_size = load<uint16_t>(bytes_, at + 28);
    const uint16_t extra_size = load<uint16_t>(bytes_, at + 30);
    const uint64_t tail = uint64_t{name_size} + extra_size + load<uint16_t>(bytes_, at + 32);
    if (!inside(at + kDirectorySize, tail, end)) return lies(fmt::format("has a damaged directory at byte {}", at));
    RawEntry e{.name = text(bytes_, at + kDirectorySize, name_size),
               .flags = load<uint16_t>(bytes_, at + 8),
               .method = load<uint16_t>(bytes_, at + 10),
               .crc = load<uint32_t>(bytes_, at + 16),
               .stored = load<uint32_t>(bytes_, at + 20),
               .size = load<uint32_t>(bytes_, at + 24),
               .header = load<uint32_t>(bytes_, at + 42)};
    TRY_STATUS(check_name(e.name));
    TRY_STATUS(read_extra64(e, bytes_.subspan(at + kDirectorySize + name_size, extra_size)));
    at += kDirectorySize + tail;
    return e;
  }

  /// The offset of the entry's data, after comparing the local header with the directory.
  Result<uint64_t> find_data(const RawEntry& e, const Directory& d) const {
    if (!inside(e.header, kLocalSize, d.offset)) return lies(e, fmt::format("lies beyond the file's data, at {}", e.header));
    if (!has_magic(bytes_, e.header, kLocalMagic)) return lies(e, fmt::format("has no header at {}", e.header));
    const uint64_t names = e.header + kLocalSize;
    const uint16_t name_size = load<uint16_t>(bytes_, e.header + 26);
    const uint16_t extra_size = load<uint16_t>(bytes_, e.header + 28);
    if (!inside(names, uint64_t{name_size} + extra_size, d.offset)) return lies(e, "has a damaged header");
    if (text(bytes_, names, name_size) != e.name) return lies(e, "has another name in its header");
    if (load<uint16_t>(bytes_, e.header + 8) != e.method) return lies(e, "has another compression method in its header");
    const bool sizes_follow = (load<uint16_t>(bytes_, e.header + 6) & 8) != 0;
    const uint32_t stored = load<uint32_t>(bytes_, e.header + 18), size = load<uint32_t>(bytes_, e.header + 22);
    if (!sizes_follow && ((stored != kMax32 && stored != e.stored) || (size != kMax32 && size != e.size))) {
      return lies(e, "has another size in its header");
    }
    const uint64_t data = names + name_size + extra_size;
    if (!inside(data, e.stored, d.offset)) {
      return lies(e, fmt::format("has {} bytes at {}, beyond the data's end at {}", e.stored, data, d.offset));
    }
    return data;
  }

  Status check_kind(const RawEntry& e) const {
    if ((e.flags & 1) != 0) return lies(e, "is encrypted");
    if (e.method != 0 && e.method != 8) return lies(e, fmt::format("uses compression method {}", e.method));
    if (e.method == 0 && e.stored != e.size) {
      return lies(e, fmt::format("is stored, but its sizes differ: {} and {} bytes", e.stored, e.size));
    }
    const uint64_t ratio = e.size > kLargeInflated ? kLargeRatio : kDeflateRatio;
    if (e.method == 8 && (e.size > kMaxInflated || e.size / ratio > e.stored)) {
      return lies(e, fmt::format("claims to grow from {} to {} bytes", e.stored, e.size));
    }
    return {};
  }

  Error lies(std::string_view what) const {
    return error(Code::kArchive, fmt::format("the archive '{}' {}", name_, what), "write or copy the file again");
  }
  Error lies(const RawEntry& e, std::string_view what) const {
    return error(Code::kArchive, fmt::format("entry '{}' of the archive '{}' {}", e.name, name_, what),
                 "write or copy the file again");
  }

 private:
  /// The end record: the last bytes of the file, but for a comment.
  Result<size_t> find_end() const {
    if (bytes_.size() >= kEndSize) {
      const size_t last = bytes_.size() - kEndSize;
      const size_t first = last > kMax16 ? last - kMax16 : 0;
      for (size_t at = last + 1; at-- > first;) {
        if (has_magic(bytes_, at, kEndMagic) && load<uint16_t>(bytes_, at + 20) == last - at) return at;
      }
    }
    if (has_magic(bytes_, 0, kLocalMagic)) {
      return error(Code::kFileTruncated,
                   fmt::format("the archive '{}' ends after {} bytes, before its directory", name_, bytes_.size()),
                   "copy or download the file again");
    }
    return error(Code::kFileFormat, fmt::format("'{}' is not a zip archive", name_), "write or copy the file again");
  }

  /// Reads the zip64 end record into `d`; returns where the directory must end.
  Result<uint64_t> read_end64(uint64_t locator, Directory& d) const {
    const uint64_t end = load<uint64_t>(bytes_, locator + 8);
    if (!inside(end, kEnd64Size, locator) || !has_magic(bytes_, end, kEnd64Magic) ||
        load<uint64_t>(bytes_, end + 4) != locator - end - 12) {
      return lies("has a damaged zip64 end record");
    }
    const Directory big{.offset = load<uint64_t>(bytes_, end + 48),
                        .size = load<uint64_t>(bytes_, end + 40),
                        .entries = load<uint64_t>(bytes_, end + 32)};
    if ((d.offset != kMax32 && d.offset != big.offset) || (d.size != kMax32 && d.size != big.size) ||
        (d.entries != kMax16 && d.entries != big.entries)) {
      return lies("has two end records that contradict each other");
    }
    d = big;
    return end;
  }

  /// Takes the numbers that do not fit in 32 bits from the zip64 field.
  Status read_extra64(RawEntry& e, Bytes extra) const {
    if (e.size != kMax32 && e.stored != kMax32 && e.header != kMax32) return {};
    for (size_t at = 0; inside(at, 4, extra.size());) {
      const uint16_t id = load<uint16_t>(extra, at), size = load<uint16_t>(extra, at + 2);
      at += 4;
      if (!inside(at, size, extra.size())) break;
      if (id != 1) {
        at += size;
        continue;
      }
      const Bytes field = extra.subspan(at, size);
      size_t used = 0;
      for (uint64_t* number : {&e.size, &e.stored, &e.header}) {
        if (*number != kMax32) continue;
        if (!inside(used, 8, field.size())) return lies(e, "has a damaged zip64 field");
        *number = load<uint64_t>(field, used);
        used += 8;
      }
      return {};
    }
    return {};  // exactly 4294967295 without a zip64 field; such a number cannot fit a file of that size, which is checked
                // later
  }

  Status check_name(std::string_view entry) const {
    const auto refuse = [&](std::string_view what) {
      return error(Code::kArchive, fmt::format("the archive '{}' has an entry {}", name_, what), "write the file again");
    };
    if (entry.empty()) return refuse("without a name");
    if (entry.find('\0') != entry.npos) return refuse("whose name holds a zero byte");
    const auto is_separator = [](char c) { return c == '/' || c == '\\'; };
    if (is_separator(entry[0]) || (entry.size() > 1 && entry[1] == ':')) {
      return refuse(fmt::format("with an absolute path, '{}'", entry));
    }
    for (size_t at = 0; at <= entry.size();) {
      size_t end = at;
      while (end < entry.size() && !is_separator(entry[end])) ++end;
      const auto part = entry.substr(at, end - at);
      if (part == ".." || part == ".") return refuse(fmt::format("whose path leaves the archive, '{}'", entry));
      at = end + 1;
    }
    return {};
  }

  Bytes bytes_;
  const std::string& name_;
};

Result<Blob> inflate(Bytes from, const ArchiveEntry& entry, const std::string& archive) {
  constexpr size_t kSlack = 64;
  std::shared_ptr<std::byte[]> buffer(new (std::nothrow) std::byte[entry.size + kSlack]);
  if (!buffer)
    return error(Code::kTooLarge, fmt::format("entry '{}' of the archive '{}' does not fit in memory", entry.name, archive));
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return error(Code::kInternal, "zlib cannot be started");
  // zlib counts in 32 bits; kMaxInflated and kDeflateRatio keep `size` below that, the input may be longer and is fed in parts.
  stream.next_out = reinterpret_cast<Bytef*>(buffer.get());
  stream.avail_out = static_cast<uInt>(entry.size);
  int state = Z_OK;
  size_t used = 0;
  while (state == Z_OK && used < from.size()) {
    const size_t part = std::min<size_t>(from.size() - used, size_t{1} << 30);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(from.data() + used));
    stream.avail_in = static_cast<uInt>(part);
    state = ::inflate(&stream, Z_NO_FLUSH);
    used += part - stream.avail_in;
    if (stream.avail_in != 0) break;
  }
  const bool whole = state == Z_STREAM_END && stream.avail_out == 0 && used == from.size();
  inflateEnd(&stream);
  if (!whole) {
    return error(
        Code::kArchive,
        fmt::format("entry '{}' of the archive '{}' does not inflate to its {} bytes", entry.name, archive, entry.size),
        "write or copy the file again");
  }
  std::fill_n(buffer.get() + entry.size, kSlack, std::byte{0});
  return Blob{.bytes = {buffer.get(), entry.size}, .owner = buffer, .slack = kSlack};
}

Status check_overlaps(std::vector<std::pair<uint64_t, const RawEntry*>>& starts, const std::vector<uint64_t>& ends,
                      const std::vector<RawEntry>& raw, const DirectoryReader& reader) {
  std::sort(starts.begin(), starts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (size_t i = 1; i < starts.size(); ++i) {
    const auto previous = static_cast<size_t>(starts[i - 1].second - raw.data());
    if (ends[previous] > starts[i].first) {
      return reader.lies(*starts[i].second, fmt::format("overlaps entry '{}'", raw[previous].name));
    }
  }
  return {};
}

}  // namespace

Result<Archive> Archive::open(Blob file, std::string name) {
  Archive archive;
  archive.file_ = std::move(file);
  archive.name_ = std::move(name);
  const DirectoryReader reader(archive.file_.bytes, archive.name_);
  TRY(const Directory directory, reader.find_directory());
  std::vector<RawEntry> raw;
  raw.reserve(directory.entries);
  std::vector<uint64_t> ends;
  std::vector<std::pair<uint64_t, const RawEntry*>> starts;
  uint64_t at = directory.offset;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    TRY(raw.emplace_back(), reader.read_entry(directory, at));
    const RawEntry& e = raw.back();
    TRY_STATUS(reader.check_kind(e));
    TRY(const uint64_t data, reader.find_data(e, directory));
    starts.emplace_back(e.header, &e);
    ends.push_back(data + e.stored);
    if (e.name.back() == '/') {
      if (e.size != 0) return reader.lies(e, "is a folder with contents");
      continue;
    }
    archive.entries_.push_back({e.name, data, e.stored, e.size, e.crc, e.method == 8});
  }
  if (at != directory.offset + directory.size) return reader.lies("has more directory than entries");
  TRY_STATUS(check_overlaps(starts, ends, raw, reader));
  TRY_STATUS(archive.find_top_folder());
  return archive;
}

Status Archive::find_top_folder() {
  if (!entries_.empty()) {
    const std::string_view first = entries_[0].name;
    const size_t slash = first.find('/');
    const auto top = slash == first.npos ? std::string_view() : first.substr(0, slash + 1);
    const bool common = !top.empty() && std::all_of(entries_.begin(), entries_.end(),
                                                    [&](const auto& e) { return e.name.substr(0, top.size()) == top; });
    if (common) {
      top_folder_ = top.substr(0, slash);
      for (auto& e : entries_) e.name.remove_prefix(top.size());
    }
  }
  index_.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!index_.emplace(entries_[i].name, i).second) {
      return error(Code::kArchive, fmt::format("the archive '{}' has two entries '{}'", name_, entries_[i].name),
                   "write the file again");
    }
  }
  return {};
}

const ArchiveEntry* Archive::find(std::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &entries_[it->second];
}

Result<Blob> Archive::view(const ArchiveEntry& entry) const {
  const auto stored = file_.bytes.subspan(entry.offset, entry.stored);
  if (entry.deflated) {
    TRY(Blob blob, inflate(stored, entry, name_));
    return blob;
  }
  return Blob{stored, file_.owner, file_.bytes.size() - entry.offset - entry.stored + file_.slack};
}

Result<Blob> Archive::read(const ArchiveEntry& entry) const {
  TRY(Blob blob, view(entry));
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(blob.bytes.data()), blob.bytes.size());
  if (crc != entry.crc) {
    return error(Code::kArchive,
                 fmt::format("entry '{}' of the archive '{}' is damaged: its checksum is {:08x} instead of {:08x}", entry.name,
                             name_, crc, entry.crc),
                 "write or copy the file again");
  }
  return blob;
}

Result<Blob> Archive::read(std::string_view name) const {
  const ArchiveEntry* entry = find(name);
  if (!entry) {
    return error(Code::kArchive, fmt::format("the archive '{}' has no entry '{}'", name_, name), "write the file again");
  }
  return read(*entry);
}

}  // namespace atl
