// LSTM layers of integers, with parameters that a plan would not choose but files have: bit by bit what LiteRT's kernel gives,
// run after run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "ops/fixed_point.h"
#include "ops/matmul.h"
#include "ops/quantized.h"
#include "ops/shape.h"
#include "ops/variable_operands.h"
#include "support/mapped_file.h"
#include "tflite/reader.h"
#include "tflite/writer.h"
#include "verify/evaluate.h"
#include "verify/written_model.h"

namespace atl {
namespace {

struct Layer {
  int64_t steps = 5, batch = 3, features = 4, cells = 7, outputs = 7;
  bool time_major = false, projected = false, last_c = false, zero_state = false;
  double x_scale = 0.03, h_scale = 1.0 / 128, weight_scale = 0.01;
  int64_t x_zero = -5, h_zero = 0;
  int cell_exponent = -12;
  float cell_clip = 0;
};

Type typed(DType t, Shape s, double scale, int64_t zero = 0) {
  return {t, std::move(s), QuantParams{{float(scale)}, {zero}, 0}};
}

Tensor random_integers(const Type& type, std::mt19937_64& random, int32_t reach = 1 << 30) {
  const IntegerRange r = integer_range(type.dtype);
  const int64_t low = std::max<int64_t>(r.low, -reach), high = std::min<int64_t>(r.high, reach);
  Tensor t = Tensor::make(type);
  for (int64_t i = 0; i < t.count(); ++i) set_integer(t, i, int32_t(low + int64_t(random() % uint64_t(high - low + 1))));
  return t;
}

/// The layer as a graph: x, and unless the states are constants of zeros h0 and c0, are inputs.
Graph graph_of(const Layer& l, std::mt19937_64& random) {
  Graph g;
  Builder b(g);
  const Type x = typed(DType::kI8, l.time_major ? Shape{l.steps, l.batch, l.features} : Shape{l.batch, l.steps, l.features},
                       l.x_scale, l.x_zero);
  Values in{g.add_input("x", x)};
  std::vector<double> scales;
  for (int k = 0; k < 8; ++k) {
    const Shape shape{l.cells, k < 4 ? l.features : l.outputs};
    scales.push_back(l.weight_scale * (1 + 0.13 * k));
    in.push_back(b.constant(random_integers(typed(DType::kI8, shape, scales.back()), random, 127)));
  }
  for (size_t k = 0; k < 4; ++k)
    in.push_back(b.constant(random_integers(typed(DType::kI32, {l.cells}, l.x_scale * scales[k]), random, 4000)));
  in.push_back(l.projected
                   ? b.constant(random_integers(typed(DType::kI8, {l.outputs, l.cells}, 1.7 * l.weight_scale), random, 127))
                   : Value{});
  const Type h = typed(DType::kI8, {l.batch, l.outputs}, l.h_scale, l.h_zero);
  const Type c = typed(DType::kI16, {l.batch, l.cells}, std::ldexp(1.0, l.cell_exponent));
  for (const Type& state : {h, c}) {
    if (!l.zero_state) {
      in.push_back(g.add_input(state.dtype == DType::kI8 ? "h0" : "c0", state));
      continue;
    }
    Tensor zeros = Tensor::make(state);
    for (int64_t i = 0; i < zeros.count(); ++i) set_integer(zeros, i, zero_point_of(state));
    in.push_back(b.constant(zeros));
  }
  Lstm op;
  op.time_major = l.time_major;
  op.cell_clip = l.cell_clip;
  op.last_c = l.last_c;
  op.states_filled = true;
  Quantized q;
  q.op = {make_op(op)};
  q.out = {typed(DType::kI8, x.shape, l.h_scale, l.h_zero)};
  q.out[0].shape[2] = l.outputs;
  if (l.last_c) q.out.push_back(c);
  const Values out = b.add_multi(std::move(q), std::move(in), l.last_c ? 2 : 1);
  EXPECT_FALSE(b.failed()) << format(b.take_status().error());
  for (size_t k = 0; k < out.size(); ++k) g.add_output(fmt::format("y{}", k), out[k]);
  EXPECT_TRUE(fill_variable_operands(g));
  EXPECT_TRUE(guard_states(g));
  return g;
}

std::vector<std::byte> file_of(const Graph& g) {
  Model model;
  model.graphs.push_back(g);
  model.signatures.push_back({"serving_default", 0});
  auto bytes = serialize_tflite(model);
  EXPECT_TRUE(bytes) << (bytes ? "" : format(bytes.error()));
  return bytes ? *bytes : std::vector<std::byte>();
}

class LstmIntegers : public testing::Test {
 protected:
  void SetUp() override {
    auto found = LiteRtLibrary::find();
    if (!found) GTEST_SKIP() << found.error().what;
    library_ = *found;
  }

