// The op concept. One immutable struct per op, from the closed list ops.def; every fact about an op is stated in its own file
// under ops/, and a missing fact is a compile error. CONTRIBUTING.md has the checklist for a new op.
#pragma once
#include <concepts>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "ir/constant.h"
#include "ir/fields.h"
#include "ir/tensor.h"
#include "ir/type.h"

namespace atl {

enum class OpCode : uint16_t {
#define OP(X) k##X,
#include "ir/ops.def"
#undef OP
  kCount
};

/// Base of every op struct. Ops are plain data; what they mean is in their OpDef.
struct OpBase {
  OpCode code;
};
template <OpCode C>
struct OpOf : OpBase {
  OpOf() : OpBase{C} {}
};
using OpPtr = std::shared_ptr<const OpBase>;
template <class O>
OpPtr make_op(O o) {
  return std::make_shared<const O>(std::move(o));
}

using TypesIn = std::span<const Type>;
using TensorsIn = std::span<const Tensor>;

/// How an op reacts to a permutation of its operands' axes.
enum class Layout {
  kAny,       ///< elementwise: all operands and results under the same permutation, fields unchanged
  kAxisAttr,  ///< `permuted` maps the fields that name axes
  kFixed,     ///< must run channels-last: `permuted` gives the one form that LiteRT has
  kOpaque,    ///< a barrier
};

/// How an op is quantized.
enum class Quant {
  kFloatOnly,    ///< no integer kernel
  kSameScale,    ///< output parameters equal the input's
  kRequant,      ///< free output parameters
  kFixedOutput,  ///< output parameters prescribed by the kernel
  kWeighted,     ///< weights per channel, bias int32 at the product of scales
};

/// How one use of an op is quantized: what `quantization` in an op's facts answers. Float operands and results are data, but
/// for the weight and the bias; everything else (indices, shapes, conditions) stays as it is.
struct QuantRule {
  Quant kind = Quant::kFloatOnly;
  std::string_view types = {};    ///< integer element types of the data that LiteRT's kernels take: "i8 u8 i16"
  int weight = -1;                ///< kWeighted: the operand with integers of its own
  int weight_axis = -1;           ///< axis of the weight with one scale for each index; -1: one scale for the tensor
  int weight_in_axis = -1;        ///< axis of the weight over the data channels of one group
  std::string_view hybrid = {};   ///< element types of weights that LiteRT's kernels take beside f32 data: "i8"
  int bias = -1;                  ///< kWeighted: the operand at scale(data) * scale(weight), zero point 0; may be absent
  DType wide_bias = DType::kI32;  ///< element type of the bias beside i16 data
  /// kSameScale: every element of a result is an element of an operand, so that values may be clipped before the op as well as
  /// behind it.
  bool selects = true;
  QuantParams (*fixed)(DType data) = nullptr;  ///< kFixedOutput: the parameters that the kernel prescribes
};

struct Target;          // ir/target.h
struct IntegerFormDef;  // ops/integer_form.h

/// One way to run an op on permuted operands: the op to use, and for each operand and for the results the permutation of their
/// axes. Physical axis k of a value is logical axis perm[k]. An empty perm stands for the identity (scalars, 1-D operands,
/// weights).
struct LayoutChoice {
  OpPtr op;
  std::vector<Perm> in;
  Perm out;
};

/// What decode gives: the op, and which operands of the LiteRT operator are its operands (the others became fields).
struct Decoded {
  OpPtr op;
  std::vector<int> in;
  std::optional<Shape> data_shape = {};  ///< the shape in which the operator takes operand 0, where that is another
};

/// The roles of a weighted op's operands (convolution, fully connected): operand 0 is the data, 1 the weight, 2 the bias
/// (optional). The sum of products is linear in each, and so is the result where `linear`: scaling result channel k is scaling
/// slice k of the weight along weight_out_axis, and of the bias.
struct WeightRoles {
  int64_t result_axis = 0;      ///< channel axis of the result
  int64_t data_axis = 0;        ///< channel axis of operand 0
  int64_t weight_out_axis = 0;  ///< axis of the weight that runs over result channels
  int64_t weight_in_axis = -1;  ///< axis of the weight that runs over data channels; -1 when grouped
  bool pads = false;            ///< the data is padded with zeros, so that a shift of the data is not a shift of the result
  bool linear = true;           ///< no activation behind the sum
};

enum class Activation : int;  // ops/activation.h

class Graph;  // ir/graph.h
using GraphPtr = std::shared_ptr<const Graph>;

/// Which operand of a node a permutation is asked for: an input's number, or the result.
inline constexpr int kResult = -1;

struct TfliteOp;   // ir/tflite_op.h
class TfliteNode;  // ir/tflite_op.h: what decode gets
class SourceCall;  // ir/source_call.h
class Rewrite;     // ir/rewrite.h

/// A source operator that maps onto this op: its name and the function that builds the nodes.
struct Import {
  std::string_view name;  ///< "aten.relu.default"
  void (*build)(SourceCall&);
};

/// A representative use of an op: drives the derived tests, the op table and fuzz seeds. `bad` names the label of the check
/// that must refuse it.
struct Sample {
  OpPtr op;
  Types in;
  std::string bad;                ///< "C2" when infer must fail with that label
  std::vector<Tensor> constants;  ///< operands that must be constants: the last constants.size() operands
  double low = -2, high = 2;      ///< range of the random operands
};

/// Everything known about one op.
struct OpDef {
  OpCode code;
  std::string_view name;
  std::string_view summary;  ///< one sentence for the op table
  Layout layout;
  Quant quant;
  Result<Types> (*infer)(const OpBase&, TypesIn);
  Result<Tensors> (*eval)(const OpBase&, TensorsIn);
  std::optional<LayoutChoice> (*permuted)(const OpBase&, TypesIn, int operand, const Perm&);
  Status (*legal)(const OpBase&, TypesIn);
  Result<TfliteOp> (*emit)(const OpBase&, TypesIn);
  std::string (*print)(const OpBase&);
  Result<OpPtr> (*parse)(std::string_view fields);
  bool (*equal)(const OpBase&, const OpBase&);
  size_t (*hash)(const OpBase&);
  std::vector<Sample> (*samples)();
  std::span<const Import> imports;
  /// True when every element of the results is an element of operand 0 and other operands only say which: a factor may pass
  /// through.
  bool moves_elements;
  /// nullptr, or: turns a LiteRT operator into this op; an error means "keep it opaque".
  Result<Decoded> (*decode)(const TfliteNode&);
  /// nullptr for ops without weights, or: the roles of the operands.
  WeightRoles (*weights)(const OpBase&, TypesIn);
  /// nullptr, or: the same op with an activation applied to its result; a null op when it already has one.
  OpPtr (*with_activation)(const OpBase&, Activation);
  /// nullptr, or: the same op on an operand 0 that is padded with zeros (elements before and after each axis); a null op when
  /// it cannot.
  OpPtr (*with_padding)(const OpBase&, TypesIn, std::span<const int64_t> before, std::span<const int64_t> after);
  /// nullptr, or: the graphs that the op runs (the parts of a loop, branches), in the order in which with_graphs takes them.
  std::vector<GraphPtr> (*graphs)(const OpBase&);
  /// Stated together with `graphs`: the same op with other graphs, whose ports have the same types.
  OpPtr (*with_graphs)(const OpBase&, std::vector<GraphPtr>);
  /// nullptr, or: rewrites a node of this op into a simpler one; true when it did.
  Result<bool> (*canonicalize)(const OpBase&, Rewrite&);
  /// nullptr, or: rewrites a node that `legal` refuses into ones that it accepts; true when it did.
  Result<bool> (*legalize)(const OpBase&, Rewrite&);
  /// How a node of this op is quantized; kSameScale where nothing else is stated and `quant` says so.
  QuantRule (*quantization)(const OpBase&, TypesIn);
  /// nullptr, or: the op on quantized operands, bit by bit as LiteRT's builtin CPU kernel computes it; `out` are the types of
  /// the results. See ops/quantized.h.
  Result<Tensors> (*eval_integer)(const OpBase&, TensorsIn, TypesIn out);
  /// nullptr, or: the preconditions of LiteRT's integer kernel on operands and results.
  Status (*legal_integer)(const OpBase&, TypesIn in, TypesIn out);
  /// nullptr, or: the written form on quantized operands, where it is not what `emit` gives for their types.
  Result<TfliteOp> (*emit_integer)(const OpBase&, TypesIn in, TypesIn out);
  /// nullptr where QuantRule says all, or: the integer types of an op whose kernel takes more weights than one.
  const IntegerFormDef* integer_form;
  /// nullptr, or: rewrites a node that a target cannot take into ones that it takes; true when it did.
  Result<bool> (*adapt)(const OpBase&, Rewrite&, const Target&);
  /// nullptr, or: whether f(s * x) = s * f(x) for every s > 0 of each index of operand 0's and the result's last axis; of an op
  /// with weights: whether its result scales with its weight and bias.
  bool (*homogeneous)(const OpBase&);
};

const OpDef& def_of(OpCode code);
inline const OpDef& def_of(const OpBase& op) { return def_of(op.code); }
/// Every op, in the order of ops.def.
std::span<const OpDef* const> all_ops();

/// What the facts struct `F` of an op `O` must state (see any file in ops/).
template <class F, class O>
concept CompleteOp = requires(const O& o, O& m, TypesIn t, TensorsIn x, const Perm& p) {
  { F::name } -> std::convertible_to<std::string_view>;
  { F::summary } -> std::convertible_to<std::string_view>;
  { F::layout } -> std::convertible_to<Layout>;
  { F::quant } -> std::convertible_to<Quant>;
  O::fields(o);
  O::fields(m);
  { F::infer(o, t) } -> std::same_as<Result<Types>>;
  { F::eval(o, x) } -> std::same_as<Result<Tensors>>;
  { F::permuted(o, t, int{}, p) } -> std::same_as<std::optional<LayoutChoice>>;
  { F::legal(o, t) } -> std::same_as<Status>;
  { F::emit(o, t) } -> std::same_as<Result<TfliteOp>>;
  { F::samples() } -> std::same_as<std::vector<Sample>>;
};

/// The same op with every operand and the result under one permutation: `permuted` of an elementwise op. Operands of lower rank
/// than the result (broadcast) must be scalars or have one element; nullopt otherwise.
std::optional<LayoutChoice> permuted_elementwise(OpPtr op, TypesIn in, const Perm& p);

/// What a kOpaque op answers.
inline std::optional<LayoutChoice> not_permuted() { return std::nullopt; }

template <class O, class F>
constexpr OpDef make_def(OpCode code) {
  static_assert(CompleteOp<F, O>, "op incomplete: CompleteOp in ir/op.h lists what an op must state");
  OpDef d{};
  d.code = code;
  d.name = F::name;
  d.summary = F::summary;
  d.layout = F::layout;
  d.quant = F::quant;
  d.infer = [](const OpBase& o, TypesIn t) { return F::infer(static_cast<const O&>(o), t); };
  d.eval = [](const OpBase& o, TensorsIn x) { return F::eval(static_cast<const O&>(o), x); };
  d.permuted = [](const OpBase& o, TypesIn t, int operand, const Perm& p) {
    return F::permuted(static_cast<const O&>(o), t, operand, p);
  };
  d.legal = [](const OpBase& o, TypesIn t) { return F::legal(static_cast<const O&>(o), t); };
  d.emit = [](const OpBase& o, TypesIn t) { return F::emit(static_cast<const O&>(o), t); };
  d.print = [](const OpBase& o) { return print_fields(O::fields(static_cast<const O&>(o))); };
  d.parse = [](std::string_view s) -> Result<OpPtr> {
    O o;
    TRY_STATUS(parse_fields(s, O::fields(o)));
    return make_op(std::move(o));
  };
  d.equal = [](const OpBase& a, const OpBase& b) {
    return equal_fields(O::fields(static_cast<const O&>(a)), O::fields(static_cast<const O&>(b)));
  };
  d.hash = [](const OpBase& o) { return std::hash<std::string>{}(print_fields(O::fields(static_cast<const O&>(o)))); };
  d.samples = [] { return F::samples(); };
  if constexpr (requires { F::imports; }) d.imports = F::imports;
  if constexpr (requires { F::moves_elements; }) d.moves_elements = F::moves_elements;
  if constexpr (requires(const TfliteNode& n) { F::decode(n); }) d.decode = F::decode;
  if constexpr (requires(const O& o, TypesIn t) { F::weights(o, t); })
    d.weights = [](const OpBase& o, TypesIn t) { return F::weights(static_cast<const O&>(o), t); };
  if constexpr (requires(const O& o, Activation a) { F::with_activation(o, a); })
    d.with_activation = [](const OpBase& o, Activation a) { return F::with_activation(static_cast<const O&>(o), a); };
  if constexpr (requires(const O& o, TypesIn t, std::span<const int64_t> p) { F::with_padding(o, t, p, p); })
    d.with_padding = [](const OpBase& o, TypesIn t, std::span<const int64_t> before, std::span<const int64_t> after) {
      return F::with_padding(static_cast<const O&>(o), t, before, after);
    };
  if constexpr (requires(const O& o) { F::graphs(o); }) {
    d.graphs = [](const OpBase& o) { return F::graphs(static_cast<const O&>(o)); };
    d.with_graphs = [](const OpBase& o, std::vector<GraphPtr> g) {
      return F::with_graphs(static_cast<const O&>(o), std::move(g));
    };
  }
  if constexpr (requires(const O& o, Rewrite& r) { F::canonicalize(o, r); })
    d.canonicalize = [](const OpBase& o, Rewrite& r) { return F::canonicalize(static_cast<const O&>(o), r); };
  if constexpr (requires(const O& o, Rewrite& r) { F::legalize(o, r); })
    d.legalize = [](const OpBase& o, Rewrite& r) { return F::legalize(static_cast<const O&>(o), r); };
  if constexpr (requires(const O& o, TypesIn t) { F::quantization(o, t); })
    d.quantization = [](const OpBase& o, TypesIn t) -> QuantRule { return F::quantization(static_cast<const O&>(o), t); };
  else if constexpr (F::quant == Quant::kSameScale)
    d.quantization = [](const OpBase&, TypesIn) { return QuantRule{.kind = Quant::kSameScale, .types = "i8 u8 i16"}; };
  else
    d.quantization = [](const OpBase&, TypesIn) { return QuantRule{}; };
  if constexpr (requires(const O& o, TensorsIn x, TypesIn t) { F::eval_integer(o, x, t); })
    d.eval_integer = [](const OpBase& o, TensorsIn x, TypesIn out) {
      return F::eval_integer(static_cast<const O&>(o), x, out);
    };
  if constexpr (requires(const O& o, TypesIn t) { F::legal_integer(o, t, t); })
    d.legal_integer = [](const OpBase& o, TypesIn in, TypesIn out) {
      return F::legal_integer(static_cast<const O&>(o), in, out);
    };
  if constexpr (requires(const O& o, TypesIn t) { F::emit_integer(o, t, t); })
    d.emit_integer = [](const OpBase& o, TypesIn in, TypesIn out) {
      return F::emit_integer(static_cast<const O&>(o), in, out);
    };
  if constexpr (requires { F::integer_form; }) d.integer_form = &F::integer_form;
  if constexpr (requires(const O& o, Rewrite& r, const Target& t) { F::adapt(o, r, t); })
    d.adapt = [](const OpBase& o, Rewrite& r, const Target& t) { return F::adapt(static_cast<const O&>(o), r, t); };
  if constexpr (requires(const O& o) { F::homogeneous(o); })
    d.homogeneous = [](const OpBase& o) { return F::homogeneous(static_cast<const O&>(o)); };
  return d;
}

/// Defines the OpDef of op struct X with facts F. Stands once, in the op's file.
#define DEFINE_OP(X, F)       \
  extern const OpDef kDef##X; \
  const OpDef kDef##X = make_def<X, F>(OpCode::k##X);

}  // namespace atl
