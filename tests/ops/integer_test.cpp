// The integer forms of ops, derived from their float samples: each sample is calibrated, planned and quantized, and what
// LiteRT's kernels compute of it is compared bit by bit with the ops' own integer arithmetic.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/integer_form.h"
#include "ops/operator_versions.h"
#include "ops/quantized.h"
#include "pass/pipeline.h"
#include "quant/quantize_graph.h"
#include "tflite/reader.h"
#include "tflite/writer.h"
#include "verify/calibration.h"
#include "verify/evaluate.h"

namespace atl {

void PrintTo(const OpDef* def, std::ostream* out);  // derived_test.cpp

namespace {

/// Where LiteRT's kernels part from the builtin ones, or these from the rule that eval_integer states.
struct Deviation {
  std::string_view op;      // name of the op
  std::string_view sample;  // a part of the sample's description
  std::string_view types;   // element types of the data
  std::string_view modes;   // kernel modes
  int64_t steps;            // largest difference of two integers
  double share;             // largest share of integers that differ
  std::string_view reason;
};
constexpr std::string_view kXnnpackRounds = "XNNPACK scales sums in f32 and rounds once, ties to even";
constexpr Deviation kDeviations[] = {
    {"quantize", "", "i8 u8 i16", "delegate", 1, 0.1, "XNNPACK rescales with one rounding"},
    {"leaky_relu", "", "i8 u8", "delegate", 1, 0.1, "XNNPACK has factors of 8 fraction bits"},
    {"resize", "bilinear", "i8", "delegate", 2, 0.2, "XNNPACK has weights of 11 bits in place of steps of 1/1024"},
    {"resize", "bilinear", "u8", "delegate", 1, 0.02, "XNNPACK has weights of 11 bits in place of f32"},
    {"conv2d", "", "i8", "delegate", 1, 0.01, kXnnpackRounds},
    {"transpose_conv2d", "", "i8", "delegate", 1, 0.01, kXnnpackRounds},
    {"fully_connected", "", "i8", "delegate", 1, 0.02, kXnnpackRounds},
    {"batch_matmul", "", "i8", "delegate", 1, 0.01, kXnnpackRounds},
    {"pool2d", "kind=average", "i8 u8", "delegate", 1, 0.02, kXnnpackRounds},
    {"reduce", "kind=sum", "i8 u8", "delegate", 1, 0.1, kXnnpackRounds},
    {"reduce", "kind=mean", "i8 u8", "delegate", 1, 0.25, kXnnpackRounds},
    {"binary", "kind=mul", "i8 u8", "delegate", 1, 0.02, kXnnpackRounds},
};

/// A use of an op as a float graph, with the element type that it is quantized to.
struct Case {
  const OpDef* def;
  Sample sample;
  DType data;
  bool constant_operands;  // all data operands but the first are constants
  double spread;           // of the calibration data, relative to the sample's
  bool per_channel = true;
};

std::string describe(const Case& c) {
  std::string text = fmt::format("{} {{{}}} on", c.def->name, c.def->print(*c.sample.op));
  for (const Type& t : c.sample.in) text += ' ' + to_string(t);
  return fmt::format("{} as {}{}{}, calibrated on {} of its range", text, name(c.data),
                     c.constant_operands ? ", constant operands" : "", c.per_channel ? "" : ", one scale", c.spread);
}

QuantRule rule_of(const OpDef& def, const Sample& s) { return def.quantization(*s.op, s.in); }

bool is_data(const Type& t) { return t.dtype == DType::kF32 && !t.quant; }

/// Whether an operand is a weight or a bias.
bool is_own(const Sample& s, const QuantRule& rule, size_t operand) {
  const IntegerFormDef* form = def_of(*s.op).integer_form;
  return int(operand) == rule.weight || int(operand) == rule.bias || has_role(form, operand, OperandRole::kWeight) ||
         has_role(form, operand, OperandRole::kBias);
}

/// The samples that have an integer form.
std::vector<Case> cases_of(const OpDef& def) {
  std::vector<Case> out;
  for (Sample& s : def.samples()) {
    if (!s.bad.empty() || !std::any_of(s.in.begin(), s.in.end(), is_data)) continue;
    const QuantRule rule = rule_of(def, s);
    if (rule.kind == Quant::kFloatOnly) continue;
    size_t data = 0;
    for (size_t i = 0; i < s.in.size(); ++i) data += is_data(s.in[i]) && !is_own(s, rule, i);
    for (const DType t : {DType::kI8, DType::kU8, DType::kI16}) {
      if (!in_list(t, rule.types)) continue;
      for (const double spread : {1.0, 0.3}) {
        out.push_back({&def, s, t, false, spread});
        if (rule.weight >= 0) out.push_back({&def, s, t, false, spread, false});
        if (data > 1) out.push_back({&def, s, t, true, spread});
      }
    }
  }
  return out;
}

double uniform(std::mt19937_64& random) { return double(random() >> 11) * 0x1p-53; }

Tensor random_tensor(const Type& type, const Sample& s, double spread, std::mt19937_64& random) {
  Tensor t = Tensor::make(type);
  visit(type.dtype, [&]<class T>(T) {
    for (int64_t i = 0; i < t.count(); ++i) {
      const double u = uniform(random), v = s.low + (s.high - s.low) * u;
      if constexpr (std::is_same_v<T, bool>)
        t.mutable_data<T>()[i] = u < 0.5;
      else if constexpr (std::is_integral_v<T>)
        t.mutable_data<T>()[i] = T(std::floor(std::max(v, std::is_unsigned_v<T> ? 0.0 : v)));
      else
        t.mutable_data<T>()[i] = T(float(v * spread));
    }
  });
  return t;
}

/// The float graph of a case as it would be written, its inputs, and the operands that are no data.
struct FloatModel {
  Graph graph;
  std::vector<Tensor> samples;  // one of each input
};

Result<FloatModel> float_model(const Case& c) {
  std::mt19937_64 random(1);
  const Sample& s = c.sample;
  const QuantRule rule = rule_of(*c.def, s);
  FloatModel m;
  Values operands;
  const size_t free = s.in.size() - s.constants.size();
  for (size_t i = 0; i < s.in.size(); ++i) {
    const bool own = is_own(s, rule, i) || (c.constant_operands && i > 0);
    if (s.in[i].dtype == DType::kUnknown) {
      operands.emplace_back();
    } else if (i < free && !own) {
      operands.push_back(m.graph.add_input(fmt::format("x{}", i), s.in[i]));
      m.samples.push_back(random_tensor(s.in[i], s, c.spread, random));
    } else {
      const Tensor t = i < free ? random_tensor(s.in[i], s, 1, random) : s.constants[i - free];
      operands.push_back(m.graph.add_constant(Constant::of(t, fmt::format("c{}", i))));
    }
  }
  TRY(const Values results, m.graph.add(s.op, operands, m.graph.add_origin({.module_path = "sample", .node = "sample"})));
  for (size_t i = 0; i < results.size(); ++i) m.graph.add_output(fmt::format("y{}", i), results[i]);
  TRY_STATUS(run_pipeline(m.graph, {}));
  return m;
}

class CalibrationData : public SampleSource {
 public:
  CalibrationData(const Case& c, const FloatModel& m) : case_(c), model_(m) {}
  size_t size() const override { return 3; }
  Result<std::vector<NdArray>> get(size_t index) const override {
    std::mt19937_64 random(17 + index);
    std::vector<NdArray> out;
    for (const Tensor& t : model_.samples)
      out.push_back(array_of(is_data(t.type()) ? random_tensor(t.type(), case_.sample, case_.spread, random) : t));
    return out;
  }

