#include "import/attention.h"

#include <cmath>
#include <limits>

namespace atl {
namespace {

// Stands for minus infinity in additive masks: its exponential is 0 beside any score, and a row of it alone stays finite.
constexpr double kClosed = -0.5 * double(std::numeric_limits<float>::max());

/// A mask as a number to add (may be invalid), and where it closes whole rows (a bool [..., L, 1], invalid when it never does).
struct Bias {
  Value add, open_rows;
};

/// bool [L, S], true up to the diagonal.
Tensor causal_mask(int64_t rows, int64_t cols) {
  Tensor t = Tensor::make(Type{DType::kBool, {rows, cols}, {}});
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = 0; k < cols; ++k) t.mutable_data<bool>()[i * cols + k] = k <= i;
  return t;
}

/// A constant bool mask as numbers; with open rows when one is closed.
Bias constant_bias(Builder& b, const Tensor& mask, DType t) {
  const Shape& s = mask.shape();
  const int64_t cols = s.empty() ? 1 : s.back(), rows = cols ? mask.count() / cols : 0;
  Tensor bias = Tensor::make(Type{DType::kF32, s, {}});
  Shape row_shape = s;
  if (!row_shape.empty()) row_shape.back() = 1;
  Tensor open = Tensor::make(Type{DType::kBool, row_shape, {}});
  bool closed_row = false, closed = false;
  for (int64_t r = 0; r < rows; ++r) {
    bool any = false;
    for (int64_t k = 0; k < cols; ++k) {
      const bool attends = mask.data<bool>()[r * cols + k];
      bias.mutable_data<float>()[r * cols + k] = attends ? 0 : float(kClosed);
      any |= attends;
      closed |= !attends;
    }
    open.mutable_data<bool>()[r] = any;
    closed_row |= !any;
  }
  Bias out;
  if (closed) out.add = b.constant(cast(bias, t));
  if (closed_row) out.open_rows = b.constant(std::move(open));
  return out;
}

Bias read_mask(Builder& b, const Attention& o, int64_t rows, int64_t cols, DType t) {
  if (o.causal) return constant_bias(b, causal_mask(rows, cols), t);
  if (!o.mask.valid()) return {};
  if (b.dtype(o.mask) != DType::kBool) {
    if (b.dtype(o.mask) == t) return {o.mask, {}};
    const auto value = b.constant_value(o.mask);
    return {value ? b.constant(cast(*value, t)) : b.add(Cast(t), {o.mask}), {}};
  }
  if (const auto value = b.constant_value(o.mask)) return constant_bias(b, *value, t);
  Bias out;
  out.add = select(b, o.mask, b.scalar(0, t), b.scalar(kClosed, t));
  const int64_t last = int64_t(b.rank(o.mask)) - 1;
  if (last >= 0) out.open_rows = b.add(Reduce(ReduceKind::kAny, {last}, true), {o.mask});
  return out;
}

/// Each head (axis -3) of v `times` times in a row.
Value repeat_heads(Builder& b, Value v, int64_t times) {
  Shape s = b.shape(v), wide = s;
  s.insert(s.end() - 2, 1);
  wide.insert(wide.end() - 2, times);
  const Value repeated = b.add(BroadcastTo(wide), {reshape(b, v, s)});
  Shape out = b.shape(v);
  out[out.size() - 3] *= times;
  return reshape(b, repeated, std::move(out));
}

}  // namespace

Value attention(Builder& b, Value query, Value key, Value value, const Attention& o) {
  if (b.failed()) return {};
  const Shape q = b.shape(query), k = b.shape(key);
  if (q.size() < 2 || k.size() < 2 || b.rank(value) < 2) {
    b.fail(error(Code::kShape, "attention needs operands of two axes or more"));
    return {};
  }
  const DType t = b.dtype(query);
  const int64_t rows = q[q.size() - 2], cols = k[k.size() - 2], features = q.back();
  const Bias bias = read_mask(b, o, rows, cols, t);
  const bool grouped = o.grouped && q.size() >= 3 && k.size() >= 3 && k[k.size() - 3] != q[q.size() - 3];
  Shape out_shape = q;
  if (grouped) {
    const int64_t heads = q[q.size() - 3], kept = k[k.size() - 3];
    if (kept == 0 || heads % kept != 0 || b.shape(value).size() != k.size()) {
      b.fail(error(Code::kShape, fmt::format("{} query heads for {} key heads", heads, kept)));
      return {};
    }
    if (bias.add.valid() || o.weights) {
      key = repeat_heads(b, key, heads / kept);
      value = repeat_heads(b, value, heads / kept);
    } else {
      // The query heads of one key head are rows of one matrix.
      Shape s = q;
      s[s.size() - 3] = kept;
      s[s.size() - 2] = rows * (heads / kept);
      query = reshape(b, query, std::move(s));
    }
  }
  // The factor goes on the smaller operand.
  const double scale = o.scale.value_or(1 / std::sqrt(double(features)));
  if (scale != 1) {
    Value& smaller = element_count(b.shape(key)) < element_count(b.shape(query)) ? key : query;
    smaller = binary(b, BinaryKind::kMul, smaller, scale);
  }
  Value scores = b.add(BatchMatmul(false, true), {query, key});
  if (bias.add.valid()) scores = add(b, scores, bias.add);
  Value weights = b.add(Softmax(int64_t(b.rank(scores)) - 1), {scores});
  if (b.failed()) return {};
  if (o.weights) *o.weights = weights;
  Value y = b.add(BatchMatmul{}, {weights, value});
  if (bias.open_rows.valid()) y = select(b, bias.open_rows, y, b.scalar(0, t));
  if (b.failed()) return {};
  if (grouped) {
    out_shape.back() = b.shape(value).back();
    y = reshape(b, y, std::move(out_shape));
  }
  return y;
}

}  // namespace atl
