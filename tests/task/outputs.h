// Outputs of models, made up for the tests of src/task.
#pragma once
#include <gtest/gtest.h>

#include "task/tasks.h"

namespace atl {

inline OutputValues output(const std::string& name, std::vector<int64_t> shape, std::vector<double> values,
                           bool integer = false) {
  int64_t n = 1;
  for (const int64_t d : shape) n *= d;
  EXPECT_EQ(size_t(n), values.size()) << name;
  return {name, std::move(shape), std::move(values), integer, 0};
}

}  // namespace atl
