// What the rules about advanced indexing share (aten_index.cpp reads, aten_scatter.cpp writes, aten_order.cpp
// orders).
#pragma once
#include "ir/source_call.h"

namespace atl {

/// Positions along one axis: an integer value of any shape, and its elements where they are known.
struct Positions {
  Value value;
  std::optional<std::vector<int64_t>> known;
  Shape shape;
};

/// An operand of advanced indexing brought into the form "one axis, one index": the indexed axes are joined at `axis`.
struct Indexed {
  Value x;             ///< [before..., joined axis, behind...]
  int64_t axis = 0;    ///< the joined axis
  Positions at;        ///< inside the joined axis
  Perm perm;           ///< applied to the operand first, so that the indexed axes are neighbours
  Shape permuted;      ///< the operand's shape after that
  Shape result_shape;  ///< of x[indices]
};

/// Whether an index is a mask.
bool is_mask(DType t);
/// Reads the index list of x[...] (invalid values are None; known masks become positions). nullopt after c.unsupported(...).
std::optional<Indexed> indexed(SourceCall& c, Value x, const Values& indices);
/// The integers `v` along an axis of n elements, with negative ones counted from the end where `wraps`. nullopt after
/// c.unsupported(...) when a known one is outside.
std::optional<Positions> positions_of(SourceCall& c, Value v, int64_t n, bool wraps);
/// For torch.gather and scatter: the flat position in a dense tensor of shape `x` of each element that `index` names along
/// `axis`, the other coordinates being the element's own; negative ones count from the end where `wraps`.
std::optional<Positions> flat_positions(SourceCall& c, const Shape& x, int64_t axis, Value index, bool wraps = false);
/// The indices of x[...] limited to their axes.
Values bounded_indices(SourceCall& c, Value x, Values indices);
/// v as a list of k positions for ScatterNd: i32 [k, 1].
Value scatter_indices(SourceCall& c, const Positions& at);

void import_scatter_src(SourceCall& c);
void import_scatter_value(SourceCall& c);
void import_scatter_reduce(SourceCall& c);
void import_scatter_value_reduce(SourceCall& c);
void import_scatter_add(SourceCall& c);
void import_scatter_reduce_two(SourceCall& c);
void import_index_put(SourceCall& c);
void import_index_add(SourceCall& c);
void import_index_copy(SourceCall& c);
void import_index_fill(SourceCall& c);
void import_index_reduce(SourceCall& c);
void import_masked_index_add(SourceCall& c);
void import_masked_scatter(SourceCall& c);
void import_put(SourceCall& c);

void import_topk(SourceCall& c);
void import_sort(SourceCall& c);
void import_argsort(SourceCall& c);
void import_msort(SourceCall& c);
void import_kthvalue(SourceCall& c);

}  // namespace atl
