#include "run/nd_array.h"

#include <gtest/gtest.h>

#include <cstring>

namespace atl {
namespace {

template <class T>
NdArray array_of(ElementType dtype, std::vector<int64_t> shape, std::vector<T> values) {
  NdArray a{dtype, std::move(shape), std::vector<std::byte>(values.size() * sizeof(T))};
  std::memcpy(a.bytes.data(), values.data(), a.bytes.size());
  return a;
}

TEST(NdArray, AnItemHasTheOtherAxes) {
  const NdArray a = array_of<int16_t>(ElementType::kI16, {2, 3, 1}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(a.item(0), array_of<int16_t>(ElementType::kI16, {3, 1}, {1, 2, 3}));
  EXPECT_EQ(a.item(1), array_of<int16_t>(ElementType::kI16, {3, 1}, {4, 5, 6}));
  EXPECT_EQ(a.item(1).item(2).item(0), array_of<int16_t>(ElementType::kI16, {}, {6}));
}

TEST(NdArray, NumbersOfEveryType) {
  EXPECT_EQ(*array_of<double>(ElementType::kF64, {2}, {0.5, -0.25}).number(1), -0.25);
  EXPECT_EQ(*array_of<float>(ElementType::kF32, {2}, {0.5f, 3}).number(0), 0.5);
  EXPECT_EQ(*array_of<int64_t>(ElementType::kI64, {1}, {-5}).number(0), -5);
  EXPECT_EQ(*array_of<uint64_t>(ElementType::kU64, {1}, {uint64_t{1} << 63}).number(0), 9223372036854775808.0);
  EXPECT_EQ(*array_of<uint32_t>(ElementType::kU32, {1}, {4000000000u}).number(0), 4e9);
  EXPECT_EQ(*array_of<uint16_t>(ElementType::kU16, {1}, {65535}).number(0), 65535);
  EXPECT_EQ(*array_of<int8_t>(ElementType::kI8, {2}, {1, -128}).number(1), -128);
  EXPECT_EQ(*array_of<uint8_t>(ElementType::kBool, {2}, {0, 1}).number(1), 1);
  const auto half = array_of<uint16_t>(ElementType::kF16, {1}, {0}).number(0);
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().what, "values of f16 cannot be converted");
}

}  // namespace
}  // namespace atl
