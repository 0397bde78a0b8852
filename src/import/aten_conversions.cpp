// Changes of the element type, copies, and operators that are the identity in inference.
#include "import/aten_elementwise.h"

namespace atl {
namespace {

void import_identity(SourceCall& c) { c.result(c.tensor("self")); }

// Whether x is known to lie in 0 .. 255 from the bounds that were put on it last.
bool is_byte(Builder& b, Value x) {
  bool low = false, high = false;
  constexpr int kMaxDepth = 4;
  for (int depth = 0; depth < kMaxDepth && !(low && high); ++depth) {
    const auto* u = b.graph().as<Unary>(x);
    const auto* k = b.graph().as<Binary>(x);
    if (!u && !k) break;
    const Values in = b.graph()[x].in;
    size_t operand = 0;
    if (k) {
      const auto first = b.uniform_value(in[0]), second = b.uniform_value(in[1]);
      const auto bound = first ? first : second;
      if (!bound || (k->kind != BinaryKind::kMaximum && k->kind != BinaryKind::kMinimum)) break;
      low = low || (k->kind == BinaryKind::kMaximum && *bound >= 0);
      high = high || (k->kind == BinaryKind::kMinimum && *bound <= 255);
      operand = first ? 1 : 0;
    } else {
      low = low || u->kind == UnaryKind::kRelu || u->kind == UnaryKind::kRelu6;
      high = high || u->kind == UnaryKind::kRelu6;
      const bool rounds = u->kind == UnaryKind::kRound || u->kind == UnaryKind::kFloor || u->kind == UnaryKind::kCeil;
      if (!rounds && u->kind != UnaryKind::kRelu) break;
    }
    x = in[operand];
  }
  return low && high;
}

// All conversions: torch has recorded the element type of the result. Floats beyond a byte wrap in torch, by way of i64, and
// saturate in LiteRT.
void import_to(SourceCall& c) {
  const Value x = c.tensor(c.has("a") ? "a" : "self");
  DType to = c.result_type().dtype;
  if (to == DType::kUnknown) to = c.dtype_arg("dtype", DType::kUnknown);
  if (to == DType::kUnknown) {
    if (c.has("dtype") || c.result_count() > 0)
      return c.unsupported("an element type that LiteRT has not", "convert to float32 or an integer type");
    return c.result(x);
  }
  const bool wraps = to == DType::kU8 && is_float(c.dtype(x)) && !is_byte(c, x);
  c.result(c.to_dtype(wraps ? c.to_dtype(x, DType::kI64) : x, to));
}

// Without training these are the identity.
void import_dropout(SourceCall& c) {
  if (c.boolean("train") && c.number("p", 0.5) != 0)
    return c.unsupported("dropout in training mode is random", "call model.eval() before torch.export.export()");
  c.result(c.tensor("input"));
}

// The second result says which elements are kept.
void import_native_dropout(SourceCall& c) {
  if (c.boolean("train") && c.number("p", 0.5) != 0)
    return c.unsupported("dropout in training mode is random", "call model.eval() before torch.export.export()");
  const Value x = c.tensor("input");
  c.results({x, uniform(c, c.scalar(1, DType::kBool), c.shape(x))});
}

// Checks of the exporter: static facts that the importer checks by itself.
void import_assertion(SourceCall& c) { c.results({}); }

void import_fill(SourceCall& c) {
  const Value x = c.tensor("self");
  c.result(uniform(c, c.to_dtype(c.tensor_as("value", c.dtype(x)), c.dtype(x)), c.shape(x)));
}

void import_zero(SourceCall& c) {
  const Value x = c.tensor("self");
  c.result(uniform(c, number_like(c, x, 0), c.shape(x)));
}

// The values of src in self's shape and element type.
void import_copy(SourceCall& c) {
  const Value x = c.tensor("self"), src = c.to_dtype(c.tensor_as("src", c.dtype(x)), c.dtype(x));
  if (c.failed()) return;
  c.result(c.shape(src) == c.shape(x) ? src : c.add(BroadcastTo(c.shape(x)), {src}));
}

constexpr Import kImports[] = {
    {"aten.to.dtype", import_to},
    {"aten.to.dtype_layout", import_to},
    {"aten.to.device", import_to},
    {"aten.to.other", import_to},
    {"aten._to_copy.default", import_to},
    {"aten.type_as.default", import_to},
    {"prims.convert_element_type.default", import_to},
    {"aten.clone.default", import_identity},
    {"aten.contiguous.default", import_identity},
    {"aten.alias.default", import_identity},
    {"aten.alias_copy.default", import_identity},
    {"aten.detach.default", import_identity},
    {"aten.detach_copy.default", import_identity},
    {"aten.lift.default", import_identity},
    {"aten.lift_fresh.default", import_identity},
    {"aten.lift_fresh_copy.default", import_identity},
    {"aten.positive.default", import_identity},
    {"aten._conj.default", import_identity},
    {"aten.resolve_conj.default", import_identity},
    {"aten.resolve_neg.default", import_identity},
    {"aten.dropout.default", import_dropout},
    {"aten.alpha_dropout.default", import_dropout},
    {"aten.feature_dropout.default", import_dropout},
    {"aten.feature_alpha_dropout.default", import_dropout},
    {"aten.native_dropout.default", import_native_dropout},
    {"aten._assert_tensor_metadata.default", import_assertion},
    {"aten._assert_async.default", import_assertion},
    {"aten._assert_async.msg", import_assertion},
    {"aten._assert_scalar.default", import_assertion},
    {"aten._linalg_check_errors.default", import_assertion},
    {"aten.sym_constrain_range.default", import_assertion},
    {"aten.sym_constrain_range_for_size.default", import_assertion},
    {"aten.fill.Scalar", import_fill},
    {"aten.fill.Tensor", import_fill},
    {"aten.zero.default", import_zero},
    {"aten.copy.default", import_copy},
};

}  // namespace

std::span<const Import> aten_conversions() { return kImports; }

}  // namespace atl
