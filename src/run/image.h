// Image: photos decoded to 8-bit RGB, and resized as Pillow does it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "support/result.h"

namespace atl {

/// Pixels of 8-bit RGB, row by row from the top (height x width x 3).
struct Image {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> pixels;
  uint8_t at(int x, int y, int channel) const {
    return pixels[(static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)) * 3 +
                  static_cast<size_t>(channel)];
  }
};

/// The most pixels that are decoded (8192 x 8192): a small file can claim any size.
inline constexpr int64_t kMaxPixels = int64_t{1} << 26;

/// Decodes JPEG, PNG or BMP, told apart by their first bytes. As Pillow's convert('RGB'): grey and palettes become RGB, 16 bits
/// become 8, transparency is dropped, the EXIF orientation is not applied. `what` names the file in messages. E: kImage
/// (another format, damaged, cut off, more than kMaxPixels).
Result<Image> decode_image(std::span<const std::byte> bytes, const std::string& what);
/// Reads and decodes a file. E: kFileMissing, kFileFormat, kImage.
Result<Image> read_image(const std::filesystem::path& path);
/// The image as a PNG file. E: kImage.
Result<std::vector<std::byte>> encode_png(const Image& image);
/// True for the first bytes of a JPEG, PNG or BMP file.
bool is_image(std::span<const std::byte> bytes);

/// Bilinear with antialiasing, bit for bit Pillow's Image.resize((width, height), BILINEAR), which torchvision's Resize uses on
/// photos. The sizes are at least 1 and within kMaxPixels. E: kImage.
Result<Image> resize(const Image& image, int width, int height);
/// The part of `width` x `height` around the middle, as torchvision's CenterCrop. E: kImage when the image is smaller.
Result<Image> center_crop(const Image& image, int width, int height);
/// The sides after resizing the shorter one to `side`, as torchvision's Resize(side).
std::pair<int, int> short_side_size(const Image& image, int side);

}  // namespace atl
