#include "ops/movement.h"

#include <algorithm>

#include "ir/cast_op.h"
#include "ir/tflite_op.h"
#include "ops/elementwise.h"

namespace atl {

Perm place_free_axes(const std::vector<int>& order, size_t rank) {
  std::vector<bool> fixed(rank, false);
  for (int a : order) fixed[size_t(a)] = true;
  const auto fits = [&](const Perm& p) {
    size_t next = 0;
    for (int a : p)
      if (fixed[size_t(a)] && order[next++] != a) return false;
    return true;
  };
  if (fits(identity(rank))) return identity(rank);
  if (rank >= 3) {
    Perm last = identity(rank);
    std::rotate(last.begin() + 1, last.begin() + 2, last.end());
    if (fits(last)) return last;
    if (fits(inverse(last))) return inverse(last);
  }
  Perm p(rank);
  size_t next = 0;
  for (size_t a = 0; a < rank; ++a) p[a] = fixed[a] ? order[next++] : int(a);
  return p;
}

std::optional<Type> moved_type(const Type& t, Shape shape, const std::vector<int>& from) {
  Type out{t.dtype, std::move(shape), t.quant};
  if (!out.quant || out.quant->scale.size() <= 1) return out;
  const int axis = t.quant->axis;
  for (size_t k = 0; k < from.size(); ++k)
    if (from[k] == axis && size_t(axis) < t.rank() && out.shape[k] == t.shape[size_t(axis)]) {
      out.quant->axis = int(k);
      return out;
    }
  return std::nullopt;
}

std::optional<Type> resized_type(const Type& t, Shape shape) {
  const Perm same = identity(shape.size());
  return moved_type(t, std::move(shape), same);
}

Status movable(std::string_view what, DType t) {
  const int b = bits(t);
  if (b == 8 || b == 16 || b == 32 || b == 64) return {};
  return error(Code::kUnsupportedType, fmt::format("{} of {} cannot be evaluated", what, name(t)));
}

namespace {

// A type that holds every value of t (i64 and f64: of the values that models have) and is accepted.
std::optional<DType> carrier(DType t, std::string_view accepted) {
  const auto first = [&](std::initializer_list<DType> list) -> std::optional<DType> {
    for (DType c : list)
      if (in_list(c, accepted)) return c;
    return std::nullopt;
  };
  switch (t) {
    case DType::kBool:
      return first({DType::kI8, DType::kI32, DType::kF32});
    case DType::kI8:
    case DType::kU8:
    case DType::kI16:
    case DType::kU16:
      return first({DType::kI32, DType::kI64});
    case DType::kU32:
    case DType::kI64:
    case DType::kU64:
      return first({t == DType::kU64 ? DType::kI64 : DType::kI32, DType::kI64});
    case DType::kF16:
    case DType::kBF16:
    case DType::kF64:
      return first({DType::kF32});
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<bool> legalize_by_carrier(Rewrite& r, std::span<const size_t> operands, std::string_view accepted) {
  if (operands.empty() || operands[0] >= r.in_count()) return false;
  const Type data = r.in_type(operands[0]);
  if (data.quant || in_list(data.dtype, accepted)) return false;
  const auto to = carrier(data.dtype, accepted);
  if (!to) return false;
  const OpPtr op = r.node().op;
  Values in = r.node().in;
  for (size_t i : operands) in[i] = r.add(Cast(*to), {in[i]});
  const Types results = r.node().out;
  Values out = r.add_multi(op, in, results.size());
  for (size_t i = 0; i < out.size(); ++i)
    if (results[i].dtype != r.dtype(out[i])) out[i] = r.add(Cast(results[i].dtype), {out[i]});
  return r.replace(out);
}

bool is_plain(const TfliteNode& n) {
  for (const auto& t : n.in)
    if (!t || !is_static(t->shape)) return false;
  for (const Type& t : n.out)
    if (!is_static(t.shape)) return false;
  return !n.in.empty() && !n.out.empty();
}

}  // namespace atl
