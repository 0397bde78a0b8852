// Tests that derive from the ops' samples: one test for each op and property.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "ir/text.h"
#include "pass/pipeline.h"
#include "tflite/reader.h"
#include "tflite/writer.h"
#include "verify/comparison.h"
#include "verify/evaluate.h"
#include "verify/written_model.h"

namespace atl {

void PrintTo(const OpDef* def, std::ostream* out) { *out << def->name; }

namespace {

/// What a sample computes with, and what it gives.
struct Instance {
  Tensors operands;
  Types types;
};

std::string describe(const Sample& s) {
  const OpDef& def = def_of(*s.op);
  std::string text = fmt::format("{} {{{}}} on", def.name, def.print(*s.op));
  for (const Type& t : s.in) text += ' ' + to_string(t);
  return text;
}

Tensor random_tensor(const Type& type, const Sample& s, std::mt19937_64& random) {
  if (type.dtype == DType::kUnknown) return absent_operand();
  if (!is_static(type.shape)) return Tensor::view(type, nullptr, nullptr);
  Tensor t = Tensor::make(type);
  visit(type.dtype, [&]<class T>(T) {
    for (int64_t i = 0; i < t.count(); ++i) {
      const double u = double(random() >> 11) / double(uint64_t(1) << 53), v = s.low + (s.high - s.low) * u;
      if constexpr (std::is_same_v<T, bool>)
        t.mutable_data<T>()[i] = u < 0.5;
      else if constexpr (std::is_integral_v<T>)
        t.mutable_data<T>()[i] = T(std::floor(std::max(v, std::is_unsigned_v<T> ? 0.0 : v)));
      else
        t.mutable_data<T>()[i] = T(float(v));
    }
  });
  return t;
}

Instance instance_of(const Sample& s) {
  std::mt19937_64 random(1);
  Instance x;
  x.types = s.in;
  const size_t free = s.in.size() - s.constants.size();
  for (size_t i = 0; i < s.in.size(); ++i)
    x.operands.push_back(i < free ? random_tensor(s.in[i], s, random) : s.constants[i - free]);
  return x;
}

Result<Tensors> eval(const OpPtr& op, const Tensors& operands) { return def_of(*op).eval(*op, operands); }

constexpr Tolerance kExactly{.min_snr_db = 1000, .max_relative_error = 0, .max_error_at_zero = 0, .max_differing = 0};
constexpr Tolerance kRounded{.min_snr_db = 110, .max_relative_error = 2e-6, .max_error_at_zero = 1e-6, .max_differing = 0};
constexpr Tolerance kKernel{.min_snr_db = 90, .max_relative_error = 1e-5, .max_error_at_zero = 1e-6, .max_differing = 0};
constexpr Tolerance kHalfKernel{.min_snr_db = 50, .max_relative_error = 2e-3, .max_error_at_zero = 1e-3, .max_differing = 0};

class Derived : public testing::TestWithParam<const OpDef*> {
 protected:
  std::vector<Sample> good() const {
    std::vector<Sample> out;
    for (Sample& s : GetParam()->samples())
      if (s.bad.empty()) out.push_back(std::move(s));
    return out;
  }
  /// Opaque has no meaning of its own, inputs and constants no operator.
  bool is_evaluated() const { return GetParam()->code != OpCode::kOpaque; }
};

TEST_P(Derived, HasSamples) {
  if (GetParam()->code == OpCode::kInput || GetParam()->code == OpCode::kConst) return;
  EXPECT_FALSE(good().empty());
}

TEST_P(Derived, EvalGivesTheTypesThatInferSays) {
  for (const Sample& s : good()) {
    SCOPED_TRACE(describe(s));
    const Instance x = instance_of(s);
    const auto types = GetParam()->infer(*s.op, x.types);
    ASSERT_TRUE(types) << format(types.error());
    if (!is_evaluated()) continue;
    const auto results = eval(s.op, x.operands);
    ASSERT_TRUE(results) << format(results.error());
    ASSERT_EQ(results->size(), types->size());
    for (size_t i = 0; i < results->size(); ++i) EXPECT_EQ(to_string((*results)[i].type()), to_string((*types)[i]));
  }
}

TEST_P(Derived, FieldsSurvivePrintAndParse) {
  for (const Sample& s : GetParam()->samples()) {
    const std::string text = GetParam()->print(*s.op);
    const auto parsed = GetParam()->parse(text);
    ASSERT_TRUE(parsed) << text << ": " << format(parsed.error());
    EXPECT_TRUE(GetParam()->equal(*s.op, **parsed)) << text;
    EXPECT_EQ(GetParam()->hash(*s.op), GetParam()->hash(**parsed));
    EXPECT_EQ(GetParam()->print(**parsed), text);
    EXPECT_FALSE(GetParam()->parse(text + " x"));
  }
}

TEST_P(Derived, RefusesBadSamplesWithTheirLabel) {
  for (const Sample& s : GetParam()->samples()) {
    if (s.bad.empty()) continue;
    SCOPED_TRACE(describe(s));
    const auto types = GetParam()->infer(*s.op, s.in);
    ASSERT_FALSE(types) << "label " << s.bad << " did not refuse it";
    const std::string label = '[' + s.bad + ']', what = types.error().what;
    EXPECT_TRUE(what.size() >= label.size() && what.substr(what.size() - label.size()) == label) << what;
  }
}

std::vector<Perm> permutations(size_t rank) {
  Perm p = identity(rank);
  std::vector<Perm> out;
  size_t k = 0;
  do {
    if (rank <= 4 || k++ % 7 == 0 || p == Perm{0, 2, 3, 4, 1} || p == Perm{0, 4, 1, 2, 3}) out.push_back(p);
  } while (std::next_permutation(p.begin(), p.end()));
  return out;
}

Type permuted_type(const Type& t, const Perm& p) {
  if (p.empty() || t.dtype == DType::kUnknown) return t;
  Type out = t;
  out.shape = permuted(t.shape, p);
  if (out.quant && out.quant->scale.size() > 1) out.quant->axis = inverse(p)[size_t(t.quant->axis)];
  return out;
}

void check_layout(const Sample& s, const Instance& x, const Tensors& expected, int operand, const Perm& p) {
  const auto choice = def_of(*s.op).permuted(*s.op, x.types, operand, p);
  if (!choice) return;
  SCOPED_TRACE(
      fmt::format("operand {} under ({}) becomes {{{}}}", operand, fmt::join(p, ","), def_of(*choice->op).print(*choice->op)));
  ASSERT_TRUE(choice->in.size() == x.types.size() || choice->in.empty());
  const auto layout_of = [&](size_t i) { return choice->in.empty() ? Perm{} : choice->in[i]; };
  const Perm answered = operand == kResult ? choice->out : layout_of(size_t(operand));
  EXPECT_EQ(answered.empty() ? identity(p.size()) : answered, p);
  Tensors in;
  Types types;
  for (size_t i = 0; i < x.types.size(); ++i) {
    const Perm q = layout_of(i);
    ASSERT_TRUE(q.empty() || is_permutation(q, x.types[i].rank())) << "operand " << i;
    types.push_back(permuted_type(x.types[i], q));
    in.push_back(q.empty() || !x.operands[i].bytes() ? x.operands[i] : transpose(x.operands[i], q));
  }
  const auto inferred = def_of(*choice->op).infer(*choice->op, types);
  ASSERT_TRUE(inferred) << format(inferred.error());
  const auto results = eval(choice->op, in);
  ASSERT_TRUE(results) << format(results.error());
  ASSERT_EQ(results->size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const Perm q = choice->out.size() == expected[i].shape().size() ? choice->out : Perm{};
    const Tensor want = q.empty() ? expected[i] : transpose(expected[i], q);
    EXPECT_EQ(to_string((*inferred)[i]), to_string(want.type()));
    ASSERT_EQ(to_string((*results)[i].type()), to_string(want.type()));
    const Comparison c = compare(want, (*results)[i], is_float(want.dtype()) ? kRounded : kExactly, false);
    EXPECT_TRUE(c.passed) << c.reason;
  }
}

TEST_P(Derived, AcceptedPermutationsCommuteWithEval) {
  if (!is_evaluated()) return;
  for (const Sample& s : good()) {
    SCOPED_TRACE(describe(s));
    const Instance x = instance_of(s);
    const auto expected = eval(s.op, x.operands);
    ASSERT_TRUE(expected) << format(expected.error());
    for (int operand = kResult; operand < int(x.types.size()); ++operand) {
      const Type& t = operand == kResult ? (*expected)[0].type() : x.types[size_t(operand)];
      if (t.dtype == DType::kUnknown || t.rank() == 0 || t.rank() > 5) continue;
      for (const Perm& p : permutations(t.rank())) {
        check_layout(s, x, *expected, operand, p);
        if (HasFatalFailure()) return;
      }
    }
  }
}

/// The sample as a model: its free operands are inputs, or with `constant_weights` only the first of them is.
struct SampleModel {
  Model model;
  Tensors inputs;
};

Result<SampleModel> model_of(const Sample& s, const Instance& x, bool constant_weights) {
  SampleModel m;
  Graph g;
  Values operands;
  const size_t free = x.types.size() - s.constants.size();
  for (size_t i = 0; i < x.types.size(); ++i) {
    if (x.types[i].dtype == DType::kUnknown) {
      operands.emplace_back();
    } else if (i < free && (i == 0 || !constant_weights)) {
      operands.push_back(g.add_input(fmt::format("x{}", i), x.types[i]));
      m.inputs.push_back(x.operands[i]);
    } else {
      operands.push_back(g.add_constant(Constant::of(x.operands[i], fmt::format("c{}", i))));
    }
  }
  TRY(const Values results, g.add(s.op, operands, g.add_origin({.module_path = "sample", .node = "sample"})));
  for (size_t i = 0; i < results.size(); ++i) g.add_output(fmt::format("y{}", i), results[i]);
  m.model.graphs.push_back(std::move(g));
  m.model.signatures.push_back({"serving_default", 0});
  return m;
}

bool is_legal(const Sample& s) { return bool(def_of(*s.op).legal(*s.op, s.in)); }

/// Reads a written model back: every operator is decoded, writing it again gives the same bytes, and the same values come out.
void check_reading(const std::vector<std::byte>& bytes, const Graph& written, const Tensors& inputs) {
  const auto back = read_tflite(std::span(bytes), nullptr);
  ASSERT_TRUE(back) << format(back.error());
  const Graph& g = back->graphs[0];
  EXPECT_EQ(g.count(OpCode::kOpaque), 0u) << print(g);
  const auto again = serialize_tflite(*back);
  ASSERT_TRUE(again) << format(again.error());
  EXPECT_TRUE(*again == bytes);
  const auto expected = evaluate(written, inputs), got = evaluate(g, inputs);
  ASSERT_TRUE(expected) << format(expected.error());
  ASSERT_TRUE(got) << format(got.error());
  for (size_t i = 0; i < got->outputs.size(); ++i) {
    const Tensor& want = expected->outputs[i];
    const Comparison c = compare(want, got->outputs[i], is_float(want.dtype()) ? kRounded : kExactly, false);
    EXPECT_TRUE(c.passed) << "result " << i << ": " << c.reason;
  }
}

TEST_P(Derived, DecodeGivesWhatEmitWrote) {
  if (!is_evaluated()) return;
  for (const Sample& s : good()) {
    if (!is_legal(s)) continue;
    SCOPED_TRACE(describe(s));
    const auto m = model_of(s, instance_of(s), false);
    ASSERT_TRUE(m) << format(m.error());
    const auto bytes = serialize_tflite(m->model);
    ASSERT_TRUE(bytes) << format(bytes.error());
    check_reading(*bytes, m->model.graphs[0], m->inputs);
  }
}

/// Where LiteRT's kernels differ from torch's meaning, which eval states.
struct Deviation {
  std::string_view sample;         // a part of describe()
  std::optional<KernelMode> mode;  // all when absent
  double steps;                    // how many steps of the result's integers are allowed; negative: not compared at all
  std::string_view reason;
};
constexpr Deviation kDeviations[] = {
    {"quantize {to=i8, scale=[0.5], zero_point=[0], axis=0} on i8", KernelMode::kDelegate, 1, "XNNPACK"},
};

const Deviation* deviation_of(const Sample& s, KernelMode mode) {
  const std::string text = describe(s);
  for (const Deviation& d : kDeviations)
    if ((!d.mode || *d.mode == mode) && text.find(d.sample) != std::string::npos) return &d;
  return nullptr;
}

Tolerance tolerance_of(const Type& t, const Types& operands) {
  const auto is_half = [](const Type& x) { return x.dtype == DType::kF16 || x.dtype == DType::kBF16; };
  if (!is_float(t.dtype)) return kExactly;
  return is_half(t) || std::any_of(operands.begin(), operands.end(), is_half) ? kHalfKernel : kKernel;
}

class InLiteRt : public Derived {
 protected:
  void SetUp() override {
    auto found = LiteRtLibrary::find();
    if (!found) GTEST_SKIP() << found.error().what;
    library_ = *found;
  }

