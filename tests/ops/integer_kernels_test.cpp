// The integer arithmetic of ops where float samples do not lead: every integer of a type, parameters that a plan would not
// choose but files have, operands of unlike types. LiteRT's builtin kernels are the judge.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "ops/activation.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/index.h"
#include "ops/quantize.h"
#include "ops/quantized.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/spatial.h"
#include "ops/unary.h"
#include "tflite/reader.h"
#include "tflite/writer.h"
#include "verify/evaluate.h"
#include "verify/written_model.h"

namespace atl {
namespace {

Type quantized(DType t, Shape s, double scale, int64_t zero) {
  return {t, std::move(s), QuantParams{{float(scale)}, {zero}, 0}};
}

OpPtr integer_form(OpPtr op, Types out) {
  Quantized q;
  q.op = {std::move(op)};
  q.out = std::move(out);
  return make_op(std::move(q));
}

/// All integers of the element type, the shape's last axis first; from `low` on where that is given.
Tensor every_integer(const Type& type, int32_t low = std::numeric_limits<int32_t>::min()) {
  const IntegerRange r = integer_range(type.dtype);
  Tensor t = Tensor::make(type);
  for (int64_t i = 0; i < t.count(); ++i) set_integer(t, i, std::max(low, r.low + int32_t(i % (int64_t(r.high) - r.low + 1))));
  return t;
}

Tensor random_integers(const Type& type, uint64_t seed) {
  const IntegerRange r = integer_range(type.dtype);
  std::mt19937_64 random(seed);
  Tensor t = Tensor::make(type);
  for (int64_t i = 0; i < t.count(); ++i)
    set_integer(t, i, int32_t(r.low + int64_t(random() % uint64_t(int64_t(r.high) - r.low + 1))));
  return t;
}

class IntegerKernels : public testing::Test {
 protected:
  void SetUp() override {
    auto found = LiteRtLibrary::find();
    if (!found) GTEST_SKIP() << found.error().what;
    library_ = *found;
  }

  /// One node on inputs: written, read back, run; both graphs' eval against LiteRT's results.
  void expect_equal(const OpPtr& op, const Tensors& inputs) {
    SCOPED_TRACE(fmt::format("{} {{{}}}", def_of(*op).name, def_of(*op).print(*op)));
    Graph g;
    Values in;
    for (size_t i = 0; i < inputs.size(); ++i) in.push_back(g.add_input(fmt::format("x{}", i), inputs[i].type()));
    const auto results = g.add(op, in, 0);
    ASSERT_TRUE(results) << format(results.error());
    for (size_t i = 0; i < results->size(); ++i) g.add_output(fmt::format("y{}", i), (*results)[i]);
    expect_equal(g, inputs);
  }

  void expect_equal(const Graph& g, const Tensors& inputs) {
    Model model;
    model.graphs.push_back(g);
    model.signatures.push_back({"serving_default", 0});
    const auto bytes = serialize_tflite(model);
    ASSERT_TRUE(bytes) << format(bytes.error());
    auto written = WrittenModel::load(library_, {.bytes = *bytes}, g, {}, {.threads = 1, .kernel_mode = KernelMode::kBuiltin});
    ASSERT_TRUE(written) << format(written.error());
    const auto expected = written->run(inputs);
    ASSERT_TRUE(expected) << format(expected.error());
    const auto back = read_tflite(std::span(*bytes), nullptr);
    ASSERT_TRUE(back) << format(back.error());
    EXPECT_EQ(back->graphs[0].count(OpCode::kOpaque), 0u);
    for (const Graph* graph : {static_cast<const Graph*>(&g), static_cast<const Graph*>(&back->graphs[0])}) {
      const auto got = evaluate(*graph, inputs);
      ASSERT_TRUE(got) << format(got.error());
      for (size_t i = 0; i < expected->size(); ++i) compare((*expected)[i], got->outputs[i], inputs);
    }
  }

