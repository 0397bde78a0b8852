// The same elements under another shape. Its layouts follow from the groups of axes that it joins and splits (axis_groups.h).
#include <algorithm>

#include "ir/source_call.h"
#include "ir/tflite_op.h"
#include "ops/axis_groups.h"
#include "ops/movement.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace atl {
namespace {

void reshape_to(SourceCall& c, Value x, Shape shape) {
  c.result(c.shape(x) == shape ? x : c.add(Reshape(std::move(shape)), {x}));
}

// view, reshape: one size may be -1.
void import_view(SourceCall& c) {
  const Value x = c.tensor("self");
  Shape shape = c.has("shape") ? c.integers("shape") : c.integers("size");
  int64_t known = 1;
  size_t open = shape.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1 && open == shape.size())
      open = i;
    else if (shape[i] < 0 || __builtin_mul_overflow(known, shape[i], &known))
      return c.unsupported(fmt::format("size {} is not a shape", to_string(shape)));
  }
  if (open < shape.size()) shape[open] = known == 0 ? 0 : element_count(c.shape(x)) / known;
  reshape_to(c, x, std::move(shape));
}

void import_view_as(SourceCall& c) { reshape_to(c, c.tensor("self"), c.shape(c.tensor("other"))); }

void import_view_dtype(SourceCall& c) {
  const Value x = c.tensor("self");
  if (c.dtype_arg("dtype", c.dtype(x)) != c.dtype(x))
    return c.unsupported("view of the bytes as another element type", "convert the values with .to(dtype)");
  c.result(x);
}

void import_flatten(SourceCall& c) {
  const Value x = c.tensor("self");
  const Shape s = c.shape(x);
  const int64_t first = c.axis("start_dim", s.size(), 0), last = c.axis("end_dim", s.size(), -1);
  if (first > last) return c.unsupported("start_dim comes after end_dim");
  Shape shape(s.begin(), s.begin() + std::min<int64_t>(first, int64_t(s.size())));
  int64_t joined = 1;
  for (int64_t a = first; a <= last && a < int64_t(s.size()); ++a) joined *= s[size_t(a)];
  shape.push_back(joined);
  for (size_t a = size_t(last) + 1; a < s.size(); ++a) shape.push_back(s[a]);
  reshape_to(c, x, std::move(shape));
}

void import_unflatten(SourceCall& c) {
  const Value x = c.tensor("self");
  Shape s = c.shape(x), sizes = c.integers("sizes");
  const int64_t axis = c.axis("dim", s.size());
  if (c.failed() || s.empty()) return c.unsupported("unflatten of a scalar");
  int64_t known = 1;
  for (int64_t n : sizes)
    if (n < -1 || __builtin_mul_overflow(known, n == -1 ? 1 : n, &known)) return c.unsupported("sizes are not a shape");
  for (int64_t& n : sizes)
    if (n == -1) n = known == 0 ? 0 : s[size_t(axis)] / known;
  s.erase(s.begin() + axis);
  s.insert(s.begin() + axis, sizes.begin(), sizes.end());
  reshape_to(c, x, std::move(s));
}

void import_squeeze(SourceCall& c) {
  const Value x = c.tensor("self");
  const Shape s = c.shape(x);
  std::vector<int64_t> axes = c.axes("dim", s.size(), !c.has("dim"));
  Shape shape;
  for (size_t a = 0; a < s.size(); ++a)
    if (s[a] != 1 || std::find(axes.begin(), axes.end(), int64_t(a)) == axes.end()) shape.push_back(s[a]);
  reshape_to(c, x, std::move(shape));
}

void import_unsqueeze(SourceCall& c) {
  const Value x = c.tensor("self");
  Shape s = c.shape(x);
  const int64_t axis = c.axis("dim", s.size() + 1);
  if (c.failed()) return;
  s.insert(s.begin() + axis, 1);
  reshape_to(c, x, std::move(s));
}

void import_ravel(SourceCall& c) {
  const Value x = c.tensor("self");
  reshape_to(c, x, {element_count(c.shape(x))});
}

struct ReshapeFacts {
  static constexpr std::string_view name = "reshape";
  static constexpr std::string_view summary = "the same elements in row-major order under another shape";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kSameScale;
  static constexpr bool moves_elements = true;

