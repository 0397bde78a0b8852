#include <png.h>

#include <cstring>

#include "run/image.h"

namespace atl {

Result<std::vector<std::byte>> encode_png(const Image& image) {
  png_image png;
  std::memset(&png, 0, sizeof png);
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::vector<std::byte> bytes(size);
  if (png_image_write_to_memory(&png, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr) == 0)
    return error(Code::kImage,
                 fmt::format("an image of {}x{} cannot be written as PNG: {}", image.width, image.height, png.message));
  bytes.resize(size);
  return bytes;
}

}  // namespace atl
