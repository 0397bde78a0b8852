#include "ir/rewrite.h"
#include "ir/target.h"
#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/constant_expression.h"
#include "ops/conv.h"
#include "ops/elementwise.h"
#include "ops/fused_activation.h"
#include "ops/gemm.h"
#include "ops/integer_product.h"
#include "ops/matmul.h"
#include "ops/shape.h"
#include "ops/xnnpack.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr std::string_view kDtypes = "f32";

bool absent(const Type& t) { return t.dtype == DType::kUnknown; }
bool absent(const Tensor& t) { return t.bytes() == nullptr || absent(t.type()); }

struct FullyConnectedFacts {
  static constexpr std::string_view name = "fully_connected";
  static constexpr std::string_view summary = "a matrix of weights applied along the last axis, plus a bias";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kWeighted;
  static bool homogeneous(const FullyConnected& o) {
    return o.activation == Activation::kNone || o.activation == Activation::kRelu;
  }

  static QuantRule quantization(const FullyConnected&, TypesIn) {
    return {.kind = Quant::kWeighted,
            .types = "i8 i16",
            .weight = 1,
            .weight_axis = 0,
            .weight_in_axis = 1,
            .hybrid = "i8 i4",
            .bias = 2,
            .wide_bias = DType::kI64};
  }

  static WeightRoles weights(const FullyConnected& o, TypesIn in) {
    const int64_t last = int64_t(in[0].rank()) - 1;
    return {.result_axis = last,
            .data_axis = last,
            .weight_out_axis = 0,
            .weight_in_axis = 1,
            .linear = o.activation == Activation::kNone};
  }

  static OpPtr with_activation(const FullyConnected& o, Activation a) {
    if (o.activation != Activation::kNone) return nullptr;
    FullyConnected fused = o;
    fused.activation = a;
    return make_op(fused);
  }

  static Result<Types> infer(const FullyConnected&, TypesIn in) {
    CHECK_OP(C1, in.size() == 2 || in.size() == 3, "two or three operands are needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() > 0 && in[1].rank() == 2, "weights {} for {}: the weights must be a matrix", to_string(in[1]),
             to_string(in[0]));
    CHECK_OP(C3, in[0].shape.back() == in[1].shape[1] || in[0].shape.back() == kDynamic,
             "{} columns of weights for {} features", in[1].shape[1], in[0].shape.back());
    CHECK_OP(C4, in.size() == 2 || absent(in[2]) || in[2].shape == Shape{in[1].shape[0]}, "bias {} for {} rows of weights",
             to_string(in[2]), in[1].shape[0]);
    const bool bias_fits = in.size() == 2 || absent(in[2]) || in[2].dtype == in[0].dtype || in[0].quant || in[1].quant;
    CHECK_OP(C5, (in[0].dtype == in[1].dtype || in[0].quant || in[1].quant) && bias_fits && in[0].dtype != DType::kBool,
             "operands of the types {} and {}", atl::name(in[0].dtype), atl::name(in[1].dtype));
    Type out{in[0].dtype, in[0].shape, {}};
    out.shape.back() = in[1].shape[0];
    TRY_STATUS(byte_size(out));
    return Types{out};
  }

