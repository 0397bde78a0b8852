#include "ir/type.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace atl {
namespace {

std::vector<Perm> all_perms(size_t rank) {
  std::vector<Perm> all;
  Perm p = identity(rank);
  do all.push_back(p);
  while (std::next_permutation(p.begin(), p.end()));
  return all;
}

TEST(Type, NamesAreUniqueAndReadBack) {
  for (int i = 0; i <= int(DType::kUnknown); ++i) EXPECT_EQ(dtype_from_name(name(DType(i))), DType(i));
  EXPECT_EQ(dtype_from_name("f31"), std::nullopt);
  EXPECT_EQ(dtype_from_name(""), std::nullopt);
}

TEST(Type, KindsOfElementTypes) {
  EXPECT_TRUE(is_float(DType::kBF16));
  EXPECT_FALSE(is_float(DType::kI4));
  EXPECT_TRUE(is_integer(DType::kI4));
  EXPECT_TRUE(is_integer(DType::kU64));
  EXPECT_FALSE(is_integer(DType::kBool));
  EXPECT_EQ(bits(DType::kI4), 4);
  EXPECT_EQ(bits(DType::kString), 0);
}

TEST(Type, PermutedTakesAxisFromThePermutation) {
  EXPECT_EQ(permuted({2, 3, 5, 7}, {0, 2, 3, 1}), (Shape{2, 5, 7, 3}));
  EXPECT_EQ(inverse({0, 2, 3, 1}), (Perm{0, 3, 1, 2}));
}

TEST(Type, PermutationsAreAGroup) {
  const Shape s{2, 3, 5, 7};
  for (const Perm& a : all_perms(4)) {
    EXPECT_TRUE(is_permutation(a, 4));
    EXPECT_TRUE(is_identity(compose(a, inverse(a))));
    EXPECT_TRUE(is_identity(compose(inverse(a), a)));
    for (const Perm& b : all_perms(4)) {
      ASSERT_EQ(permuted(permuted(s, a), b), permuted(s, compose(a, b)));
      ASSERT_EQ(inverse(compose(a, b)), compose(inverse(b), inverse(a)));
    }
  }
}

TEST(Type, WhatIsNotAPermutation) {
  EXPECT_FALSE(is_permutation({0, 1}, 3));
  EXPECT_FALSE(is_permutation({0, 0}, 2));
  EXPECT_FALSE(is_permutation({0, 2}, 2));
  EXPECT_FALSE(is_permutation({-1, 0}, 2));
  EXPECT_TRUE(is_permutation({}, 0));
}

TEST(Type, ElementCounts) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 0, 5}), 0);
  EXPECT_EQ(element_count({2, kDynamic, 5}), 10);
  EXPECT_EQ(contiguous_strides({2, 3, 5}), (std::vector<int64_t>{15, 5, 1}));
  EXPECT_FALSE(is_static({2, kDynamic}));
}

TEST(Type, BroadcastOfTwoShapes) {
  EXPECT_EQ(broadcast({2, 1, 5}, {3, 1}), (Shape{2, 3, 5}));
  EXPECT_EQ(broadcast({}, {2, 3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast({1}, {0}), (Shape{0}));
  EXPECT_EQ(broadcast({2, 3}, {3, 2}), std::nullopt);
  EXPECT_EQ(broadcast({0}, {2}), std::nullopt);
  EXPECT_EQ(broadcast({1}, {kDynamic}), (Shape{kDynamic}));
}

TEST(Type, BroadcastIsCommutativeOnAllSmallShapes) {
  std::vector<Shape> shapes{{}};
  for (int64_t a : {0, 1, 2, 3}) {
    shapes.push_back({a});
    for (int64_t b : {0, 1, 2, 3}) shapes.push_back({a, b});
  }
  for (const Shape& a : shapes)
    for (const Shape& b : shapes) {
      const auto ab = broadcast(a, b);
      EXPECT_EQ(ab, broadcast(b, a));
      if (!ab) continue;
      EXPECT_EQ(broadcast(*ab, a), ab) << to_string(a) << " with " << to_string(b);
    }
}

TEST(Type, ByteSizes) {
  EXPECT_EQ(*byte_size({DType::kF32, {2, 3}, {}}), 24u);
  EXPECT_EQ(*byte_size({DType::kI4, {3, 3}, {}}), 5u) << "rounds up to whole bytes";
  EXPECT_EQ(*byte_size({DType::kF32, {2, 0}, {}}), 0u);
  EXPECT_EQ(*byte_size({DType::kF64, {}, {}}), 8u);
}

TEST(Type, ByteSizesThatOverflowAreErrors) {
  const int64_t big = int64_t(1) << 32, largest = std::numeric_limits<int64_t>::max();
  for (const Shape& s :
       {Shape{big, big}, Shape{largest, 2, 2}, Shape{big, big, big, big}, Shape{largest}, Shape{int64_t(1) << 48}}) {
    const auto size = byte_size({DType::kF32, s, {}});
    ASSERT_FALSE(size) << to_string(s);
    EXPECT_EQ(size.error().code, Code::kTooLarge);
  }
  // 2^62 elements of four bytes wrap around to nothing.
  EXPECT_FALSE(byte_size({DType::kF32, {int64_t(1) << 62}, {}}));
  const auto negative = byte_size({DType::kF32, {2, -3}, {}});
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.error().code, Code::kShape);
}

TEST(Type, Texts) {
  EXPECT_EQ(to_string(Shape{}), "scalar");
  EXPECT_EQ(to_string(Shape{1, kDynamic, 3}), "1x?x3");
  Type t{DType::kI8, {2, kDynamic}, QuantParams{{0.5f}, {3}, 0}};
  EXPECT_EQ(to_string(t), "i8[2,?]q(0.5,3)");
  t.quant = QuantParams{{0.5f, 0.25f}, {0, 0}, 1};
  EXPECT_EQ(to_string(t), "i8[2,?]q(axis=1,n=2)");
}

TEST(Type, AxesCountFromTheEnd) {
  EXPECT_EQ(*normalize_axis(-1, 3), 2);
  EXPECT_EQ(*normalize_axis(-3, 3), 0);
  EXPECT_FALSE(normalize_axis(3, 3));
  EXPECT_FALSE(normalize_axis(-4, 3));
  EXPECT_EQ(*normalize_axis(-1, 0), 0) << "a scalar has one axis, as in torch";
}

}  // namespace
}  // namespace atl
