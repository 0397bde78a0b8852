#include "import/product.h"

#include <algorithm>

namespace atl {

Value matmul(Builder& b, Value x, Value y) {
  const size_t rx = b.rank(x), ry = b.rank(y);
  if (b.failed()) return {};
  if (rx == 0 || ry == 0) {
    b.fail(error(Code::kShape, "a matrix product of a scalar"));
    return {};
  }
  Shape xs = b.shape(x), ys = b.shape(y);
  if (rx == 1) xs.insert(xs.begin(), 1);
  if (ry == 1) ys.push_back(1);
  const Value z = b.add(BatchMatmul{}, {reshape(b, x, xs), reshape(b, y, ys)});
  if (rx > 1 && ry > 1) return z;
  Shape out = b.shape(z);
  if (b.failed()) return {};
  if (ry == 1) out.pop_back();
  if (rx == 1) out.erase(out.end() - (ry == 1 ? 1 : 2));
  return reshape(b, z, std::move(out));
}

Value fully_connected(Builder& b, Value x, Value weight, Value bias) {
  Values in{x, weight};
  if (bias.valid()) in.push_back(bias);
  return b.add(FullyConnected{}, std::move(in));
}

namespace {

/// The axes of x that are in neither list, in order.
std::vector<int64_t> others(size_t rank, const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
  std::vector<int64_t> rest;
  for (int64_t i = 0; i < int64_t(rank); ++i)
    if (std::find(a.begin(), a.end(), i) == a.end() && std::find(b.begin(), b.end(), i) == b.end()) rest.push_back(i);
  return rest;
}

bool inside(const std::vector<int64_t>& axes, const Shape& s) {
  return std::all_of(axes.begin(), axes.end(), [&](int64_t a) { return a >= 0 && a < int64_t(s.size()); });
}

Shape sizes(const Shape& s, const std::vector<int64_t>& axes) {
  Shape out;
  for (int64_t a : axes) out.push_back(s[size_t(a)]);
  return out;
}

Perm order(std::initializer_list<const std::vector<int64_t>*> parts) {
  Perm p;
  for (const auto* part : parts) p.insert(p.end(), part->begin(), part->end());
  return p;
}

}  // namespace

Value contract(Builder& b, Value x, Value y, const std::vector<int64_t>& x_axes, const std::vector<int64_t>& y_axes,
               const std::vector<int64_t>& x_batch, const std::vector<int64_t>& y_batch) {
  if (b.failed()) return {};
  const Shape xs = b.shape(x), ys = b.shape(y);
  if (!inside(x_axes, xs) || !inside(x_batch, xs) || !inside(y_axes, ys) || !inside(y_batch, ys)) {
    b.fail(error(Code::kShape, fmt::format("{} and {} have too few axes for a product", to_string(xs), to_string(ys))));
    return {};
  }
  const auto x_rest = others(xs.size(), x_axes, x_batch), y_rest = others(ys.size(), y_axes, y_batch);
  const Shape batch = sizes(xs, x_batch), x_kept = sizes(xs, x_rest), y_kept = sizes(ys, y_rest);
  Shape result = batch;
  result.insert(result.end(), x_kept.begin(), x_kept.end());
  result.insert(result.end(), y_kept.begin(), y_kept.end());
  if (x_axes.empty()) {
    // No sum: an outer product, by broadcasting.
    Shape xb = batch, yb = batch;
    xb.insert(xb.end(), x_kept.begin(), x_kept.end());
    xb.insert(xb.end(), y_kept.size(), 1);
    yb.insert(yb.end(), x_kept.size(), 1);
    yb.insert(yb.end(), y_kept.begin(), y_kept.end());
    return mul(b, reshape(b, transpose(b, x, order({&x_batch, &x_rest})), xb),
               reshape(b, transpose(b, y, order({&y_batch, &y_rest})), yb));
  }
  const int64_t k = element_count(sizes(xs, x_axes)), cols = element_count(y_kept);
  // The summed axes go last in x and last or second last in y, whichever leaves the operand as it is.
  const Perm summed_first = order({&y_batch, &y_axes, &y_rest}), summed_last = order({&y_batch, &y_rest, &y_axes});
  const bool adj_y = is_identity(summed_last) || !is_identity(summed_first);
  const Perm x_first = order({&x_batch, &x_axes, &x_rest}), x_last = order({&x_batch, &x_rest, &x_axes});
  const bool adj_x = is_identity(x_first) && !is_identity(x_last);
  // Batch axes stay apart where the rank allows; without any, the leading axes of x are rows as they are.
  const bool leading = batch.empty() && !adj_x && !x_kept.empty() && x_kept.size() <= 3;
  const Shape lead = batch.size() <= 3 ? batch : Shape{element_count(batch)};
  auto matrix = [&](Value v, const Perm& p, Shape shape, int64_t r, int64_t c) {
    shape.insert(shape.end(), {r, c});
    return reshape(b, transpose(b, v, p), std::move(shape));
  };
  const int64_t rows = leading ? x_kept.back() : element_count(x_kept);
  const Shape x_lead = leading ? Shape(x_kept.begin(), x_kept.end() - 1) : lead;
  const Value mx = adj_x ? matrix(x, x_first, x_lead, k, rows) : matrix(x, x_last, x_lead, rows, k);
  const Value my = adj_y ? matrix(y, summed_last, lead, cols, k) : matrix(y, summed_first, lead, k, cols);
  return reshape(b, b.add(BatchMatmul(adj_x, adj_y), {mx, my}), std::move(result));
}

}  // namespace atl
