// What the rules for spatial operators share: one form [N,C,H,W] for data of one to three spatial axes, with or without a
// batch, and products with matrices along a spatial axis.
#pragma once
#include <functional>
#include <optional>

#include "ir/source_call.h"

namespace atl {

/// Data of an operator that takes `spatial` axes behind a channel axis, where the batch axis may be missing and one spatial
/// axis becomes two ([N,C,L] is [N,C,1,L]). `value` has four axes (five for three spatial ones); restore() undoes both on a
/// result.
class SpatialData {
 public:
  SpatialData(SourceCall& c, Value x, size_t spatial);
  Value value() const { return value_; }
  /// The spatial sizes, two or three.
  std::vector<int64_t> sizes() const;
  Value restore(Value y) const;

 private:
  SourceCall& c_;
  Value value_;
  size_t spatial_;
  bool unbatched_ = false;
};

/// `v` with a leading value for the axis that SpatialData adds to one spatial axis: {3} is {otherwise, 3}.
std::vector<int64_t> two_axes(std::vector<int64_t> v, int64_t otherwise);

/// True when every value lies in low .. 2^31 - 1; refuses the call when not.
bool check_range(SourceCall& c, std::string_view argument, const std::vector<int64_t>& values, int64_t low);

using Step = std::function<Value(Value)>;
/// f applied to each plane of x [N,C,D,H,W]: f gets and gives [N*D,C,H,W].
Value on_planes(SourceCall& c, Value x, const Step& f);
/// f applied along the depth of x [N,C,D,H,W]: f gets [N,C,D,H*W] and may change D.
Value along_depth(SourceCall& c, Value x, const Step& f);

/// A matrix [out, in] that makes the elements of a resized axis, row by row.
struct AxisMatrix {
  int64_t out, in;
  std::vector<float> values;
  AxisMatrix(int64_t o, int64_t i) : out(o), in(i), values(size_t(o * i), 0.0f) {}
  float& at(int64_t row, int64_t column) { return values[size_t(row * in + column)]; }
};
/// x [N,C,H,W] multiplied along height and width by the given matrices.
Value multiply_axes(SourceCall& c, Value x, const AxisMatrix* height, const AxisMatrix* width);

/// Zeros between the elements of an axis and behind the last one: n elements become n * factor.
Value stuff_zeros(SourceCall& c, Value x, size_t axis, int64_t factor);

/// Elements begin .. begin+size-1 of an axis, in steps of `stride`.
Value slice_axis(SourceCall& c, Value x, size_t axis, int64_t begin, int64_t size, int64_t stride = 1);

}  // namespace atl
