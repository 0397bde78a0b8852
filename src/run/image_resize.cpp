// Resampling with Pillow's arithmetic: a triangle filter widened when shrinking, fixed-point weights, one pass a direction.
#include <algorithm>
#include <cmath>
#include <utility>

#include "run/image.h"

namespace atl {
namespace {

constexpr int kWeightBits = 32 - 8 - 2;  // leaves room for the sum of 8-bit pixels times weights

/// For every output position the first input position and the weights from there on.
struct Weights {
  std::vector<int> begin;
  std::vector<std::vector<int32_t>> of;
};

// Halves upwards, what is below -0.5 towards zero: Pillow's rounding.
int nearest(double x) {
  const double moved = x + 0.5;
  return static_cast<int>(moved);
}

Weights triangle_weights(int in, int out) {
  double scale = static_cast<double>(in) / out, widened = std::max(scale, 1.0);
  Weights w;
  std::vector<double> raw;
  for (int i = 0; i < out; ++i) {
    double center = (i + 0.5) * scale, sum = 0;
    int begin = std::max(nearest(center - widened), 0);
    int end = std::min(nearest(center + widened), in);
    raw.clear();
    for (int x = begin; x < end; ++x) {
      double distance = std::abs((x - center + 0.5) * (1.0 / widened));
      raw.push_back(distance < 1.0 ? 1.0 - distance : 0.0);
      sum += raw.back();
    }
    std::vector<int32_t> fixed;
    for (double r : raw) fixed.push_back(nearest((sum != 0 ? r / sum : r) * (1 << kWeightBits)));
    w.begin.push_back(begin);
    w.of.push_back(std::move(fixed));
  }
  return w;
}

// One output pixel from `count` input pixels that lie `step` bytes apart.
void blend(const uint8_t* from, size_t step, const std::vector<int32_t>& weights, uint8_t* to) {
  int64_t sum[3] = {1 << (kWeightBits - 1), 1 << (kWeightBits - 1), 1 << (kWeightBits - 1)};
  for (int32_t w : weights) {
    for (int c = 0; c < 3; ++c) sum[c] += static_cast<int64_t>(from[c]) * w;
    from += step;
  }
  for (int c = 0; c < 3; ++c) to[c] = static_cast<uint8_t>(std::clamp<int64_t>(sum[c] >> kWeightBits, 0, 255));
}

Image resized_across(const Image& in, int width) {
  Weights w = triangle_weights(in.width, width);
  Image out{width, in.height, {}};
  out.pixels.resize(static_cast<size_t>(width) * static_cast<size_t>(in.height) * 3);
  uint8_t* to = out.pixels.data();
  for (int y = 0; y < in.height; ++y) {
    const uint8_t* row = in.pixels.data() + static_cast<size_t>(y) * static_cast<size_t>(in.width) * 3;
    for (size_t x = 0; x < w.of.size(); ++x, to += 3) blend(row + static_cast<size_t>(w.begin[x]) * 3, 3, w.of[x], to);
  }
  return out;
}

Image resized_down(const Image& in, int height) {
  Weights w = triangle_weights(in.height, height);
  Image out{in.width, height, {}};
  size_t stride = static_cast<size_t>(in.width) * 3;
  out.pixels.resize(stride * static_cast<size_t>(height));
  uint8_t* to = out.pixels.data();
  for (size_t y = 0; y < w.of.size(); ++y) {
    const uint8_t* column = in.pixels.data() + static_cast<size_t>(w.begin[y]) * stride;
    for (int x = 0; x < in.width; ++x, to += 3, column += 3) blend(column, stride, w.of[y], to);
  }
  return out;
}

}  // namespace

Result<Image> resize(const Image& image, int width, int height) {
  bool possible = width > 0 && height > 0 && image.width > 0 && image.height > 0 && int64_t{width} * height <= kMaxPixels &&
                  int64_t{width} * image.height <= kMaxPixels;
  if (!possible) {
    return error(Code::kImage,
                 fmt::format("an image of {}x{} cannot be resized to {}x{}", image.width, image.height, width, height));
  }
  Image out = width != image.width ? resized_across(image, width) : image;
  if (height != out.height) out = resized_down(out, height);
  return out;
}

Result<Image> center_crop(const Image& image, int width, int height) {
  if (width < 1 || height < 1 || width > image.width || height > image.height) {
    return error(
        Code::kImage,
        fmt::format("a part of {}x{} cannot be cut out of an image of {}x{}", width, height, image.width, image.height),
        "resize it to a larger size first");
  }
  // Halves are rounded to the even number, as Python's round() does.
  auto left = static_cast<size_t>(std::nearbyint((image.width - width) / 2.0));
  auto top = static_cast<size_t>(std::nearbyint((image.height - height) / 2.0));
  Image out{width, height, {}};
  for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
    const uint8_t* row = image.pixels.data() + ((top + y) * static_cast<size_t>(image.width) + left) * 3;
    out.pixels.insert(out.pixels.end(), row, row + static_cast<size_t>(width) * 3);
  }
  return out;
}

std::pair<int, int> short_side_size(const Image& image, int side) {
  int64_t longer = int64_t{side} * std::max(image.width, image.height) / std::max(std::min(image.width, image.height), 1);
  int capped = static_cast<int>(std::min<int64_t>(longer, kMaxPixels));
  return image.width <= image.height ? std::pair{side, capped} : std::pair{capped, side};
}

}  // namespace atl
