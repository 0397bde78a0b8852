// Pooling of one to three spatial axes, and pooling to a given size. Three axes are pooled in two steps: both the mean and the
// largest element of a box are those of its planes' results.
#include <algorithm>
#include <cmath>
#include <limits>

#include "import/aten_spatial.h"
#include "import/spatial_forms.h"
#include "import/window_argmax.h"
#include "ops/binary.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/spatial.h"

namespace atl {
namespace {

using List = std::vector<int64_t>;

// One axis of a pooling as torch defines it. `counted` is the padding behind the axis that an average may count; what ceil_mode
// lets the last window reach beyond it never counts.
struct Axis {
  int64_t in = 1, window = 1, stride = 1, dilation = 1, before = 0, counted = 0, out = 1;
  int64_t extent() const { return (window - 1) * dilation + 1; }
  /// Elements behind the axis that the windows reach.
  int64_t after() const { return std::max<int64_t>(0, (out - 1) * stride + extent() - in - before); }
};

struct Pooling {
  PoolKind kind = PoolKind::kMax;
  bool count_include_pad = false;
  std::optional<int64_t> divisor;
  std::vector<Axis> axes;  // two or three
};

// Fills in the number of windows. False (and the call refused) when none fits.
bool count_windows(SourceCall& c, Axis& a, bool ceil_mode) {
  const int64_t room = a.in + 2 * a.before - a.extent() + (ceil_mode ? a.stride - 1 : 0);
  a.out = room < 0 ? 0 : room / a.stride + 1;
  // A window must begin inside the axis or the padding before it.
  if (ceil_mode && (a.out - 1) * a.stride >= a.in + a.before) --a.out;
  if (a.out >= 1 && a.in >= 1 && 2 * a.before <= a.window) {
    // The only window of an axis ends where the padding does, which is what an average counts of it.
    const int64_t padded = a.in + a.before + a.counted;
    if (a.out == 1 && a.dilation == 1 && a.window > padded) a.window = a.stride = padded;
    return true;
  }
  c.unsupported(fmt::format("a window of {} on {} elements with padding {}", a.window, a.in, a.before));
  return false;
}

Value pad_axis(SourceCall& c, Value x, size_t axis, int64_t before, int64_t after, double value) {
  if ((before == 0 && after == 0) || c.failed()) return x;
  List befores(c.rank(x), 0), afters(c.rank(x), 0);
  befores[axis] = before;
  afters[axis] = after;
  return c.add(Pad(befores, afters, value), {x});
}

// The elements of windows along an axis, joined one by one: the largest of them, or their sum.
Value joined_windows(SourceCall& c, Value x, const Axis& a, size_t axis, BinaryKind kind) {
  if (a.extent() == 1 && a.stride == 1) return x;
  // Of integers the lowest number, to which minus infinity saturates.
  const double lowest = is_float(c.dtype(x)) ? double(std::numeric_limits<float>::lowest()) : -HUGE_VAL;
  x = pad_axis(c, x, axis, a.before, a.after(), kind == BinaryKind::kMaximum ? lowest : 0);
  Value best;
  for (int64_t k = 0; k < a.window && !c.failed(); ++k) {
    const Value part = slice_axis(c, x, axis, k * a.dilation, a.out, a.stride);
    best = k == 0 ? part : c.add(Binary(kind), {best, part});
  }
  return best;
}

Value dilated_max(SourceCall& c, Value x, const Axis& a, size_t axis) {
  return joined_windows(c, x, a, axis, BinaryKind::kMaximum);
}

// Pools the last two axes of x [N,C,H,W].
Value pool_planes(SourceCall& c, Value x, const Pooling& p, Axis h, Axis w) {
  if (h.dilation != 1 || w.dilation != 1) return dilated_max(c, dilated_max(c, x, w, 3), h, 2);
  Pool2d op;
  op.kind = p.kind;
  op.count_include_pad = p.count_include_pad;
  op.window = {h.window, w.window};
  op.stride = {h.stride, w.stride};
  const bool beyond = h.after() > h.counted || w.after() > w.counted;
  if (p.count_include_pad && beyond && !p.divisor) {
    // torch counts its own padding, but not what ceil_mode adds to it.
    for (Axis* a : {&h, &w}) {
      x = pad_axis(c, x, a == &h ? 2 : 3, a->before, a->counted, 0);
      a->in += a->before + a->counted;
      a->before = a->counted = 0;
    }
    op.count_include_pad = false;
  }
  op.padding = {h.before, h.after(), w.before, w.after()};
  return c.add(op, {x});
}

// How many elements each window counts, as torch has it, for the axes of the pooling: [1, 1, windows...].
Tensor counts_of(const Pooling& p) {
  Shape shape{1, 1};
  for (const Axis& a : p.axes) shape.push_back(a.out);
  Tensor counts = Tensor::make(Type{DType::kI64, shape, {}});
  for (int64_t i = 0; i < counts.count(); ++i) {
    int64_t product = 1, rest = i;
    for (size_t k = p.axes.size(); k-- > 0;) {
      const Axis& a = p.axes[k];
      int64_t begin = rest % a.out * a.stride - a.before, end = std::min(begin + a.window, a.in + a.counted);
      rest /= a.out;
      if (!p.count_include_pad) begin = std::max<int64_t>(begin, 0), end = std::min(end, a.in);
      product *= end - begin;
    }
    counts.mutable_data<int64_t>()[i] = p.divisor ? *p.divisor : product;
  }
  return counts;
}

// Integers of more bits than f32 holds: slices, joined. Sums are divided toward zero.
Value integer_pool(SourceCall& c, Value x, const Pooling& p) {
  const BinaryKind kind = p.kind == PoolKind::kMax ? BinaryKind::kMaximum : BinaryKind::kAdd;
  Value y = x;
  for (size_t i = 0; i < p.axes.size(); ++i) y = joined_windows(c, y, p.axes[i], 2 + i, kind);
  if (p.kind == PoolKind::kMax || c.failed()) return y;
  return c.add(Binary(BinaryKind::kDiv), {y, c.to_dtype(c.constant(counts_of(p)), c.dtype(y))});
}

Value pool(SourceCall& c, Value x, const Pooling& p) {
  if (!is_float(c.dtype(x))) return integer_pool(c, x, p);
  const size_t n = p.axes.size();
  Value y;
  if (n == 2) {
    y = pool_planes(c, x, p, p.axes[0], p.axes[1]);
  } else {
    const auto is_one = [](const Axis& a) { return a.window == 1 && a.stride == 1 && a.before == 0; };
    y = x;
    if (!is_one(p.axes[1]) || !is_one(p.axes[2]))
      y = on_planes(c, y, [&](Value v) { return pool_planes(c, v, p, p.axes[1], p.axes[2]); });
    if (!is_one(p.axes[0])) {
      y = along_depth(c, y, [&](Value v) {
        Axis across;
        across.in = across.out = c.shape(v).back();
        return pool_planes(c, v, p, p.axes[0], across);
      });
    }
  }
  if (!p.divisor) return y;
  double volume = 1;
  for (const Axis& a : p.axes) volume *= double(a.window);
  return c.add(Binary(BinaryKind::kMul), {y, c.scalar(volume / double(*p.divisor), c.dtype(y))});
}

// Integers of up to 16 bits are exact in f32, which LiteRT pools.
Value to_poolable(SourceCall& c, Value x, bool wide_integers = false) {
  const DType t = c.dtype(x);
  if (is_float(t) || c.failed()) return x;
  if (bits(t) <= 16 && t != DType::kBool) return c.to_dtype(x, DType::kF32);
  if (wide_integers && (t == DType::kI32 || t == DType::kI64)) return x;
  c.unsupported(fmt::format("pooling of {}", name(t)), "convert the data to float32 before pooling");
  return {};
}

Pooling read_pooling(SourceCall& c, PoolKind kind, size_t spatial, const SpatialData& data) {
  Pooling p;
  p.kind = kind;
  const List window = two_axes(c.repeated("kernel_size", spatial, 1), 1);
  List stride = c.integers("stride", {});
  stride = stride.empty() ? window : two_axes(c.repeated("stride", spatial, 1), 1);
  const List padding = two_axes(c.repeated("padding", spatial, 0), 0), sizes = data.sizes();
  const List dilation = two_axes(c.repeated("dilation", spatial, 1), 1);
  const bool ceil_mode = c.boolean("ceil_mode");
  const bool valid = check_range(c, "kernel_size", window, 1) && check_range(c, "stride", stride, 1) &&
                     check_range(c, "padding", padding, 0) && check_range(c, "dilation", dilation, 1);
  if (c.failed() || !valid) return p;
  for (size_t i = 0; i < window.size(); ++i) {
    Axis a{sizes[i], window[i], stride[i], dilation[i], padding[i], padding[i], 1};
    if (!count_windows(c, a, ceil_mode)) return p;
    p.axes.push_back(a);
  }
  return p;
}

// What the windows along one axis cover of it.
Windows windows_of(const Axis& a) {
  Windows windows(static_cast<size_t>(a.out));
  for (int64_t i = 0; i < a.out; ++i)
    for (int64_t k = 0; k < a.window; ++k)
      if (const int64_t at = i * a.stride - a.before + k * a.dilation; at >= 0 && at < a.in) windows[size_t(i)].push_back(at);
  return windows;
}

template <size_t kAxes>
void max_pool(SourceCall& c, bool with_indices) {
  const Value x = c.tensor("self"), poolable = to_poolable(c, x, true);
  const SpatialData data(c, poolable, kAxes);
  const Pooling p = read_pooling(c, PoolKind::kMax, kAxes, data);
  if (c.failed()) return;
  Values results = {c.to_dtype(data.restore(pool(c, data.value(), p)), c.dtype(x))};
  if (with_indices) {
    std::vector<Windows> windows;
    for (size_t i = p.axes.size() - kAxes; i < p.axes.size(); ++i) windows.push_back(windows_of(p.axes[i]));
    results.push_back(window_argmax(c, poolable, windows));
  }
  c.results(std::move(results));
}

template <size_t kAxes>
void import_max_pool(SourceCall& c) {
  max_pool<kAxes>(c, false);
}

template <size_t kAxes>
void import_max_pool_with_indices(SourceCall& c) {
  max_pool<kAxes>(c, true);
}

template <size_t kAxes>
void import_avg_pool(SourceCall& c) {
  const Value x = c.tensor("self");
  const SpatialData data(c, to_poolable(c, x, true), kAxes);
  Pooling p = read_pooling(c, PoolKind::kAverage, kAxes, data);
  p.count_include_pad = c.boolean("count_include_pad", true);
  if (c.has("divisor_override")) {
    p.divisor = c.integer("divisor_override");
    if (*p.divisor == 0) return c.unsupported("divisor_override is 0");
    p.count_include_pad = true;
  }
  if (c.failed()) return;
  c.result(c.to_dtype(data.restore(pool(c, data.value(), p)), c.dtype(x)));
}

// --- Pooling to a given size: window i of an axis runs from floor(i * in / out) to ceil((i + 1) * in / out).

struct Range {
  int64_t begin, end;
};
Range adaptive_range(int64_t i, int64_t in, int64_t out) { return {i * in / out, ((i + 1) * in + out - 1) / out}; }

// The axis as one with equal windows at equal steps, where it is.
std::optional<Axis> regular_axis(int64_t in, int64_t out) {
  const Range first = adaptive_range(0, in, out);
  Axis a;
  a.in = in;
  a.out = out;
  a.window = first.end;
  a.stride = out > 1 ? adaptive_range(1, in, out).begin : a.window;
  for (int64_t i = 0; i < out; ++i) {
    const Range r = adaptive_range(i, in, out);
    if (r.begin != i * a.stride || r.end != r.begin + a.window) return std::nullopt;
  }
  return a;
}

AxisMatrix averaging_matrix(int64_t in, int64_t out) {
  AxisMatrix m(out, in);
  for (int64_t i = 0; i < out; ++i) {
    const Range r = adaptive_range(i, in, out);
    for (int64_t j = r.begin; j < r.end; ++j) m.at(i, j) = float(1.0 / double(r.end - r.begin));
  }
  return m;
}

// Windows of unequal sizes along one axis: each reduced by itself.
Value reduce_windows(SourceCall& c, Value x, size_t axis, int64_t out, ReduceKind kind) {
  const int64_t in = c.shape(x)[axis];
  Values parts;
  for (int64_t i = 0; i < out && !c.failed(); ++i) {
    const Range r = adaptive_range(i, in, out);
    const Value part = slice_axis(c, x, axis, r.begin, r.end - r.begin);
    parts.push_back(c.add(Reduce(kind, {int64_t(axis)}, true), {part}));
  }
  return parts.size() == 1 ? parts[0] : c.add(Concat(int64_t(axis)), parts);
}

// The last two axes of x [N,C,H,W] to the sizes `out`.
Value adaptive_planes(SourceCall& c, Value x, PoolKind kind, const List& out) {
  const Shape s = c.shape(x);
  if (c.failed()) return {};
  Pooling p;
  p.kind = kind;
  std::array<std::optional<Axis>, 2> regular;
  for (size_t i = 0; i < 2; ++i) {
    regular[i] = regular_axis(s[2 + i], out[i]);
    Axis untouched;
    untouched.in = untouched.out = s[2 + i];
    p.axes.push_back(regular[i].value_or(untouched));
  }
  Value y = x;
  if (regular[0] || regular[1]) y = pool(c, y, p);
  if (kind == PoolKind::kAverage) {
    std::array<std::optional<AxisMatrix>, 2> m;
    for (size_t i = 0; i < 2; ++i)
      if (!regular[i]) m[i] = averaging_matrix(s[2 + i], out[i]);
    return multiply_axes(c, y, m[0] ? &*m[0] : nullptr, m[1] ? &*m[1] : nullptr);
  }
  for (size_t i = 0; i < 2; ++i)
    if (!regular[i]) y = reduce_windows(c, y, 2 + i, out[i], ReduceKind::kMax);
  return y;
}

template <size_t kAxes>
void adaptive_pool(SourceCall& c, PoolKind kind) {
  const Value x = c.tensor("self");
  const SpatialData data(c, to_poolable(c, x), kAxes);
  const List sizes = data.sizes(), out = two_axes(c.repeated("output_size", kAxes, 1), 1);
  if (c.failed() || !check_range(c, "output_size", out, 1) || !check_range(c, "self", sizes, 1)) return;
  constexpr int64_t kMaxSize = 1 << 20;
  for (size_t i = 0; i < out.size(); ++i)
    if (out[i] > kMaxSize || sizes[i] > kMaxSize) return c.unsupported(fmt::format("output size {}", out[i]));
  Value y = data.value();
  if (std::all_of(out.begin(), out.end(), [](int64_t n) { return n == 1; })) {
    List axes;
    for (size_t a = c.rank(x) - kAxes; a < c.rank(x); ++a) axes.push_back(int64_t(a));
    const ReduceKind reduce = kind == PoolKind::kMax ? ReduceKind::kMax : ReduceKind::kMean;
    return c.result(c.to_dtype(c.add(Reduce(reduce, axes, true), {to_poolable(c, x)}), c.dtype(x)));
  }
  if (kAxes < 3) {
    y = adaptive_planes(c, y, kind, out);
  } else {
    if (sizes[1] != out[1] || sizes[2] != out[2])
      y = on_planes(c, y, [&](Value v) { return adaptive_planes(c, v, kind, {out[1], out[2]}); });
    if (sizes[0] != out[0])
      y = along_depth(c, y, [&](Value v) {
        const int64_t across = c.shape(v).back();
        return adaptive_planes(c, v, kind, {out[0], across});
      });
  }
  c.result(c.to_dtype(data.restore(y), c.dtype(x)));
}

template <size_t kAxes>
void import_adaptive_avg_pool(SourceCall& c) {
  adaptive_pool<kAxes>(c, PoolKind::kAverage);
}

template <size_t kAxes>
void import_adaptive_max_pool(SourceCall& c) {
  adaptive_pool<kAxes>(c, PoolKind::kMax);
  if (c.failed()) return;
  const Value x = to_poolable(c, c.tensor("self"));
  const List out = c.repeated("output_size", kAxes, 1);
  std::vector<Windows> windows;
  for (size_t i = 0; i < kAxes; ++i) {
    const int64_t in = c.shape(x)[c.rank(x) - kAxes + i];
    Windows& axis = windows.emplace_back();
    for (int64_t k = 0; k < out[i]; ++k) {
      const Range r = adaptive_range(k, in, out[i]);
      std::vector<int64_t>& window = axis.emplace_back();
      for (int64_t at = r.begin; at < r.end; ++at) window.push_back(at);
    }
  }
  c.results({c.results()[0], window_argmax(c, x, windows)});
}

constexpr Import kImports[] = {
    {"aten.max_pool1d.default", import_max_pool<1>},
    {"aten.max_pool2d.default", import_max_pool<2>},
    {"aten.max_pool3d.default", import_max_pool<3>},
    {"aten.max_pool1d_with_indices.default", import_max_pool_with_indices<1>},
    {"aten.max_pool2d_with_indices.default", import_max_pool_with_indices<2>},
    {"aten.max_pool3d_with_indices.default", import_max_pool_with_indices<3>},
    {"aten.avg_pool1d.default", import_avg_pool<1>},
    {"aten.avg_pool2d.default", import_avg_pool<2>},
    {"aten.avg_pool3d.default", import_avg_pool<3>},
    {"aten.adaptive_avg_pool1d.default", import_adaptive_avg_pool<1>},
    {"aten.adaptive_avg_pool2d.default", import_adaptive_avg_pool<2>},
    {"aten.adaptive_avg_pool3d.default", import_adaptive_avg_pool<3>},
    {"aten._adaptive_avg_pool2d.default", import_adaptive_avg_pool<2>},
    {"aten._adaptive_avg_pool3d.default", import_adaptive_avg_pool<3>},
    {"aten.adaptive_max_pool1d.default", import_adaptive_max_pool<1>},
    {"aten.adaptive_max_pool2d.default", import_adaptive_max_pool<2>},
    {"aten.adaptive_max_pool3d.default", import_adaptive_max_pool<3>},
};

}  // namespace

std::span<const Import> aten_pool() { return kImports; }

}  // namespace atl
