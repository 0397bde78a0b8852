// Convolutions of one to three spatial axes, plain and transposed. One spatial axis is two with a height of 1; what LiteRT's
// operators lack (groups in 3-D, groups and dilation when transposed) is composed here.
#include <algorithm>
#include <numeric>

#include "import/aten_spatial.h"
#include "import/spatial_forms.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/shape.h"

namespace atl {
namespace {

// More groups than this make one operator on stuffed zeros or planes instead of one operator each.
constexpr int64_t kMaxSplitGroups = 4;

using List = std::vector<int64_t>;

// The arguments, with two or three spatial axes. `before` and `after` are the paddings.
struct Convolution {
  Value x, weight, bias;
  List stride, before, after, dilation, output_padding;
  int64_t groups = 1;
  size_t axes() const { return stride.size(); }
};

template <size_t N>
std::array<int64_t, N> array_of(const List& v) {
  std::array<int64_t, N> a{};
  std::copy_n(v.begin(), N, a.begin());
  return a;
}

template <size_t N>
std::array<int64_t, 2 * N> pairs_of(const List& before, const List& after) {
  std::array<int64_t, 2 * N> a{};
  for (size_t i = 0; i < N; ++i) a[2 * i] = before[i], a[2 * i + 1] = after[i];
  return a;
}

Values operands(const Convolution& a) {
  Values in{a.x, a.weight};
  if (a.bias.valid()) in.push_back(a.bias);
  return in;
}

Value conv2d(SourceCall& c, const Convolution& a) {
  Conv2d op;
  op.stride = array_of<2>(a.stride);
  op.dilation = array_of<2>(a.dilation);
  op.padding = pairs_of<2>(a.before, a.after);
  op.groups = a.groups;
  return c.add(op, operands(a));
}

Value conv3d(SourceCall& c, const Convolution& a) {
  Conv3d op;
  op.stride = array_of<3>(a.stride);
  op.dilation = array_of<3>(a.dilation);
  op.padding = pairs_of<3>(a.before, a.after);
  return c.add(op, operands(a));
}

// One convolution a group, each on its part of the channels.
Value by_groups(SourceCall& c, const Convolution& a, bool transposed, Value (*one)(SourceCall&, const Convolution&)) {
  const Shape x = c.shape(a.x), w = c.shape(a.weight);
  const auto parts = [&](Value v, int64_t axis, int64_t size) {
    return c.add_multi(Split(axis, List(size_t(a.groups), size / a.groups)), {v}, size_t(a.groups));
  };
  const Values xs = parts(a.x, 1, x[1]), ws = parts(a.weight, 0, w[0]);
  const int64_t filters = transposed ? w[1] * a.groups : w[0];
  const Values biases = a.bias.valid() ? parts(a.bias, 0, filters) : Values(size_t(a.groups));
  Values results;
  for (size_t g = 0; g < size_t(a.groups); ++g) {
    Convolution part = a;
    part.groups = 1;
    part.x = xs[g];
    part.weight = ws[g];
    part.bias = biases[g];
    results.push_back(one(c, part));
  }
  return c.add(Concat(1), results);
}

// A grouped 3-D convolution as a sum of 2-D ones, one for each plane of the kernel.
Value by_planes(SourceCall& c, const Convolution& a) {
  const Shape x = c.shape(a.x), w = c.shape(a.weight);
  const int64_t kernel = w[2];
  const int64_t room = x[2] + a.before[0] + a.after[0] - ((kernel - 1) * a.dilation[0] + 1);
  if (room < 0) {
    c.unsupported("the kernel is deeper than the data and its padding");
    return {};
  }
  const int64_t depth = room / a.stride[0] + 1;
  const Value padded = c.add(Pad({0, 0, a.before[0], 0, 0}, {0, 0, a.after[0], 0, 0}), {a.x});
  Value sum;
  for (int64_t k = 0; k < kernel && !c.failed(); ++k) {
    const Value part = slice_axis(c, padded, 2, k * a.dilation[0], depth, a.stride[0]);
    const Value y = on_planes(c, part, [&](Value planes) {
      Convolution p = a;
      p.x = planes;
      p.weight = c.add(Reshape({w[0], w[1], w[3], w[4]}), {slice_axis(c, a.weight, 2, k, 1)});
      if (k > 0) p.bias = {};
      for (List* l : {&p.stride, &p.before, &p.after, &p.dilation}) l->erase(l->begin());
      return conv2d(c, p);
    });
    sum = k == 0 ? y : c.add(Binary(BinaryKind::kAdd), {sum, y});
  }
  return sum;
}

Value transpose_conv2d(SourceCall& c, const Convolution& a) {
  TransposeConv2d op;
  op.stride = array_of<2>(a.stride);
  op.padding = pairs_of<2>(a.before, a.after);
  op.output_padding = array_of<2>(a.output_padding);
  return c.add(op, operands(a));
}

Value transpose_conv3d(SourceCall& c, const Convolution& a) {
  TransposeConv3d op;
  op.stride = array_of<3>(a.stride);
  op.padding = pairs_of<3>(a.before, a.after);
  op.output_padding = array_of<3>(a.output_padding);
  return c.add(op, operands(a));
}

// The kernel with the zeros of its dilation written out.
Value dilated_weight(SourceCall& c, const Convolution& a) {
  Value w = a.weight;
  for (size_t i = 0; i < a.axes(); ++i) {
    const int64_t n = c.shape(w)[2 + i];
    w = slice_axis(c, stuff_zeros(c, w, 2 + i, a.dilation[i]), 2 + i, 0, (n - 1) * a.dilation[i] + 1);
  }
  return w;
}

// Integers, which LiteRT does not convolve: the windows of each group as a matrix, times its kernels.
Value integer_convolution(SourceCall& c, const Convolution& a) {
  const Shape w = c.shape(a.weight), s = c.shape(a.x);
  const size_t n = a.axes();
  const int64_t taps = element_count({w.begin() + 2, w.end()}), groups = a.groups;
  constexpr int64_t kMaxTaps = 4096;
  if (taps > kMaxTaps) return c.unsupported(fmt::format("a kernel of {} integers", taps)), Value{};
  List before(n + 2, 0), after(n + 2, 0);
  std::copy(a.before.begin(), a.before.end(), before.begin() + 2);
  std::copy(a.after.begin(), a.after.end(), after.begin() + 2);
  const Value padded = c.add(Pad(before, after), {a.x});
  Shape out{s[0], w[0]};
  for (size_t i = 0; i < n; ++i) {
    const int64_t room = s[2 + i] + a.before[i] + a.after[i] - ((w[2 + i] - 1) * a.dilation[i] + 1);
    if (room < 0) return c.unsupported("a kernel larger than the data and its padding"), Value{};
    out.push_back(room / a.stride[i] + 1);
  }
  const int64_t places = element_count({out.begin() + 2, out.end()}), depth = s[1] / groups;
  Values windows;
  for (int64_t k = 0; k < taps && !c.failed(); ++k) {
    Value part = padded;
    for (int64_t i = int64_t(n) - 1, rest = k; i >= 0; --i) {
      part = slice_axis(c, part, size_t(2 + i), rest % w[size_t(2 + i)] * a.dilation[size_t(i)], out[size_t(2 + i)],
                        a.stride[size_t(i)]);
      rest /= w[size_t(2 + i)];
    }
    windows.push_back(c.add(Reshape({s[0], groups, depth, 1, places}), {part}));
  }
  const Value columns = windows.size() == 1 ? windows[0] : c.add(Concat(3), windows);
  const Value kernels = c.add(Reshape({1, groups, w[0] / groups, depth * taps}), {a.weight});
  const Value products = c.add(BatchMatmul(), {kernels, c.add(Reshape({s[0], groups, depth * taps, places}), {columns})});
  const Value y = c.add(Reshape(out), {products});
  if (!a.bias.valid()) return y;
  Shape line(n + 2, 1);
  line[1] = w[0];
  return c.add(Binary(BinaryKind::kAdd), {y, c.add(Reshape(line), {a.bias})});
}

// A transposed convolution of many groups, or of integers: the plain convolution, with turned kernels, of the data with zeros
// between.
Value stuffed_convolution(SourceCall& c, const Convolution& a) {
  const Shape w = c.shape(a.weight);
  const size_t n = a.axes();
  const int64_t g = a.groups, in = w[0] / g, out = w[1];
  Convolution plain = a;
  Shape grouped{g, in, out}, joined{g * out, in};
  grouped.insert(grouped.end(), w.begin() + 2, w.end());
  joined.insert(joined.end(), w.begin() + 2, w.end());
  Perm swap = identity(grouped.size());
  std::swap(swap[1], swap[2]);
  const Value swapped = c.add(Transpose(swap), {c.add(Reshape(grouped), {a.weight})});
  List spatial(n);
  std::iota(spatial.begin(), spatial.end(), 2);
  plain.weight = c.add(Reverse(spatial), {c.add(Reshape(joined), {swapped})});
  plain.stride = List(n, 1);
  for (size_t i = 0; i < n; ++i) {
    // The kernel slides over the data from its own length before it; padding and the zeros behind the last element count off.
    const int64_t reach = (w[2 + i] - 1) * a.dilation[i];
    plain.before[i] = reach - a.before[i];
    plain.after[i] = reach - a.after[i] + a.output_padding[i] - (a.stride[i] - 1);
    plain.x = stuff_zeros(c, plain.x, 2 + i, a.stride[i]);
    const int64_t cut_before = std::max<int64_t>(0, -plain.before[i]), cut_after = std::max<int64_t>(0, -plain.after[i]);
    plain.x = slice_axis(c, plain.x, 2 + i, cut_before, c.shape(plain.x)[2 + i] - cut_before - cut_after);
    plain.before[i] += cut_before;
    plain.after[i] += cut_after;
    if (c.failed()) return {};
  }
  return is_float(c.dtype(a.x)) ? conv2d(c, plain) : integer_convolution(c, plain);
}

Value transposed_convolution(SourceCall& c, Convolution a) {
  if (!is_float(c.dtype(a.x)) || (a.groups > kMaxSplitGroups && a.axes() == 2)) return stuffed_convolution(c, a);
  a.weight = dilated_weight(c, a);
  const auto one = a.axes() == 2 ? transpose_conv2d : transpose_conv3d;
  return a.groups > 1 ? by_groups(c, a, true, one) : one(c, a);
}

Value plain_convolution(SourceCall& c, const Convolution& a) {
  if (!is_float(c.dtype(a.x))) return integer_convolution(c, a);
  if (a.axes() == 2) return conv2d(c, a);
  if (a.groups == 1) return conv3d(c, a);
  return a.groups <= kMaxSplitGroups ? by_groups(c, a, false, conv3d) : by_planes(c, a);
}

// Checks what the compositions above rely on, gives every argument two or three axes and builds the nodes.
void build(SourceCall& c, Convolution a, bool transposed) {
  const size_t spatial = a.axes();
  const Shape w = c.shape(a.weight);
  if (c.failed()) return;
  if (w.size() != spatial + 2) return c.unsupported(fmt::format("weight {} for {} spatial axes", to_string(w), spatial));
  const SpatialData data(c, a.x, spatial);
  const bool valid = check_range(c, "stride", a.stride, 1) && check_range(c, "dilation", a.dilation, 1) &&
                     check_range(c, "padding", a.before, 0) && check_range(c, "padding", a.after, 0) &&
                     check_range(c, "output_padding", a.output_padding, 0) && check_range(c, "groups", {a.groups}, 1) &&
                     check_range(c, "weight", w, 1);
  if (c.failed() || !valid) return;
  a.x = data.value();
  const int64_t channels = c.shape(a.x)[1];
  if (channels % a.groups || w[0] % a.groups || (transposed ? w[0] != channels : w[1] * a.groups != channels))
    return c.unsupported(fmt::format("weight {} for {} channels in {} groups", to_string(w), channels, a.groups));
  if (spatial == 1) {
    a.weight = c.add(Reshape({w[0], w[1], 1, w[2]}), {a.weight});
    for (List* l : {&a.stride, &a.dilation}) *l = two_axes(*l, 1);
    for (List* l : {&a.before, &a.after, &a.output_padding}) *l = two_axes(*l, 0);
  }
  // Everything is computed in the result's element type.
  const DType t = c.result_type().dtype;
  a.x = c.to_dtype(a.x, t);
  a.weight = c.to_dtype(a.weight, t);
  a.bias = c.to_dtype(a.bias, t);
  c.result(data.restore(transposed ? transposed_convolution(c, a) : plain_convolution(c, a)));
}

size_t spatial_axes(SourceCall& c, Value weight) {
  const size_t rank = c.rank(weight);
  if (rank >= 3 && rank <= 5) return rank - 2;
  c.unsupported(fmt::format("weight {}", to_string(c.shape(weight))));
  return 1;
}

Convolution arguments(SourceCall& c, size_t spatial) {
  Convolution a;
  a.x = c.tensor("input");
  a.weight = c.tensor("weight");
  a.bias = c.optional_tensor("bias");
  a.stride = c.repeated("stride", spatial, 1);
  a.dilation = c.repeated("dilation", spatial, 1);
  a.output_padding = List(spatial, 0);
  a.groups = c.integer("groups", 1);
  return a;
}

template <size_t kAxes>
void import_conv(SourceCall& c) {
  Convolution a = arguments(c, kAxes);
  a.before = a.after = c.repeated("padding", kAxes, 0);
  build(c, a, false);
}

// padding is 'same' or 'valid'.
template <size_t kAxes>
void import_conv_padding(SourceCall& c) {
  Convolution a = arguments(c, kAxes);
  a.before = a.after = List(kAxes, 0);
  const Shape w = c.shape(a.weight);
  if (c.failed() || w.size() != kAxes + 2) return c.unsupported(fmt::format("weight {}", to_string(w)));
  const std::string padding = c.string("padding", "valid");
  if (padding == "same") {
    if (!check_range(c, "dilation", a.dilation, 1) || !check_range(c, "weight", w, 1)) return;
    for (size_t i = 0; i < kAxes; ++i) {
      const int64_t total = a.dilation[i] * (w[2 + i] - 1);
      a.before[i] = total / 2;
      a.after[i] = total - total / 2;
    }
  } else if (padding != "valid") {
    return c.unsupported(fmt::format("padding '{}'", padding), "padding is a number, 'same' or 'valid'");
  }
  build(c, a, false);
}

template <size_t kAxes>
void import_conv_transpose(SourceCall& c) {
  Convolution a = arguments(c, kAxes);
  a.before = a.after = c.repeated("padding", kAxes, 0);
  a.output_padding = c.repeated("output_padding", kAxes, 0);
  build(c, a, true);
}

void import_convolution(SourceCall& c) {
  const size_t spatial = spatial_axes(c, c.tensor("weight"));
  Convolution a = arguments(c, spatial);
  a.before = a.after = c.repeated("padding", spatial, 0);
  const bool transposed = c.boolean("transposed");
  if (transposed) a.output_padding = c.repeated("output_padding", spatial, 0);
  build(c, a, transposed);
}

// Time, batch, channels; weight [k, channels, filters].
void import_conv_tbc(SourceCall& c) {
  Convolution a;
  a.x = c.add(Transpose({1, 2, 0}), {c.tensor("self")});
  a.weight = c.add(Transpose({2, 1, 0}), {c.tensor("weight")});
  a.bias = c.optional_tensor("bias");
  a.stride = a.dilation = {1};
  a.output_padding = {0};
  a.before = a.after = {c.integer("pad", 0)};
  build(c, a, false);
  if (!c.failed()) c.result(c.add(Transpose({2, 0, 1}), {c.results()[0]}));
}

constexpr Import kImports[] = {
    {"aten.convolution.default", import_convolution},
    {"aten._convolution.default", import_convolution},
    {"aten._convolution.deprecated", import_convolution},
    {"aten.conv1d.default", import_conv<1>},
    {"aten.conv2d.default", import_conv<2>},
    {"aten.conv3d.default", import_conv<3>},
    {"aten.conv1d.padding", import_conv_padding<1>},
    {"aten.conv2d.padding", import_conv_padding<2>},
    {"aten.conv3d.padding", import_conv_padding<3>},
    {"aten.conv_transpose1d.default", import_conv_transpose<1>},
    {"aten.conv_transpose2d.input", import_conv_transpose<2>},
    {"aten.conv_transpose3d.input", import_conv_transpose<3>},
    {"aten.conv_tbc.default", import_conv_tbc},
};

}  // namespace

std::span<const Import> aten_convolution() { return kImports; }

}  // namespace atl
