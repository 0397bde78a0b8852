// What elementwise ops share: loops over elements, broadcasting, element type checks, legalization by casting.
#pragma once
#include <array>
#include <initializer_list>
#include <string_view>

#include "ir/rewrite.h"

namespace atl {

/// f applied to each element, computed in double, in the operand's element type.
template <class F>
Tensor map_elements(const Tensor& x, F f) {
  Tensor out = Tensor::make(x.type());
  const int64_t n = x.count();
  visit(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>();
    T* to = out.mutable_data<T>();
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(f(static_cast<double>(in[i])));
  });
  return out;
}

/// f applied to each element in the element's own type: for functions that are exact in it (negation, clamping), so that the
/// loop runs at memory speed.
template <class T, class F>
Tensor map_directly(const Tensor& x, F f) {
  Tensor out = Tensor::make(x.type());
  const T* __restrict in = x.data<T>();
  T* __restrict to = out.mutable_data<T>();
  for (int64_t i = 0, n = x.count(); i < n; ++i) to[i] = f(in[i]);
  return out;
}

/// The walk over up to three operands that broadcast to one shape. Neighbouring axes along which all of them move alike are
/// merged, so that [O,I,kh,kw] against [O,1,1,1] is two loops; strides are in elements, 0 where an operand repeats.
struct BroadcastWalk {
  static constexpr size_t kOperands = 3;
  std::vector<int64_t> size;                           ///< at least one loop, the last is the innermost
  std::array<std::vector<int64_t>, kOperands> stride;  ///< one entry a loop
  BroadcastWalk(const Shape& result, std::initializer_list<const Shape*> operands);

  /// Calls row(result offset, operand offsets) for each row of the innermost loop.
  template <class F>
  void rows(F row) const {
    const size_t loops = size.size() - 1;
    std::vector<int64_t> index(loops, 0);
    std::array<int64_t, kOperands> at{};
    for (int64_t s : size)
      if (s == 0) return;
    for (int64_t result = 0;; result += size[loops]) {
      row(result, at);
      size_t a = loops;
      for (;; --a) {
        if (a == 0) return;
        for (size_t k = 0; k < kOperands; ++k) at[k] += stride[k][a - 1];
        if (++index[a - 1] < size[a - 1]) break;
        index[a - 1] = 0;
        for (size_t k = 0; k < kOperands; ++k) at[k] -= stride[k][a - 1] * size[a - 1];
      }
    }
  }
};

/// out[i] = f(a[i], b[i]) with broadcasting. The loops for operands of one shape, a repeated operand and a trailing vector are
/// straight, so that the compiler vectorizes them.
template <class Out, class In, class F>
void broadcast_pairs(const BroadcastWalk& walk, const In* a, const In* b, Out* out, F f) {
  const int64_t n = walk.size.back(), sa = walk.stride[0].back(), sb = walk.stride[1].back();
  walk.rows([&](int64_t at, const std::array<int64_t, 3>& from) {
    Out* __restrict to = out + at;
    const In* __restrict x = a + from[0];
    const In* __restrict y = b + from[1];
    if (sa == 1 && sb == 1) {
      for (int64_t i = 0; i < n; ++i) to[i] = f(x[i], y[i]);
    } else if (sa == 1 && sb == 0) {
      for (int64_t i = 0; i < n; ++i) to[i] = f(x[i], y[0]);
    } else if (sa == 0 && sb == 1) {
      for (int64_t i = 0; i < n; ++i) to[i] = f(x[0], y[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = f(x[i * sa], y[i * sb]);
    }
  });
}

/// NumPy's broadcasting of all operands' shapes; a dynamic axis stays dynamic unless the other operand fixes it. nullopt when
/// they do not fit.
std::optional<Shape> broadcast_shapes(TypesIn in);
/// The same as the shape of a result of element type `dtype`, its size checked. E: kShape, kTooLarge.
Result<Types> broadcast_result(TypesIn in, DType dtype);
/// True when not all shapes are equal: LiteRT then takes its broadcasting kernel.
bool broadcasts(TypesIn in);
size_t largest_rank(TypesIn in);

/// Refuses an element type that is not in `accepted` ("f32 i32 i64"); quantized operands pass. E: kUnsupportedType.
Status legal_dtype(std::string_view what, const Type& t, std::string_view accepted);
/// Refuses broadcasting at a rank above `limit`, where LiteRT stops the process. E: kUnsupportedForm.
Status legal_broadcast(std::string_view what, TypesIn in, size_t limit = 8);
/// True when the element type is in the list.
bool in_list(DType t, std::string_view list);
/// True for an element type that eval can compute with (one that visit() knows) and that is not quantized.
bool is_computable(const Type& t);

/// Replaces the node of `r` by `op` (the node's own op, or the same one with another element type in its fields) on operands of
/// an element type in `accepted`, with a CAST before each operand that needs one and behind each result whose element type
/// changed: i32 (or else i64, f32) for integers and bool, f32 for floats. Constants are cast at once; their integers beyond i32
/// saturate. `operands` limits the casts to those operands; empty: all. False when no operand needs one.
/// E: infer's on the new operands.
Result<bool> legalize_by_cast(Rewrite& r, OpPtr op, std::string_view accepted, std::initializer_list<size_t> operands = {});

/// The element type that legalize_by_cast chooses in place of `t`; kUnknown when the list has none for it.
DType legal_substitute(DType t, std::string_view accepted);
/// v in another element type: a constant is cast at once (integers saturate), anything else gets a CAST.
Value cast_value(Builder& b, Value v, DType to);

/// Canonical operands of a broadcasting op: a constant of equal elements becomes a scalar where the result keeps its shape, and
/// an operand of lower rank than the result (scalars aside) gets leading axes of size 1. True when something changed.
Result<bool> canonicalize_operands(Rewrite& r);
/// v under another shape with as many elements: a constant without a node, anything else by RESHAPE.
Value reshape_value(Builder& b, Value v, Shape shape);
/// v with leading axes of size 1 up to `rank`; scalars and values of one element stay as they are.
Value with_rank(Builder& b, Value v, size_t rank);
/// The number that all elements of a constant equal, or nullopt; large recipes are not evaluated for it.
std::optional<double> uniform_constant(Builder& b, Value v);
/// v repeated to `shape`, or v itself when it has that shape.
Value broadcast_to(Builder& b, Value v, Shape shape);

}  // namespace atl
