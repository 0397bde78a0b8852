// Losses: an elementwise part, then PyTorch's reduction (0 none, 1 mean, 2 sum).
#include <cmath>
#include <limits>
#include <numbers>

#include "import/aten_elementwise.h"
#include "import/product.h"
#include "import/vector_norm.h"
#include "ops/elementwise.h"
#include "ops/index.h"

namespace atl {
namespace {

enum Reduction : int64_t { kNone = 0, kMean = 1, kSum = 2 };

Value operand(SourceCall& c, std::string_view name) { return c.to_dtype(c.tensor(name), c.result_type().dtype); }
Value shift(Builder& b, Value x, double by) { return binary(b, BinaryKind::kAdd, x, by); }
Value scale(Builder& b, Value x, double by) { return binary(b, BinaryKind::kMul, x, by); }
Value relu(Builder& b, Value x) { return unary(b, UnaryKind::kRelu, x); }
Value negative(Builder& b, Value x) { return unary(b, UnaryKind::kNeg, x); }
/// number - x
Value minus(Builder& b, double number, Value x) { return binary(b, BinaryKind::kSub, number, x); }

void reduced(SourceCall& c, Value loss, int64_t otherwise = kMean) {
  const int64_t reduction = c.integer("reduction", otherwise);
  if (c.failed() || reduction == kNone) return c.result(loss);
  c.result(reduce(c, reduction == kMean ? ReduceKind::kMean : ReduceKind::kSum, loss, all_axes(c, loss), false));
}

// The distance of two operands that broadcast; f makes the loss of it.
template <class F>
void distance_loss(SourceCall& c, F f) {
  const Value d = unary(c, UnaryKind::kAbs, sub(c, operand(c, "self"), operand(c, "target")));
  if (!c.failed()) reduced(c, f(d));
}

void import_l1_loss(SourceCall& c) {
  distance_loss(c, [](Value d) { return d; });
}
void import_mse_loss(SourceCall& c) {
  distance_loss(c, [&](Value d) { return unary(c, UnaryKind::kSquare, d); });
}
void import_smooth_l1_loss(SourceCall& c) {
  const double beta = c.number("beta", 1);
  distance_loss(c, [&](Value d) {
    if (beta == 0) return d;
    const Value square = scale(c, unary(c, UnaryKind::kSquare, d), 0.5 / beta);
    return select(c, compare(c, CompareKind::kLess, d, beta), square, shift(c, d, -0.5 * beta));
  });
}
void import_huber_loss(SourceCall& c) {
  const double delta = c.number("delta", 1);
  distance_loss(c, [&](Value d) {
    const Value square = scale(c, unary(c, UnaryKind::kSquare, d), 0.5);
    return select(c, compare(c, CompareKind::kLess, d, delta), square, scale(c, shift(c, d, -0.5 * delta), delta));
  });
}

void import_soft_margin_loss(SourceCall& c) {
  const Value x = operand(c, "self"), y = operand(c, "target");
  if (!c.failed()) reduced(c, softplus(c, negative(c, mul(c, x, y))));
}

Value weighted(SourceCall& c, Value loss) { return c.has("weight") ? mul(c, loss, operand(c, "weight")) : loss; }

// torch keeps the logarithms above -100.
void import_binary_cross_entropy(SourceCall& c) {
  const Value x = operand(c, "self"), y = operand(c, "target");
  if (c.failed()) return;
  const Value yes = binary(c, BinaryKind::kMaximum, -100.0, unary(c, UnaryKind::kLog, x));
  const Value no = binary(c, BinaryKind::kMaximum, -100.0, log1p(c, negative(c, x)));
  reduced(c, weighted(c, sub(c, mul(c, shift(c, y, -1), no), mul(c, y, yes))));
}

// (1 - y) x + (1 + (positive - 1) y) softplus(-x)
void import_binary_cross_entropy_with_logits(SourceCall& c) {
  const Value x = operand(c, "self"), y = operand(c, "target");
  if (c.failed()) return;
  Value tail = softplus(c, negative(c, x));
  if (c.has("pos_weight")) tail = mul(c, shift(c, mul(c, shift(c, operand(c, "pos_weight"), -1), y), 1), tail);
  reduced(c, weighted(c, add(c, mul(c, minus(c, 1, y), x), tail)));
}

void import_kl_div(SourceCall& c) {
  const Value x = operand(c, "self"), y = operand(c, "target");
  if (c.failed()) return;
  if (c.boolean("log_target")) return reduced(c, mul(c, unary(c, UnaryKind::kExp, y), sub(c, y, x)));
  const Value information = mul(c, y, unary(c, UnaryKind::kLog, y));
  const Value defined = select(c, compare(c, CompareKind::kEqual, y, 0.0), number_like(c, y, 0), information);
  reduced(c, sub(c, defined, mul(c, y, x)));
}

void import_poisson_nll_loss(SourceCall& c) {
  const Value x = operand(c, "input"), y = operand(c, "target");
  if (c.failed()) return;
  Value loss;
  if (c.boolean("log_input"))
    loss = sub(c, unary(c, UnaryKind::kExp, x), mul(c, y, x));
  else
    loss = sub(c, x, mul(c, y, unary(c, UnaryKind::kLog, shift(c, x, c.number("eps", 1e-8)))));
  if (c.boolean("full")) {
    // Stirling's approximation, for targets above one.
    const Value log = unary(c, UnaryKind::kLog, y);
    const Value rest = scale(c, shift(c, log, std::log(2 * std::numbers::pi)), 0.5);
    const Value term = add(c, sub(c, mul(c, y, log), y), rest);
    loss = add(c, loss, select(c, compare(c, CompareKind::kGreater, y, 1.0), term, number_like(c, y, 0)));
  }
  reduced(c, loss);
}

void import_hinge_embedding_loss(SourceCall& c) {
  const Value x = operand(c, "self"), y = operand(c, "target"), zero = number_like(c, x, 0);
  if (c.failed()) return;
  const Value gap = relu(c, minus(c, c.number("margin", 1), x));
  const Value other = select(c, compare(c, CompareKind::kNotEqual, y, 1.0), gap, zero);
  reduced(c, add(c, other, select(c, compare(c, CompareKind::kNotEqual, y, -1.0), x, zero)));
}

void import_margin_ranking_loss(SourceCall& c) {
  const Value difference = sub(c, operand(c, "input2"), operand(c, "input1"));
  if (!c.failed()) reduced(c, relu(c, shift(c, mul(c, operand(c, "target"), difference), c.number("margin", 0))));
}

void import_cosine_embedding_loss(SourceCall& c) {
  constexpr double kTiny = 1e-12;
  const Value x = operand(c, "input1"), y = operand(c, "input2"), target = operand(c, "target");
  if (c.failed()) return;
  const std::vector<int64_t> axis{c.rank(target) == 1 ? 1 : 0};
  const auto sum = [&](Value a, Value b) { return reduce(c, ReduceKind::kSum, mul(c, a, b), axis, false); };
  const Value lengths = mul(c, shift(c, sum(x, x), kTiny), shift(c, sum(y, y), kTiny));
  const Value cosine = div(c, sum(x, y), unary(c, UnaryKind::kSqrt, lengths)), zero = number_like(c, x, 0);
  const Value like = select(c, compare(c, CompareKind::kEqual, target, 1.0), minus(c, 1, cosine), zero);
  const Value unlike = relu(c, shift(c, cosine, -c.number("margin", 0)));
  reduced(c, add(c, like, select(c, compare(c, CompareKind::kEqual, target, -1.0), unlike, zero)));
}

void import_triplet_margin_loss(SourceCall& c) {
  const Value anchor = operand(c, "anchor"), positive = operand(c, "positive"), other = operand(c, "negative");
  const double p = c.number("p", 2), eps = c.number("eps", 1e-6);
  if (c.failed()) return;
  const auto distance = [&](Value a, Value b) {
    const Value d = shift(c, sub(c, a, b), eps);
    return vector_norm(c, d, p, {int64_t(c.rank(d)) - 1}, false);
  };
  const Value near = distance(anchor, positive);
  Value far = distance(anchor, other);
  if (c.boolean("swap")) far = binary(c, BinaryKind::kMinimum, far, distance(positive, other));
  reduced(c, relu(c, shift(c, sub(c, near, far), c.number("margin", 1))));
}

// ---- Losses over classes.

/// Class indices as a mask with a class axis of `classes`; indices outside select nothing.
Value class_mask(SourceCall& c, Value target, int64_t axis, int64_t classes) {
  OneHot hot;
  hot.axis = axis;
  hot.depth = classes;
  const DType t = c.dtype(target);
  if (t != DType::kI32 && t != DType::kI64) target = c.to_dtype(target, DType::kI32);
  return c.add(hot, {target, c.scalar(1, DType::kBool), c.scalar(0, DType::kBool)});
}

/// The sum along an axis of x where the mask holds.
Value masked_sum(SourceCall& c, Value mask, Value x, int64_t axis) {
  return reduce(c, ReduceKind::kSum, select(c, mask, x, number_like(c, x, 0)), {axis}, false);
}

/// Class weights [C] beside values with the class axis `axis` of `rank`; invalid when there are none.
Value class_weight(SourceCall& c, size_t rank, int64_t axis) {
  if (!c.has("weight")) return {};
  const Value w = operand(c, "weight");
  Shape line(rank, 1);
  line[size_t(axis)] = element_count(c.shape(w));
  return reshape(c, w, line);
}

struct ClassLoss {
  Value loss, weight;  ///< of each target; what is ignored has both zero
};

/// -weight * x of the target's class, for x [N,C,...] or [C].
ClassLoss class_loss(SourceCall& c, Value x, Value target, double smoothing) {
  const int64_t axis = c.rank(x) > 1 ? 1 : 0, classes = c.shape(x)[size_t(axis)];
  const int64_t ignored = c.integer("ignore_index", -100);
  const Value kept = compare(c, CompareKind::kNotEqual, target, double(ignored));
  const Value mask = class_mask(c, target, axis, classes), w = class_weight(c, c.rank(x), axis);
  const Value logs = w.valid() ? mul(c, x, w) : x;
  Value loss = masked_sum(c, mask, logs, axis);
  Value weight;
  if (w.valid()) {
    const Value wide = c.shape(x) == c.shape(w) ? w : c.add(BroadcastTo(c.shape(x)), {w});
    weight = masked_sum(c, mask, wide, axis);
  } else {
    weight = c.to_dtype(kept, c.dtype(x));
  }
  if (smoothing > 0) {
    const Value every = reduce(c, ReduceKind::kSum, logs, {axis}, false);
    loss = add(c, scale(c, loss, 1 - smoothing), scale(c, every, smoothing / double(classes)));
  }
  const Value zero = number_like(c, x, 0);
  return {select(c, kept, negative(c, loss), zero), select(c, kept, weight, zero)};
}

/// The mean is over the weights of the targets.
void reduced_classes(SourceCall& c, const ClassLoss& l, bool with_total) {
  const int64_t reduction = c.integer("reduction", kMean);
  const auto sum = [&](Value v) { return reduce(c, ReduceKind::kSum, v, all_axes(c, v), false); };
  Value y = l.loss;
  if (reduction == kSum) y = sum(y);
  if (reduction == kMean) y = div(c, sum(y), sum(l.weight));
  if (with_total && c.result_count() > 1)
    c.results({y, reduction == kNone ? c.scalar(0, c.dtype(y)) : sum(l.weight)});
  else
    c.result(y);
}

bool has_classes(SourceCall& c, Value x) {
  if (c.failed()) return false;
  if (c.rank(x) == 0 || c.shape(x)[c.rank(x) > 1 ? 1 : 0] < 1) return c.unsupported("an operand without classes"), false;
  return true;
}

void import_nll_loss(SourceCall& c) {
  const Value x = operand(c, "self"), target = c.tensor("target");
  if (has_classes(c, x)) reduced_classes(c, class_loss(c, x, target, 0), true);
}

void import_cross_entropy_loss(SourceCall& c) {
  const Value x = operand(c, "self");
  Value target = c.tensor("target");
  const double smoothing = c.number("label_smoothing", 0);
  if (!has_classes(c, x)) return;
  const int64_t axis = c.rank(x) > 1 ? 1 : 0, classes = c.shape(x)[size_t(axis)];
  const Value logs = c.add(LogSoftmax(axis), {x});
  if (!is_float(c.dtype(target))) return reduced_classes(c, class_loss(c, logs, target, smoothing), false);
  if (c.shape(target) != c.shape(x)) return c.unsupported("class probabilities of another shape than the operand");
  target = c.to_dtype(target, c.dtype(x));
  if (smoothing > 0) target = shift(c, scale(c, target, 1 - smoothing), smoothing / double(classes));
  Value products = mul(c, logs, target);
  if (const Value w = class_weight(c, c.rank(x), axis); w.valid()) products = mul(c, products, w);
  const Value loss = negative(c, reduce(c, ReduceKind::kSum, products, {axis}, false));
  reduced(c, loss);
}

// sum over the other classes of max(0, margin - x[target] + x)^p / C
void import_multi_margin_loss(SourceCall& c) {
  const Value x = operand(c, "self"), target = c.tensor("target");
  const double p = c.number("p", 1), margin = c.number("margin", 1);
  if (!has_classes(c, x)) return;
  if (p != 1 && p != 2) return c.unsupported(fmt::format("p={}", p), "p=1 and p=2 convert");
  const int64_t axis = int64_t(c.rank(x)) - 1, classes = c.shape(x)[size_t(axis)];
  const bool single = c.rank(x) == 1;
  const Value mask = class_mask(c, single ? reshape(c, target, {}) : target, axis, classes);
  const Value own = reduce(c, ReduceKind::kSum, select(c, mask, x, number_like(c, x, 0)), {axis}, true);
  Value gap = relu(c, shift(c, sub(c, x, own), margin));
  if (p == 2) gap = unary(c, UnaryKind::kSquare, gap);
  if (c.has("weight")) {
    const Value w = class_weight(c, c.rank(x), axis);
    const Value wide = c.shape(x) == c.shape(w) ? w : c.add(BroadcastTo(c.shape(x)), {w});
    gap = mul(c, gap, reduce(c, ReduceKind::kSum, select(c, mask, wide, number_like(c, x, 0)), {axis}, true));
  }
  const Value others = select(c, mask, number_like(c, x, 0), gap);
  const Value loss = scale(c, reduce(c, ReduceKind::kSum, others, {axis}, false), 1.0 / double(classes));
  reduced(c, single ? reshape(c, loss, c.integer("reduction", kMean) == kNone ? c.result_type().shape : Shape{}) : loss);
}

// Targets are lists of classes that end at the first -1: sum over listed j and classes i that are not listed of
// max(0, 1 - (x[j] - x[i])) / C.
void import_multilabel_margin_loss(SourceCall& c) {
  Value x = operand(c, "self"), target = c.tensor("target");
  if (!has_classes(c, x)) return;
  const bool single = c.rank(x) < 2;
  const int64_t n = single ? 1 : c.shape(x)[0], classes = element_count(c.shape(x)) / std::max<int64_t>(n, 1);
  x = reshape(c, x, {n, 1, classes});
  target = c.to_dtype(reshape(c, target, {n, classes}), DType::kI32);
  Cumsum running;
  running.axis = 1;
  const Value ends = c.to_dtype(compare(c, CompareKind::kLess, target, 0.0), DType::kI32);
  const Value listed = compare(c, CompareKind::kEqual, c.add(running, {ends}), 0.0);  // [n, j]
  const auto both = [&](Value a, Value b) { return c.add(Logical(LogicalKind::kAnd), {a, b}); };
  const Value listed3 = reshape(c, listed, {n, classes, 1});
  const Value hits = both(class_mask(c, target, 2, classes), listed3);  // [n, j, i]
  const Value zero = number_like(c, x, 0);
  const Value own = reduce(c, ReduceKind::kSum, select(c, hits, x, zero), {2}, true);  // x[j]
  const Value is_target = reduce(c, ReduceKind::kAny, hits, {1}, true);                // [n, 1, i]
  const Value counted = both(listed3, unary(c, UnaryKind::kLogicalNot, is_target));
  const Value gaps = select(c, counted, relu(c, shift(c, sub(c, x, own), 1)), zero);
  const Value sums = reduce(c, ReduceKind::kSum, gaps, {1, 2}, false);
  Value loss = scale(c, sums, 1.0 / double(classes));
  if (single) loss = reshape(c, loss, {});
  reduced(c, loss);
  if (c.failed() || c.result_count() < 2) return;
  c.results({c.results()[0], reshape(c, c.to_dtype(is_target, c.dtype(x)), c.result_type(1).shape)});
}

// torch.nn's linear layer and cross entropy in one, which computes chunks of the batch to save memory. The other results are
// gradients.
void import_linear_cross_entropy(SourceCall& c) {
  const Value bias = c.optional_tensor("linear_bias");
  const Value logits = fully_connected(c, c.tensor("input"), c.tensor("linear_weight"), bias);
  if (c.failed()) return;
  const std::string reduction = c.string("reduction", "none");
  c.set_arg("self", logits);
  c.set_arg("reduction", int64_t(reduction == "mean" ? kMean : reduction == "sum" ? kSum : kNone));
  import_cross_entropy_loss(c);
  if (!c.failed() && c.result_count() > 1) c.results({c.results()[0], {}, {}, {}});
}

constexpr Import kImports[] = {
    {"aten.l1_loss.default", import_l1_loss},
    {"aten.mse_loss.default", import_mse_loss},
    {"aten.smooth_l1_loss.default", import_smooth_l1_loss},
    {"aten.huber_loss.default", import_huber_loss},
    {"aten.soft_margin_loss.default", import_soft_margin_loss},
    {"aten.binary_cross_entropy.default", import_binary_cross_entropy},
    {"aten.binary_cross_entropy_with_logits.default", import_binary_cross_entropy_with_logits},
    {"aten.kl_div.default", import_kl_div},
    {"aten.poisson_nll_loss.default", import_poisson_nll_loss},
    {"aten.hinge_embedding_loss.default", import_hinge_embedding_loss},
    {"aten.margin_ranking_loss.default", import_margin_ranking_loss},
    {"aten.cosine_embedding_loss.default", import_cosine_embedding_loss},
    {"aten.triplet_margin_loss.default", import_triplet_margin_loss},
    {"aten.nll_loss.default", import_nll_loss},
    {"aten.nll_loss2d.default", import_nll_loss},
    {"aten.nll_loss_nd.default", import_nll_loss},
    {"aten.nll_loss_forward.default", import_nll_loss},
    {"aten.nll_loss2d_forward.default", import_nll_loss},
    {"aten.cross_entropy_loss.default", import_cross_entropy_loss},
    {"torch_nn._linear_cross_entropy_batch_chunked.default", import_linear_cross_entropy},
    {"torch_nn._linear_cross_entropy_batch_chunked_no_reduction.default", import_linear_cross_entropy},
    {"aten.multi_margin_loss.default", import_multi_margin_loss},
    {"aten.multilabel_margin_loss.default", import_multilabel_margin_loss},
    {"aten.multilabel_margin_loss_forward.default", import_multilabel_margin_loss},
};

}  // namespace

std::span<const Import> aten_loss() { return kImports; }

}  // namespace atl
