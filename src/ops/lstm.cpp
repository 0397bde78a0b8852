#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "ir/tflite_op.h"
#include "ops/elementwise.h"
#include "ops/lstm_integer.h"
#include "ops/variable_operands.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

// Positions of the states in the operator's own operands.
constexpr int kFileH0 = 18, kFileC0 = 19;

bool absent(const Type& t) { return t.dtype == DType::kUnknown; }

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

/// Steps, batch, features, cell size, output size (R = H without projection).
struct Sizes {
  int64_t steps, batch, features, cell, output;
};
Sizes sizes_of(const Lstm& o, TypesIn in) {
  const Shape& x = in[kLstmX].shape;
  return {x[o.time_major ? 0 : 1], x[o.time_major ? 1 : 0], x[2], in[kLstmWeightIh].shape[0], in[kLstmWeightHh].shape[1]};
}

/// The operands as doubles, and the state while the sequence runs.
class Cell {
 public:
  Cell(const Lstm& o, const Sizes& s, TensorsIn in)
      : s_(s), clip_(double(o.cell_clip)), h_(widen(in[kLstmH0])), c_(widen(in[kLstmC0])) {
    hidden_.resize(c_.size());
    for (int g = 0; g < 4; ++g) {
      weight_x_[g] = widen(in[size_t(kLstmWeightIh + g)]);
      weight_h_[g] = widen(in[size_t(kLstmWeightHh + g)]);
      bias_[g] = widen(in[size_t(kLstmBias + g)]);
    }
    if (in[kLstmProjection].bytes() && !absent(in[kLstmProjection].type())) projection_ = widen(in[kLstmProjection]);
  }

  /// One step of one batch entry: x has `features` values.
  void step(int64_t batch, const double* x) {
    double* h = h_.data() + batch * s_.output;
    double* c = c_.data() + batch * s_.cell;
    double* next = hidden_.data() + batch * s_.cell;
    for (int64_t i = 0; i < s_.cell; ++i) {
      double gate[4];
      for (int g = 0; g < 4; ++g)
        gate[g] = bias_[g][size_t(i)] + dot(weight_x_[g].data() + i * s_.features, x, s_.features) +
                  dot(weight_h_[g].data() + i * s_.output, h, s_.output);
      c[i] = sigmoid(gate[1]) * c[i] + sigmoid(gate[0]) * std::tanh(gate[2]);
      if (clip_ > 0) c[i] = std::clamp(c[i], -clip_, clip_);
      next[i] = sigmoid(gate[3]) * std::tanh(c[i]);
    }
    for (int64_t i = 0; i < s_.output; ++i)
      h[i] = projection_.empty() ? next[i] : dot(projection_.data() + i * s_.cell, next, s_.cell);
  }
  const std::vector<double>& h() const { return h_; }
  const std::vector<double>& c() const { return c_; }

  static std::vector<double> widen(const Tensor& t) {
    const Tensor d = cast(t, DType::kF64);
    return {d.data<double>(), d.data<double>() + d.count()};
  }

 private:
  static double dot(const double* a, const double* b, int64_t n) {
    return Eigen::Map<const Eigen::VectorXd>(a, n).dot(Eigen::Map<const Eigen::VectorXd>(b, n));
  }

  Sizes s_;
  double clip_;
  std::vector<double> h_, c_, hidden_, weight_x_[4], weight_h_[4], bias_[4], projection_;
};

struct LstmFacts {
  static constexpr std::string_view name = "lstm";
  static constexpr std::string_view summary = "one layer and direction of an LSTM over a whole sequence";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kWeighted;

