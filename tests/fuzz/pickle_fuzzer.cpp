// Any bytes as the pickle of a torch.save file.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "read/pickle.h"
#include "read/zip_builder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string code(reinterpret_cast<const char*>(data), size);
  const std::vector<atl::ZipPart> parts = {
      {.name = "archive/data.pkl", .contents = code},
      {.name = "archive/data/0", .contents = std::string(24, 'x')},
      {.name = "archive/data/1", .contents = std::string(64, 'y'), .deflate = true},
  };
  const auto pickle = atl::read_torch_save(atl::make_blob(atl::build_zip(parts)), "fuzz");
  if (!pickle && pickle.error().is_bug()) __builtin_trap();
  size_t total = 0;
  if (pickle) {
    for (const auto& value : pickle->values) {
      const auto* t = value.get<atl::StoredTensor>();
      if (!t || !t->is_contiguous()) continue;
      for (std::byte b : t->contiguous_bytes()) total += static_cast<size_t>(b);
    }
  }
  const auto bytes = std::as_bytes(std::span(code));
  (void)atl::find_foreign_global(bytes);
  (void)atl::first_pickle_size(bytes);
  volatile size_t keep = total;
  (void)keep;
  return 0;
}
