// Writes at positions that depend on data and may repeat, as comparisons of every position with every place. LiteRT's
// SCATTER_ND only adds; this form takes n * k comparisons and is refused where that is too much.
#pragma once
#include "import/arithmetic.h"

namespace atl {

enum class ScatterKind { kSum, kProd, kMax, kMin };

/// x [n, rest...] with the rows of src [k, rest...] written at the positions i32 [k]; of several for one place the last stays.
/// Invalid after c.unsupported(...).
Value overwrite_rows(SourceCall& c, Value x, Value positions, Value src);
/// x [n, rest...] combined with the rows of src at the positions i32 [k]; without `include_self` a place that is hit forgets
/// x. bool is added by or, multiplied by and. Invalid after c.unsupported(...).
Value combine_rows(SourceCall& c, ScatterKind kind, Value x, Value positions, Value src, bool include_self);
/// How many positions name each of n places: `t` [n].
Value count_rows(SourceCall& c, int64_t n, Value positions, DType t);
/// [planes, n] of zeros with src [planes, k] written at the positions i32 [planes, k] of the same plane; the last stays, or all
/// are added.
Value fill_planes(SourceCall& c, int64_t n, Value positions, Value src, bool add);

}  // namespace atl