  static Result<Types> infer(const Lstm& o, TypesIn in) {
    CHECK_OP(C1, in.size() == kLstmOperands, "{} operands are needed, not {}", kLstmOperands, in.size());
    CHECK_OP(C2, in[kLstmX].rank() == 3 && in[kLstmWeightIh].rank() == 2 && in[kLstmWeightHh].rank() == 2,
             "an LSTM takes a sequence of three axes and matrices, not {} and {}", to_string(in[kLstmX]),
             to_string(in[kLstmWeightIh]));
    const Sizes s = sizes_of(o, in);
    for (size_t g = 0; g < 4; ++g) {
      CHECK_OP(C3, (in[kLstmWeightIh + g].shape == Shape{s.cell, s.features}), "input weights {} for {} cells and {} features",
               to_string(in[kLstmWeightIh + g]), s.cell, s.features);
      CHECK_OP(C4, (in[kLstmWeightHh + g].shape == Shape{s.cell, s.output}), "recurrent weights {} for {} cells",
               to_string(in[kLstmWeightHh + g]), s.cell);
      CHECK_OP(C5, in[kLstmBias + g].shape == Shape{s.cell}, "bias {} for {} cells", to_string(in[kLstmBias + g]), s.cell);
    }
    const Type& projection = in[kLstmProjection];
    CHECK_OP(C6, absent(projection) ? s.output == s.cell : (projection.shape == Shape{s.output, s.cell}),
             "projection {} of {} cells to {}", to_string(projection), s.cell, s.output);
    auto is_state = [&](const Type& t, int64_t size) {
      return t.shape == Shape{1, s.batch, size} || t.shape == Shape{s.batch, size};
    };
    CHECK_OP(C7, is_state(in[kLstmH0], s.output) && is_state(in[kLstmC0], s.cell), "states {} and {} for a batch of {}",
             to_string(in[kLstmH0]), to_string(in[kLstmC0]), s.batch);
    for (const Type& t : in)
      CHECK_OP(C8, absent(t) || (t.dtype == in[0].dtype && is_float(t.dtype)),
               "an LSTM takes floats of one type, not {} and {}", atl::name(in[0].dtype), atl::name(t.dtype));
    Type out = in[kLstmX];
    out.shape[2] = s.output;
    TRY_STATUS(byte_size(out));
    Types results{out};
    if (o.last_h) results.push_back(in[kLstmH0]);
    if (o.last_c) results.push_back(in[kLstmC0]);
    return results;
  }

  /// Runs the sequence: visit(cell, line, batch) after every step of every batch entry, whose place in x is `line`.
  template <class F>
  static Cell run(const Lstm& o, const Sizes& s, TensorsIn in, F&& visit) {
    const std::vector<double> x = Cell::widen(in[kLstmX]);
    Cell cell(o, s, in);
    for (int64_t t = 0; t < s.steps; ++t)
      for (int64_t b = 0; b < s.batch; ++b) {
        const int64_t line = o.time_major ? t * s.batch + b : b * s.steps + t;
        cell.step(b, x.data() + line * s.features);
        visit(cell, line, b);
      }
    return cell;
  }

  static Result<Tensors> eval(const Lstm& o, TensorsIn in) {
    TRY(Types out, infer(o, lstm_types(in)));
    const Sizes s = sizes_of(o, lstm_types(in));
    Tensor result = Tensor::make(out[0]);
    auto narrow = [](const std::vector<double>& from, int64_t begin, int64_t n, Tensor& to, int64_t at) {
      visit(to.dtype(), [&]<class T>(T) {
        for (int64_t i = 0; i < n; ++i) to.mutable_data<T>()[at + i] = static_cast<T>(from[size_t(begin + i)]);
      });
    };
    const Cell cell = run(o, s, in, [&](const Cell& now, int64_t line, int64_t b) {
      narrow(now.h(), b * s.output, s.output, result, line * s.output);
    });
    Tensors results{result};
    for (size_t k = 1; k < out.size(); ++k) {
      const std::vector<double>& state = o.last_h && k == 1 ? cell.h() : cell.c();
      results.push_back(Tensor::make(out[k]));
      narrow(state, 0, results[k].count(), results[k], 0);
    }
    return results;
  }

  // c, from c0 on.
  static Result<Tensors> inner_values(const Lstm& o, TensorsIn in) {
    TRY([[maybe_unused]] const Types out, infer(o, lstm_types(in)));
    const Sizes s = sizes_of(o, lstm_types(in));
    std::vector<double> c = Cell::widen(in[kLstmC0]);
    run(o, s, in, [&](const Cell& now, int64_t, int64_t b) {
      c.insert(c.end(), now.c().begin() + b * s.cell, now.c().begin() + (b + 1) * s.cell);
    });
    return Tensors{Tensor::of<double>(DType::kF64, {int64_t(c.size())}, c)};
  }

