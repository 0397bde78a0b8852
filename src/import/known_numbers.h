// Numbers of a program that are no tensors: sizes of values, and what is computed from them or read from constants.
#pragma once
#include <functional>
#include <unordered_map>

#include "import/placement.h"
#include "read/source.h"

namespace atl {

class KnownNumbers {
 public:
  /// Takes a node that gives numbers, if it can be computed: sizes of shapes that are known, elements of tensors that depend on
  /// constants alone, arithmetic of numbers. `value_of` gives the value of a tensor's name, invalid when there is none. False,
  /// and nothing is kept, for all other nodes.
  bool compute(Builder& b, const SourceNode& node, const std::function<Value(const std::string&)>& value_of);
  /// The number of that name, as an argument.
  std::optional<SourceArg> find(const std::string& name) const;

 private:
  std::optional<double> number(const SourceValue& v) const;

  std::unordered_map<std::string, double> integers_, floats_, bools_;
};

}  // namespace atl