  static Result<Types> infer(const Reshape& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 1, "one operand is needed, not {}", in.size());
    CHECK_OP(C2, is_static(in[0].shape) && is_static(o.shape), "a dynamic size cannot be reshaped");
    TRY_STATUS(byte_size(Type{in[0].dtype, o.shape, {}}));
    CHECK_OP(C3, element_count(in[0].shape) == element_count(o.shape), "{} has {} elements, {} has {}", to_string(in[0].shape),
             element_count(in[0].shape), to_string(o.shape), element_count(o.shape));
    // An axis with parameters of its own must come through as it is.
    std::vector<int> from(o.shape.size(), -1);
    if (in[0].quant && in[0].quant->scale.size() > 1 && element_count(o.shape) > 0)
      for (const AxisGroup& g : axis_groups(in[0].shape, o.shape))
        if (g.a.size() == 1 && g.b.size() == 1) from[size_t(g.b[0])] = g.a[0];
    auto type = moved_type(in[0], o.shape, from);
    CHECK_OP(C4, type, "the axis that quantization parameters belong to is cut or joined");
    return Types{*std::move(type)};
  }

  static Result<Tensors> eval(const Reshape& o, TensorsIn in) {
    const Type t = in[0].type();
    TRY(Types out, infer(o, {&t, 1}));
    return Tensors{Tensor::view(out[0], in[0].bytes(), in[0].owner())};
  }

  static std::optional<LayoutChoice> permuted(const Reshape& o, TypesIn in, int operand, const Perm& p) {
    const Shape& x = in[0].shape;
    const auto other = operand == kResult ? follow_reshape(o.shape, x, p) : follow_reshape(x, o.shape, p);
    if (!other) return std::nullopt;
    const Perm& out = operand == kResult ? p : *other;
    return LayoutChoice{make_op(Reshape(atl::permuted(o.shape, out))), {operand == kResult ? *other : p}, out};
  }

  static Status legal(const Reshape&, TypesIn) { return {}; }

  static Result<TfliteOp> emit(const Reshape& o, TypesIn) {
    tflite::ReshapeOptionsT options;
    for (int64_t n : o.shape) options.new_shape.push_back(int32_t(n));
    TfliteOp op(tflite::BuiltinOperator::RESHAPE, 1, 1, std::move(options));
    op.constant(Tensor::of_i32(o.shape));
    return op;
  }

  // RESHAPE, SQUEEZE and EXPAND_DIMS all say no more than their result's shape.
  static Result<Decoded> decode(const TfliteNode& n) {
    using tflite::BuiltinOperator;
    const bool known =
        n.code == BuiltinOperator::RESHAPE || n.code == BuiltinOperator::SQUEEZE || n.code == BuiltinOperator::EXPAND_DIMS;
    if (!known || !is_plain(n) || element_count(n.in[0]->shape) != element_count(n.out[0].shape)) return not_decoded();
    if (n.in.size() > 1 && (n.constants.size() < 2 || !n.constants[1])) return not_decoded();
    return Decoded{make_op(Reshape(n.out[0].shape)), {0}};
  }

  static Result<bool> canonicalize(const Reshape& o, Rewrite& r) {
    if (r.in_type(0) == r.out_type()) return r.replace(r.in(0));
    if (r.graph().as<Reshape>(r.in(0)) && !r.in_type(0).quant)
      return r.replace(r.add(Reshape(o.shape), {r.graph()[r.in(0)].in[0]}));
    TRY(const bool reduced, drop_reduced_axes(o, r));
    if (reduced) return true;
    TRY(const bool lifted, lift_over_fully_connected(o, r));
    return lifted ? true : shrink_slice(o, r);
  }

  // Reshape(FullyConnected(Reshape(x))): when the features stay the last axis, the inner reshape can do the work of both.
  static Result<bool> lift_over_fully_connected(const Reshape& o, Rewrite& r) {
    const Graph& g = r.graph();
    const Value y = r.in(0);
    if (!g.is(y, OpCode::kFullyConnected) || !r.single_use(y) || o.shape.empty() || o.shape.back() != r.shape(y).back())
      return false;
    Values in = g[y].in;
    if (!g.as<Reshape>(in[0]) || r.in_type(0).quant) return false;
    Shape shape = o.shape;
    shape.back() = r.shape(in[0]).back();
    const OpPtr op = g[y].op;
    in[0] = r.add(Reshape(std::move(shape)), {in[0]});
    return r.replace(r.add(op, std::move(in)));
  }

  // reshape(reduce(x) {keep_dims}) that drops the reduced axes is a reduction that does not keep them.
  static Result<bool> drop_reduced_axes(const Reshape& o, Rewrite& r) {
    const Reduce* reduce = r.graph().as<Reduce>(r.in(0));
    if (!reduce || !reduce->keep_dims || !r.single_use(r.in(0))) return false;
    const Reduce dropped(reduce->kind, reduce->axes, false);
    const Value x = r.graph()[r.in(0)].in[0];
    Shape left;
    for (size_t a = 0; a < r.rank(x); ++a)
      if (!std::binary_search(dropped.axes.begin(), dropped.axes.end(), int64_t(a))) left.push_back(r.shape(x)[a]);
    if (left != o.shape) return false;
    return r.replace(r.add(dropped, {x}));
  }

  // reshape(slice(x)) that only drops the axes cut down to one element is a slice that shrinks (STRIDED_SLICE does both).
  static Result<bool> shrink_slice(const Reshape& o, Rewrite& r) {
    const Slice* s = r.graph().as<Slice>(r.in(0));
    if (!s || !s->shrink.empty() || !r.single_use(r.in(0))) return false;
    const Value x = r.graph()[r.in(0)].in[0];
    Slice cut = *s;
    Shape left;
    for (size_t a = 0; a < s->size.size(); ++a) {
      if (s->size[a] == 1 && r.shape(x)[a] != 1)
        cut.shrink.push_back(int64_t(a));
      else
        left.push_back(s->size[a]);
    }
    if (cut.shrink.empty() || left != o.shape) return false;
    return r.replace(r.add(std::move(cut), {x}));
  }

  static constexpr Import imports[] = {
      {"aten.view.default", import_view},           {"aten.view.dtype", import_view_dtype},
      {"aten.view_copy.default", import_view},      {"aten.view_copy.dtype", import_view_dtype},
      {"aten.view_as.default", import_view_as},     {"aten.reshape.default", import_view},
      {"aten.reshape_as.default", import_view_as},  {"aten._unsafe_view.default", import_view},
      {"aten._reshape_alias.default", import_view}, {"aten._reshape_alias_copy.default", import_view},
      {"aten._reshape_copy.default", import_view},  {"aten.flatten.using_ints", import_flatten},
      {"aten.unflatten.int", import_unflatten},     {"aten.ravel.default", import_ravel},
      {"aten.squeeze.default", import_squeeze},     {"aten.squeeze.dim", import_squeeze},
      {"aten.squeeze.dims", import_squeeze},        {"aten.squeeze_copy.default", import_squeeze},
      {"aten.squeeze_copy.dim", import_squeeze},    {"aten.squeeze_copy.dims", import_squeeze},
      {"aten.unsqueeze.default", import_unsqueeze}, {"aten.unsqueeze_copy.default", import_unsqueeze},
  };

  static std::vector<Sample> samples() {
    const auto f32 = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const Type per_axis{DType::kI8, {2, 6}, QuantParams{{0.5f, 0.25f, 1, 2, 3, 4}, {0, 0, 0, 0, 0, 0}, 1}};
    return {{.op = make_op(Reshape({2, 3, 20})), .in = {f32({2, 3, 4, 5})}},
            {.op = make_op(Reshape({2, 3, 20, 1})), .in = {f32({6, 1, 4, 5})}},
            {.op = make_op(Reshape({7, 2, 3, 4, 5})), .in = {f32({7, 6, 4, 5})}},
            {.op = make_op(Reshape({1, 3, 20})), .in = {f32({1, 3, 4, 5})}},
            {.op = make_op(Reshape({8, 3})), .in = {Type{DType::kI64, {4, 6}, {}}}},
            {.op = make_op(Reshape({3})), .in = {}, .bad = "C1"},
            {.op = make_op(Reshape({3, -1})), .in = {f32({3, 4})}, .bad = "C2"},
            {.op = make_op(Reshape({3, 5})), .in = {f32({3, 4})}, .bad = "C3"},
            {.op = make_op(Reshape({2, 2, 3})), .in = {per_axis}, .bad = "C4"}};
  }
};

}  // namespace
DEFINE_OP(Reshape, ReshapeFacts)
}  // namespace atl