  static Result<Tensors> eval(const FullyConnected& o, TensorsIn in) {
    const Type types[] = {in[0].type(), in[1].type()};
    TRY(Types out, infer(o, types));
    Tensor result = Tensor::make(out[0]);
    const int64_t rows = in[1].shape()[0], cols = in[1].shape()[1];
    const int64_t lines = element_count({in[0].shape().begin(), in[0].shape().end() - 1});
    const bool biased = in.size() > 2 && !absent(in[2]);
    if (in[0].dtype() == DType::kF32 && in[1].dtype() == DType::kF32) {
      float* y = result.mutable_data<float>();
      gemm(false, true, lines, rows, cols, in[0].data<float>(), in[1].data<float>(), y);
      for (int64_t l = 0; l < lines; ++l)
        for (int64_t i = 0; i < rows; ++i) {
          float& v = y[l * rows + i];
          v = float(activate(o.activation, biased ? double(v) + element_as_double(in[2], i) : double(v)));
        }
      return Tensors{result};
    }
    visit(in[0].dtype(), [&]<class T>(T) {
      using Sum = std::conditional_t<std::is_integral_v<T>, int64_t, double>;
      const Tensor w = cast(in[1], in[0].dtype()), b = biased ? cast(in[2], in[0].dtype()) : Tensor();
      for (int64_t l = 0; l < lines; ++l)
        for (int64_t i = 0; i < rows; ++i) {
          Sum sum = biased ? static_cast<Sum>(b.data<T>()[i]) : Sum(0);
          for (int64_t k = 0; k < cols; ++k)
            sum += static_cast<Sum>(in[0].data<T>()[l * cols + k]) * static_cast<Sum>(w.data<T>()[i * cols + k]);
          if (o.activation != Activation::kNone) sum = static_cast<Sum>(activate(o.activation, static_cast<double>(sum)));
          result.mutable_data<T>()[l * rows + i] = static_cast<T>(sum);
        }
    });
    return Tensors{result};
  }

  static Result<Tensors> eval_integer(const FullyConnected& o, TensorsIn in, TypesIn out) {
    const Type &x = in[0].type(), &w = in[1].type();
    const int64_t rows = w.shape[0], cols = w.shape[1], lines = element_count({x.shape.begin(), x.shape.end() - 1});
    Tensor sums = Tensor::make(Type{DType::kF64, {lines, rows}, {}});
    const Tensor data = centered(in[0]), weight = centered(in[1]);
    gemm(false, true, lines, rows, cols, data.data<double>(), weight.data<double>(), sums.mutable_data<double>());
    const Tensor bias = in.size() > 2 && !absent(in[2]) ? in[2] : Tensor();
    const auto kind = bias.bytes() && bias.dtype() == DType::kI64 ? Sums::kReal : Sums::kGemm;
    const bool in_double = w.quant->scale.size() > 1 || kind == Sums::kReal;
    const auto product = in_double ? ScaleProduct::kInDouble : ScaleProduct::kInFloat;
    return Tensors{scale_sums(sums, 1, bias, SumScaling(x, w, out[0], product, kind, o.activation), out[0])};
  }

  static Status legal_integer(const FullyConnected&, TypesIn in, TypesIn out) {
    return legal_weighted({.name = "fully connected layer", .depth = in[1].shape[1], .needs_bias = false}, in, out[0]);
  }

  static std::optional<LayoutChoice> permuted(const FullyConnected& o, TypesIn in, int operand, const Perm& p) {
    if (operand > 0) return std::nullopt;
    if (p.back() != int(in[0].rank()) - 1) return std::nullopt;
    LayoutChoice choice{make_op(o), std::vector<Perm>(in.size()), p};
    choice.in[0] = p;
    return choice;
  }

  static Status legal(const FullyConnected&, TypesIn in) {
    if (in[0].rank() > kXnnpackMaxRank)
      return error(Code::kUnsupportedForm,
                   fmt::format("LiteRT's FULLY_CONNECTED takes {} axes, not {}", kXnnpackMaxRank, in[0].rank()),
                   "give it a tensor of fewer axes: reshape it in the model");
    if (in[0].quant || in[1].quant) return {};
    return legal_dtype("fully_connected", in[0], kDtypes);
  }

  static Result<TfliteOp> emit(const FullyConnected& o, TypesIn in) {
    tflite::FullyConnectedOptionsT options;
    options.fused_activation_function = tflite_activation(o.activation);
    const bool keep_num_dims = in[0].rank() != 2;
    options.keep_num_dims = keep_num_dims;
    TfliteOp op(BuiltinOperator::FULLY_CONNECTED, version(in, keep_num_dims), 2, std::move(options));
    if (in.size() > 2 && !absent(in[2]))
      op.input(2);
    else
      op.absent();
    return op;
  }