 private:
  const Case& case_;
  const FloatModel& model_;
};

Result<Graph> integer_graph(const Case& c, const FloatModel& m) {
  std::vector<size_t> which{0, 1, 2};
  TRY(const Calibration calibration, calibrate(m.graph, CalibrationData(c, m), which, nullptr));
  PlanOptions options;
  options.data = c.data;
  options.method = RangeMethod::kMinMax;
  options.per_channel = c.per_channel;
  TRY(const QuantPlan plan, plan_quantization(m.graph, calibration, options));
  for (const NodePlan& n : plan.nodes)
    if (!n.reason.empty()) return error(Code::kInternal, "a node stays float: " + n.reason);
  QuantizeGraphOptions interface;
  interface.per_channel = c.per_channel;
  interface.inputs = interface.outputs = InterfaceType::kInt8;
  TRY(QuantizedGraph q, quantize_graph(m.graph, plan, interface));
  return std::move(q.graph);
}

/// Integers of a type: the whole range at random, small ones at random, and all combinations of edge values.
std::vector<Tensors> integer_inputs(const Graph& g, const FloatModel& m) {
  constexpr int kRandomRuns = 8;
  std::mt19937_64 random(5);
  std::vector<Tensors> runs;
  std::vector<size_t> data;
  const auto add_run = [&](auto element) {
    Tensors run;
    for (size_t i = 0; i < g.inputs().size(); ++i) {
      const Type& type = g.type(g.inputs()[i].value);
      if (!type.quant) {
        run.push_back(m.samples[i]);
        continue;
      }
      Tensor t = Tensor::make(type);
      for (int64_t k = 0; k < t.count(); ++k) set_integer(t, k, element(i, integer_range(type.dtype), zero_point_of(type)));
      run.push_back(std::move(t));
    }
    runs.push_back(std::move(run));
  };
  for (int r = 0; r < kRandomRuns; ++r)
    add_run([&](size_t, IntegerRange range, int32_t) {
      return range.low + int32_t(random() % uint64_t(range.high - range.low + 1));
    });
  add_run([&](size_t, IntegerRange range, int32_t zero) {
    const double magnitude = std::exp2(15 * uniform(random)) * (random() % 2 ? 1 : -1);
    return std::clamp(zero + int32_t(magnitude), range.low, range.high);
  });
  add_run([&](size_t, IntegerRange r, int32_t zero) {
    const int32_t edges[] = {r.low, r.low + 1, zero - 1, zero, zero + 1, r.high - 1, r.high};
    return std::clamp(edges[random() % 7], r.low, r.high);
  });
  size_t combinations = 1;
  for (const Port& p : g.inputs()) combinations *= g.type(p.value).quant ? 3 : 1;
  for (size_t k = 0; k < std::min<size_t>(combinations, 27); ++k)
    add_run([&](size_t i, IntegerRange r, int32_t zero) {
      size_t digit = k;
      for (size_t d = 0; d < i; ++d) digit /= g.type(g.inputs()[d].value).quant ? 3 : 1;
      return digit % 3 == 0 ? r.low : digit % 3 == 1 ? r.high : zero;
    });
  return runs;
}

struct Difference {
  int64_t elements = 0, differing = 0, steps = 0;
  std::string first;
  void add(const Tensor& want, const Tensor& got) {
    for (int64_t i = 0; i < want.count(); ++i, ++elements) {
      const double a = element_as_double(want, i), b = element_as_double(got, i);
      if (a == b) continue;
      if (differing++ == 0) first = fmt::format("element {}: eval says {}, LiteRT {}", i, a, b);
      steps = std::max(steps, int64_t(std::ceil(std::fabs(a - b))));
    }
  }
  double share() const { return double(differing) / double(std::max<int64_t>(elements, 1)); }
  std::string text() const {
    return fmt::format("{} of {} ({:.4f}) differ, by at most {} steps; {}", differing, elements, share(), steps, first);
  }
};

const Deviation* deviation_of(const Case& c, KernelMode mode) {
  const std::string text = describe(c);
  for (const Deviation& d : kDeviations)
    if (d.op == c.def->name && text.find(d.sample) != std::string::npos && in_list(c.data, d.types) &&
        d.modes.find(name(mode)) != std::string_view::npos)
      return &d;
  return nullptr;
}

std::vector<const OpDef*> ops_with_integer_forms() {
  std::vector<const OpDef*> out;
  for (const OpDef* def : all_ops())
    if (!cases_of(*def).empty()) out.push_back(def);
  return out;
}

class Integer : public testing::TestWithParam<const OpDef*> {
 protected:
  /// Calls check(case, float model, integer graph) for each case.
  template <class F>
  void for_each_case(F check) {
    for (const Case& c : cases_of(*GetParam())) {
      SCOPED_TRACE(describe(c));
      const auto m = float_model(c);
      if (!m) {
        ADD_FAILURE() << format(m.error());
        continue;
      }
      const auto g = integer_graph(c, *m);
      if (!g) {
        ADD_FAILURE() << format(g.error());
        continue;
      }
      check(c, *m, *g);
    }
  }
};

Model model_of(const Graph& g) {
  Model model;
  model.graphs.push_back(g);
  model.signatures.push_back({"serving_default", 0});
  return model;
}

void compare_kernels(std::shared_ptr<const LiteRtLibrary> library, const Case& c, const FloatModel& m, const Graph& g,
                     KernelMode mode) {
  SCOPED_TRACE(fmt::format("{} kernels", name(mode)));
  const auto bytes = serialize_tflite(model_of(g));
  ASSERT_TRUE(bytes) << format(bytes.error());
  auto written = WrittenModel::load(library, {.bytes = *bytes}, g, {}, {.threads = 1, .kernel_mode = mode});
  ASSERT_TRUE(written) << format(written.error());
  Difference d;
  for (const Tensors& inputs : integer_inputs(g, m)) {
    const auto want = evaluate(g, inputs);
    ASSERT_TRUE(want) << format(want.error());
    const auto got = written->run(inputs);
    ASSERT_TRUE(got) << format(got.error());
    for (size_t i = 0; i < got->size(); ++i) d.add(want->outputs[i], (*got)[i]);
  }
  const Deviation* known = deviation_of(c, mode);
  EXPECT_TRUE(d.differing == 0 || (known && d.steps <= known->steps && d.share() <= known->share)) << d.text();
}

// LiteRT 2.3.0 runs its builtin kernels in the mode "reference" as well.
TEST_P(Integer, EvalEqualsLiteRtBitByBit) {
  const auto library = LiteRtLibrary::find();
  if (!library) GTEST_SKIP() << library.error().what;
  for_each_case([&](const Case& c, const FloatModel& m, const Graph& g) {
    compare_kernels(*library, c, m, g, KernelMode::kBuiltin);
    if (c.data != DType::kI16) compare_kernels(*library, c, m, g, KernelMode::kDelegate);
  });
}

TEST_P(Integer, VersionsAreTheLowest) {
  for_each_case([&](const Case&, const FloatModel&, const Graph& g) {
    const auto bytes = serialize_tflite(model_of(g));
    ASSERT_TRUE(bytes) << format(bytes.error());
    const std::unique_ptr<tflite::ModelT> file(tflite::GetModel(bytes->data())->UnPack());
    const auto& tensors = file->subgraphs[0]->tensors;
    for (const auto& op : file->subgraphs[0]->operators) {
      const tflite::OperatorCodeT& code = *file->operator_codes[op->opcode_index];
      SCOPED_TRACE(tflite::EnumNameBuiltinOperator(code.builtin_code));
      const auto versions = versions_of(code.builtin_code);
      ASSERT_TRUE(versions) << "not in the table of versions";
      std::vector<const tflite::TensorT*> in;
      for (int32_t t : op->inputs) in.push_back(t < 0 ? nullptr : tensors[size_t(t)].get());
      const tflite::TensorT* data = nullptr;  // the first quantized operand that is computed, or the first one
      const auto is_constant = [&](const tflite::TensorT& t) { return !file->buffers[t.buffer]->data.empty(); };
      for (const tflite::TensorT* t : in)
        if (t && t->quantization && !t->quantization->scale.empty() && (!data || (is_constant(*data) && !is_constant(*t))))
          data = t;
      ASSERT_TRUE(data);
      const int lowest = lowest_version(*versions, *op, *data, in, *tensors[size_t(op->outputs[0])]);
      EXPECT_EQ(code.version, lowest);
      EXPECT_TRUE(versions->newest_2_14 == 0 || code.version <= versions->newest_2_14);
    }
  });
}

/// The nodes of a graph as text, without what a file does not keep: origins, names of constants, doubles among the fields.
std::string nodes_of(const Graph& g) {
  std::string out;
  for (uint32_t id : g.topological_order()) {
    const Node& n = g[id];
    for (const Type& t : n.out) out += to_string(t) + ' ';
    out += n.constant ? "const" : def_of(*n.op).name;
    if (const auto* q = g.as<Quantized>({id, 0})) out += fmt::format(" {}", def_of(*q->op.op).name);
    for (Value v : n.in) out += v.valid() ? fmt::format(" {}", to_string(g.type(v))) : " _";
    out += '\n';
  }
  return out;
}

TEST_P(Integer, FilesAndTextAreReadBack) {
  for_each_case([&](const Case&, const FloatModel& m, const Graph& g) {
    const auto bytes = serialize_tflite(model_of(g));
    ASSERT_TRUE(bytes) << format(bytes.error());
    const auto back = read_tflite(std::span(*bytes), nullptr);
    ASSERT_TRUE(back) << format(back.error());
    const Graph& read = back->graphs[0];
    EXPECT_EQ(nodes_of(read), nodes_of(g));
    const auto again = serialize_tflite(*back);
    ASSERT_TRUE(again) << format(again.error());
    EXPECT_TRUE(*again == *bytes);
    const Tensors inputs = integer_inputs(g, m)[0];
    const auto want = evaluate(g, inputs), got = evaluate(read, inputs);
    ASSERT_TRUE(want) << format(want.error());
    ASSERT_TRUE(got) << format(got.error());
    Difference d;
    for (size_t i = 0; i < got->outputs.size(); ++i) d.add(want->outputs[i], got->outputs[i]);
    EXPECT_EQ(d.differing, 0) << d.text();
    for (uint32_t id : g.topological_order()) {
      const OpDef& def = def_of(*g[id].op);
      const auto parsed = def.parse(def.print(*g[id].op));
      ASSERT_TRUE(parsed) << format(parsed.error());
      EXPECT_TRUE(def.equal(**parsed, *g[id].op)) << def.print(*g[id].op);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Ops, Integer, testing::ValuesIn(ops_with_integer_forms()),
                         [](const testing::TestParamInfo<const OpDef*>& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace atl
