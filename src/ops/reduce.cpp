#include "ops/reduce.h"

#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "ir/rewrite.h"
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/axis.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/shape.h"
#include "ops/spatial.h"
#include "ops/xnnpack.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

struct KindFacts {
  BuiltinOperator builtin;
  std::string_view dtypes;  // element types that LiteRT's CPU kernel takes, beyond quantized forms
};
constexpr KindFacts kKinds[] = {
    {BuiltinOperator::SUM, "f32 i32 i64"},         {BuiltinOperator::MEAN, "f32 i32 i64"},
    {BuiltinOperator::REDUCE_PROD, "f32 i32 i64"}, {BuiltinOperator::REDUCE_MAX, "f32 i32 i64"},
    {BuiltinOperator::REDUCE_MIN, "f32 i32 i64"},  {BuiltinOperator::REDUCE_ANY, "bool"},
    {BuiltinOperator::REDUCE_ALL, "bool"},
};
static_assert(std::size(kKinds) == enum_names(ReduceKind{}).size());

/// Neighbouring axes of one kind (reduced or kept) as one: the shortest shape on which the reduction is the same.
struct MergedAxes {
  Shape shape;
  std::vector<bool> reduced;
  MergedAxes(const Shape& s, const std::vector<int64_t>& axes) {
    for (int64_t a = 0; a < int64_t(s.size()); ++a) {
      const bool r = std::binary_search(axes.begin(), axes.end(), a);
      if (!shape.empty() && reduced.back() == r) {
        shape.back() *= s[size_t(a)];
      } else {
        shape.push_back(s[size_t(a)]);
        reduced.push_back(r);
      }
    }
  }
};

/// Folds each element into its accumulator: f(acc, element).
template <class Acc, class T, class F>
void accumulate(const T* in, const MergedAxes& m, std::vector<Acc>& acc, F f) {
  const size_t rank = m.shape.size();
  if (element_count(m.shape) == 0) return;
  std::vector<int64_t> step(rank, 0), index(rank, 0);
  int64_t stride = 1;
  for (size_t a = rank; a-- > 0;) {
    if (m.reduced[a]) continue;
    step[a] = stride;
    stride *= m.shape[a];
  }
  const int64_t line = rank ? m.shape[rank - 1] : 1, line_step = rank ? step[rank - 1] : 0;
  for (int64_t at = 0;;) {
    for (int64_t i = 0; i < line; ++i) f(acc[size_t(at + i * line_step)], in[i]);
    in += line;
    size_t a = rank ? rank - 1 : 0;
    for (; a > 0; --a) {
      at += step[a - 1];
      if (++index[a - 1] < m.shape[a - 1]) break;
      at -= step[a - 1] * m.shape[a - 1];
      index[a - 1] = 0;
    }
    if (a == 0) return;
  }
}

template <class T>
T lowest() {
  if constexpr (std::is_integral_v<T>)
    return std::numeric_limits<T>::lowest();
  else
    return static_cast<T>(-std::numeric_limits<float>::infinity());
}
template <class T>
T highest() {
  if constexpr (std::is_integral_v<T>)
    return std::numeric_limits<T>::max();
  else
    return static_cast<T>(std::numeric_limits<float>::infinity());
}

template <class T>
void reduce_elements(ReduceKind kind, const MergedAxes& m, const T* in, T* out, size_t n, int64_t reduced_count) {
  constexpr bool integer = std::is_integral_v<T>;
  using Sum = std::conditional_t<integer, uint64_t, double>;  // integers wrap
  auto run = [&]<class Acc>(Acc init, auto f, auto finish) {
    std::vector<Acc> acc(n, init);
    accumulate(in, m, acc, f);
    for (size_t i = 0; i < n; ++i) out[i] = finish(acc[i]);
  };
  auto narrow = [](auto a) { return static_cast<T>(a); };
  switch (kind) {
    case ReduceKind::kSum:
      return run(
          Sum(0), [](Sum& a, T v) { a += static_cast<Sum>(v); }, narrow);
    case ReduceKind::kMean:
      return run(
          Sum(0), [](Sum& a, T v) { a += static_cast<Sum>(v); },
          [&](Sum a) {
            if constexpr (integer)
              return static_cast<T>(reduced_count ? static_cast<int64_t>(a) / reduced_count : 0);
            else
              return static_cast<T>(a / static_cast<double>(reduced_count));
          });
    case ReduceKind::kProd:
      return run(
          Sum(1), [](Sum& a, T v) { a *= static_cast<Sum>(v); }, narrow);
    case ReduceKind::kMax:
      return run(
          lowest<T>(), [](T& a, T v) { a = v > a ? v : a; }, narrow);
    case ReduceKind::kMin:
      return run(
          highest<T>(), [](T& a, T v) { a = v < a ? v : a; }, narrow);
    case ReduceKind::kAny:
      return run(
          uint8_t(0), [](uint8_t& a, T v) { a |= uint8_t(v != T(0)); }, narrow);
    case ReduceKind::kAll:
      return run(
          uint8_t(1), [](uint8_t& a, T v) { a &= uint8_t(v != T(0)); }, narrow);
  }
}

