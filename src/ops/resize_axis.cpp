#include "ops/resize_axis.h"

#include <algorithm>
#include <cmath>

namespace atl {
namespace {

float scale_of(int64_t in, int64_t out, bool align_corners) {
  return align_corners && out > 1 ? float(in - 1) / float(out - 1) : float(in) / float(out);
}

}  // namespace

std::vector<int64_t> nearest_indices(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers) {
  const float scale = scale_of(in, out, align_corners), offset = half_pixel_centers ? 0.5f : 0.0f;
  std::vector<int64_t> index(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const float at = (float(i) + offset) * scale;
    index[size_t(i)] = std::clamp(int64_t(align_corners ? std::round(at) : std::floor(at)), int64_t(0), in - 1);
  }
  return index;
}

std::vector<LinearPoint> linear_points(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers) {
  const float scale = scale_of(in, out, align_corners);
  std::vector<LinearPoint> points;
  points.reserve(size_t(out));
  for (int64_t i = 0; i < out; ++i) {
    float at = float(i) * scale;
    if (half_pixel_centers) at = std::max(0.0f, (float(i) + 0.5f) * scale - 0.5f);
    const int64_t low = std::min(int64_t(at), in - 1);
    points.push_back({low, std::min(low + 1, in - 1), double(at - float(low))});
  }
  return points;
}

std::vector<KernelPoint<float>> points_of_u8(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers) {
  const float scale = scale_of(in, out, align_corners);
  std::vector<KernelPoint<float>> points;
  for (int64_t i = 0; i < out; ++i) {
    const float at = half_pixel_centers ? (float(i) + 0.5f) * scale - 0.5f : float(i) * scale;
    const int64_t low = std::max<int64_t>(int64_t(std::floor(at)), 0), high = std::min(int64_t(std::ceil(at)), in - 1);
    points.push_back({low, high, at - float(low)});
  }
  return points;
}

std::vector<KernelPoint<int64_t>> points_of_integers(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers) {
  constexpr int64_t kSteps = 1024;
  const int64_t between = align_corners && out > 1 ? 1 : 0;  // gaps between elements, not elements, are what is divided
  const int64_t scale = (kSteps * (in - between) + (out - between) / 2) / (out - between);
  std::vector<KernelPoint<int64_t>> points;
  for (int64_t i = 0; i < out; ++i) {
    const int64_t at = half_pixel_centers ? i * scale + scale / 2 - kSteps / 2 : i * scale;
    const int64_t low = std::max<int64_t>(at / kSteps, 0), high = std::min((at + kSteps - 1) / kSteps, in - 1);
    points.push_back({low, high, at - kSteps * low});
  }
  return points;
}

}  // namespace atl
