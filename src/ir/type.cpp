#include "ir/type.h"

#include <algorithm>
#include <array>

namespace atl {
namespace {

struct DTypeFacts {
  std::string_view name;
  int bits;
};
constexpr std::array<DTypeFacts, 18> kFacts = {{{"f32", 32},
                                                {"f16", 16},
                                                {"bf16", 16},
                                                {"f64", 64},
                                                {"i4", 4},
                                                {"i8", 8},
                                                {"u8", 8},
                                                {"i16", 16},
                                                {"u16", 16},
                                                {"i32", 32},
                                                {"u32", 32},
                                                {"i64", 64},
                                                {"u64", 64},
                                                {"bool", 8},
                                                {"c64", 64},
                                                {"string", 0},
                                                {"resource", 0},
                                                {"unknown", 0}}};
static_assert(kFacts.size() == size_t(DType::kUnknown) + 1);

}  // namespace

const Type& absent_type() {
  static const Type kAbsent{DType::kUnknown, {}, {}};
  return kAbsent;
}

std::string_view name(DType t) { return kFacts[size_t(t)].name; }

std::optional<DType> dtype_from_name(std::string_view s) {
  for (size_t i = 0; i < kFacts.size(); ++i)
    if (kFacts[i].name == s) return DType(i);
  return std::nullopt;
}

int bits(DType t) { return kFacts[size_t(t)].bits; }
bool is_float(DType t) { return t <= DType::kF64; }
bool is_integer(DType t) { return t >= DType::kI4 && t <= DType::kU64; }

int64_t element_count(const Shape& s) {
  int64_t n = 1;
  for (int64_t d : s) n *= d == kDynamic ? 1 : d;
  return n;
}

bool is_static(const Shape& s) {
  return std::none_of(s.begin(), s.end(), [](int64_t d) { return d == kDynamic; });
}

Shape permuted(const Shape& s, const Perm& p) {
  Shape out(p.size());
  for (size_t i = 0; i < p.size(); ++i) out[i] = s[size_t(p[i])];
  return out;
}

Perm inverse(const Perm& p) {
  Perm q(p.size());
  for (size_t i = 0; i < p.size(); ++i) q[size_t(p[i])] = int(i);
  return q;
}

Perm compose(const Perm& first, const Perm& then) {
  Perm q(then.size());
  for (size_t i = 0; i < then.size(); ++i) q[i] = first[size_t(then[i])];
  return q;
}

Perm identity(size_t rank) {
  Perm p(rank);
  std::iota(p.begin(), p.end(), 0);
  return p;
}

bool is_identity(const Perm& p) { return p == identity(p.size()); }

bool is_permutation(const Perm& p, size_t rank) {
  if (p.size() != rank) return false;
  std::vector<bool> seen(rank);
  for (int a : p) {
    if (a < 0 || size_t(a) >= rank || seen[size_t(a)]) return false;
    seen[size_t(a)] = true;
  }
  return true;
}

std::vector<int64_t> contiguous_strides(const Shape& s) {
  std::vector<int64_t> st(s.size(), 1);
  for (size_t i = s.size(); i-- > 1;) st[i - 1] = st[i] * s[i];
  return st;
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()));
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t x = i < out.size() - a.size() ? 1 : a[i - (out.size() - a.size())];
    const int64_t y = i < out.size() - b.size() ? 1 : b[i - (out.size() - b.size())];
    if (x != y && x != 1 && y != 1) return std::nullopt;
    out[i] = x == 1 ? y : x;
  }
  return out;
}

std::string to_string(const Shape& s) {
  if (s.empty()) return "scalar";
  std::string out;
  for (size_t i = 0; i < s.size(); ++i) {
    if (i) out += 'x';
    out += s[i] == kDynamic ? "?" : std::to_string(s[i]);
  }
  return out;
}

std::string to_string(const Type& t) {
  std::string out = std::string(name(t.dtype)) + '[';
  for (size_t i = 0; i < t.shape.size(); ++i) {
    if (i) out += ',';
    out += t.shape[i] == kDynamic ? "?" : std::to_string(t.shape[i]);
  }
  out += ']';
  if (t.quant && t.quant->scale.size() == 1)
    out += fmt::format("q({},{})", t.quant->scale[0], t.quant->zero_point.empty() ? 0 : t.quant->zero_point[0]);
  else if (t.quant && !t.quant->scale.empty())
    out += fmt::format("q(axis={},n={})", t.quant->axis, t.quant->scale.size());
  return out;
}

Result<size_t> byte_size(const Type& t) {
  uint64_t n = 1;
  for (int64_t d : t.shape) {
    if (d < 0 && d != kDynamic) return error(Code::kShape, fmt::format("negative size {} in {}", d, to_string(t)));
    if (__builtin_mul_overflow(n, uint64_t(d == kDynamic ? 1 : d), &n))
      return error(Code::kTooLarge, "a tensor's size overflows: " + to_string(t));
  }
  uint64_t total = 0;
  if (__builtin_mul_overflow(n, uint64_t(bits(t.dtype)), &total) || total > (uint64_t(1) << 50))
    return error(Code::kTooLarge, "a tensor's size overflows: " + to_string(t));
  return size_t((total + 7) / 8);
}

Result<int64_t> normalize_axis(int64_t axis, size_t rank) {
  const int64_t r = int64_t(std::max<size_t>(rank, 1));
  if (axis < -r || axis >= r) return error(Code::kArgument, fmt::format("axis {} is outside rank {}", axis, rank));
  return axis < 0 ? axis + r : axis;
}

}  // namespace atl
