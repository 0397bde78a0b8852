// Picking and placing slices at positions that are known while a program is imported, for the rules about indices and views.
#pragma once
#include "ir/source_call.h"

namespace atl {

/// The value of v when it depends on constants alone (it may be several ops away from them) and is not large; nullopt
/// otherwise.
std::optional<Tensor> known_value(Builder& b, Value v);
/// The same as integers.
std::optional<std::vector<int64_t>> known_integers(Builder& b, Value v);

/// An i32 constant of a shape. The values have been checked against the size of an axis, below 2^31.
Value index_constant(Builder& b, Shape shape, std::span<const int64_t> values);
/// The integers first, first + step, ...
std::vector<int64_t> arithmetic(int64_t first, int64_t step, int64_t count);

/// Rules list positions one by one up to this many; larger tensors are refused where a list is needed.
inline constexpr int64_t kMaxPositions = int64_t(1) << 26;
/// True when n positions may be listed; else false after c.unsupported(...).
bool listable(SourceCall& c, int64_t n);

/// `count` slices of x along `axis` from `begin` in steps of `step`, all inside the axis; x itself when that is all of it.
Value take_range(Builder& b, Value x, int64_t axis, int64_t begin, int64_t count, int64_t step = 1);
/// The slices of x along `axis` at the given positions (inside the axis), in their order: a Slice where they are evenly spaced,
/// else a Gather.
Value pick(Builder& b, Value x, int64_t axis, const std::vector<int64_t>& positions);
/// x with the slices along `axis` at the given positions replaced by those of `src`, which has as many. Of equal positions the
/// last one counts. Pieces joined where the positions are neighbours, else the two joined and picked from.
Value overwrite(Builder& b, Value x, int64_t axis, const std::vector<int64_t>& positions, Value src);
/// x with its axis `from` at place `to`, the others in their order.
Value move_axis(Builder& b, Value x, int64_t from, int64_t to);

}  // namespace atl
