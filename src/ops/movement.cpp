#include "ops/movement.h"

#include <algorithm>

#include "ir/tflite_op.h"

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

bool is_plain(const TfliteNode& n) {
  for (const auto& t : n.in)
    if (!t || !is_static(t->shape)) return false;
  for (const Type& t : n.out)
    if (!is_static(t.shape)) return false;
  return !n.in.empty() && !n.out.empty();
}

}  // namespace atl
