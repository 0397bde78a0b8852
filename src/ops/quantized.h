// The integer form of an op: what LiteRT's integer kernels compute. The op inside states how (QuantRule, eval_integer,
// legal_integer in ir/op.h); this is the node that carries the parameters of its results.
#pragma once
#include "ir/op.h"

namespace atl {

/// A field that is an op: printed as "name {fields}" in braces, equal when the ops are.
struct NestedOp {
  OpPtr op;
  bool operator==(const NestedOp& o) const;
};
void print_value(std::string& out, const NestedOp& v);
Status parse_value(FieldText& in, NestedOp& v);
void print_value(std::string& out, const Type& v);
Status parse_value(FieldText& in, Type& v);

/// `op` on quantized operands; its results have the types in `out`. Operands of float type in the op's own terms may be i8, u8
/// or i16 (data), i8 or i4 (weights) and i32 or i64 (bias), all with parameters; a result that is float in the op's terms is
/// quantized, or f32 where weights alone are (LiteRT's hybrid kernels). Everything else has the types that the op has.
struct Quantized : OpOf<OpCode::kQuantized> {
  NestedOp op;
  Types out;
  static auto fields(auto& o) { return std::tuple{field("op", o.op), field("out", o.out)}; }
};

/// True when an op on quantized operands is that op itself: it moves elements or chooses among them, and `out` are the types
/// that it gives.
bool takes_integers(const OpBase& op, TypesIn in, TypesIn out);
/// The type in the op's own terms: f32 for a quantized one, others as they are.
Type real_type(const Type& t);
Types real_types(TypesIn types);
/// A tensor's values as f32; tensors that are not quantized are given back as they are.
Tensor real_values(const Tensor& t);
/// The integers that stand for f32 values (nearest, ties to even, saturated) in a quantized type; other types are given back
/// unchanged.
Tensor to_type(const Tensor& real, const Type& type);

}  // namespace atl
