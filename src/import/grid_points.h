// Sampling of an image or a volume at given points, neighbour by neighbour: every coordinate is a value of its own.
#pragma once
#include "import/arithmetic.h"

namespace atl {

enum class GridMode { kLinear, kNearest, kCubic };
enum class GridPadding { kZeros, kBorder, kReflection };

/// x [N,C,spatial...] at grid [N,points...,spatial], coordinates in -1 .. 1 with the innermost axis first, as torch's
/// grid_sample. Cubic takes two spatial axes. Invalid after c.unsupported(...).
Value sample_points(SourceCall& c, Value x, Value grid, GridMode mode, GridPadding padding, bool align_corners);

/// Points in pixels: for each spatial axis of an image, from the outermost on, a coordinate; all of one shape.
struct PixelPoints {
  std::vector<Value> at;
  Value image;  ///< i32, which image a point lies in; broadcasts to the shape of the coordinates
};

/// x [N,C,spatial...] at the points: [points..., C]. Zeros beyond the border where the padding is kZeros. Invalid after
/// c.unsupported(...).
Value sample_pixels(SourceCall& c, Value x, const PixelPoints& points, GridMode mode, GridPadding padding, bool align_corners);

}  // namespace atl
