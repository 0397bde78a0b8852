// Ops that move elements without changing them.
#pragma once
#include "ir/op.h"

namespace atl {

/// The same elements in row-major order under another shape (static, no -1).
struct Reshape : OpOf<OpCode::kReshape> {
  Shape shape;
  Reshape() = default;
  explicit Reshape(Shape s) : shape(std::move(s)) {}
  static auto fields(auto& o) { return std::tuple{field("shape", o.shape)}; }
};
/// Axis k of the result is axis perm[k] of the operand.
struct Transpose : OpOf<OpCode::kTranspose> {
  Perm perm;
  Transpose() = default;
  explicit Transpose(Perm p) : perm(std::move(p)) {}
  static auto fields(auto& o) { return std::tuple{field("perm", o.perm)}; }
};
/// Operands of equal shape but for `axis` (>= 0), joined along it.
struct Concat : OpOf<OpCode::kConcat> {
  int64_t axis = 0;
  Concat() = default;
  explicit Concat(int64_t a) : axis(a) {}
  static auto fields(auto& o) { return std::tuple{field("axis", o.axis)}; }
};
/// Parts of the given sizes along an axis (>= 0), one result each.
struct Split : OpOf<OpCode::kSplit> {
  int64_t axis = 0;
  std::vector<int64_t> sizes;
  Split() = default;
  Split(int64_t a, std::vector<int64_t> s) : axis(a), sizes(std::move(s)) {}
  static auto fields(auto& o) { return std::tuple{field("axis", o.axis), field("sizes", o.sizes)}; }
};
/// size[i] elements of each axis from begin[i] in steps of stride[i] (which may be negative). begin and size are inside. The
/// axes in `shrink` (rising, of size 1 after slicing) disappear; the others stay. Written as SLICE when all strides are 1 and
/// nothing shrinks, else as STRIDED_SLICE.
struct Slice : OpOf<OpCode::kSlice> {
  std::vector<int64_t> begin, size, stride, shrink;
  Slice() = default;
  Slice(std::vector<int64_t> b, std::vector<int64_t> s, std::vector<int64_t> st = {}, std::vector<int64_t> sh = {})
      : begin(std::move(b)),
        size(std::move(s)),
        stride(st.empty() ? std::vector<int64_t>(begin.size(), 1) : std::move(st)),
        shrink(std::move(sh)) {}
  static auto fields(auto& o) {
    return std::tuple{field("begin", o.begin), field("size", o.size), field("stride", o.stride), field("shrink", o.shrink)};
  }
};
enum class PadMode { kConstant, kReflect, kSymmetric };
constexpr std::array<std::string_view, 3> enum_names(PadMode) { return {"constant", "reflect", "symmetric"}; }
/// before[i] and after[i] (>= 0) elements around each axis, with a constant or a mirror image.
struct Pad : OpOf<OpCode::kPad> {
  std::vector<int64_t> before, after;
  PadMode mode = PadMode::kConstant;
  double value = 0;
  Pad() = default;
  Pad(std::vector<int64_t> b, std::vector<int64_t> a, double v = 0) : before(std::move(b)), after(std::move(a)), value(v) {}
  static auto fields(auto& o) {
    return std::tuple{field("before", o.before), field("after", o.after), field("mode", o.mode), field("value", o.value)};
  }
};
/// NumPy's broadcast_to.
struct BroadcastTo : OpOf<OpCode::kBroadcastTo> {
  Shape shape;
  BroadcastTo() = default;
  explicit BroadcastTo(Shape s) : shape(std::move(s)) {}
  static auto fields(auto& o) { return std::tuple{field("shape", o.shape)}; }
};
/// The operand repeated multiples[i] times along each axis.
struct Tile : OpOf<OpCode::kTile> {
  std::vector<int64_t> multiples;
  Tile() = default;
  explicit Tile(std::vector<int64_t> m) : multiples(std::move(m)) {}
  static auto fields(auto& o) { return std::tuple{field("multiples", o.multiples)}; }
};
/// Operands of one shape, stacked along a new axis.
struct Pack : OpOf<OpCode::kPack> {
  int64_t axis = 0;
  Pack() = default;
  explicit Pack(int64_t a) : axis(a) {}
  static auto fields(auto& o) { return std::tuple{field("axis", o.axis)}; }
};
/// The slices along an axis, which disappears; one result each.
struct Unpack : OpOf<OpCode::kUnpack> {
  int64_t axis = 0;
  Unpack() = default;
  explicit Unpack(int64_t a) : axis(a) {}
  static auto fields(auto& o) { return std::tuple{field("axis", o.axis)}; }
};
/// Operands x, axes-free: the elements of x with the listed axes reversed.
struct Reverse : OpOf<OpCode::kReverse> {
  std::vector<int64_t> axes;
  Reverse() = default;
  explicit Reverse(std::vector<int64_t> a) : axes(std::move(a)) {}
  static auto fields(auto& o) { return std::tuple{field("axes", o.axes)}; }
};

}  // namespace atl
