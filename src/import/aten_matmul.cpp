// Linear algebra as FULLY_CONNECTED and BATCH_MATMUL. A product by a constant matrix becomes FULLY_CONNECTED when the graph is
// canonicalized.
#include <algorithm>

#include "import/aten.h"
#include "import/einsum.h"
#include "import/product.h"
#include "ops/axis.h"
#include "ops/constant_expression.h"

namespace atl {
namespace {

/// A tensor argument in torch's result type.
Value operand(SourceCall& c, std::string_view name) {
  const Value v = c.tensor(name);
  return c.to_dtype(v, c.result_type().dtype);
}

void import_linear(SourceCall& c) {
  const Value x = operand(c, "input"), w = operand(c, "weight");
  Value b = c.optional_tensor("bias");
  if (b.valid()) b = c.to_dtype(b, c.result_type().dtype);
  if (c.failed()) return;
  if (c.rank(w) == 1) {
    // A single row of weights without its axis.
    const Value y = matmul(c, x, w);
    return c.result(b.valid() ? add(c, y, b) : y);
  }
  if (!is_float(c.dtype(x))) {
    const Value y = matmul(c, x, swap_matrix_axes(c, w));
    return c.result(b.valid() ? add(c, y, b) : y);
  }
  c.result(fully_connected(c, x, w, b));
}

/// v times a number; v itself for 1.
Value scaled(SourceCall& c, Value v, double factor) { return factor == 1 ? v : binary(c, BinaryKind::kMul, v, factor); }

/// beta * self + alpha * product; `self` is not read when beta is 0.
Value accumulated(SourceCall& c, Value self, Value product) {
  const double beta = c.number("beta", 1), alpha = c.number("alpha", 1);
  product = scaled(c, product, alpha);
  return beta == 0 ? product : add(c, scaled(c, self, beta), product);
}

// x [M,K] by y [K,N] plus self: FULLY_CONNECTED when y is constant, with self as its bias when it is a vector.
void import_addmm(SourceCall& c) {
  const Value self = operand(c, "self"), x = operand(c, "mat1"), y = operand(c, "mat2");
  const double beta = c.number("beta", 1), alpha = c.number("alpha", 1);
  if (c.failed()) return;
  if (c.rank(y) != 2) return c.unsupported("an operand that is not a matrix");
  const Shape s = c.shape(self);
  const bool row = !s.empty() && s.back() == c.shape(y).back() && element_count(s) == s.back();
  if (row && beta == 1 && alpha == 1 && is_float(c.dtype(x)) && is_constant_expression(c.graph(), y)) {
    const Value weight = swap_matrix_axes(c, y);
    return c.result(fully_connected(c, x, weight, reshape(c, self, {s.back()})));
  }
  const Value product = c.add(BatchMatmul{}, {x, y});
  c.result(accumulated(c, self, product));
}

void import_addmm_activation(SourceCall& c) {
  if (c.boolean("use_gelu")) return c.unsupported("use_gelu=True", "apply torch.nn.functional.gelu to the result");
  import_addmm(c);
  if (!c.failed() && !c.results().empty()) c.result(unary(c, UnaryKind::kRelu, c.results()[0]));
}

void import_mm(SourceCall& c) { c.result(c.add(BatchMatmul{}, {operand(c, "self"), operand(c, "mat2")})); }

void import_baddbmm(SourceCall& c) {
  const Value self = operand(c, "self");
  const Value product = c.add(BatchMatmul{}, {operand(c, "batch1"), operand(c, "batch2")});
  c.result(accumulated(c, self, product));
}

void import_addbmm(SourceCall& c) {
  const Value self = operand(c, "self"), x = operand(c, "batch1"), y = operand(c, "batch2");
  if (c.failed()) return;
  c.result(accumulated(c, self, contract(c, x, y, {0, 2}, {0, 1})));
}

void import_matmul(SourceCall& c) {
  const Value x = operand(c, "self"), y = operand(c, "other");
  c.result(matmul(c, x, y));
}

void import_mv(SourceCall& c) { c.result(matmul(c, operand(c, "self"), operand(c, "vec"))); }

void import_addmv(SourceCall& c) {
  const Value self = operand(c, "self"), product = matmul(c, operand(c, "mat"), operand(c, "vec"));
  if (!c.failed()) c.result(accumulated(c, self, product));
}

/// The sum of elementwise products over `axes`.
Value summed_product(SourceCall& c, Value x, Value y, std::vector<int64_t> axes) {
  return reduce(c, ReduceKind::kSum, mul(c, x, y), std::move(axes), false);
}

void import_dot(SourceCall& c) {
  const Value x = operand(c, "self"), y = operand(c, c.has("tensor") ? "tensor" : "other");
  c.result(summed_product(c, x, y, {0}));
}

void import_inner(SourceCall& c) {
  const Value x = operand(c, "self"), y = operand(c, "other");
  if (c.failed()) return;
  if (c.rank(x) == 0 || c.rank(y) == 0) return c.result(mul(c, x, y));
  c.result(contract(c, x, y, {int64_t(c.rank(x)) - 1}, {int64_t(c.rank(y)) - 1}));
}

void import_outer(SourceCall& c) { c.result(contract(c, operand(c, "self"), operand(c, "vec2"), {}, {})); }

void import_addr(SourceCall& c) {
  const Value self = operand(c, "self"), product = contract(c, operand(c, "vec1"), operand(c, "vec2"), {}, {});
  if (!c.failed()) c.result(accumulated(c, self, product));
}

void import_vecdot(SourceCall& c) {
  const Value product = mul(c, operand(c, "x"), operand(c, "y"));
  if (c.failed()) return;
  c.result(reduce(c, ReduceKind::kSum, product, {c.axis("dim", c.rank(product), -1)}, false));
}

void import_tensordot(SourceCall& c) {
  Value x = operand(c, "self"), y = operand(c, "other");
  auto axes = [&](std::string_view name, Value v) {
    std::vector<int64_t> list = c.integers(name, {});
    for (int64_t& a : list)
      if (auto n = normalize_axis(a, c.rank(v)))
        a = *n;
      else
        c.fail(std::move(n.error()));
    return list;
  };
  const auto x_axes = axes("dims_self", x), y_axes = axes("dims_other", y);
  if (c.failed()) return;
  if (x_axes.size() != y_axes.size()) return c.unsupported("dims of different lengths");
  // A summed axis of size 1 broadcasts against the other's.
  for (size_t i = 0; i < x_axes.size(); ++i) {
    const int64_t nx = c.shape(x)[size_t(x_axes[i])], ny = c.shape(y)[size_t(y_axes[i])];
    if (nx == 1 && ny != 1) y = reduce(c, ReduceKind::kSum, y, {y_axes[i]}, true);
    if (ny == 1 && nx != 1) x = reduce(c, ReduceKind::kSum, x, {x_axes[i]}, true);
  }
  c.result(contract(c, x, y, x_axes, y_axes));
}

// y[..., o] = x1[..., i] weight[o, i, j] x2[..., j] + bias[o].
void import_bilinear(SourceCall& c) {
  const Value x1 = operand(c, "input1"), x2 = operand(c, "input2"), w = operand(c, "weight");
  const Value b = c.optional_tensor("bias");
  if (c.failed()) return;
  const Shape ws = c.shape(w);
  if (ws.size() != 3 || c.rank(x1) == 0) return c.unsupported("weights that are not [out, in1, in2]");
  const Shape lead(c.shape(x1).begin(), c.shape(x1).end() - 1);
  const int64_t lines = element_count(lead);
  // [lines, i] by [o*j, i] gives [lines, o, j], which meets x2 [lines, j, 1].
  const Value rows = reshape(c, transpose(c, w, {0, 2, 1}), {ws[0] * ws[2], ws[1]});
  const Value left = reshape(c, fully_connected(c, reshape(c, x1, {lines, ws[1]}), rows), {lines, ws[0], ws[2]});
  Value y = c.add(BatchMatmul{}, {left, reshape(c, x2, {lines, ws[2], 1})});
  Shape out = lead;
  out.push_back(ws[0]);
  y = reshape(c, y, std::move(out));
  c.result(b.valid() ? add(c, y, c.to_dtype(b, c.dtype(y))) : y);
}

// What bilinear decomposes into: the three operands with axes of size 1 put in at expand1, 2, 3, multiplied, summed over
// sumdim.
void import_trilinear(SourceCall& c) {
  const Value operands[] = {operand(c, "i1"), operand(c, "i2"), operand(c, "i3")};
  if (c.failed()) return;
  size_t rank = 0;
  std::vector<std::vector<int64_t>> axes;
  for (int i = 0; i < 3; ++i) {
    std::vector<int64_t> ones = c.integers(fmt::format("expand{}", i + 1), {});
    rank = c.rank(operands[i]) + ones.size();
    if (!valid_axes(ones, rank)) return c.unsupported("axes that are not in order");
    std::vector<int64_t> own;
    for (int64_t a = 0; a < int64_t(rank); ++a)
      if (!std::binary_search(ones.begin(), ones.end(), a)) own.push_back(a);
    axes.push_back(std::move(own));
  }
  // The same as an equation: axis a is letter a.
  const std::vector<int64_t> summed = c.axes("sumdim", rank, false);
  std::string equation;
  if (c.failed() || rank > 26) return c.unsupported("more than 26 axes");
  for (int i = 0; i < 3; ++i) {
    if (i) equation += ',';
    for (int64_t a : axes[size_t(i)]) equation += char('a' + a);
  }
  equation += "->";
  for (int64_t a = 0; a < int64_t(rank); ++a)
    if (!std::binary_search(summed.begin(), summed.end(), a)) equation += char('a' + a);
  c.result(einsum(c, equation, {operands[0], operands[1], operands[2]}));
}

// Left to right is torch's result up to rounding; the cheapest order is the one that torch's own function looks for.
void import_chain(SourceCall& c) {
  const Values all = c.tensors(c.has("matrices") ? "matrices" : "tensors");
  if (c.failed() || all.empty()) return c.unsupported("an empty list of matrices");
  // Two shapes decide the cheaper end to start from.
  const bool from_right = c.shape(all.back()).back() < c.shape(all.front()).front() || c.rank(all.back()) == 1;
  Value y = from_right ? all.back() : all.front();
  for (size_t i = 1; i < all.size(); ++i) y = from_right ? matmul(c, all[all.size() - 1 - i], y) : matmul(c, y, all[i]);
  c.result(y);
}

void import_kron(SourceCall& c) {
  const Value x = operand(c, "self"), y = operand(c, "other");
  if (c.failed()) return;
  const size_t rank = std::max(c.rank(x), c.rank(y));
  Shape xs(rank - c.rank(x), 1), ys(rank - c.rank(y), 1), xb, yb, out;
  xs.insert(xs.end(), c.shape(x).begin(), c.shape(x).end());
  ys.insert(ys.end(), c.shape(y).begin(), c.shape(y).end());
  for (size_t a = 0; a < rank; ++a) {
    xb.insert(xb.end(), {xs[a], 1});
    yb.insert(yb.end(), {1, ys[a]});
    out.push_back(xs[a] * ys[a]);
  }
  c.result(reshape(c, mul(c, reshape(c, x, xb), reshape(c, y, yb)), out));
}

void import_cross(SourceCall& c) {
  const Value x = operand(c, "self"), y = operand(c, "other");
  if (c.failed()) return;
  const auto shape = broadcast(c.shape(x), c.shape(y));
  if (!shape) return c.unsupported("operands that do not broadcast");
  int64_t axis = 0;
  if (c.target().find("linalg") == std::string_view::npos && !c.has("dim"))
    axis = std::find(shape->begin(), shape->end(), 3) - shape->begin();
  else
    axis = c.axis("dim", shape->size(), -1);
  if (c.failed() || size_t(axis) >= shape->size() || (*shape)[size_t(axis)] != 3)
    return c.unsupported("an axis that has not 3 elements");
  auto rolled = [&](Value v, int64_t by) {
    const int64_t own = axis - int64_t(shape->size() - c.rank(v));
    if (own < 0 || c.shape(v)[size_t(own)] != 3) return v;
    return c.add(Concat(own), {slice(c, v, own, by, 3 - by), slice(c, v, own, 0, by)});
  };
  c.result(sub(c, mul(c, rolled(x, 1), rolled(y, 2)), mul(c, rolled(x, 2), rolled(y, 1))));
}

void import_einsum(SourceCall& c) {
  const Values operands = c.tensors("tensors");
  if (c.failed()) return;
  Values cast;
  for (Value v : operands) cast.push_back(c.to_dtype(v, c.result_type().dtype));
  c.result(einsum(c, c.string("equation", ""), std::move(cast)));
}

constexpr Import kImports[] = {
    {"aten.linear.default", import_linear},
    {"aten.addmm.default", import_addmm},
    {"aten.addmm.dtype", import_addmm},
    {"aten._addmm_activation.default", import_addmm_activation},
    {"aten.mm.default", import_mm},
    {"aten.mm.dtype", import_mm},
    {"aten.bmm.default", import_mm},
    {"aten.bmm.dtype", import_mm},
    {"aten.baddbmm.default", import_baddbmm},
    {"aten.baddbmm.dtype", import_baddbmm},
    {"aten.addbmm.default", import_addbmm},
    {"aten.matmul.default", import_matmul},
    {"aten.linalg_matmul.default", import_matmul},
    {"aten.mv.default", import_mv},
    {"aten.addmv.default", import_addmv},
    {"aten.dot.default", import_dot},
    {"aten.vdot.default", import_dot},
    {"aten.inner.default", import_inner},
    {"aten.outer.default", import_outer},
    {"aten.ger.default", import_outer},
    {"aten.addr.default", import_addr},
    {"aten.linalg_vecdot.default", import_vecdot},
    {"aten.tensordot.default", import_tensordot},
    {"aten.bilinear.default", import_bilinear},
    {"aten._trilinear.default", import_trilinear},
    {"aten.chain_matmul.default", import_chain},
    {"aten.linalg_multi_dot.default", import_chain},
    {"aten.kron.default", import_kron},
    {"aten.cross.default", import_cross},
    {"aten.linalg_cross.default", import_cross},
    {"aten.einsum.default", import_einsum},
};

}  // namespace

std::span<const Import> aten_matmul() { return kImports; }

}  // namespace atl