  static void compare(const Tensor& want, const Tensor& got, const Tensors& inputs) {
    ASSERT_EQ(want.count(), got.count());
    int64_t differing = 0;
    std::string first;
    for (int64_t k = 0; k < want.count(); ++k) {
      const double a = element_as_double(want, k), b = element_as_double(got, k);
      if (a == b || differing++ > 0) continue;
      const double x = inputs[0].count() == want.count() ? element_as_double(inputs[0], k) : 0;
      first = fmt::format("element {} ({}): LiteRT says {}, eval {}", k, x, a, b);
    }
    EXPECT_EQ(differing, 0) << "of " << want.count() << "; " << first;
  }

  std::shared_ptr<const LiteRtLibrary> library_;
};

struct Parameters {
  double scale;
  int64_t zero;
};

Shape shape_of_all(DType t) { return bits(t) == 8 ? Shape{2, 128} : Shape{128, 512}; }

// tflite-runtime 2.14 has no QUANTIZE from 8 bits to 16.
TEST_F(IntegerKernels, EightBitsBecomeSixteen) {
  const Type to = quantized(DType::kI16, shape_of_all(DType::kI8), 0.0021, 0);
  for (const Parameters& p : {Parameters{0.05, -3}, Parameters{0.0078125, 0}, Parameters{0.4, 127}, Parameters{0.021, -128}}) {
    const Tensor x = every_integer(quantized(DType::kI8, to.shape, p.scale, p.zero));
    Graph g;
    Builder b(g);
    const Value y = requantized(b, g.add_input("x", x.type()), to);
    ASSERT_FALSE(b.failed()) << format(b.take_status().error());
    g.add_output("y", y);
    expect_equal(g, {x});
    for (uint32_t id : g.topological_order()) {
      const auto* q = g.as<Quantize>({id, 0});
      EXPECT_FALSE(q && !q->same_integers && g.type(g[id].in[0]).dtype == DType::kI8);
    }
    const auto got = evaluate(g, Tensors{x});
    ASSERT_TRUE(got) << format(got.error());
    EXPECT_EQ(got->outputs[0].type(), to);
    for (int64_t i = 0; i < x.count(); ++i) {
      const double real = double(float(p.scale)) * (element_as_double(x, i) - double(p.zero)) / double(to.quant->scale[0]);
      EXPECT_NEAR(element_as_double(got->outputs[0], i), std::clamp(real, -32768.0, 32767.0), 0.51) << i;
    }
  }
}

TEST_F(IntegerKernels, UnaryOfEveryInteger) {
  const Parameters k8[] = {{0.05, -3}, {0.0078125, 0}, {0.4, 127}, {0.021, -128}};
  // Powers of two have kernels of their own.
  const Parameters k16[] = {{1.0 / 4096, 0}, {1.0 / 2048, 0}, {1.0 / 8192, 0}, {0.00031, 0}, {0.0017, 0}};
  for (size_t k = 0; k < enum_names(UnaryKind{}).size(); ++k) {
    const auto kind = UnaryKind(k);
    for (DType t : {DType::kI8, DType::kU8, DType::kI16}) {
      for (const Parameters& p : t == DType::kI16 ? std::span<const Parameters>(k16) : std::span<const Parameters>(k8)) {
        const Type x = quantized(t, shape_of_all(t), p.scale, t == DType::kU8 ? p.zero + 128 : p.zero);
        for (const double factor : {1.0, 0.37, 2.9}) {
          Type y = quantized(t, x.shape, p.scale * factor, t == DType::kI16 ? 0 : t == DType::kU8 ? 100 : -28);
          if (kind == UnaryKind::kNeg) y = x;
          if (kind == UnaryKind::kTanh && t == DType::kI16) y.quant = symmetric_unit_parameters(t);
          if (kind == UnaryKind::kLogistic) y.quant = unit_parameters(t);
          const auto op = make_op(Unary(kind));
          const bool root = kind == UnaryKind::kSqrt || kind == UnaryKind::kRsqrt;
          if (!root && !def_of(*op).legal_integer(*op, std::span(&x, 1), std::span(&y, 1))) continue;
          if (root && t == DType::kU8) continue;
          expect_equal(integer_form(op, {y}), {every_integer(x, root ? zero_point_of(x) : -32768)});
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_F(IntegerKernels, ParametricActivationsOfEveryInteger) {
  for (DType t : {DType::kI8, DType::kU8, DType::kI16}) {
    const bool wide = t == DType::kI16;
    const int64_t middle = t == DType::kU8 ? 128 : 0;
    const Type x = quantized(t, shape_of_all(t), wide ? 0.0003 : 0.04, wide ? 0 : middle + 11);
    const Type y = quantized(t, x.shape, wide ? 0.00021 : 0.03, wide ? 0 : middle - 40);
    for (const double alpha : {0.01, 0.3, -0.5, 1.7, 0.0})
      expect_equal(integer_form(make_op(LeakyRelu(alpha)), {y}), {every_integer(x)});
    for (const bool approximate : {false, true})
      expect_equal(integer_form(make_op(Gelu(approximate)), {y}), {every_integer(x)});
    const DType a = wide ? DType::kI8 : t;
    const Type alpha = quantized(a, {x.shape[1]}, 0.007, (a == DType::kU8 ? 128 : 0) - 9);
    expect_equal(integer_form(make_op(Prelu()), {y}), {every_integer(x), random_integers(alpha, 3)});
  }
}

TEST_F(IntegerKernels, SoftmaxOfLongAndShortRows) {
  for (DType t : {DType::kI8, DType::kU8, DType::kI16}) {
    const bool wide = t == DType::kI16;
    for (const int64_t row : {1, 2, 7, 300, 5000}) {
      for (const double scale : {0.02, 0.11, 1.3}) {
        const Type x = quantized(t, {3, row}, wide ? scale / 256 : scale, wide ? 0 : t == DType::kU8 ? 90 : -38);
        Type y = x;
        y.quant = unit_parameters(t);
        Softmax sharp(1);
        sharp.beta = 0.7;
        const Tensor in = random_integers(x, uint64_t(row));
        expect_equal(integer_form(make_op(Softmax(1)), {y}), {in});
        expect_equal(integer_form(make_op(sharp), {y}), {in});
        if (wide) continue;
        y.quant = QuantParams{{16.0f / 256}, {t == DType::kU8 ? 255 : 127}, 0};
        expect_equal(integer_form(make_op(LogSoftmax(1)), {y}), {in});
        y.quant = symmetric_unit_parameters(t);
        expect_equal(integer_form(make_op(L2Normalize()), {y}), {in});
      }
    }
  }
  // Results of 16 bits from operands of 8.
  const Type x = quantized(DType::kI8, {3, 70}, 0.09, 4), y = quantized(DType::kI16, {3, 70}, 1.0 / 32768, 0);
  expect_equal(integer_form(make_op(Softmax(1)), {y}), {random_integers(x, 2)});
}

TEST_F(IntegerKernels, NormOfNothingAndOfLittle) {
  const Type x = quantized(DType::kI8, {5, 3}, 0.09, 4), y = quantized(DType::kI8, {5, 3}, 1.0 / 128, 0);
  const int8_t few[] = {4, 4, 4, 5, 4, 4, 3, 4, 4, 5, 5, 4, 127, -128, 127};
  Tensor t = Tensor::make(x);
  for (int64_t i = 0; i < 15; ++i) set_integer(t, i, few[i]);
  expect_equal(integer_form(make_op(L2Normalize()), {y}), {t});
}

Quantize to(const Type& t) {
  Quantize q;
  q.to = t.dtype;
  q.scale = t.quant->scale;
  q.zero_point = t.quant->zero_point;
  return q;
}

TEST_F(IntegerKernels, RealNumbersWithTiesAndBeyondAllIntegers) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  std::mt19937_64 random(7);
  for (const Type& type : {quantized(DType::kI8, {}, 0.5, 3), quantized(DType::kU8, {}, 0.25, 131),
                           quantized(DType::kI16, {}, 0.125, 0), quantized(DType::kI8, {}, 0.0333, -7)}) {
    for (const int64_t n : {5, 8, 23}) {
      Tensor x = Tensor::make({DType::kF32, {3, n}, {}});
      for (int64_t i = 0; i < x.count(); ++i)
        x.mutable_data<float>()[i] = float(scale_of(type) * (double(random() % 1001) - 500) / 2);
      expect_equal(make_op(to(type)), {x});
      for (int64_t i = 0; i < x.count(); ++i) {
        const float extremes[] = {inf, -inf, nan, 1e30f, -1e30f, 0.0f, -0.0f, 2147483520.0f, -2147483648.0f};
        x.mutable_data<float>()[i] = extremes[random() % 9];
      }
      expect_equal(make_op(to(type)), {x});
    }
  }
}

TEST_F(IntegerKernels, IntegersToOtherParameters) {
  const auto of = [](DType t, int64_t zero) { return t == DType::kU8 ? zero + 128 : t == DType::kI8 ? zero : 0; };
  for (DType from : {DType::kI8, DType::kU8, DType::kI16})
    for (DType t : {DType::kI8, DType::kU8, DType::kI16, DType::kI32})
      for (const double factor : {1.0, 0.31, 2.7, 1.0 / 16})
        for (const int64_t zero : {0, -77}) {
          // The last row of eight-bit integers is no full block.
          const Type x = quantized(from, bits(from) == 8 ? Shape{3, 91} : Shape{128, 512}, 0.03, of(from, 5));
          const Type y = quantized(t, x.shape, 0.03 * factor, of(t, zero));
          const OpPtr op = make_op(to(y));
          if (!def_of(*op).legal(*op, std::span(&x, 1))) continue;
          expect_equal(op, {every_integer(x)});
        }
  const Type wide = quantized(DType::kI32, {3, 7}, 1e-6, 0), y = quantized(DType::kI8, {3, 7}, 3.1, 9);
  expect_equal(make_op(to(y)), {random_integers(wide, 9)});
}

TEST_F(IntegerKernels, UnsignedPartsOfUnlikeScales) {
  const Type a = quantized(DType::kU8, {2, 128}, 0.031, 7), b = quantized(DType::kU8, {2, 128}, 0.02, 90),
             y = quantized(DType::kU8, {2, 256}, 0.02, 90);
  expect_equal(integer_form(make_op(Concat(1)), {y}), {every_integer(a), every_integer(b)});
}

TEST_F(IntegerKernels, ComparisonsInStepsOf256th) {
  for (size_t k = 0; k < enum_names(CompareKind{}).size(); ++k) {
    const OpPtr op = make_op(Compare(CompareKind(k)));
    for (DType t : {DType::kI8, DType::kU8, DType::kI16}) {
      const int64_t zero = t == DType::kU8 ? 120 : t == DType::kI8 ? -8 : 0;
      const Type x = quantized(t, {2, 3, 500}, 0.0011, zero), fine = quantized(t, {3, 500}, 0.0011, zero),
                 other = quantized(t, {2, 3, 500}, 0.017, t == DType::kI16 ? 0 : zero + 40);
      const Types out{Type{DType::kBool, {2, 3, 500}, {}}};
      expect_equal(integer_form(op, out), {random_integers(x, 1), random_integers(fine, 2)});
      expect_equal(integer_form(op, out), {random_integers(x, 3), random_integers(other, 4)});
    }
  }
}

TEST_F(IntegerKernels, EightfoldBilinearResizing) {
  for (DType t : {DType::kU8, DType::kI8, DType::kI16})
    for (const int64_t channels : {8, 3}) {
      Resize o;
      o.kind = ResizeKind::kBilinear;
      o.size = {24, 40};
      o.half_pixel_centers = true;
      o.layout = DataLayout::kChannelsLast;
      expect_equal(make_op(o), {random_integers(quantized(t, {2, 3, 5, channels}, 0.02, 0), 6)});
    }
}

TEST_F(IntegerKernels, ScatteredIntegersLieAmongZerosAndWrap) {
  const Type x = quantized(DType::kI8, {4, 5}, 0.02, 9), y = quantized(DType::kI8, {3, 5}, 0.02, 9);
  const Tensor index = Tensor::of_i32({2, 0, 2, 2}).reshaped({4, 1});
  expect_equal(integer_form(make_op(ScatterNd({3, 5})), {y}), {index, random_integers(x, 5)});
}

}  // namespace
}  // namespace atl