  void run(const Sample& s, bool constant_weights, KernelMode mode) {
    SCOPED_TRACE(fmt::format("{} kernels, {} weights", name(mode), constant_weights ? "constant" : "computed"));
    const Instance x = instance_of(s);
    auto m = model_of(s, x, constant_weights);
    ASSERT_TRUE(m) << format(m.error());
    const Graph source = m->model.graphs[0];
    const auto expected = evaluate(source, m->inputs);
    ASSERT_TRUE(expected) << format(expected.error());
    const Status done = run_pipeline(m->model.graphs[0], {});
    ASSERT_TRUE(done) << format(const_cast<Status&>(done).error());
    const auto bytes = serialize_tflite(m->model);
    ASSERT_TRUE(bytes) << format(bytes.error());
    auto written = WrittenModel::load(library_, {.bytes = *bytes}, source, {}, {.threads = 1, .kernel_mode = mode});
    ASSERT_TRUE(written) << format(written.error());
    check_reading(*bytes, m->model.graphs[0], m->inputs);
    const auto got = written->run(m->inputs);
    ASSERT_TRUE(got) << format(got.error());
    ASSERT_EQ(got->size(), expected->outputs.size());
    for (size_t i = 0; i < got->size(); ++i) {
      const Tensor& want = expected->outputs[i];
      const Comparison c = compare(want, (*got)[i], tolerance_of(want.type(), x.types), false);
      const Deviation* d = deviation_of(s, mode);
      EXPECT_TRUE(c.passed || (d && (d->steps < 0 || c.max_error <= d->steps))) << "result " << i << ": " << c.reason;
    }
  }

  void run_all(KernelMode mode) {
    if (!is_evaluated()) return;
    for (const Sample& s : good()) {
      SCOPED_TRACE(describe(s));
      for (const bool constant_weights : {false, true}) {
        if (constant_weights && s.in.size() - s.constants.size() < 2) continue;
        run(s, constant_weights, mode);
      }
    }
  }

  std::shared_ptr<const LiteRtLibrary> library_;
};

TEST_P(InLiteRt, XnnpackEqualsEval) { run_all(KernelMode::kDelegate); }
TEST_P(InLiteRt, BuiltinKernelsEqualEval) { run_all(KernelMode::kBuiltin); }

const auto kAllOps = testing::ValuesIn(all_ops().begin(), all_ops().end());
const auto kOpName = [](const testing::TestParamInfo<const OpDef*>& info) { return std::string(info.param->name); };
INSTANTIATE_TEST_SUITE_P(Ops, Derived, kAllOps, kOpName);
INSTANTIATE_TEST_SUITE_P(Ops, InLiteRt, kAllOps, kOpName);

}  // namespace
}  // namespace atl
