// Builds zip archives for the tests, honest ones and lying ones.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "read/archive.h"

namespace atl {

/// One entry. The numbers may be changed to lie; the defaults are the truth.
struct ZipPart {
  std::string name;
  std::string contents;
  bool deflate = false;
  int64_t directory_size = -1;  ///< in the directory, instead of the true size (both of them for a stored entry)
  int64_t inflated_size = -1;   ///< in directory and header, instead of the true size before compression
  int64_t header_offset = -1;   ///< in the directory
  int64_t crc = -1;
  std::string header_name = {};  ///< in the local header, instead of `name`
  int flags = 0;
  int method = -1;
  bool zip64 = false;  ///< sizes and offset in a zip64 field
};

inline void put(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}

inline std::string deflated(const std::string& text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

/// The bytes of an archive. With `zip64` the end record is a zip64 one.
inline std::string build_zip(const std::vector<ZipPart>& parts, bool zip64 = false) {
  std::string out, directory;
  for (const ZipPart& part : parts) {
    const std::string data = part.deflate ? deflated(part.contents) : part.contents;
    const auto crc =
        part.crc >= 0 ? static_cast<uint64_t>(part.crc)
                      : crc32(0, reinterpret_cast<const Bytef*>(part.contents.data()), static_cast<uInt>(part.contents.size()));
    const uint64_t stored = part.directory_size >= 0 ? static_cast<uint64_t>(part.directory_size) : data.size();
    uint64_t size = part.inflated_size >= 0 ? static_cast<uint64_t>(part.inflated_size) : part.contents.size();
    if (part.directory_size >= 0 && !part.deflate) size = stored;
    const uint64_t offset = part.header_offset >= 0 ? static_cast<uint64_t>(part.header_offset) : out.size();
    const int method = part.method >= 0 ? part.method : part.deflate ? 8 : 0;
    const std::string& header_name = part.header_name.empty() ? part.name : part.header_name;
    std::string extra;
    if (part.zip64) {
      put(extra, 1, 2), put(extra, 24, 2), put(extra, size, 8), put(extra, stored, 8), put(extra, offset, 8);
    }
    directory += "PK\x01\x02";
    put(directory, 45, 2), put(directory, 45, 2), put(directory, part.flags, 2), put(directory, method, 2),
        put(directory, 0, 4);
    put(directory, crc, 4), put(directory, part.zip64 ? 0xFFFFFFFF : stored, 4),
        put(directory, part.zip64 ? 0xFFFFFFFF : size, 4);
    put(directory, part.name.size(), 2), put(directory, extra.size(), 2), put(directory, 0, 2), put(directory, 0, 8);
    put(directory, part.zip64 ? 0xFFFFFFFF : offset, 4);
    directory += part.name + extra;
    out += "PK\x03\x04";
    put(out, 45, 2), put(out, part.flags, 2), put(out, method, 2), put(out, 0, 4), put(out, crc, 4);
    put(out, data.size(), 4), put(out, part.inflated_size >= 0 ? size : part.contents.size(), 4);
    put(out, header_name.size(), 2), put(out, 0, 2);
    out += header_name + data;
  }
  const uint64_t offset = out.size();
  out += directory;
  if (zip64) {
    const uint64_t end = out.size();
    out += "PK\x06\x06";
    put(out, 44, 8), put(out, 45, 2), put(out, 45, 2), put(out, 0, 8);
    put(out, parts.size(), 8), put(out, parts.size(), 8), put(out, directory.size(), 8), put(out, offset, 8);
    out += "PK\x06\x07";
    put(out, 0, 4), put(out, end, 8), put(out, 1, 4);
  }
  out += "PK\x05\x06";
  put(out, 0, 4), put(out, parts.size(), 2), put(out, parts.size(), 2), put(out, zip64 ? 0xFFFFFFFF : directory.size(), 4);
  put(out, zip64 ? 0xFFFFFFFF : offset, 4), put(out, 0, 2);
  return out;
}

/// The bytes as a blob that owns them.
inline Blob make_blob(std::string text) {
  const auto owner = std::make_shared<const std::string>(std::move(text));
  return {.bytes = std::as_bytes(std::span(*owner)), .owner = owner, .slack = 0};
}

inline std::string read_whole_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string fixture(const std::string& name) { return std::string(ATOLL_SOURCE_DIR) + "/tests/read/fixtures/" + name; }

/// The entries of an archive file as parts, without their top folder, to be changed and built again.
inline std::vector<ZipPart> take_apart(const std::string& path) {
  const auto archive = Archive::open(make_blob(read_whole_file(path)), path);
  std::vector<ZipPart> parts;
  if (!archive) return parts;
  for (const auto& entry : archive->entries()) {
    parts.push_back({.name = std::string(entry.name), .contents = std::string(archive->view(entry)->text())});
  }
  return parts;
}

}  // namespace atl
