#include "ir/rewrite.h"
#include "ir/tflite_op.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/gemm.h"
#include "ops/integer_product.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

constexpr std::string_view kDtypes = "f32";
constexpr size_t kMaxRank = 5;

/// Sizes of one product: the batch axes (all but the last two), rows, columns and the summed axis.
struct Sizes {
  Shape batch_x, batch_y, batch;
  int64_t m = 0, k = 0, k_of_y = 0, n = 0;
};

Result<Sizes> sizes_of(const BatchMatmul& o, const Shape& x, const Shape& y) {
  Sizes s;
  s.batch_x.assign(x.begin(), x.end() - 2);
  s.batch_y.assign(y.begin(), y.end() - 2);
  s.m = x[x.size() - (o.adj_x ? 1 : 2)];
  s.k = x[x.size() - (o.adj_x ? 2 : 1)];
  s.k_of_y = y[y.size() - (o.adj_y ? 1 : 2)];
  s.n = y[y.size() - (o.adj_y ? 2 : 1)];
  auto batch = broadcast(s.batch_x, s.batch_y);
  CHECK_OP(C4, batch, "the leading axes of {} and {} do not broadcast", to_string(x), to_string(y));
  s.batch = *std::move(batch);
  return s;
}

struct BatchMatmulFacts {
  static constexpr std::string_view name = "batch_matmul";
  static constexpr std::string_view summary = "the matrix product over the last two axes; leading axes broadcast";
  static constexpr Layout layout = Layout::kAxisAttr;
  static constexpr Quant quant = Quant::kWeighted;

  static QuantRule quantization(const BatchMatmul&, TypesIn) { return {.kind = Quant::kRequant, .types = "i8 i16"}; }

  static Result<Types> infer(const BatchMatmul& o, TypesIn in) {
    CHECK_OP(C1, in.size() == 2, "two operands are needed, not {}", in.size());
    CHECK_OP(C2, in[0].rank() >= 2 && in[1].rank() >= 2, "{} times {}: both must have two axes", to_string(in[0]),
             to_string(in[1]));
    TRY(Sizes s, sizes_of(o, in[0].shape, in[1].shape));
    CHECK_OP(C3, s.k == s.k_of_y || s.k == kDynamic || s.k_of_y == kDynamic, "{} columns times {} rows", s.k, s.k_of_y);
    CHECK_OP(C5, (in[0].dtype == in[1].dtype || in[0].quant || in[1].quant) && in[0].dtype != DType::kBool,
             "a product of {} and {}", atl::name(in[0].dtype), atl::name(in[1].dtype));
    Type out{in[0].dtype, std::move(s.batch), {}};
    out.shape.push_back(s.m);
    out.shape.push_back(s.n);
    TRY_STATUS(byte_size(out));
    return Types{out};
  }

