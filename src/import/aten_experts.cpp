// A matrix product in which groups of rows have matrices of their own, as a mixture of experts takes it. How many rows a group
// has depends on data, so each row is multiplied by all matrices and keeps one product.
#include "import/arithmetic.h"
#include "import/aten.h"
#include "import/placement.h"

namespace atl {
namespace {

/// A constant row or column of 0, 1, ... n - 1.
Value counted(SourceCall& c, const Shape& shape, DType t) {
  return c.to_dtype(index_constant(c, shape, arithmetic(0, 1, element_count(shape))), t);
}

// x [S,K] whose rows offs[e-1] .. offs[e] are multiplied by w[e] of w [E,K,N]; rows behind the last group are 0.
void grouped_product(SourceCall& c, Value x, Value w, Value offs) {
  if (c.failed()) return;
  if (c.rank(x) != 2 || c.rank(w) != 3 || c.rank(offs) != 1)
    return c.unsupported("groups other than of the first operand's rows");
  const Shape s = c.shape(w);
  const int64_t rows = c.shape(x)[0], experts = s[0];
  if (rows < 1 || experts < 1 || !listable(c, rows * experts * s[2]))
    return c.unsupported(fmt::format("{} rows by {} matrices of {} columns", rows, experts, s[2]),
                         "give the model fewer rows at a time");
  const Value joined = reshape(c, transpose(c, w, {1, 0, 2}), {s[1], experts * s[2]});
  const Value all = reshape(c, c.add(BatchMatmul{}, {x, joined}), {rows, experts, s[2]});
  const Value end = reshape(c, c.to_dtype(offs, DType::kI32), {1, experts});
  const Value zero = index_constant(c, {1, 1}, std::vector<int64_t>{0});
  const Value begin = experts == 1 ? zero : c.add(Concat(1), {zero, slice(c, end, 1, 0, experts - 1)});
  const Value row = counted(c, {rows, 1}, DType::kI32);
  const Value own = c.add(Logical(LogicalKind::kAnd),
                          {compare(c, CompareKind::kGreaterEqual, row, begin), compare(c, CompareKind::kLess, row, end)});
  const Value kept = select(c, reshape(c, own, {rows, experts, 1}), all, c.scalar(0, c.dtype(all)));
  c.result(reduce(c, ReduceKind::kSum, kept, {1}, false));
}

void import_grouped_mm_fallback(SourceCall& c) { grouped_product(c, c.tensor("input"), c.tensor("weight"), c.tensor("offs")); }

void import_grouped_mm(SourceCall& c) {
  if (!c.has("offs") || c.has("bias")) return c.unsupported("a grouped product without offs, or with a bias");
  const DType t = c.result_type().dtype;
  grouped_product(c, c.to_dtype(c.tensor("self"), t), c.to_dtype(c.tensor("mat2"), t), c.tensor("offs"));
}

constexpr Import kImports[] = {
    {"aten._grouped_mm.default", import_grouped_mm},
    {"transformers.grouped_mm_fallback.default", import_grouped_mm_fallback},
};

}  // namespace

std::span<const Import> aten_experts() { return kImports; }

}  // namespace atl
