#include "read/storage.h"

#include <gtest/gtest.h>

#include "zip_builder.h"

namespace atl {
namespace {

using Dims = std::vector<int64_t>;

Result<StoredTensor> make(Dims sizes, Dims strides, int64_t offset, size_t bytes) {
  return make_stored_tensor("fc.weight", ScalarType::kFloat32, std::move(sizes), std::move(strides), offset,
                            make_blob(std::string(bytes, 'x')));
}

void expect_refusal(Dims sizes, Dims strides, int64_t offset, const std::string& what) {
  const auto tensor = make(std::move(sizes), std::move(strides), offset, 96);
  ASSERT_FALSE(tensor) << what;
  EXPECT_EQ(tensor.error().code, Code::kWeight);
  EXPECT_EQ(tensor.error().what.substr(0, tensor.error().what.find(" (type")), "tensor 'fc.weight' " + what);
}

TEST(Storage, ExactFit) {
  const auto tensor = make({2, 3, 4}, {12, 4, 1}, 0, 96);
  ASSERT_TRUE(tensor);
  EXPECT_EQ(tensor->elements(), 24);
  EXPECT_TRUE(tensor->is_contiguous());
  EXPECT_EQ(tensor->contiguous_bytes().size(), 96u);
  EXPECT_FALSE(make({2, 3, 4}, {12, 4, 1}, 0, 95));
}

TEST(Storage, Views) {
  EXPECT_TRUE(make({3, 2}, {1, 3}, 18, 96));   // turned, at the end
  EXPECT_FALSE(make({3, 2}, {1, 3}, 19, 96));  // one element too far
  const auto broadcast = make({5, 7}, {0, 1}, 17, 96);
  ASSERT_TRUE(broadcast);
  EXPECT_FALSE(broadcast->is_contiguous());
  const auto offset = make({2, 3}, {3, 1}, 5, 96);
  ASSERT_TRUE(offset);
  EXPECT_TRUE(offset->is_contiguous());
  EXPECT_EQ(offset->contiguous_bytes().data(), offset->bytes.data() + 20);
  const auto ones = make({3, 1, 4}, {4, 77, 1}, 0, 96);  // the stride of a dimension of 1 does not matter
  ASSERT_TRUE(ones);
  EXPECT_TRUE(ones->is_contiguous());
}

TEST(Storage, ScalarsAndEmptyTensors) {
  const auto scalar = make({}, {}, 23, 96);
  ASSERT_TRUE(scalar);
  EXPECT_EQ(scalar->elements(), 1);
  EXPECT_FALSE(make({}, {}, 24, 96));
  const auto empty = make({int64_t{1} << 62, 4, 0}, {1, 1, 1}, 0, 0);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->elements(), 0);
  EXPECT_TRUE(empty->contiguous_bytes().empty());
}

TEST(Storage, Refusals) {
  expect_refusal({5, 5}, {5, 1}, 0, "needs 100 bytes");
  expect_refusal({-1}, {1}, 0, "has a negative size");
  expect_refusal({2}, {-1}, 0, "has a negative stride");
  expect_refusal({2}, {1}, -1, "starts before its storage");
  expect_refusal({2, 3}, {1}, 0, "does not have one stride for each size");
}

TEST(Storage, Overflows) {
  constexpr int64_t kBig = int64_t{1} << 62;
  expect_refusal({kBig, 8}, {8, 1}, 0, "is larger than any memory");
  expect_refusal({kBig}, {0}, 0, "is larger than any memory");
  expect_refusal({3}, {kBig}, 0, "is larger than any memory");
  expect_refusal({1}, {1}, INT64_MAX, "is larger than any memory");
  expect_refusal({2}, {1}, INT64_MAX / 4, "is larger than any memory");
}

}  // namespace
}  // namespace atl