int64_t reduced_count(const Reduce& o, const Shape& s) {
  int64_t n = 1;
  for (int64_t a : o.axes) n *= s[size_t(a)];
  return n;
}

// One number for each element of the result, folded from the operand's integers in their order: f(acc, integer).
template <class F>
std::vector<int64_t> fold_integers(const Reduce& o, const Tensor& x, int64_t count, int64_t init, F f) {
  std::vector<int64_t> acc(size_t(count), init);
  visit(x.dtype(), [&]<class T>(T) {
    if constexpr (!std::is_same_v<T, bool>) accumulate(x.data<T>(), MergedAxes(x.shape(), o.axes), acc, f);
  });
  return acc;
}

// From the sum of a result's integers to the result.
using FinishSum = std::function<int64_t(int64_t sum)>;

// LiteRT adds up and scales in f32.
FinishSum finish_sum(const Type& in, const Type& out, int64_t n) {
  const float scale = float(scale_of(in)) / float(scale_of(out));
  const float bias = float(-zero_point_of(in)) * scale * float(n);
  return [=, zero = zero_point_of(out)](int64_t sum) { return int64_t(std::round(float(sum) * scale + bias)) + zero; };
}

// Over the two spatial axes, the zero point is scaled and rounded by itself.
FinishSum finish_spatial_mean(const Type& in, const Type& out, int64_t n) {
  const float in_scale = float(scale_of(in)), out_scale = float(scale_of(out));
  const float zero = float(zero_point_of(in)) * in_scale / out_scale;
  const int32_t bias = zero_point_of(out) - int32_t(zero > 0 ? zero + 0.5f : zero - 0.5f);
  const FixedPoint factor = FixedPoint::of(double(in_scale / (float(n) * out_scale)));
  return [=](int64_t sum) { return int64_t(scaled(int32_t(sum), factor)) + bias; };
}

FinishSum finish_mean(const Type& in, const Type& out, int64_t n) {
  FixedPoint factor = FixedPoint::of(scale_of(in) / scale_of(out));
  const int log2 = std::min({int(std::bit_width(uint64_t(n))) - 1, 32, 31 + factor.exponent});
  factor.mantissa = int32_t((int64_t(factor.mantissa) << log2) / n);
  factor.exponent -= log2;
  return [=, zero = zero_point_of(in) * n, out_zero = zero_point_of(out)](int64_t sum) {
    return int64_t(scaled(int32_t(sum - zero), factor)) + out_zero;
  };
}

// Each of the n factors of a product is scaled by itself, so that the product stays within 32 bits.
double product_factor(const Type& in, const Type& out, int64_t n) {
  return scale_of(in) / std::pow(scale_of(out), 1.0 / double(n));
}

struct ReduceFacts {
  static constexpr std::string_view name = "reduce";
  static constexpr std::string_view summary = "sum, mean, product, largest, smallest, any or all along axes";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kRequant;

  static QuantRule quantization(const Reduce& o, TypesIn in) {
    switch (o.kind) {
      case ReduceKind::kSum:
      case ReduceKind::kMean:
        return {.kind = Quant::kRequant, .types = reduced_count(o, in[0].shape) <= kMaxWideSum ? "i8 u8 i16" : "i8 u8"};
      case ReduceKind::kProd:
        if (reduced_count(o, in[0].shape) > kMaxFactors) return {};
        return {.kind = Quant::kRequant, .types = "i8 i16"};
      case ReduceKind::kMax:
      case ReduceKind::kMin:
        return {.kind = Quant::kSameScale, .types = "i8 u8 i16"};
      default:
        return {};
    }
  }

