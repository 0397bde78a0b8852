#include "tflite/tensor_names.h"

#include <gtest/gtest.h>

namespace atl {
namespace {

TEST(TensorNames, NumbersRepeatedNames) {
  TensorNames names;
  EXPECT_EQ(names.unique("conv"), "conv");
  EXPECT_EQ(names.unique("conv"), "conv:1");
  EXPECT_EQ(names.unique("conv:2"), "conv:2");
  EXPECT_EQ(names.unique("conv"), "conv:3");
  EXPECT_EQ(names.unique("conv:2"), "conv:4");
  EXPECT_EQ(names.unique("scope:a"), "scope:a");
  EXPECT_EQ(names.unique("scope:a"), "scope:a:1");
}

TEST(TensorNames, GivesItsOwnAnswersAgain) {
  const std::vector<std::string> wishes{"a", "a", "b", "a", "a:1", "b:1", "b", "a", "", "", "a:9", "a"};
  TensorNames first, second;
  for (const std::string& wish : wishes) {
    const std::string name = first.unique(wish);
    EXPECT_EQ(second.unique(name), name);
  }
}

}  // namespace
}  // namespace atl
