#include "run/preprocess.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <tuple>

namespace atl {
namespace {

constexpr int kMaxSide = 1 << 16;
constexpr const char* kSpecHint = "for example 'size=320x240 mean=127 std=128'; see atoll run --help";

std::optional<double> parse_number(std::string_view s) {
  double value = 0;
  auto [end, code] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (code != std::errc() || end != s.data() + s.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<double> parse_ratio(std::string_view s) {
  size_t slash = s.find('/');
  auto first = parse_number(s.substr(0, slash));
  if (slash == std::string_view::npos || !first) return first;
  auto second = parse_number(s.substr(slash + 1));
  if (!second || *second == 0) return std::nullopt;
  return *first / *second;
}

std::optional<int> parse_side(std::string_view s) {
  int value = 0;
  auto [end, code] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (code != std::errc() || end != s.data() + s.size() || value < 1 || value > kMaxSide) return std::nullopt;
  return value;
}

std::optional<std::pair<int, int>> parse_size(std::string_view s, bool square_allowed) {
  size_t cross = s.find('x');
  auto width = parse_side(s.substr(0, cross));
  if (cross == std::string_view::npos) return width && square_allowed ? std::optional(std::pair{*width, *width}) : std::nullopt;
  auto height = parse_side(s.substr(cross + 1));
  if (!width || !height) return std::nullopt;
  return std::pair{*width, *height};
}

std::optional<std::vector<double>> parse_channels(std::string_view s) {
  std::vector<double> values;
  while (true) {
    size_t comma = s.find(',');
    auto value = parse_ratio(s.substr(0, comma));
    if (!value) return std::nullopt;
    values.push_back(*value);
    if (comma == std::string_view::npos) break;
    s.remove_prefix(comma + 1);
  }
  if (values.size() != 1 && values.size() != 3) return std::nullopt;
  return values;
}

bool parse_word(std::string_view key, std::string_view value, PreprocessSpec& spec) {
  auto flag = [&](bool& f) { return f = value.empty() || value == "1"; };
  if (key == "resize") return (spec.resize = parse_side(value)).has_value();
  if (key == "size") return (spec.size = parse_size(value, false)).has_value();
  if (key == "crop") return (spec.crop = parse_size(value, true)).has_value();
  if (key == "scale") return (spec.scale = parse_ratio(value)).has_value();
  if (key == "gray") return flag(spec.gray);
  if (key == "bgr") return flag(spec.bgr);
  if (key == "layout") {
    spec.layout = value == "nchw" ? PreprocessSpec::Layout::kNchw : PreprocessSpec::Layout::kNhwc;
    return value == "nchw" || value == "nhwc";
  }
  auto values = parse_channels(value);
  if (!values) return false;
  if (key == "std" && std::ranges::any_of(*values, [](double v) { return v <= 0; })) return false;
  (key == "mean" ? spec.mean : spec.std) = *values;
  return key == "mean" || key == "std";
}

// ---------------------------------------------------------------- the model's side

struct ImageShape {
  int64_t channels = 0, height = 0, width = 0;
  bool channels_first = false;
};

Result<ImageShape> image_shape(const TensorInfo& input, const PreprocessSpec& spec) {
  std::vector<int64_t> s = input.shape;
  auto no_image = [&](const char* why, const char* hint = "") {
    return error(Code::kInput, fmt::format("input '{}' is {}: {}", input.name, input.text(), why), hint);
  };
  if (s.size() == 4) {
    if (s[0] > 1) return no_image("it takes a batch of several images", "give it as .npy");
    s.erase(s.begin());
  }
  if (s.size() == 2 && spec.layout == PreprocessSpec::Layout::kAuto) return ImageShape{1, s[0], s[1], false};
  if (s.size() != 3) return no_image("that is not the shape of an image");
  auto channels = [](int64_t n) { return n == 1 || n == 3; };
  bool first = channels(s[0]), last = channels(s[2]);
  if (spec.layout == PreprocessSpec::Layout::kNchw) last = false;
  if (spec.layout == PreprocessSpec::Layout::kNhwc) first = false;
  if (first && last) return no_image("its channels may be the first or the last axis", "say layout=nchw or layout=nhwc");
  if (!first && !last) return no_image("none of its axes has 1 or 3 channels");
  return first ? ImageShape{s[0], s[1], s[2], true} : ImageShape{s[2], s[0], s[1], false};
}

Result<Image> fitted(const Image& image, const PreprocessSpec& spec, const ImageShape& shape, const TensorInfo& input) {
  Image fit = image;
  if (spec.resize) {
    auto [width, height] = short_side_size(fit, *spec.resize);
    TRY(fit, resize(fit, width, height));
  }
  if (spec.size) {
    TRY(fit, resize(fit, spec.size->first, spec.size->second));
  }
  if (spec.crop) {
    TRY(fit, center_crop(fit, spec.crop->first, spec.crop->second));
  }
  if (!spec.resize && !spec.size && !spec.crop && shape.width > 0 && shape.height > 0 && shape.width <= kMaxSide &&
      shape.height <= kMaxSide) {
    TRY(fit, resize(fit, static_cast<int>(shape.width), static_cast<int>(shape.height)));
  }
  bool open = shape.width < 0 || shape.height < 0;
  if (!open && (fit.width != shape.width || fit.height != shape.height)) {
    return error(Code::kInput,
                 fmt::format("input '{}' is {}, an image of {}x{} pixels after preprocessing is given", input.name,
                             input.text(), fit.width, fit.height),
                 fmt::format("size={}x{} fits", shape.width, shape.height));
  }
  return fit;
}

double of_channel(const std::vector<double>& values, size_t channel, double otherwise) {
  if (values.empty()) return otherwise;
  return values.size() == 1 ? values[0] : values[channel];
}

double scale_of(const PreprocessSpec& spec) {
  if (spec.scale) return *spec.scale;
  if (spec.mean.empty() && spec.std.empty()) return 1;
  auto small = [](double v) { return std::abs(v) <= 1; };
  return std::ranges::all_of(spec.mean, small) && std::ranges::all_of(spec.std, small) ? 1.0 / 255 : 1;
}

// Round to nearest, ties to even; float16 has 5 bits of exponent and 10 of fraction.
uint16_t half_of(float f) {
  uint32_t u;
  std::memcpy(&u, &f, sizeof u);
  uint32_t sign = u >> 16 & 0x8000, exponent = u >> 23 & 0xff, fraction = u & 0x7fffff;
  if (exponent >= 143) return static_cast<uint16_t>(sign | 0x7c00 | (exponent == 255 && fraction != 0 ? 0x200 : 0));
  if (exponent < 102) return static_cast<uint16_t>(sign);
  uint32_t shift = exponent < 113 ? 126 - exponent : 13;
  uint32_t full = exponent < 113 ? fraction | 0x800000 : (exponent - 112) << 23 | fraction;
  uint32_t kept = full >> shift, dropped = full & ((1u << shift) - 1), tie = 1u << (shift - 1);
  if (dropped > tie || (dropped == tie && (kept & 1) != 0)) ++kept;
  return static_cast<uint16_t>(sign | kept);
}

std::string channel_text(const std::vector<double>& values) {
  std::string out;
  for (const double v : values) out += fmt::format("{}{:.6g}", out.empty() ? "" : ",", v);
  return out;
}

// In pixels, for all three channels.
PixelNormalization normalization_of(const PreprocessSpec& spec) {
  const double scale = scale_of(spec);
  PixelNormalization n;
  for (size_t c = 0; c < 3; ++c) {
    n.mean.push_back(of_channel(spec.mean, c, 0) / scale);
    n.std.push_back(of_channel(spec.std, c, 1) / scale);
  }
  return n;
}

// The text without what the model does itself.
Result<PreprocessSpec> without_normalization(const PreprocessSpec& spec, const TensorInfo& input) {
  PreprocessSpec pixels = spec;
  pixels.mean.clear();
  pixels.std.clear();
  pixels.scale.reset();
  if (spec.mean.empty() && spec.std.empty() && !spec.scale) return pixels;
  constexpr double kSame = 1e-4;  // in pixels
  const PixelNormalization given = normalization_of(spec), &own = *input.normalization;
  for (size_t c = 0; c < given.mean.size(); ++c)
    if (!(std::abs(given.mean[c] - of_channel(own.mean, c, 0)) < kSame &&
          std::abs(given.std[c] - of_channel(own.std, c, 1)) < kSame))
      return error(Code::kInput,
                   fmt::format("input '{}' takes pixels, which the model normalizes itself by {}; {} is asked for", input.name,
                               normalization_text(own), normalization_text(given)),
                   "leave mean, std and scale out of --preprocess");
  return pixels;
}

/// Stores values at their place in the tensor, in the tensor's own type.
class Writer {
 public:
  Writer(NdArray& array, const TensorInfo& input, bool plain_pixels) : array_(array), plain_(plain_pixels) {
    if (input.quant && !input.quant->scale.empty()) {
      scale_ = input.quant->scale[0];
      zero_point_ = input.quant->zero_point.empty() ? 0 : static_cast<double>(input.quant->zero_point[0]);
    }
  }
  void put(size_t i, double x) {
    switch (array_.dtype) {
      case ElementType::kF32:
        array_.mutable_values<float>()[i] = static_cast<float>(x);
        break;
      case ElementType::kF16:
        array_.mutable_values<uint16_t>()[i] = half_of(static_cast<float>(x));
        break;
      case ElementType::kU8:
        array_.mutable_values<uint8_t>()[i] = static_cast<uint8_t>(integer(x, 0, 0, 255));
        break;
      case ElementType::kI16:
        array_.mutable_values<int16_t>()[i] = static_cast<int16_t>(integer(x, 0, -32768, 32767));
        break;
      default:
        array_.mutable_values<int8_t>()[i] = static_cast<int8_t>(integer(x, -128, -128, 127));
        break;
    }
  }

 private:
  double integer(double x, double shift, double low, double high) const {
    return std::clamp(std::nearbyint(plain_ || scale_ == 0 ? x + shift : x / scale_ + zero_point_), low, high);
  }
  NdArray& array_;
  bool plain_;
  double scale_ = 0, zero_point_ = 0;
};

}  // namespace

Result<PreprocessSpec> parse_preprocess(std::string_view text) {
  PreprocessSpec spec;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (text.empty()) return spec;
    std::string_view word = text.substr(0, text.find_first_of(" \t"));
    text.remove_prefix(word.size());
    size_t equals = word.find('=');
    std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    if (!parse_word(word.substr(0, equals), value, spec)) {
      return error(Code::kUsage, fmt::format("--preprocess: '{}' is not understood", word), kSpecHint);
    }
  }
}

std::optional<std::pair<double, double>> pixel_range(const PreprocessSpec& spec) {
  const auto uniform = [](const std::vector<double>& v) { return std::ranges::all_of(v, [&](double x) { return x == v[0]; }); };
  if (!uniform(spec.mean) || !uniform(spec.std)) return std::nullopt;
  const double mean = of_channel(spec.mean, 0, 0), deviation = of_channel(spec.std, 0, 1);
  if (!(deviation > 0)) return std::nullopt;
  return std::pair{(0 - mean) / deviation, (255 * scale_of(spec) - mean) / deviation};
}

std::string normalization_text(const PixelNormalization& normalization) {
  return fmt::format("mean={} std={}", channel_text(normalization.mean), channel_text(normalization.std));
}

std::optional<PixelNormalization> channel_normalization(const PreprocessSpec& spec) {
  if (pixel_range(spec)) return std::nullopt;
  PixelNormalization n = normalization_of(spec);
  if (!std::ranges::all_of(n.std, [](double v) { return v > 0; })) return std::nullopt;
  return n;
}

Result<size_t> channel_axis(const TensorInfo& input, const PreprocessSpec& spec) {
  TRY(const ImageShape shape, image_shape(input, spec));
  return shape.channels_first ? input.shape.size() - 3 : input.shape.size() - 1;
}

Result<SeenPart> seen_part(int width, int height, const PreprocessSpec& spec, const TensorInfo& input) {
  TRY(const ImageShape shape, image_shape(input, spec));
  SeenPart seen{0, 0, double(width), double(height), static_cast<int>(shape.width), static_cast<int>(shape.height)};
  // The size before the crop; a crop shows its middle.
  int resized_width = width, resized_height = height;
  if (spec.resize) std::tie(resized_width, resized_height) = short_side_size(Image{width, height, {}}, *spec.resize);
  if (spec.size) std::tie(resized_width, resized_height) = *spec.size;
  if (spec.crop) {
    const auto [crop_width, crop_height] = *spec.crop;
    const double x_scale = double(width) / resized_width, y_scale = double(height) / resized_height;
    seen.left = std::nearbyint((resized_width - crop_width) / 2.0) * x_scale;
    seen.top = std::nearbyint((resized_height - crop_height) / 2.0) * y_scale;
    seen.width = crop_width * x_scale;
    seen.height = crop_height * y_scale;
  }
  // An open size is that of what is given.
  if (seen.model_width < 1) seen.model_width = spec.crop ? spec.crop->first : resized_width;
  if (seen.model_height < 1) seen.model_height = spec.crop ? spec.crop->second : resized_height;
  return seen;
}

Result<NdArray> preprocess(const Image& image, const PreprocessSpec& given, const TensorInfo& input) {
  PreprocessSpec spec = given;
  if (input.normalization) {
    TRY(spec, without_normalization(given, input));
  }
  bool possible = input.dtype == ElementType::kF32 || input.dtype == ElementType::kF16 || input.dtype == ElementType::kU8 ||
                  input.dtype == ElementType::kI8 || input.dtype == ElementType::kI16;
  if (!possible) {
    return error(Code::kInput, fmt::format("input '{}' is {}: an image cannot be given for it", input.name, input.text()));
  }
  TRY(ImageShape shape, image_shape(input, spec));
  TRY(Image fit, fitted(image, spec, shape, input));
  auto channels = static_cast<size_t>(shape.channels);
  if (spec.gray && channels != 1) {
    return error(Code::kInput, fmt::format("input '{}' is {}: a gray image is given", input.name, input.text()));
  }
  if ((channels == 1 && spec.mean.size() > 1) || (channels == 1 && spec.std.size() > 1)) {
    return error(Code::kInput,
                 fmt::format("input '{}' is {}: mean and std are given for 3 channels", input.name, input.text()));
  }
  std::vector<int64_t> result = input.shape;
  size_t offset = result.size() == 4 ? 1 : 0;
  if (offset == 1) result[0] = 1;
  result[offset + (shape.channels_first ? 1 : 0)] = fit.height;
  result[offset + (shape.channels_first ? 2 : 1)] = fit.width;
  TRY(NdArray array, NdArray::zeros(input.dtype, std::move(result)));

  double scale = scale_of(spec);
  Writer writer(array, input, !spec.scale && spec.mean.empty() && spec.std.empty());
  auto width = static_cast<size_t>(fit.width), height = static_cast<size_t>(fit.height);
  for (size_t c = 0; c < channels; ++c) {
    double mean = of_channel(spec.mean, c, 0), deviation = of_channel(spec.std, c, 1);
    size_t source = spec.bgr ? 2 - c : c;
    for (size_t i = 0; i < width * height; ++i) {
      const uint8_t* p = fit.pixels.data() + i * 3;
      // Pillow's conversion to gray, in its fixed-point weights.
      unsigned pixel = channels == 1 ? (p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16 : p[source];
      writer.put(shape.channels_first ? c * width * height + i : i * channels + c, (pixel * scale - mean) / deviation);
    }
  }
  return array;
}

}  // namespace atl
