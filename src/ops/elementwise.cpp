#include "ops/elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/cast_op.h"
#include "ops/shape.h"

namespace atl {

BroadcastWalk::BroadcastWalk(const Shape& result, std::initializer_list<const Shape*> operands) {
  std::array<std::vector<int64_t>, kOperands> full;
  for (auto& s : full) s.assign(result.size(), 0);
  size_t k = 0;
  for (const Shape* operand : operands) {
    const auto st = contiguous_strides(*operand);
    const size_t lead = result.size() - operand->size();
    for (size_t i = 0; i < operand->size(); ++i) full[k][lead + i] = (*operand)[i] == 1 ? 0 : st[i];
    ++k;
  }
  for (size_t i = 0; i < result.size(); ++i) {
    if (result[i] == 1) continue;
    bool merge = !size.empty();
    for (size_t o = 0; merge && o < kOperands; ++o) merge = stride[o].back() == full[o][i] * result[i];
    if (merge)
      size.back() *= result[i];
    else
      size.push_back(result[i]);
    for (size_t o = 0; o < kOperands; ++o) {
      if (merge)
        stride[o].back() = full[o][i];
      else
        stride[o].push_back(full[o][i]);
    }
  }
  if (size.empty()) {
    size.push_back(1);
    for (auto& s : stride) s.push_back(0);
  }
}

std::optional<Shape> broadcast_shapes(TypesIn in) {
  Shape out(largest_rank(in), 1);
  for (const Type& t : in) {
    const size_t lead = out.size() - t.rank();
    for (size_t i = 0; i < t.rank(); ++i) {
      const int64_t d = t.shape[i];
      int64_t& o = out[lead + i];
      if (d == o || d == 1) continue;
      if (o == 1 || o == kDynamic)
        o = d;
      else if (d != kDynamic)
        return std::nullopt;
    }
  }
  return out;
}

Result<Types> broadcast_result(TypesIn in, DType dtype) {
  auto shape = broadcast_shapes(in);
  if (!shape) {
    std::string shapes;
    for (const Type& t : in) shapes += (shapes.empty() ? "" : " and ") + to_string(t.shape);
    return error(Code::kShape, fmt::format("shapes {} do not broadcast [broadcast]", shapes),
                 "sizes of an axis must be equal, or 1 on one side");
  }
  Type t{dtype, *std::move(shape), {}};
  TRY_STATUS(byte_size(t));
  return Types{std::move(t)};
}

bool broadcasts(TypesIn in) {
  return std::any_of(in.begin(), in.end(), [&](const Type& t) { return t.shape != in[0].shape; });
}

size_t largest_rank(TypesIn in) {
  size_t rank = 0;
  for (const Type& t : in) rank = std::max(rank, t.rank());
  return rank;
}

bool in_list(DType t, std::string_view list) {
  const std::string_view word = name(t);
  for (size_t at = 0; (at = list.find(word, at)) != std::string_view::npos; ++at) {
    const bool starts = at == 0 || list[at - 1] == ' ';
    const bool ends = at + word.size() == list.size() || list[at + word.size()] == ' ';
    if (starts && ends) return true;
  }
  return false;
}

Status legal_dtype(std::string_view what, const Type& t, std::string_view accepted) {
  if (t.quant || in_list(t.dtype, accepted)) return {};
  return error(Code::kUnsupportedType, fmt::format("LiteRT's {} does not take {} (it takes {})", what, name(t.dtype), accepted),
               "convert the operand with .to(...) in the model");
}

Status legal_broadcast(std::string_view what, TypesIn in, size_t limit) {
  if (largest_rank(in) <= limit || !broadcasts(in)) return {};
  return error(Code::kUnsupportedForm,
               fmt::format("LiteRT's {} broadcasts up to {} axes, not {}", what, limit, largest_rank(in)),
               "merge axes with reshape before the operation");
}

bool is_computable(const Type& t) {
  return !t.quant && visit(t.dtype, [](auto) {});
}

DType legal_substitute(DType t, std::string_view accepted) {
  if (is_float(t)) return in_list(DType::kF32, accepted) ? DType::kF32 : DType::kUnknown;
  if (!is_integer(t) && t != DType::kBool) return DType::kUnknown;
  for (DType d : {DType::kI32, DType::kI64, DType::kF32})
    if (in_list(d, accepted)) return d;
  return DType::kUnknown;
}

Value cast_value(Builder& b, Value v, DType to) {
  const DType from = b.dtype(v);
  if (from == to || !v.valid()) return v;
  const ConstantPtr c = b.graph().constant(v) ? b.graph().constant_ptr(v) : nullptr;
  if (!c) return b.add(Cast(to), {v});
  const int64_t n = element_count(c->type().shape);
  if (n > 65536) return b.constant(Constant::lazy(make_op(Cast(to)), {c}, Type{to, c->type().shape, {}}, c->name()));
  const auto value = b.constant_value(v);
  if (!value) return {};
  if (from != DType::kI64 || to != DType::kI32) return b.constant(cast(*value, to), c->name());
  Tensor t = Tensor::make(Type{to, c->type().shape, {}});
  for (int64_t i = 0; i < n; ++i)
    t.mutable_data<int32_t>()[i] = int32_t(std::clamp<int64_t>(value->data<int64_t>()[i], std::numeric_limits<int32_t>::min(),
                                                               std::numeric_limits<int32_t>::max()));
  return b.constant(std::move(t), c->name());
}

Result<bool> legalize_by_cast(Rewrite& r, OpPtr op, std::string_view accepted, std::initializer_list<size_t> operands) {
  const auto chosen = [&](size_t i) {
    return operands.size() == 0 || std::find(operands.begin(), operands.end(), i) != operands.end();
  };
  Values in;
  bool changed = false;
  for (size_t i = 0; i < r.in_count(); ++i) {
    const Value v = r.in(i);
    in.push_back(v);
    if (!v.valid() || !chosen(i) || r.type(v).quant || in_list(r.dtype(v), accepted)) continue;
    const DType to = legal_substitute(r.dtype(v), accepted);
    if (to == DType::kUnknown) continue;
    in.back() = cast_value(r, v, to);
    changed = true;
  }
  if (!changed) return false;
  const Types old = r.node().out;
  Values out = r.add_multi(std::move(op), std::move(in), old.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = cast_value(r, out[i], old[i].dtype);
  return r.replace(std::move(out));
}

Value reshape_value(Builder& b, Value v, Shape shape) {
  if (b.shape(v) == shape || !v.valid()) return v;
  if (const Constant* c = b.graph().constant(v))
    if (ConstantPtr reshaped = c->reshaped(shape)) return b.constant(std::move(reshaped));
  return b.add(Reshape(std::move(shape)), {v});
}

Value with_rank(Builder& b, Value v, size_t rank) {
  const Shape& s = b.shape(v);
  if (s.size() >= rank || element_count(s) == 1) return v;
  Shape full(rank - s.size(), 1);
  full.insert(full.end(), s.begin(), s.end());
  return reshape_value(b, v, std::move(full));
}

std::optional<double> uniform_constant(Builder& b, Value v) {
  const Constant* c = b.graph().constant(v);
  if (!c || c->type().quant || (c->is_lazy() && element_count(c->type().shape) > 65536)) return std::nullopt;
  return b.uniform_value(v);
}

Value broadcast_to(Builder& b, Value v, Shape shape) {
  return b.shape(v) == shape ? v : b.add(BroadcastTo(std::move(shape)), {v});
}

Result<bool> canonicalize_operands(Rewrite& r) {
  const Shape result = r.out_type().shape;
  if (!is_static(result)) return false;
  Values in;
  bool changed = false;
  for (size_t i = 0; i < r.in_count(); ++i) {
    Value v = r.in(i);
    if (element_count(r.shape(v)) > 1) {
      // The other operands must give the result's shape on their own.
      Types others;
      for (size_t k = 0; k < r.in_count(); ++k)
        if (k != i) others.push_back(r.in_type(k));
      if (broadcast_shapes(others) == result)
        if (const auto u = uniform_constant(r, v); u && (is_float(r.dtype(v)) || std::abs(*u) < 9007199254740992.0))
          v = r.scalar(*u, r.dtype(v));
    }
    v = with_rank(r, v, result.size());
    changed |= v != r.in(i);
    in.push_back(v);
  }
  if (!changed) return false;
  return r.replace(r.add(r.node().op, std::move(in)));
}

}  // namespace atl
