#include "tflite/writer.h"

#include <cstring>
#include <functional>
#include <span>

#include "support/atomic_file.h"
#include "tflite/constant_stream.h"
#include "tflite/file_layout.h"

namespace atl {
namespace {

using Sink = std::function<Status(std::span<const std::byte>)>;

Status write_layout(const FileLayout& f, int threads, const Sink& sink) {
  TRY_STATUS(sink(f.structure));
  std::vector<const Constant*> constants;
  for (const BufferEntry& e : f.entries)
    if (e.is_streamed()) constants.push_back(e.constant.get());
  ConstantStream stream(std::move(constants), threads);
  uint64_t written = f.structure.size();
  for (size_t i = 0; i < f.entries.size(); ++i) {
    const BufferEntry& e = f.entries[i];
    if (!e.is_streamed()) continue;
    // The gap before the bytes ends with the vector's length where there is one.
    std::byte gap[128] = {};
    const size_t gap_size = size_t(f.position[i] - written);
    const uint32_t length = uint32_t(e.size);
    if (f.form == BufferForm::kVector) std::memcpy(gap + gap_size - sizeof length, &length, sizeof length);
    TRY_STATUS(sink({gap, gap_size}));
    auto t = stream.next();
    if (!t) return std::move(t.error()).in(fmt::format("while evaluating constant '{}'", e.constant->name()));
    TRY_STATUS(sink({t->bytes(), size_t(e.size)}));
    written = f.position[i] + e.size;
  }
  return {};
}

WrittenFile summary(const FileLayout& f) {
  WrittenFile w{.bytes = f.total, .operators = f.operators, .tensors = f.tensors, .buffers = f.entries.size()};
  for (const BufferEntry& e : f.entries) w.constant_bytes += e.size;
  w.beyond_flatbuffer = f.form == BufferForm::kRange;
  return w;
}

}  // namespace

Result<WrittenFile> write_tflite(const Model& model, const std::string& path, const WriteOptions& options) {
  TRY(const FileLayout layout, lay_out(model, options.open_sizes, options.max_flatbuffer));
  TRY(AtomicFile file, AtomicFile::create(path));
  TRY_STATUS(write_layout(layout, options.threads, [&](std::span<const std::byte> bytes) { return file.write(bytes); }));
  TRY_STATUS(file.commit());
  return summary(layout);
}

Status check_writable(const Model& model, const WriteOptions& options) {
  TRY([[maybe_unused]] const FileLayout layout, lay_out(model, options.open_sizes, options.max_flatbuffer));
  return {};
}

Result<std::vector<std::byte>> serialize_tflite(const Model& model, const WriteOptions& options) {
  TRY(const FileLayout layout, lay_out(model, options.open_sizes, options.max_flatbuffer));
  std::vector<std::byte> out;
  out.reserve(layout.total);
  TRY_STATUS(write_layout(layout, options.threads, [&](std::span<const std::byte> bytes) -> Status {
    out.insert(out.end(), bytes.begin(), bytes.end());
    return {};
  }));
  return out;
}

}  // namespace atl