  void expect_equal(const Layer& l, uint64_t seed) {
    std::mt19937_64 random(seed);
    const Graph g = graph_of(l, random);
    const std::vector<std::byte> bytes = file_of(g);
    const auto back = read_tflite(std::span(bytes), nullptr);
    ASSERT_TRUE(back) << format(back.error());
    EXPECT_EQ(back->graphs[0].count(OpCode::kOpaque), 0u);
    for (const KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin}) {
      auto written = WrittenModel::load(library_, {.bytes = bytes}, g, {}, {.threads = 1, .kernel_mode = mode});
      ASSERT_TRUE(written) << format(written.error());
      for (int run = 0; run < 4; ++run) {
        SCOPED_TRACE(fmt::format("run {}", run));
        Tensors inputs;
        for (const Port& p : g.inputs())
          inputs.push_back(random_integers(g.type(p.value), random, run == 1 ? 6 : run == 2 ? 1 << 30 : 900));
        const auto want = written->run(inputs);
        ASSERT_TRUE(want) << format(want.error());
        for (const Graph* graph : {&g, &back->graphs[0]}) {
          const auto got = evaluate(*graph, inputs);
          ASSERT_TRUE(got) << format(got.error());
          for (size_t k = 0; k < want->size(); ++k)
            for (int64_t i = 0; i < (*want)[k].count(); ++i)
              ASSERT_EQ(integer_at((*want)[k], i), integer_at(got->outputs[k], i)) << "result " << k << ", element " << i;
        }
      }
    }
  }

  std::shared_ptr<const LiteRtLibrary> library_;
};

TEST_F(LstmIntegers, OfRandomValuesEqualLiteRts) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    expect_equal({}, seed);
    expect_equal({.time_major = true, .last_c = true}, seed);
    expect_equal({.steps = 6, .batch = 2, .features = 3, .cells = 5, .outputs = 4, .projected = true}, seed);
    expect_equal({.steps = 2,
                  .batch = 4,
                  .features = 5,
                  .cells = 3,
                  .outputs = 6,
                  .time_major = true,
                  .projected = true,
                  .last_c = true},
                 seed);
  }
}

TEST_F(LstmIntegers, WithOddParametersEqualLiteRts) {
  expect_equal({.x_scale = 2.5, .weight_scale = 0.3}, 11);              // gates saturate
  expect_equal({.x_scale = 1e-5, .weight_scale = 1e-4}, 12);            // gates hardly move
  expect_equal({.h_scale = 0.002, .x_zero = -128, .h_zero = 127}, 13);  // h saturates on one side
  expect_equal({.h_scale = 0.0113, .x_zero = 127, .h_zero = -128}, 14);
  expect_equal({.projected = true, .h_scale = 0.05, .h_zero = 31}, 15);
  for (int exponent = -15; exponent <= -9; ++exponent) expect_equal({.last_c = true, .cell_exponent = exponent}, 20);
  expect_equal({.last_c = true, .weight_scale = 0.2, .cell_clip = 0.7f}, 16);
  expect_equal({.last_c = true, .weight_scale = 0.2, .cell_clip = 10}, 17);  // beyond what c holds: as Keras writes it
}

TEST_F(LstmIntegers, StatesOfZerosAreFilledBeforeEveryRun) {
  expect_equal({.last_c = true, .zero_state = true, .h_zero = -17}, 3);
  expect_equal({.time_major = true, .zero_state = true, .h_zero = 5}, 4);
}

TEST_F(LstmIntegers, StatesMayBeVariablesOfTheFile) {
  std::mt19937_64 random(1);
  Graph g = graph_of({.zero_state = true, .h_zero = -17}, random);
  const Graph filled = g;
  const auto changed = keep_states_between_runs(g);
  ASSERT_TRUE(changed) << format(changed.error());
  EXPECT_EQ(*changed, 1u);
  EXPECT_EQ(g.count(OpCode::kUnpack), 0u);
  const std::vector<std::byte> bytes = file_of(g);
  const auto back = read_tflite(std::span(bytes), nullptr);
  ASSERT_TRUE(back) << format(back.error());
  EXPECT_EQ(back->graphs[0].count(OpCode::kQuantized), 1u);
  auto written = WrittenModel::load(library_, {.bytes = bytes}, filled, {}, {.threads = 1});
  ASSERT_TRUE(written) << format(written.error());
  const Tensor x = random_integers(g.type(g.inputs()[0].value), random);
  const auto want = evaluate(filled, std::span(&x, 1));
  ASSERT_TRUE(want) << format(want.error());
  const auto first = written->run(std::span(&x, 1)), second = written->run(std::span(&x, 1));
  ASSERT_TRUE(first && second);
  bool same = true;
  for (int64_t i = 0; i < want->outputs[0].count(); ++i) {
    EXPECT_EQ(integer_at((*first)[0], i), integer_at(want->outputs[0], i)) << i;
    same &= integer_at((*second)[0], i) == integer_at((*first)[0], i);
  }
  EXPECT_FALSE(same) << "the second run goes on where the first one ended";
}

