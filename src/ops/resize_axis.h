// Where the elements of a resized axis come from, computed in f32 as LiteRT does.
#pragma once
#include <cstdint>
#include <vector>

namespace atl {

/// The source index of each of `out` elements (RESIZE_NEAREST_NEIGHBOR).
std::vector<int64_t> nearest_indices(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers);

/// An element between two: x[low] * (1 - weight) + x[high] * weight.
struct LinearPoint {
  int64_t low, high;
  double weight;
};
/// The source points of each of `out` elements (RESIZE_BILINEAR).
std::vector<LinearPoint> linear_points(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers);

/// The same as LiteRT's integer kernels have it: a point before the first element has a weight below 0.
template <class Weight>
struct KernelPoint {
  int64_t low, high;
  Weight weight;
};
/// Of u8 data, in f32.
std::vector<KernelPoint<float>> points_of_u8(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers);
/// Of i8 and i16 data, in whole steps of 1/1024.
std::vector<KernelPoint<int64_t>> points_of_integers(int64_t in, int64_t out, bool align_corners, bool half_pixel_centers);

}  // namespace atl
