#include "tflite/size_formula.h"

#include <algorithm>
#include <set>

namespace atl {
namespace {

constexpr int64_t kMaxDivisor = 64;
constexpr int64_t kMaxNumber = (int64_t(1) << 31) - 1;
using Kind = SizeFormula::Kind;

SizeFormula constant(int64_t n) { return {.kind = Kind::kConstant, .number = n}; }
SizeFormula size(size_t index) { return {.kind = Kind::kSize, .index = index}; }
SizeFormula combined(Kind kind, SizeFormula left, SizeFormula right) {
  return {.kind = kind,
          .left = std::make_shared<const SizeFormula>(std::move(left)),
          .right = std::make_shared<const SizeFormula>(std::move(right))};
}
SizeFormula quotient(SizeFormula left, int64_t by) {
  return {.kind = Kind::kQuotient, .number = by, .left = std::make_shared<const SizeFormula>(std::move(left))};
}
SizeFormula scaled(SizeFormula f, int64_t factor) {
  return factor == 1 ? f : combined(Kind::kProduct, std::move(f), constant(factor));
}
SizeFormula shifted(SizeFormula f, int64_t by) {
  if (by == 0) return f;
  return combined(by > 0 ? Kind::kSum : Kind::kDifference, std::move(f), constant(by > 0 ? by : -by));
}

// w == factor * a + term with a positive factor.
struct Line {
  int64_t factor, term;
};
std::optional<Line> line_through(const SizeVector& w, const SizeVector& a) {
  size_t k = 1;
  while (k < a.size() && a[k] == a[0]) ++k;
  if (k == a.size() || (w[k] - w[0]) % (a[k] - a[0]) != 0) return std::nullopt;
  const Line l{(w[k] - w[0]) / (a[k] - a[0]), w[0] - (w[k] - w[0]) / (a[k] - a[0]) * a[0]};
  if (l.factor < 1 || l.factor > kMaxNumber) return std::nullopt;
  for (size_t i = 0; i < w.size(); ++i)
    if (w[i] != l.factor * a[i] + l.term) return std::nullopt;
  return l;
}

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

class Search {
 public:
  Search(const SizeVector& wanted, std::span<const SizeVector> sizes) : wanted_(wanted), sizes_(sizes) {}

  std::optional<SizeFormula> run() const {
    if (is_fixed(wanted_)) return constant(wanted_[0]);
    for (size_t i = 0; i < sizes_.size(); ++i)
      if (sizes_[i] == wanted_) return size(i);
    if (auto f = line(wanted_)) return f;
    if (auto f = product(wanted_, 2)) return f;
    if (auto f = two_terms()) return f;
    return division();
  }

 private:
  std::optional<SizeFormula> line(const SizeVector& w) const {
    for (size_t i = 0; i < sizes_.size(); ++i)
      if (const auto l = line_through(w, sizes_[i])) return shifted(scaled(size(i), l->factor), l->term);
    return std::nullopt;
  }

  // A size times what is left, which is a line or a product itself.
  std::optional<SizeFormula> product(const SizeVector& w, int depth) const {
    for (size_t i = 0; i < sizes_.size(); ++i) {
      SizeVector rest(w.size());
      bool divides = !is_fixed(sizes_[i]);
      for (size_t k = 0; divides && k < w.size(); ++k) {
        divides = sizes_[i][k] > 0 && w[k] % sizes_[i][k] == 0;
        if (divides) rest[k] = w[k] / sizes_[i][k];
      }
      if (!divides) continue;
      if (is_fixed(rest)) return scaled(size(i), rest[0]);
      if (auto f = line(rest)) return combined(Kind::kProduct, size(i), *std::move(f));
      if (depth > 1)
        if (auto f = product(rest, depth - 1)) return combined(Kind::kProduct, size(i), *std::move(f));
    }
    return std::nullopt;
  }

  // a + b + c and a - b + c.
  std::optional<SizeFormula> two_terms() const {
    for (size_t i = 0; i < sizes_.size(); ++i)
      for (size_t j = 0; j < sizes_.size(); ++j)
        for (const int64_t sign : {1, -1}) {
          if (i == j || is_fixed(sizes_[i]) || is_fixed(sizes_[j])) continue;
          SizeVector rest(wanted_.size());
          for (size_t k = 0; k < rest.size(); ++k) rest[k] = wanted_[k] - sizes_[i][k] - sign * sizes_[j][k];
          if (is_fixed(rest)) return shifted(combined(sign > 0 ? Kind::kSum : Kind::kDifference, size(i), size(j)), rest[0]);
        }
    return std::nullopt;
  }

  // floor((a + c) / q). Of numbers that take two values only, some quotient gives them by chance.
  std::optional<SizeFormula> division() const {
    if (std::set<int64_t>(wanted_.begin(), wanted_.end()).size() < 3) return std::nullopt;
    for (size_t i = 0; i < sizes_.size(); ++i) {
      if (is_fixed(sizes_[i])) continue;
      for (int64_t q = 2; q <= kMaxDivisor; ++q) {
        // The terms that fit every example are an interval.
        int64_t low = -kMaxNumber, high = kMaxNumber;
        for (size_t k = 0; k < wanted_.size(); ++k) {
          low = std::max(low, wanted_[k] * q - sizes_[i][k]);
          high = std::min(high, wanted_[k] * q + q - 1 - sizes_[i][k]);
        }
        // Where the sizes are multiples, it is meant without a term; else more than one that fits does not tell which is meant.
        const bool exact = low == 0 && high == q - 1;
        if (low != high && !exact) continue;
        return quotient(shifted(size(i), low), q);
      }
    }
    return std::nullopt;
  }

  const SizeVector& wanted_;
  std::span<const SizeVector> sizes_;
};

}  // namespace

bool is_fixed(const SizeVector& v) {
  return std::all_of(v.begin(), v.end(), [&](int64_t n) { return n == v[0]; });
}

std::optional<SizeFormula> find_formula(const SizeVector& wanted, std::span<const SizeVector> sizes) {
  return Search(wanted, sizes).run();
}

int64_t evaluate(const SizeFormula& f, std::span<const SizeVector> sizes, size_t graph) {
  switch (f.kind) {
    case Kind::kConstant:
      return f.number;
    case Kind::kSize:
      return sizes[f.index][graph];
    case Kind::kProduct:
      return evaluate(*f.left, sizes, graph) * evaluate(*f.right, sizes, graph);
    case Kind::kSum:
      return evaluate(*f.left, sizes, graph) + evaluate(*f.right, sizes, graph);
    case Kind::kDifference:
      return evaluate(*f.left, sizes, graph) - evaluate(*f.right, sizes, graph);
    case Kind::kQuotient:
      return floor_div(evaluate(*f.left, sizes, graph), f.number);
  }
  return 0;
}

}  // namespace atl
