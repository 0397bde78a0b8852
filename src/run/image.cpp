#include "run/image.h"

#include <png.h>
#include <turbojpeg.h>

#include <csetjmp>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "support/mapped_file.h"

namespace atl {
namespace {

using Bytes = std::span<const std::byte>;

Error bad(const std::string& what, const std::string& why, std::string hint = {}) {
  return error(Code::kImage, fmt::format("{}: {}", what, why), std::move(hint));
}

Result<Image> make_image(int64_t width, int64_t height, const std::string& what) {
  if (width < 1 || height < 1 || width > kMaxPixels || height > kMaxPixels || width * height > kMaxPixels) {
    return bad(what, fmt::format("{} x {} pixels cannot be decoded (1 to {} are)", width, height, kMaxPixels));
  }
  Image image{static_cast<int>(width), static_cast<int>(height), {}};
  image.pixels.resize(static_cast<size_t>(width * height * 3));
  return image;
}

// ---------------------------------------------------------------- JPEG

Result<Image> decode_jpeg(Bytes bytes, const std::string& what) {
  std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), &tjDestroy);
  if (!decoder) return bad(what, "the JPEG decoder cannot start");
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, sampling = 0, colours = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &width, &height, &sampling, &colours) != 0) {
    return bad(what, fmt::format("not a JPEG image: {}", tjGetErrorStr2(decoder.get())));
  }
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) {
    return bad(what, "JPEG images in CMYK are not read here",
               "save it as RGB, for example with ImageMagick's -colorspace sRGB");
  }
  TRY(Image image, make_image(width, height, what));
  if (tjDecompress2(decoder.get(), data, bytes.size(), image.pixels.data(), width, 0, height, TJPF_RGB, 0) != 0) {
    // Warnings about stray bytes between segments are harmless; an early end is not.
    std::string message = tjGetErrorStr2(decoder.get());
    bool harmless = tjGetErrorCode(decoder.get()) == TJERR_WARNING && message.find("remature end") == std::string::npos;
    if (!harmless) return bad(what, message);
  }
  return image;
}

// ---------------------------------------------------------------- PNG

struct PngState {
  Bytes rest;
  char message[200] = "damaged";
  std::jmp_buf jump;
};

void on_png_error(png_structp png, png_const_charp message) {
  auto* state = static_cast<PngState*>(png_get_error_ptr(png));
  std::strncpy(state->message, message, sizeof state->message - 1);
  std::longjmp(state->jump, 1);
}

void on_png_warning(png_structp, png_const_charp) {}

void read_png(png_structp png, png_bytep out, size_t n) {
  auto* state = static_cast<PngState*>(png_get_io_ptr(png));
  if (n > state->rest.size()) png_error(png, "the file ends early");
  std::memcpy(out, state->rest.data(), n);
  state->rest = state->rest.subspan(n);
}

/// The two halves of decoding, each a frame that libpng's longjmp may leave: they own nothing.
bool read_png_header(png_structp png, png_infop info, PngState& state, int64_t& width, int64_t& height) {
  if (setjmp(state.jump) != 0) return false;
  png_set_user_limits(png, static_cast<png_uint_32>(kMaxPixels), static_cast<png_uint_32>(kMaxPixels));
  png_set_chunk_malloc_max(png, 8u << 20);
  png_set_read_fn(png, &state, &read_png);
  png_read_info(png, info);
  width = png_get_image_width(png, info);
  height = png_get_image_height(png, info);
  return true;
}

bool read_png_rows(png_structp png, png_infop info, PngState& state, uint8_t* pixels, png_bytep* rows) {
  if (setjmp(state.jump) != 0) return false;
  int colour = png_get_color_type(png, info);
  if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if ((colour & PNG_COLOR_MASK_COLOR) == 0) {
    png_set_expand_gray_1_2_4_to_8(png);
    png_set_gray_to_rgb(png);
  }
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  size_t stride = png_get_rowbytes(png, info);
  png_uint_32 height = png_get_image_height(png, info);
  if (stride != static_cast<size_t>(png_get_image_width(png, info)) * 3) png_error(png, "unknown colour type");
  for (png_uint_32 y = 0; y < height; ++y) rows[y] = pixels + y * stride;
  png_read_image(png, rows);
  return true;
}

Result<Image> decode_png(Bytes bytes, const std::string& what) {
  PngState state;
  state.rest = bytes;
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state, &on_png_error, &on_png_warning);
  png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
  auto destroy = [&info](png_struct* p) { png_destroy_read_struct(&p, &info, nullptr); };
  std::unique_ptr<png_struct, decltype(destroy)> owner(png, destroy);
  if (png == nullptr || info == nullptr) return bad(what, "the PNG decoder cannot start");
  int64_t width = 0, height = 0;
  if (!read_png_header(png, info, state, width, height)) return bad(what, fmt::format("PNG: {}", state.message));
  TRY(Image image, make_image(width, height, what));
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  if (!read_png_rows(png, info, state, image.pixels.data(), rows.data()))
    return bad(what, fmt::format("PNG: {}", state.message));
  return image;
}