// A model that Keras trained and TensorFlow quantized: states that nothing fills, a clipped cell, intermediates of its own.
TEST_F(LstmIntegers, OfAModelFromKerasEqualLiteRts) {
  const std::filesystem::path path = ATOLL_SOURCE_DIR "/../shared/edgetpu/pairs/compiler-16/keras_lstm_mnist_ptq.tflite";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "the pairs are not on this machine";
  const auto file = MappedFile::open(path.string());
  ASSERT_TRUE(file) << format(file.error());
  auto back = read_tflite(*file);
  ASSERT_TRUE(back) << format(back.error());
  Graph& g = back->graphs[0];
  std::mt19937_64 random(7);
  const Tensor x = random_integers(g.type(g.inputs()[0].value), random);
  auto model = WrittenModel::load(library_, {.path = path, .bytes = {}}, g, {}, {.threads = 1});
  ASSERT_TRUE(model) << format(model.error());
  const auto want = model->run(std::span(&x, 1));
  ASSERT_TRUE(want) << format(want.error());
  size_t layers = 0;
  for (uint32_t id : g.topological_order()) {
    if (g[id].op->code != OpCode::kQuantized) continue;
    const auto& q = static_cast<const Quantized&>(*g[id].op);
    if (q.op.op->code != OpCode::kLstm) continue;
    ++layers;
    for (const uint32_t operand : {uint32_t(kLstmH0), uint32_t(kLstmC0)}) {
      ASSERT_TRUE(is_variable_of_file(g, g[id].in[operand]));
      Tensor zeros = Tensor::make(g.type(g[id].in[operand]));
      for (int64_t i = 0; i < zeros.count(); ++i) set_integer(zeros, i, zero_point_of(zeros.type()));
      ASSERT_TRUE(g.set_operand(id, operand, g.add_constant(Constant::of(zeros))));
    }
  }
  EXPECT_EQ(layers, 1u);
  const auto got = evaluate(g, std::span(&x, 1));
  ASSERT_TRUE(got) << format(got.error());
  for (int64_t i = 0; i < (*want)[0].count(); ++i) EXPECT_EQ(integer_at((*want)[0], i), integer_at(got->outputs[0], i)) << i;
}

TEST(LstmForms, ThatTheKernelDoesNotTakeAreRefused) {
  std::mt19937_64 random(1);
  Graph g = graph_of({.last_c = true}, random);
  uint32_t id = 0;
  while (g[id].op->code != OpCode::kQuantized) ++id;
  const auto& q = static_cast<const Quantized&>(*g[id].op);
  Types in;
  for (Value v : g[id].in) in.push_back(v.valid() ? g.type(v) : Type{DType::kUnknown, {}, {}});
  const auto refusal = [&](auto change) {
    Types changed = in, out = q.out;
    change(changed, out);
    const Status s = def_of(OpCode::kLstm).legal_integer(*q.op.op, changed, out);
    return s ? std::string() : s.error().what;
  };
  EXPECT_EQ(refusal([](Types&, Types&) {}), "");
  EXPECT_EQ(refusal([](Types& t, Types& out) { t[kLstmX].dtype = out[0].dtype = DType::kI16; }),
            "an integer LSTM of i16 that gives i16");
  EXPECT_EQ(refusal([](Types& t, Types&) { t[kLstmC0].quant->scale[0] = 0.001f; }).substr(0, 38),
            "an integer LSTM with the cell state i1");
  EXPECT_EQ(refusal([](Types& t, Types&) { t[kLstmC0].quant->scale[0] = 0.0039062500f; }).substr(0, 38),
            "an integer LSTM with the cell state i1");
  EXPECT_NE(refusal([](Types& t, Types&) { t[kLstmBias].quant->scale[0] *= 2; }), "");
  EXPECT_NE(refusal([](Types& t, Types&) { t[kLstmWeightHh].quant->zero_point[0] = 1; }), "");
  EXPECT_NE(refusal([](Types& t, Types&) { t[kLstmH0].quant->zero_point[0] += 1; }), "");
}

}  // namespace
}  // namespace atl
