// Any bytes as an archive: directory, entries, and whatever program or tensors they hold.
#include <cstddef>
#include <cstdint>
#include <string>

#include "read/archive.h"
#include "read/old_pt2.h"
#include "read/pickle.h"
#include "read/pt2.h"
#include "read/sniff.h"

namespace {

/// Touches every byte, so that the sanitizer sees a view that leaves its memory.
size_t sum(const atl::Blob& blob) {
  size_t total = 0;
  for (std::byte b : blob.bytes) total += static_cast<size_t>(b);
  return total;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto owner = std::make_shared<const std::string>(reinterpret_cast<const char*>(data), size);
  const auto archive = atl::Archive::open({.bytes = std::as_bytes(std::span(*owner)), .owner = owner, .slack = 0}, "fuzz");
  if (!archive) return 0;
  volatile size_t total = 0;
  size_t budget = size_t{16} << 20;  // keeps inputs that inflate a lot from taking all the time
  for (const auto& entry : archive->entries()) {
    if (entry.size > budget) break;
    budget -= entry.size;
    if (const auto blob = archive->view(entry)) total = total + sum(*blob);
    (void)archive->read(entry);
  }
  (void)atl::sniff(*archive);
  const auto touch = [&](const atl::Result<atl::SourceProgram>& program) {
    if (!program && program.error().is_bug()) __builtin_trap();
    if (!program) return;
    for (const auto& tensor : program->tensors) {
      const auto& t = tensor.data;
      if (t.is_contiguous()) total = total + sum({t.contiguous_bytes(), t.owner, 0});
    }
  };
  touch(atl::read_pt2(*archive));
  touch(atl::read_old_pt2(*archive));
  (void)atl::read_torch_save(*archive);
  return 0;
}
