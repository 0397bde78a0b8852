// Any bytes as a .tflite file; what can be read is written, and what was written must read as the same bytes again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "tflite/reader.h"
#include "tflite/writer.h"

namespace {

using Bytes = std::vector<std::byte>;

/// Exactly as long as the input, so that the sanitizer sees every byte beyond it.
std::shared_ptr<const Bytes> copy_of(const void* data, size_t size) {
  auto bytes = std::make_shared<Bytes>(size);
  std::memcpy(bytes->data(), data, size);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto bytes = copy_of(data, size);
  const auto model = atl::read_tflite(std::span(*bytes), bytes);
  if (!model) return 0;
  const auto written = atl::serialize_tflite(*model, {.threads = 1});
  if (!written) return 0;
  const auto again = copy_of(written->data(), written->size());
  const auto back = atl::read_tflite(std::span(*again), again);
  if (!back) std::abort();
  const auto second = atl::serialize_tflite(*back, {.threads = 1});
  if (!second || *second != *written) std::abort();
  return 0;
}