  // Time and batch may trade places.
  static std::optional<LayoutChoice> permuted(const Lstm& o, TypesIn in, int operand, const Perm& p) {
    if (operand > 0 || o.last_h || o.last_c) return std::nullopt;
    const bool swapped = p == Perm{1, 0, 2};
    if (!swapped && !is_identity(p)) return std::nullopt;
    Lstm op = o;
    op.time_major ^= swapped;
    LayoutChoice choice{make_op(op), std::vector<Perm>(in.size()), p};
    choice.in[0] = p;
    return choice;
  }

  static Status legal(const Lstm& o, TypesIn in) {
    TRY_STATUS(legal_dtype("lstm", in[0], "f32"));
    const Sizes s = sizes_of(o, in);
    if (s.steps == 0 || s.batch == 0) return error(Code::kUnsupportedForm, "an LSTM over an empty sequence");
    if (!o.states_filled) return error(Code::kUnsupportedForm, "an LSTM whose states nothing fills before a run");
    return {};
  }

  static QuantRule quantization(const Lstm&, TypesIn) { return {.kind = Quant::kWeighted, .types = "i8", .hybrid = "i8"}; }
  static constexpr IntegerFormDef integer_form{
      kLstmRoles, [](const OpBase& o, const FormRequest& f) { return lstm_integer_form(static_cast<const Lstm&>(o), f); },
      [](const OpBase& o, TensorsIn in) { return inner_values(static_cast<const Lstm&>(o), in); }};
  static Result<Tensors> eval_integer(const Lstm& o, TensorsIn in, TypesIn out) { return eval_integer_lstm(o, in, out); }
  static Status legal_integer(const Lstm& o, TypesIn in, TypesIn out) { return legal_integer_lstm(o, in, out); }

  static Result<TfliteOp> emit_integer(const Lstm& o, TypesIn in, TypesIn out) {
    TRY(TfliteOp op, emit(o, in));
    if (in[kLstmX].dtype == DType::kF32) {
      op.version = 2;
      return op;
    }
    op.absent().absent().absent().absent();  // layer normalization: TensorFlow Lite Micro counts the operands
    // The kernel looks at the first four under layer normalization only.
    op.intermediates.assign(4, Type{DType::kF32, {0}, {}});
    op.intermediates.push_back(Type{DType::kI8, {0}, lstm_hidden_parameters(in, out[0])});
    return op;
  }