  // Most i16 that a sum of 32 bits holds.
  static constexpr int64_t kMaxWideSum = 65535;
  // Partial products of more factors leave 32 bits when the data is larger than what was calibrated.
  static constexpr int64_t kMaxFactors = 4;

  static Result<Tensors> eval_integer(const Reduce& o, TensorsIn in, TypesIn out) {
    const Tensor& x = in[0];
    const Type &from = x.type(), &to = out[0];
    const bool most = o.kind == ReduceKind::kMax || o.kind == ReduceKind::kMin;
    Tensor y = Tensor::make(to);
    const IntegerRange range = integer_range(to.dtype);
    const int64_t n = reduced_count(o, from.shape), count = y.count();
    std::vector<int64_t> v;
    if (most) {
      v = fold_integers(o, x, count, o.kind == ReduceKind::kMax ? range.low : range.high, [&](int64_t& acc, auto e) {
        acc = o.kind == ReduceKind::kMax ? std::max(acc, int64_t(e)) : std::min(acc, int64_t(e));
      });
    } else if (o.kind == ReduceKind::kProd) {
      v = multiply_integers(o, x, to, n);
    } else {
      v = fold_integers(o, x, count, 0, [](int64_t& acc, auto e) { acc += int64_t(e); });
      const bool spatial = o.keep_dims && o.axes == std::vector<int64_t>{1, 2} && from.rank() == 4 && bits(from.dtype) == 8;
      const FinishSum finish = o.kind == ReduceKind::kSum ? finish_sum(from, to, n)
                               : spatial                  ? finish_spatial_mean(from, to, n)
                                                          : finish_mean(from, to, n);
      for (int64_t& e : v) e = finish(e);
    }
    for (int64_t i = 0; i < count; ++i) set_integer(y, i, int32_t(std::clamp<int64_t>(v[size_t(i)], range.low, range.high)));
    return Tensors{std::move(y)};
  }

  static std::vector<int64_t> multiply_integers(const Reduce& o, const Tensor& x, const Type& out, int64_t n) {
    constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
    const FixedPoint factor = FixedPoint::of(product_factor(x.type(), out, n));
    const int64_t zero = zero_point_of(x.type());
    auto v = fold_integers(o, x, element_count(out.shape), kNone, [&](int64_t& acc, auto e) {
      acc = acc == kNone ? int64_t(e) - zero : scaled(acc * (int64_t(e) - zero), factor);
    });
    for (int64_t& e : v) e = int64_t(scaled(e, factor)) + zero_point_of(out);
    return v;
  }

  static Status legal_integer(const Reduce& o, TypesIn in, TypesIn out) {
    const Type &x = in[0], &y = out[0];
    const bool prod = o.kind == ReduceKind::kProd, any = o.kind >= ReduceKind::kAny;
    if (!x.quant || !y.quant || x.quant->scale.size() != 1 || x.dtype != y.dtype || any ||
        !in_list(x.dtype, prod ? "i8 i16" : "i8 u8 i16"))
      return error(Code::kUnsupportedType,
                   fmt::format("an integer {} of {} that gives {}", kind_name(o), to_string(x), to_string(y)));
    const bool same = o.kind == ReduceKind::kMax || o.kind == ReduceKind::kMin;
    if (same && x.quant != y.quant)
      return error(Code::kUnsupportedForm,
                   fmt::format("an integer {} of {} that gives {}: scale and zero point stay as they are", kind_name(o),
                               to_string(x), to_string(y)));
    if (x.dtype == DType::kI16 && !same && (zero_point_of(x) != 0 || zero_point_of(y) != 0))
      return error(Code::kUnsupportedForm, fmt::format("an integer {} of i16 with a zero point", kind_name(o)));
    const int64_t n = reduced_count(o, x.shape);
    const IntegerRange r = integer_range(x.dtype);
    const double largest = std::max(double(r.high) - zero_point_of(x), double(zero_point_of(x)) - r.low);
    if (!same && !prod && double(n) * largest >= 0x1p31)
      return error(Code::kUnsupportedForm,
                   fmt::format("an integer {} of {} elements, which 32 bits do not hold", kind_name(o), n));
    if (prod && std::log2(largest) + double(n - 1) * std::max(0.0, std::log2(largest * product_factor(x, y, n))) >= 31)
      return error(Code::kUnsupportedForm, fmt::format("an integer product of {} elements, which 32 bits do not hold", n));
    return {};
  }

