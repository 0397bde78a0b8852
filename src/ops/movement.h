// What ops that move elements share: element types that travel as plain bytes, permutations with axes that may go anywhere,
// quantization parameters that follow their axis.
#pragma once
#include <span>
#include <string_view>

#include "ir/rewrite.h"

namespace atl {

/// A permutation of `rank` axes that has the axes in `order` in that order; the axes missing from `order` may stand anywhere.
/// Prefers the identity, then channels-last, then its inverse, then free axes at their own place.
Perm place_free_axes(const std::vector<int>& order, size_t rank);

/// The type of a value of which axis k is axis from[k] of `t` (-1: another axis). Quantization parameters come along; nullopt
/// when they belong to an axis that is cut, joined or lost.
std::optional<Type> moved_type(const Type& t, Shape shape, const std::vector<int>& from);
/// The same for axes that all stay where they are, perhaps with other sizes.
std::optional<Type> resized_type(const Type& t, Shape shape);

/// An element type of whole bytes, so that eval can copy elements. E: kUnsupportedType.
Status movable(std::string_view what, DType t);

/// Where all used results of the node (equal parts along `axis` of its operand) are reshaped to one shape: the operand reshaped
/// once, its parts along a new axis by Unpack in place of the reshaped results. False where that is not the case or saves
/// nothing.
Result<bool> reshape_before_parting(Rewrite& r, int64_t axis);

/// Elements from[k] of an axis of x, in that order: runs of neighbours as slices, joined. An invalid value for more runs than
/// an operator should have operands. For targets that cannot pick elements.
Value pick_by_slices(Builder& b, Value x, int64_t axis, std::span<const int64_t> from);

/// True when every operand and result of an operator that is read has a static shape and is there.
bool is_plain(const TfliteNode& n);

/// Calls f(pointer of the word type) for elements of 1, 2, 4 or 8 bytes.
template <class F>
void visit_width(DType t, F&& f) {
  switch (bits(t)) {
    case 8:
      return f(uint8_t{});
    case 16:
      return f(uint16_t{});
    case 32:
      return f(uint32_t{});
    case 64:
      return f(uint64_t{});
    default:
      return;
  }
}

}  // namespace atl
