// How the axes of two shapes with equally many elements belong together: the rule behind Reshape's layouts.
#pragma once
#include "ir/type.h"

namespace atl {

/// Axes of `a` and of `b` (each a run of neighbours) whose sizes have one product, and that no cut divides further:
/// [6,4,5] and [2,3,20] give {0}<->{0,1} and {1,2}<->{2}.
struct AxisGroup {
  std::vector<int> a, b;
};

/// The groups of two static shapes of equal, non-zero element count, in order. Axes of size 1 belong to none.
std::vector<AxisGroup> axis_groups(const Shape& a, const Shape& b);

/// A permutation of `b` under which its row-major bytes are those of `a` under the permutation `p`: a Reshape between the two
/// permuted shapes replaces the Reshape between `a` and `b`. Axes of size 1 go where they make the result the identity, or
/// channels-last, if that is possible. nullopt when p tears a group apart.
std::optional<Perm> follow_reshape(const Shape& a, const Shape& b, const Perm& p);

}  // namespace atl