  static std::string_view kind_name(const Reduce& o) { return enum_names(o.kind)[size_t(o.kind)]; }

  static Result<Types> infer(const Reduce& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, !o.axes.empty() && valid_axes(o.axes, in[0].rank()),
             "the axes of a reduction must be sorted and inside the operand's rank {}", in[0].rank());
    const bool logical = o.kind == ReduceKind::kAny || o.kind == ReduceKind::kAll;
    CHECK_OP(C3, (in[0].dtype == DType::kBool) == logical, "{} does not take {}", kind_name(o), atl::name(in[0].dtype));
    Type out{in[0].dtype, {}, in[0].quant};
    for (int64_t a = 0; a < int64_t(in[0].rank()); ++a) {
      if (!std::binary_search(o.axes.begin(), o.axes.end(), a))
        out.shape.push_back(in[0].shape[size_t(a)]);
      else if (o.keep_dims)
        out.shape.push_back(1);
    }
    return Types{out};
  }

  static Result<Tensors> eval(const Reduce& o, TensorsIn in) {
    const Type type = in[0].type();
    TRY(Types out, infer(o, TypesIn(&type, 1)));
    Tensor result = Tensor::make(out[0]);
    const int64_t reduced = reduced_count(o, in[0].shape());
    const MergedAxes merged(in[0].shape(), o.axes);
    visit(in[0].dtype(), [&]<class T>(T) {
      using Word = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;  // a vector of bool has no addresses
      reduce_elements(o.kind, merged, in[0].data<Word>(), result.mutable_data<Word>(), size_t(result.count()), reduced);
    });
    return Tensors{result};
  }

  static std::optional<LayoutChoice> permuted(const Reduce& o, TypesIn in, int operand, const Perm& p) {
    const Perm x = operand == kResult && !o.keep_dims ? with_axes(p, o.axes, in[0].rank()) : p;
    const Perm y = o.keep_dims ? x : without_axes(x, o.axes);
    return LayoutChoice{make_op(Reduce(o.kind, physical_axes(x, o.axes), o.keep_dims)), {x}, y};
  }

  static Status legal(const Reduce& o, TypesIn in) {
    TRY_STATUS(legal_dtype(kind_name(o), in[0], kKinds[size_t(o.kind)].dtypes));
    if (in[0].rank() > kXnnpackMaxRank)
      return error(Code::kUnsupportedForm,
                   fmt::format("a reduction of {} axes; LiteRT takes {}", in[0].rank(), kXnnpackMaxRank),
                   "reshape to fewer axes before");
    return {};
  }

  static Result<TfliteOp> emit(const Reduce& o, TypesIn in) {
    const bool i8 = in[0].dtype == DType::kI8, i16 = in[0].dtype == DType::kI16;
    int version = i8 ? 2 : 1;
    if (i16) version = o.kind == ReduceKind::kSum ? 1 : o.kind == ReduceKind::kProd ? 2 : 3;
    tflite::ReducerOptionsT options;
    options.keep_dims = o.keep_dims;
    return TfliteOp(kKinds[size_t(o.kind)].builtin, version, 1, std::move(options)).constant(Tensor::of_i32(o.axes));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    for (size_t k = 0; k < std::size(kKinds); ++k) {
      if (kKinds[k].builtin != n.code) continue;
      if (!n.present(0) || n.operand_count() != 2) return not_decoded();
      TRY(std::vector<int64_t> axes, n.ints(1));
      for (int64_t& a : axes) {
        TRY(a, normalize_axis(a, n.in[0]->rank()));
      }
      std::sort(axes.begin(), axes.end());
      axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
      const auto* options = n.options_as<tflite::ReducerOptionsT>();
      if (axes.empty() || n.in[0]->rank() == 0) return not_decoded();
      return Decoded{make_op(Reduce(ReduceKind(k), std::move(axes), options && options->keep_dims)), {0}};
    }
    return not_decoded();
  }

  // Over axes of size 1 nothing is reduced.
  static Result<bool> canonicalize(const Reduce& o, Rewrite& r) {
    for (int64_t a : o.axes)
      if (r.in_type(0).shape[size_t(a)] != 1) return false;
    if (r.in_type(0).quant != r.out_type().quant) return false;
    if (r.in_type(0) == r.out_type()) return r.replace(r.in(0));
    if (!is_static(r.out_type().shape)) return false;
    return r.replace(r.add(Reshape(r.out_type().shape), {r.in(0)}));
  }

  static Result<bool> legalize(const Reduce& o, Rewrite& r) {
    const Type& x = r.in_type(0);
    if (x.rank() > kXnnpackMaxRank && is_static(x.shape)) {
      const MergedAxes m(x.shape, o.axes);
      if (m.shape.size() > kXnnpackMaxRank) return false;
      std::vector<int64_t> axes;
      for (size_t a = 0; a < m.shape.size(); ++a)
        if (m.reduced[a]) axes.push_back(int64_t(a));
      const Value y = r.add(Reduce(o.kind, axes, false), {r.add(Reshape(m.shape), {r.in(0)})});
      return r.replace(r.add(Reshape(r.out_type().shape), {y}));
    }
    return legalize_by_cast(r, make_op(o), kKinds[size_t(o.kind)].dtypes);
  }

  // The Edge TPU averages planes of up to 8,192 pixels: larger ones by a pooling into equal windows first.
  static Result<bool> adapt(const Reduce& o, Rewrite& r, const Target& target) {
    constexpr int64_t kMaxMean = 8192;
    const Type& x = r.in_type(0);
    const bool plane = o.kind == ReduceKind::kMean && x.rank() == 4 && o.axes == std::vector<int64_t>{1, 2};
    if (!target.is_coral() || !plane || x.dtype != DType::kF32 || x.shape[1] * x.shape[2] <= kMaxMean) return false;
    Pool2d pool;
    pool.kind = PoolKind::kAverage;
    pool.layout = DataLayout::kChannelsLast;
    const auto divisor = [](int64_t n) {
      for (int64_t d = 2; d <= 16; ++d)
        if (n % d == 0) return d;
      return int64_t{1};
    };
    pool.window = {divisor(x.shape[1]), divisor(x.shape[2])};
    if (pool.window == std::array<int64_t, 2>{1, 1}) return false;
    pool.stride = pool.window;
    Value v = r.add(pool, {r.in(0)});
    return r.replace(r.add(o, {v}));
  }

  static std::vector<Sample> samples() {
    std::vector<Sample> s;
    const Type f{DType::kF32, {2, 3, 4, 5}, {}}, b{DType::kBool, {2, 3, 4, 5}, {}};
    for (size_t k = 0; k < std::size(kKinds); ++k) {
      const auto kind = ReduceKind(k);
      const Type& t = kind == ReduceKind::kAny || kind == ReduceKind::kAll ? b : f;
      s.push_back({.op = make_op(Reduce(kind, {1}, false)), .in = {t}});
      s.push_back({.op = make_op(Reduce(kind, {1, 3}, true)), .in = {t}});
      s.push_back({.op = make_op(Reduce(kind, {0, 1, 2, 3}, false)), .in = {t}});
    }
    s.push_back({.op = make_op(Reduce(ReduceKind::kMean, {1, 2}, true)), .in = {f}});
    for (DType t : {DType::kI32, DType::kI64})
      s.push_back(
          {.op = make_op(Reduce(ReduceKind::kSum, {0, 2}, false)), .in = {Type{t, {2, 3, 4}, {}}}, .low = -9, .high = 9});
    s.push_back({.op = make_op(Reduce(ReduceKind::kSum, {0}, false)), .in = {f, f}, .bad = "C1"});
    s.push_back({.op = make_op(Reduce(ReduceKind::kSum, {4}, false)), .in = {f}, .bad = "C2"});
    s.push_back({.op = make_op(Reduce(ReduceKind::kSum, {2, 1}, false)), .in = {f}, .bad = "C2"});
    s.push_back({.op = make_op(Reduce(ReduceKind::kSum, {}, false)), .in = {f}, .bad = "C2"});
    s.push_back({.op = make_op(Reduce(ReduceKind::kSum, {1}, false)), .in = {b}, .bad = "C3"});
    s.push_back({.op = make_op(Reduce(ReduceKind::kAny, {1}, false)), .in = {f}, .bad = "C3"});
    return s;
  }
};

}  // namespace
DEFINE_OP(Reduce, ReduceFacts)
}  // namespace atl