  // The rules of LiteRT's op_version.cc for the forms above; a bias operand is always written, possibly as -1.
  static int version(TypesIn in, bool keep_num_dims) {
    const DType x = in[0].dtype, w = in[1].dtype;
    const bool per_channel = in[1].quant && in[1].quant->scale.size() > 1;
    if (x == DType::kF32 && w == DType::kI8 && per_channel) return 12;
    if (x == DType::kI16 && w == DType::kI16) return 7;
    if (keep_num_dims) return 5;
    if (x == DType::kI8 && w == DType::kI4) return 10;
    if (x == DType::kI8 && w == DType::kI8) return 4;
    if (x == DType::kF32 && w != DType::kF32) return 3;
    return 1;
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != BuiltinOperator::FULLY_CONNECTED || !n.present(0) || !n.present(1) || n.out.size() != 1) return not_decoded();
    const auto* options = n.options_as<tflite::FullyConnectedOptionsT>();
    const bool default_format = !options || options->weights_format == tflite::FullyConnectedOptionsWeightsFormat::DEFAULT;
    const bool keep = options && options->keep_num_dims;
    if (!default_format || (options && options->asymmetric_quantize_inputs)) return not_decoded();
    const Shape &x = n.in[0]->shape, &weight = n.in[1]->shape;
    if (x.empty() || weight.size() != 2 || weight[1] <= 0) return not_decoded();
    std::optional<Shape> lines;
    if (!keep && (x.size() != 2 || x[1] != weight[1])) {
      const int64_t count = element_count(x);
      if (!is_static(x) || count % weight[1] != 0) return not_decoded();
      lines = Shape{count / weight[1], weight[1]};
    } else if (x.back() != weight[1]) {
      return not_decoded();
    }
    FullyConnected op;
    if (options) {
      TRY(op.activation, activation_from(options->fused_activation_function));
    }
    std::vector<int> in{0, 1};
    if (n.present(2)) in.push_back(2);
    return Decoded{make_op(op), in, lines};
  }

  static Result<bool> canonicalize(const FullyConnected& o, Rewrite& r) {
    if (r.in_count() == 3 && !r.in(2).valid()) return r.replace(r.add(o, {r.in(0), r.in(1)}));
    TRY(const bool general, generalize(o, r));
    return general ? general : sink_reshape(o, r);
  }

  // XNNPACK takes constant weights and biases only: computed ones become a BATCH_MATMUL and an ADD, which it takes.
  static Result<bool> generalize(const FullyConnected& o, Rewrite& r) {
    const Type x = r.in_type(0);
    if (x.quant || r.in_type(1).quant || !is_static(x.shape) || element_count(x.shape) == 0) return false;
    const bool biased = r.in_count() > 2;
    const bool fixed = is_constant_expression(r.graph(), r.in(1));
    if (fixed && (!biased || is_constant_expression(r.graph(), r.in(2)))) return false;
    if (!biased && o.activation != Activation::kNone) return false;
    Value y;
    if (fixed) {
      y = r.add(FullyConnected{}, {r.in(0), r.in(1)});
    } else {
      // One matrix of lines: the weights have no batch axes.
      const int64_t lines = element_count({x.shape.begin(), x.shape.end() - 1});
      const Shape flat{lines, x.shape.back()};
      y = r.add(BatchMatmul(false, true), {x.shape == flat ? r.in(0) : r.add(Reshape(flat), {r.in(0)}), r.in(1)});
      if (x.shape != flat) y = r.add(Reshape(r.out_type().shape), {y});
    }
    if (biased) {
      Shape bias(r.out_type().rank(), 1);
      bias.back() = r.out_type().shape.back();
      const Value b = bias.size() == 1 ? r.in(2) : r.add(Reshape(bias), {r.in(2)});
      y = r.add(Binary(BinaryKind::kAdd, o.activation), {y, b});
    }
    return r.replace(y);
  }

  // Reshape(FullyConnected(Reshape(x))) where only leading axes are split or joined: the weights apply to x as it is.
  static Result<bool> sink_reshape(const FullyConnected& o, Rewrite& r) {
    const Graph& g = r.graph();
    if (!g.as<Reshape>(r.in(0)) || g.uses(r.out()).empty()) return false;
    for (const Use& u : g.uses(r.out()))
      if (u.node == kGraphOutput || g[u.node].op->code != OpCode::kReshape) return false;
    const Value x = g[r.in(0)].in[0];
    if (r.rank(x) == 0 || r.rank(x) > kXnnpackMaxRank || r.shape(x).back() != r.in_type(0).shape.back() || r.type(x).quant)
      return false;
    Values in = r.node().in;
    in[0] = x;
    const Value y = r.add(o, in);
    return r.replace(r.add(Reshape(r.out_type().shape), {y}));
  }

  static Result<bool> legalize(const FullyConnected& o, Rewrite& r) {
    const Shape x = r.in_type(0).shape;
    if (x.size() <= kXnnpackMaxRank || !is_static(x)) return legalize_by_cast(r, make_op(o), kDtypes);
    Values in = r.node().in;
    in[0] = r.add(Reshape({element_count({x.begin(), x.end() - 1}), x.back()}), {in[0]});
    return r.replace(r.add(Reshape(r.out_type().shape), {r.add(o, std::move(in))}));
  }

  // The Edge TPU takes one row: several are the pixels of a 1x1 convolution.
  static Result<bool> adapt(const FullyConnected& o, Rewrite& r, const Target& target) {
    const Shape &x = r.in_type(0).shape, &w = r.in_type(1).shape;
    const int64_t rows = element_count(x) / std::max<int64_t>(1, x.back());
    if (!target.is_coral() || rows == 1 || r.in_type(0).dtype != DType::kF32 || !r.is_constant(1) || !is_static(x))
      return false;
    Conv2d conv;
    conv.layout = DataLayout::kChannelsLast;
    conv.activation = o.activation;
    Values in{r.add(Reshape({1, 1, rows, x.back()}), {r.in(0)}), r.add(Reshape({w[0], 1, 1, w[1]}), {r.in(1)})};
    if (r.in_count() > 2 && r.in(2).valid()) in.push_back(r.in(2));
    return r.replace(r.add(Reshape(r.out_type().shape), {r.add(conv, std::move(in))}));
  }

  static std::vector<Sample> samples() {
    const Type x{DType::kF32, {3, 5}, {}}, w{DType::kF32, {7, 5}, {}}, b{DType::kF32, {7}, {}};
    FullyConnected relu;
    relu.activation = Activation::kRelu;
    const OpPtr plain = make_op(FullyConnected{});
    const Type i{DType::kI32, {7, 5}, {}};
    return {
        {.op = plain, .in = {x, w, b}},
        {.op = make_op(relu), .in = {x, w, b}},
        {.op = plain, .in = {x, w}},
        {.op = plain, .in = {Type{DType::kF32, {2, 3, 4, 5}, {}}, w, b}},
        {.op = plain, .in = {Type{DType::kF32, {5}, {}}, w, b}},
        {.op = plain, .in = {Type{DType::kF32, {2, 1, 3, 1, 4, 1, 2, 5}, {}}, w, b}},
        {.op = plain, .in = {x}, .bad = "C1"},
        {.op = plain, .in = {x, b}, .bad = "C2"},
        {.op = plain, .in = {x, Type{DType::kF32, {5, 7}, {}}}, .bad = "C3"},
        {.op = plain, .in = {x, w, Type{DType::kF32, {5}, {}}}, .bad = "C4"},
        {.op = plain, .in = {x, i}, .bad = "C5"},
    };
  }
};

}  // namespace
DEFINE_OP(FullyConnected, FullyConnectedFacts)
}  // namespace atl