  static Result<Tensors> eval(const BatchMatmul& o, TensorsIn in) {
    const Type types[] = {in[0].type(), in[1].type()};
    TRY(Types out, infer(o, types));
    TRY(const Sizes s, sizes_of(o, in[0].shape(), in[1].shape()));
    Tensor result = Tensor::make(out[0]);
    const std::vector<int64_t> x_of = matrix_numbers(s.batch_x, s.batch), y_of = matrix_numbers(s.batch_y, s.batch);
    visit(out[0].dtype, [&]<class T>(T) {
      const Tensor y = cast(in[1], out[0].dtype);
      for (size_t b = 0; b < x_of.size(); ++b) {
        const T* px = in[0].data<T>() + x_of[b] * s.m * s.k;
        const T* py = y.data<T>() + y_of[b] * s.k * s.n;
        T* pz = result.mutable_data<T>() + int64_t(b) * s.m * s.n;
        if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>)
          gemm(o.adj_x, o.adj_y, s.m, s.n, s.k, px, py, pz);
        else
          multiply(o, s, px, py, pz);
      }
    });
    return Tensors{result};
  }

  static Result<Tensors> eval_integer(const BatchMatmul& o, TensorsIn in, TypesIn out) {
    TRY(const Tensors sum, eval(o, Tensors{centered(in[0]), centered(in[1])}));
    const Type &x = in[0].type(), &y = in[1].type();
    const SumScaling scaling(x, y, out[0], ScaleProduct::kInFloat, x.dtype == DType::kI16 ? Sums::kWide : Sums::kLoop);
    return Tensors{scale_sums(sum[0], out[0].rank() - 1, Tensor(), scaling, out[0])};
  }

  static Status legal_integer(const BatchMatmul& o, TypesIn in, TypesIn out) {
    const Type &x = in[0], &y = in[1];
    for (const Type* t : {&x, &y, &out[0]}) {
      if (!t->quant || t->quant->scale.size() != 1 || !in_list(t->dtype, "i8 i16"))
        return error(Code::kUnsupportedType, fmt::format("an integer matrix product with {}", to_string(*t)));
      if (x.dtype == DType::kI16 && zero_point_of(*t) != 0)
        return error(Code::kUnsupportedForm,
                     fmt::format("a matrix product of i16 with {}, which has a zero point", to_string(*t)));
    }
    if (out[0].dtype != x.dtype || (y.dtype != x.dtype && x.dtype == DType::kI8))
      return error(Code::kUnsupportedType, fmt::format("an integer matrix product of {} and {} that gives {}", to_string(x),
                                                       to_string(y), to_string(out[0])));
    const int64_t depth = x.shape[x.rank() - (o.adj_x ? 2 : 1)];
    if (x.dtype == DType::kI8 && depth > kMaxProducts)
      return error(Code::kUnsupportedForm,
                   fmt::format("an integer matrix product that adds up {} products, which 32 bits do not hold", depth));
    return legal_factor("matrix product", double(x.quant->scale[0] * y.quant->scale[0]) / scale_of(out[0]));
  }

  // For each index of the broadcast batch axes, the number of the operand's matrix.
  static std::vector<int64_t> matrix_numbers(const Shape& operand, const Shape& batch) {
    std::vector<int64_t> numbers{0};
    const auto strides = contiguous_strides(operand);
    for (size_t a = 0; a < batch.size(); ++a) {
      const size_t missing = batch.size() - operand.size();
      const int64_t stride = a < missing || operand[a - missing] == 1 ? 0 : strides[a - missing];
      std::vector<int64_t> next;
      next.reserve(numbers.size() * size_t(batch[a]));
      for (int64_t base : numbers)
        for (int64_t i = 0; i < batch[a]; ++i) next.push_back(base + i * stride);
      numbers = std::move(next);
    }
    return numbers;
  }

  template <class T>
  static void multiply(const BatchMatmul& o, const Sizes& s, const T* x, const T* y, T* z) {
    using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;  // integers wrap
    for (int64_t i = 0; i < s.m; ++i)
      for (int64_t j = 0; j < s.n; ++j) {
        Sum sum = 0;
        for (int64_t k = 0; k < s.k; ++k)
          sum += static_cast<Sum>(x[o.adj_x ? k * s.m + i : i * s.k + k]) *
                 static_cast<Sum>(y[o.adj_y ? j * s.k + k : k * s.n + j]);
        z[i * s.n + j] = static_cast<T>(sum);
      }
  }

  // Batch axes may trade places if every operand that has them does the same; swapping an operand's matrix axes toggles its
  // adj flag. A result with swapped matrix axes would need the operands in the other order, which a layout cannot say.
  static std::optional<LayoutChoice> permuted(const BatchMatmul& o, TypesIn in, int operand, const Perm& p) {
    const size_t rank = std::max(in[0].rank(), in[1].rank()), own = p.size();
    const size_t batch = own - 2;
    const bool swapped = p[own - 1] == int(batch) && p[own - 2] == int(batch) + 1;
    if (!swapped && !(p[own - 2] == int(batch) && p[own - 1] == int(batch) + 1)) return std::nullopt;
    if (swapped && operand == kResult) return std::nullopt;
    const bool batch_moves = !is_identity(Perm(p.begin(), p.end() - 2));
    if (batch_moves && own != rank) return std::nullopt;
    BatchMatmul op = o;
    if (swapped) (operand == 0 ? op.adj_x : op.adj_y) ^= true;
    LayoutChoice choice{make_op(op), {}, identity(rank)};
    if (batch_moves) std::copy(p.begin(), p.end() - 2, choice.out.begin());
    for (int i = 0; i < 2; ++i) {
      const size_t r = in[size_t(i)].rank();
      if (i == operand)
        choice.in.push_back(p);
      else if (!batch_moves || r == 2)
        choice.in.push_back(identity(r));
      else if (r == rank)
        choice.in.push_back(choice.out);
      else
        return std::nullopt;
    }
    return choice;
  }

  static Status legal(const BatchMatmul&, TypesIn in) {
    if (!in[0].quant && !in[1].quant) TRY_STATUS(legal_dtype("batch_matmul", in[0], kDtypes));
    for (const Type& t : in) {
      if (t.rank() > kMaxRank)
        return error(Code::kUnsupportedForm,
                     fmt::format("a matrix product of {}: LiteRT takes {} axes", to_string(t), kMaxRank));
      if (element_count(t.shape) == 0)
        return error(Code::kUnsupportedForm, fmt::format("a matrix product of {}, which is empty", to_string(t)));
    }
    return {};
  }

  static Result<TfliteOp> emit(const BatchMatmul& o, TypesIn in) {
    tflite::BatchMatMulOptionsT options;
    options.adj_x = o.adj_x;
    options.adj_y = o.adj_y;
    const int version = in[0].dtype == DType::kI16 ? 3 : in[0].dtype == DType::kI8 ? 2 : 1;
    return TfliteOp(BuiltinOperator::BATCH_MATMUL, version, 2, std::move(options));
  }

  static Result<Decoded> decode(const TfliteNode& n) {
    if (n.code != BuiltinOperator::BATCH_MATMUL || n.operand_count() != 2) return not_decoded();
    const auto* options = n.options_as<tflite::BatchMatMulOptionsT>();
    if (options && options->asymmetric_quantize_inputs) return not_decoded();
    return Decoded{make_op(BatchMatmul(options && options->adj_x, options && options->adj_y)), {0, 1}};
  }

  static Result<bool> canonicalize(const BatchMatmul& o, Rewrite& r) {
    const Type &x = r.in_type(0), &y = r.in_type(1);
    if (x.quant || y.quant || !is_static(x.shape) || !is_static(y.shape)) return false;
    if (element_count(x.shape) == 0 || element_count(y.shape) == 0) {
      Tensor zeros = Tensor::make(r.out_type());
      std::memset(zeros.mutable_bytes(), 0, zeros.byte_count());
      return r.replace(r.constant(std::move(zeros)));
    }
    TRY(const bool lean, drop_expansion(o, r));
    if (lean) return true;
    const Shape matrix{y.shape.end() - 2, y.shape.end()};
    const bool one_matrix = element_count(y.shape) == element_count(matrix) && y.rank() <= x.rank();
    if (one_matrix && r.is_constant(1) && !o.adj_x && is_float(x.dtype)) {
      Value w = y.rank() == 2 ? r.in(1) : r.add(Reshape(matrix), {r.in(1)});
      if (!o.adj_y) w = r.add(Transpose({1, 0}), {w});
      return r.replace(r.add(FullyConnected{}, {r.in(0), w}));
    }
    return lift_reshape(o, r);
  }

  // The product broadcasts batch axes itself: an operand that was expanded along batch axes that the other one has goes in as
  // it was (core ATen expands the weights of a linear layer).
  static Result<bool> drop_expansion(const BatchMatmul& o, Rewrite& r) {
    const Graph& g = r.graph();
    for (size_t i = 0; i < 2; ++i) {
      if (!g.as<BroadcastTo>(r.in(i))) continue;
      const Value v = g[r.in(i)].in[0];
      const Shape &from = g.type(v).shape, &to = r.in_type(i).shape;
      if (from.size() != to.size() || !std::equal(from.end() - 2, from.end(), to.end() - 2)) continue;
      Values in = r.node().in;
      in[i] = v;
      const Type types[] = {g.type(in[0]), g.type(in[1])};
      const auto out = infer(o, types);
      if (!out || (*out)[0] != r.out_type()) continue;
      return r.replace(r.add(o, std::move(in)));
    }
    return false;
  }

  // Reshape(BatchMatmul(Reshape(x), Reshape(y))) where only batch axes are split or joined: core ATen's bmm knows one batch
  // axis. The product takes the batch axes of its only reader, if that saves more reshapes of operands than it costs.
  static Result<bool> lift_reshape(const BatchMatmul& o, Rewrite& r) {
    const Graph& g = r.graph();
    const auto& uses = g.uses(r.out());
    if (uses.size() != 1 || uses[0].node == kGraphOutput) return false;
    const auto* reader = g.as<Reshape>({uses[0].node, 0});
    const Shape out = r.out_type().shape;
    if (!reader || reader->shape.size() < 2 || reader->shape.size() > kMaxRank || reader->shape == out) return false;
    const Shape batch(reader->shape.begin(), reader->shape.end() - 2);
    if (!std::equal(out.end() - 2, out.end(), reader->shape.end() - 2)) return false;
    Shape wanted[2];
    bool lifted[2]{};
    int saved = 0;
    for (size_t i = 0; i < 2; ++i) {
      const Shape& s = r.in_type(i).shape;
      if (s.size() == 2) continue;
      if (!std::equal(s.begin(), s.end() - 2, out.begin(), out.end() - 2)) return false;
      wanted[i] = batch;
      wanted[i].insert(wanted[i].end(), s.end() - 2, s.end());
      lifted[i] = g.as<Reshape>(r.in(i)) && g.type(g[r.in(i)].in[0]).shape == wanted[i];
      saved += lifted[i] ? 1 : r.is_constant(i) ? 0 : -1;
    }
    if (saved < 0) return false;
    Values in;
    for (size_t i = 0; i < 2; ++i)
      in.push_back(lifted[i] ? g[r.in(i)].in[0] : wanted[i].empty() ? r.in(i) : r.add(Reshape(wanted[i]), {r.in(i)}));
    return r.replace(r.add(Reshape(out), {r.add(o, std::move(in))}));
  }

  static Result<bool> legalize(const BatchMatmul& o, Rewrite& r) {
    const Shape x = r.in_type(0).shape, y = r.in_type(1).shape;
    if (std::max(x.size(), y.size()) > kMaxRank && is_static(x) && is_static(y)) {
      // One batch axis for all.
      TRY(const Sizes s, sizes_of(o, x, y));
      auto flat = [&](Value v, Shape shape) {
        const int64_t rows = shape[shape.size() - 2], cols = shape.back();
        if (element_count(shape) == rows * cols) return r.add(Reshape({rows, cols}), {v});
        Shape full = s.batch;
        full.insert(full.end(), {rows, cols});
        return r.add(Reshape({element_count(s.batch), rows, cols}), {broadcast_to(r, v, full)});
      };
      const Value z = r.add(o, {flat(r.in(0), x), flat(r.in(1), y)});
      return r.replace(r.add(Reshape(r.out_type().shape), {z}));
    }
    if (const Value sums = integer_products(o, r); sums.valid() || r.failed()) return r.replace(sums);
    return legalize_by_cast(r, make_op(o), kDtypes);
  }

  // LiteRT has no product of integer matrices, and f32 holds 24 bits: the products one by one, summed. Invalid for floats and
  // where that is too much.
  static Value integer_products(const BatchMatmul& o, Rewrite& r) {
    constexpr int64_t kMaxProducts = int64_t(1) << 24;
    const DType t = r.dtype(r.in(0));
    if (is_float(t) || r.in_type(0).quant || r.in_type(1).quant) return {};
    const Shape out = r.out_type().shape, x = r.in_type(0).shape;
    if (!is_static(out) || !is_static(x)) return {};
    const int64_t depth = o.adj_x ? x[x.size() - 2] : x.back(), products = element_count(out);
    if (depth != 0 && products > kMaxProducts / depth) return {};
    const DType wide = t == DType::kI64 ? t : DType::kI32;
    // Both with the summed axis last, and an axis of one for the other's rows.
    const auto rows = [&](Value v, bool summed_last, bool first) {
      if (!summed_last) {
        Perm p = identity(r.rank(v));
        std::swap(p[p.size() - 1], p[p.size() - 2]);
        v = r.add(Transpose(std::move(p)), {v});
      }
      Shape s = r.shape(v);
      s.insert(s.end() - (first ? 1 : 2), 1);
      return r.add(Reshape(std::move(s)), {cast_value(r, v, wide)});
    };
    const Value each = r.add(Binary(BinaryKind::kMul), {rows(r.in(0), !o.adj_x, true), rows(r.in(1), o.adj_y, false)});
    return cast_value(r, r.add(Reduce(ReduceKind::kSum, {int64_t(out.size())}, false), {each}), t);
  }

  static std::vector<Sample> samples() {
    auto f = [](Shape s) { return Type{DType::kF32, std::move(s), {}}; };
    const OpPtr plain = make_op(BatchMatmul{});
    return {
        {.op = plain, .in = {f({3, 5}), f({5, 7})}},
        {.op = make_op(BatchMatmul(true, false)), .in = {f({2, 5, 3}), f({2, 5, 7})}},
        {.op = make_op(BatchMatmul(false, true)), .in = {f({2, 4, 3, 5}), f({2, 4, 7, 5})}},
        {.op = make_op(BatchMatmul(true, true)), .in = {f({2, 1, 5, 3}), f({4, 7, 5})}},
        {.op = plain, .in = {f({2, 4, 3, 5}), f({5, 7})}},
        {.op = plain, .in = {f({3, 5})}, .bad = "C1"},
        {.op = plain, .in = {f({3, 5}), f({5})}, .bad = "C2"},
        {.op = plain, .in = {f({3, 5}), f({3, 5})}, .bad = "C3"},
        {.op = plain, .in = {f({2, 3, 5}), f({4, 5, 3})}, .bad = "C4"},
        {.op = plain, .in = {f({3, 5}), Type{DType::kI32, {5, 7}, {}}}, .bad = "C5"},
    };
  }
};

}  // namespace
DEFINE_OP(BatchMatmul, BatchMatmulFacts)
}  // namespace atl
