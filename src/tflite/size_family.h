// One graph at several sizes. What differs between its members follows from the sizes of the inputs.
#pragma once
#include <span>
#include <vector>

#include "ir/graph.h"
#include "tflite/size_formula.h"

namespace atl {

class SizeFamily {
 public:
  /// A family of one: nothing in it is open.
  explicit SizeFamily(const Graph& only);
  /// The graphs must outlive the family. E: kSymbolic at the first node that is not the same in all members, with the hint to
  /// fix the sizes.
  static Result<SizeFamily> match(const Graph& first, std::span<const Graph* const> others);

  const Graph& first() const { return *members_[0]; }
  size_t size() const { return members_.size(); }
  const Graph& member(size_t m) const { return *members_[m]; }
  /// Nodes of the first member that become operators, in order (emission_order), and the same node in member m.
  const std::vector<uint32_t>& order() const { return orders_[0]; }
  uint32_t node(size_t m, uint32_t id) const { return orders_[m][place_[id]]; }
  /// A value of the first member that is no constant, in member m.
  Value value(size_t m, Value v) const;
  /// The type of a value of the first member with kDynamic for its open axes.
  Type open_type(Value v) const;
  /// The size of an axis of a value that is no constant, in every member.
  SizeVector axis(Value v, size_t axis) const;

 private:
  SizeFamily() = default;
  Status check() const;
  Status check_value(Value v, const Origin& origin) const;
  std::vector<const Graph*> members_;
  std::vector<std::vector<uint32_t>> orders_;  // by member
  std::vector<size_t> place_;                  // of a node of the first member in its order
};

}  // namespace atl