  static Result<TfliteOp> emit(const Lstm& o, TypesIn in) {
    tflite::UnidirectionalSequenceLSTMOptionsT options;
    options.fused_activation_function = tflite::ActivationFunctionType::TANH;
    options.time_major = o.time_major;
    options.cell_clip = o.cell_clip;
    TfliteOp op(BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM, 1, kLstmBias, std::move(options));
    op.absent().absent().absent();  // peephole weights
    for (int i = kLstmBias; i < kLstmProjection; ++i) op.input(i);
    if (absent(in[kLstmProjection]))
      op.absent();
    else
      op.input(kLstmProjection);
    op.absent();  // projection bias
    op.input(kLstmH0, true).input(kLstmC0, true);
    if (o.last_h) op.updated.push_back(kFileH0);
    if (o.last_c) op.updated.push_back(kFileC0);
    return op;
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM || n.operand_count() < 20) return not_decoded();
    const auto* options = n.options_as<tflite::UnidirectionalSequenceLSTMOptionsT>();
    if (!options || options->fused_activation_function != tflite::ActivationFunctionType::TANH || options->cell_clip < 0 ||
        options->proj_clip != 0 || options->asymmetric_quantize_inputs || options->diagonal_recurrent_tensors)
      return not_decoded();
    std::vector<int> in;
    for (int i = 0; i < 20; ++i) {
      const bool never = (i >= 9 && i <= 11) || i == 17, optional = i == 16;
      if (n.present(size_t(i)) ? never || n.in[size_t(i)]->dtype != DType::kF32 : !never && !optional) return not_decoded();
      if (!never) in.push_back(i);
    }
    for (size_t i = 20; i < n.operand_count(); ++i)
      if (n.present(i)) return not_decoded();  // layer normalization
    Lstm op;
    op.time_major = options->time_major;
    op.states_filled = true;
    op.cell_clip = options->cell_clip;
    for (int position : n.updated) {
      // Results come in the order h, c.
      if ((position != kFileH0 || op.last_c) && position != kFileC0) return not_decoded();
      (position == kFileH0 ? op.last_h : op.last_c) = true;
    }
    return Decoded{make_op(op), in};
  }

  // Drops last states that nothing reads.
  static Result<bool> canonicalize(const Lstm& o, Rewrite& r) {
    Lstm op = o;
    uint32_t k = 1;
    if (o.last_h) op.last_h = !r.graph().uses(r.out(k++)).empty();
    if (o.last_c) op.last_c = !r.graph().uses(r.out(k)).empty();
    if (op.last_h == o.last_h && op.last_c == o.last_c) return false;
    const Values out = r.add_multi(op, r.node().in, 1 + op.last_h + op.last_c);
    Values with{out[0]};
    if (o.last_h) with.push_back(op.last_h ? out[1] : Value{});
    if (o.last_c) with.push_back(op.last_c ? out.back() : Value{});
    return r.replace(std::move(with));
  }

  static Result<bool> legalize(const Lstm& o, Rewrite& r) {
    if (r.in_type(0).dtype != DType::kF32) return legalize_by_cast(r, make_op(o), "f32");
    if (o.states_filled) return false;
    TRY_STATUS(fill_variable_operands(r.graph()));
    Lstm op = o;
    op.states_filled = true;
    Values out = r.add_multi(op, r.node().in, r.node().out.size());
    for (size_t k = 1; k < out.size(); ++k) out[k] = guarded_state(r, out[k], out[0]);
    return r.replace(std::move(out));
  }

  static Types sample_types(int64_t t, int64_t b, int64_t i, int64_t h, int64_t r, bool projected) {
    auto f = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    Types in{f({t, b, i})};
    for (int g = 0; g < 4; ++g) in.push_back(f({h, i}));
    for (int g = 0; g < 4; ++g) in.push_back(f({h, r}));
    for (int g = 0; g < 4; ++g) in.push_back(f({h}));
    in.push_back(projected ? f({r, h}) : absent_type());
    in.push_back(f({1, b, r}));
    in.push_back(f({1, b, h}));
    return in;
  }

  static std::vector<Sample> samples() {
    Lstm time_major, batch_major, states, clipped;
    time_major.time_major = states.time_major = true;
    clipped.cell_clip = 0.5f;
    clipped.time_major = clipped.last_c = true;
    states.last_h = states.last_c = true;
    const OpPtr op = make_op(time_major);
    Types in = sample_types(4, 2, 3, 5, 5, false);
    Types swapped = in;
    std::swap(swapped[0].shape[0], swapped[0].shape[1]);
    std::vector<Sample> s{
        {.op = op, .in = in},
        {.op = make_op(batch_major), .in = swapped},
        {.op = op, .in = sample_types(4, 2, 3, 5, 6, true)},
        {.op = make_op(states), .in = sample_types(2, 4, 3, 5, 6, true)},
        {.op = make_op(clipped), .in = sample_types(2, 3, 4, 6, 6, false)},
    };
    auto bad = [&](size_t operand, Type t, std::string label) {
      Types changed = in;
      changed[operand] = std::move(t);
      s.push_back({.op = op, .in = std::move(changed), .bad = std::move(label)});
    };
    auto f = [](Shape shape) { return Type{DType::kF32, std::move(shape), {}}; };
    s.push_back({.op = op, .in = {in[0]}, .bad = "C1"});
    bad(kLstmX, f({4, 2}), "C2");
    bad(kLstmWeightIh + 2, f({5, 4}), "C3");
    bad(kLstmWeightHh + 1, f({5, 4}), "C4");
    bad(kLstmBias, f({4}), "C5");
    bad(kLstmProjection, f({4, 5}), "C6");
    bad(kLstmC0, f({1, 3, 5}), "C7");
    bad(kLstmBias + 3, Type{DType::kI32, {5}, {}}, "C8");
    return s;
  }
};

}  // namespace
DEFINE_OP(Lstm, LstmFacts)

}  // namespace atl
