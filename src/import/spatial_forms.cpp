#include "import/spatial_forms.h"

#include <algorithm>

#include "ops/matmul.h"
#include "ops/shape.h"

namespace atl {

SpatialData::SpatialData(SourceCall& c, Value x, size_t spatial) : c_(c), value_(x), spatial_(spatial) {
  Shape s = c.shape(x);
  if (s.size() != spatial + 1 && s.size() != spatial + 2) {
    c.unsupported(fmt::format("data {} does not have {} spatial axes", to_string(s), spatial));
    value_ = {};
    return;
  }
  unbatched_ = s.size() == spatial + 1;
  if (unbatched_) s.insert(s.begin(), 1);
  if (spatial == 1) s.insert(s.begin() + 2, 1);
  if (s != c.shape(x)) value_ = c.add(Reshape(s), {x});
}

std::vector<int64_t> SpatialData::sizes() const {
  const Shape& s = c_.shape(value_);
  return s.size() < 4 ? std::vector<int64_t>(std::max<size_t>(spatial_, 2), 1) : std::vector<int64_t>(s.begin() + 2, s.end());
}

Value SpatialData::restore(Value y) const {
  Shape s = c_.shape(y);
  if (c_.failed() || s.size() < 4) return y;
  if (spatial_ == 1) s.erase(s.begin() + 2);
  if (unbatched_) s.erase(s.begin());
  return s == c_.shape(y) ? y : c_.add(Reshape(s), {y});
}

std::vector<int64_t> two_axes(std::vector<int64_t> v, int64_t otherwise) {
  if (v.size() == 1) v.insert(v.begin(), otherwise);
  return v;
}

bool check_range(SourceCall& c, std::string_view argument, const std::vector<int64_t>& values, int64_t low) {
  for (int64_t v : values)
    if (v < low || v > (int64_t(1) << 31) - 1) {
      c.fail(error(Code::kArgument, fmt::format("{}: argument '{}' has the value {}", c.target(), argument, v)));
      return false;
    }
  return true;
}

Value on_planes(SourceCall& c, Value x, const Step& f) {
  const Shape s = c.shape(x);
  if (c.failed() || s.size() != 5) return {};
  const Value planes = c.add(Reshape({s[0] * s[2], s[1], s[3], s[4]}), {c.add(Transpose({0, 2, 1, 3, 4}), {x})});
  const Value y = f(planes);
  const Shape t = c.shape(y);
  if (c.failed() || t.size() != 4) return {};
  return c.add(Transpose({0, 2, 1, 3, 4}), {c.add(Reshape({s[0], s[2], t[1], t[2], t[3]}), {y})});
}

Value along_depth(SourceCall& c, Value x, const Step& f) {
  const Shape s = c.shape(x);
  if (c.failed() || s.size() != 5) return {};
  const Value y = f(c.add(Reshape({s[0], s[1], s[2], s[3] * s[4]}), {x}));
  if (c.failed()) return {};
  return c.add(Reshape({s[0], s[1], c.shape(y)[2], s[3], s[4]}), {y});
}

namespace {

Value matrix_constant(SourceCall& c, const AxisMatrix& m, Shape shape, DType dtype) {
  return c.constant(cast(Tensor::of<float>(DType::kF32, std::move(shape), m.values), dtype));
}

}  // namespace

Value multiply_axes(SourceCall& c, Value x, const AxisMatrix* height, const AxisMatrix* width) {
  if (c.failed() || (!height && !width)) return x;
  const DType t = c.dtype(x);
  Value y = c.add(Transpose({0, 2, 3, 1}), {x});
  const auto along_width = [&] {
    if (width) y = c.add(BatchMatmul(), {matrix_constant(c, *width, {1, 1, width->out, width->in}, t), y});
  };
  // The axis that shrinks more goes first.
  const bool width_first = width && (!height || width->out * height->in <= height->out * width->in);
  if (width_first) along_width();
  if (height) {
    const Shape s = c.shape(y);
    if (c.failed()) return {};
    const Value rows = c.add(Reshape({s[0], s[1], s[2] * s[3]}), {y});
    y = c.add(BatchMatmul(), {matrix_constant(c, *height, {1, height->out, height->in}, t), rows});
    y = c.add(Reshape({s[0], height->out, s[2], s[3]}), {y});
  }
  if (!width_first) along_width();
  return c.add(Transpose({0, 3, 1, 2}), {y});
}

Value stuff_zeros(SourceCall& c, Value x, size_t axis, int64_t factor) {
  if (factor == 1 || c.failed()) return x;
  Shape apart = c.shape(x), joined = apart;
  apart.insert(apart.begin() + int64_t(axis) + 1, 1);
  joined[axis] *= factor;
  std::vector<int64_t> before(apart.size(), 0), after(apart.size(), 0);
  after[axis + 1] = factor - 1;
  return c.add(Reshape(joined), {c.add(Pad(before, after), {c.add(Reshape(apart), {x})})});
}

Value slice_axis(SourceCall& c, Value x, size_t axis, int64_t begin, int64_t size, int64_t stride) {
  const Shape& s = c.shape(x);
  if (c.failed() || axis >= s.size() || (begin == 0 && stride == 1 && s[axis] == size)) return x;
  std::vector<int64_t> begins(s.size(), 0), sizes = s, strides(s.size(), 1);
  begins[axis] = begin;
  sizes[axis] = size;
  strides[axis] = stride;
  return c.add(Slice(std::move(begins), std::move(sizes), std::move(strides)), {x});
}

}  // namespace atl