// ---------------------------------------------------------------- BMP

template <class T>
T number(Bytes b, size_t at) {
  T value;
  std::memcpy(&value, b.data() + at, sizeof(T));
  return value;
}

struct BmpHeader {
  size_t pixels = 0, palette = 0, colours = 0;
  int64_t width = 0, height = 0;
  bool top_down = false;
  int bits = 0;
};

Result<BmpHeader> read_bmp_header(Bytes b, const std::string& what) {
  constexpr size_t kFileHeader = 14, kInfoHeader = 40;
  constexpr uint32_t kUncompressed = 0, kBitFields = 3;
  if (b.size() < kFileHeader + kInfoHeader) return bad(what, "the file ends within its header");
  BmpHeader h;
  h.pixels = number<uint32_t>(b, 10);
  size_t info = number<uint32_t>(b, 14);
  if (info < kInfoHeader || info > b.size() - kFileHeader) return bad(what, "its header is of an unknown kind");
  h.width = number<int32_t>(b, 18);
  h.height = number<int32_t>(b, 22);
  h.top_down = h.height < 0;
  if (h.top_down) h.height = -h.height;
  h.bits = number<uint16_t>(b, 28);
  auto compression = number<uint32_t>(b, 30);
  h.colours = number<uint32_t>(b, 46);
  bool plain = compression == kUncompressed && (h.bits == 8 || h.bits == 24 || h.bits == 32);
  bool usual_masks = compression == kBitFields && h.bits == 32 && b.size() >= 66 && number<uint32_t>(b, 54) == 0xff0000 &&
                     number<uint32_t>(b, 58) == 0xff00 && number<uint32_t>(b, 62) == 0xff;
  if (!plain && !usual_masks) {
    return bad(what, fmt::format("BMP with {} bits a pixel and compression {} is not read here", h.bits, compression),
               "save it as PNG or as 24-bit BMP");
  }
  h.palette = kFileHeader + info;
  if (h.bits == 8) {
    if (h.colours == 0) h.colours = 256;
    if (h.colours > 256 || h.palette + h.colours * 4 > b.size()) return bad(what, "its palette lies outside the file");
  }
  return h;
}

Result<Image> decode_bmp(Bytes b, const std::string& what) {
  TRY(BmpHeader h, read_bmp_header(b, what));
  TRY(Image image, make_image(h.width, h.height, what));
  auto width = static_cast<size_t>(h.width), height = static_cast<size_t>(h.height), each = static_cast<size_t>(h.bits) / 8;
  size_t stride = (width * each + 3) / 4 * 4;
  if (h.pixels > b.size() || stride * height > b.size() - h.pixels) return bad(what, "the file ends within its pixels");
  for (size_t y = 0; y < height; ++y) {
    const std::byte* from = b.data() + h.pixels + (h.top_down ? y : height - 1 - y) * stride;
    uint8_t* to = image.pixels.data() + y * width * 3;
    for (size_t x = 0; x < width; ++x, from += each, to += 3) {
      const std::byte* bgr = from;
      if (h.bits == 8) {
        auto index = std::to_integer<size_t>(*from);
        if (index >= h.colours) return bad(what, "a pixel names a colour outside the palette");
        bgr = b.data() + h.palette + index * 4;
      }
      for (int c = 0; c < 3; ++c) to[c] = std::to_integer<uint8_t>(bgr[2 - c]);
    }
  }
  return image;
}

enum class Format { kJpeg, kPng, kBmp };

std::optional<Format> format_of(Bytes bytes) {
  std::string_view head(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 8));
  if (head.starts_with("\xff\xd8\xff")) return Format::kJpeg;
  if (head.starts_with("\x89PNG\r\n\x1a\n")) return Format::kPng;
  if (head.starts_with("BM")) return Format::kBmp;
  return std::nullopt;
}

}  // namespace

bool is_image(std::span<const std::byte> bytes) { return format_of(bytes).has_value(); }

Result<Image> decode_image(std::span<const std::byte> bytes, const std::string& what) {
  auto format = format_of(bytes);
  if (!format) return bad(what, "not a JPEG, PNG or BMP image");
  switch (*format) {
    case Format::kJpeg:
      return decode_jpeg(bytes, what);
    case Format::kPng:
      return decode_png(bytes, what);
    case Format::kBmp:
      break;
  }
  return decode_bmp(bytes, what);
}

Result<Image> read_image(const std::filesystem::path& path) {
  TRY(auto file, MappedFile::open(path.string()));
  return decode_image(file->bytes(), fmt::format("'{}'", path.string()));
}

}  // namespace atl
