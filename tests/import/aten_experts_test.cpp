#include "import/source_call_fixture.h"

namespace atl {
namespace {

// Expected values: torch 2.13.0 (and transformers' own loop for its grouped product) on the same operands.
TEST(AtenExperts, Histogram) {
  CallFixture c("aten.histc.default");
  c.arg("self", wave({3, 7}, 0), false).arg("bins", int64_t(5)).arg("min", -0.5).arg("max", 0.75);
  expect_values(c.run(), {5}, {2, 0, 3, 2, 3});
}

TEST(AtenExperts, HistogramOfTheEdgesAndNan) {
  const float x[] = {0, 0, 1, 1, 1, 3, 3, 4, -1, 2.5, std::nanf("")};
  CallFixture c("aten.histc.default");
  c.arg("self", Tensor::of<float>(DType::kF32, {11}, x), false).arg("bins", int64_t(4)).arg("min", 0.0).arg("max", 3.0);
  expect_values(c.run(), {4}, {2, 3, 0, 3});
}

TEST(AtenExperts, HistogramOverTheRangeOfTheData) {
  const float x[] = {-1, 0.5, 2, 3, 0.25};
  CallFixture c("aten.histc.default");
  c.arg("self", Tensor::of<float>(DType::kF32, {5}, x), false).arg("bins", int64_t(4));
  expect_values(c.run(), {4}, {1, 2, 0, 2});
}

void expect_grouped(const std::vector<int32_t>& offs, const std::vector<double>& expected) {
  CallFixture c("transformers.grouped_mm_fallback.default");
  c.arg("input", wave({5, 3}, 0), false).arg("weight", wave({4, 3, 2}, 1));
  c.arg("offs", Tensor::of<int32_t>(DType::kI32, {4}, offs), false);
  expect_values(c.run(), {5, 2}, expected);
}

TEST(AtenExperts, GroupsOfRows) {
  expect_grouped({2, 2, 3, 5}, {-0.1678099, -0.9365198, 1.1672673, 1.2128446, 1.168268, 1.198163, -0.18888047, -0.9505986,
                                1.1755972, 1.2064745});
}

TEST(AtenExperts, RowsBehindTheLastGroupAreZero) {
  expect_grouped({1, 2, 3, 3}, {-0.1678099, -0.9365198, -1.005294, -0.27040616, 1.168268, 1.198163, 0, 0, 0, 0});
}

// y[argsort(x)] = values, in place: the places of a sort cannot repeat.
TEST(AtenExperts, PlacesOfASortAreOverwritten) {
  const Tensor keys = wave({5}, 0);
  CallFixture sort("aten.sort.default");
  const Value x = sort.value(keys, false);
  sort.arg("self", x);
  ASSERT_EQ(sort.build(), "");
  const Value order = sort.call().results()[1];

  SourceCall& call = sort.call();
  call.set_arg("self", sort.value(wave({5, 2}, 1), false));
  call.set_arg("indices", Values{order});
  call.set_arg("values", sort.value(wave({5, 2}, 2), false));
  find_import("aten.index_put.default")->build(call);
  ASSERT_FALSE(call.failed());
  // argsort of sin(0, 0.7, 1.4, 2.1, 2.8) is 0 4 1 3 2: row 1 of the values goes to row 4.
  const Tensor v = wave({5, 2}, 2);
  std::vector<double> expected(10);
  const int to[] = {0, 4, 1, 3, 2};
  for (int i = 0; i < 5; ++i)
    for (int k = 0; k < 2; ++k) expected[size_t(2 * to[i] + k)] = element_as_double(v, 2 * i + k);
  expect_values(sort.result_value(), {5, 2}, expected);
}

// The same of a part of the places: rows that it does not name stay.
TEST(AtenExperts, PlacesOfTheLargestAreOverwritten) {
  CallFixture top("aten.topk.default");
  top.arg("self", wave({5}, 0), false).arg("k", int64_t(2));
  ASSERT_EQ(top.build(), "");
  SourceCall& call = top.call();
  call.set_arg("indices", Values{call.results()[1]});
  call.set_arg("self", top.value(wave({5, 2}, 1), false));
  call.set_arg("values", top.value(wave({2, 2}, 2), false));
  find_import("aten.index_put.default")->build(call);
  ASSERT_FALSE(call.failed());
  const Tensor x = wave({5, 2}, 1), v = wave({2, 2}, 2);
  std::vector<double> expected;
  for (int i = 0; i < 10; ++i) expected.push_back(element_as_double(x, i));
  const int to[] = {2, 3};
  for (int i = 0; i < 2; ++i)
    for (int k = 0; k < 2; ++k) expected[size_t(2 * to[i] + k)] = element_as_double(v, 2 * i + k);
  expect_values(top.result_value(), {5, 2}, expected);
}

}  // namespace
}  // namespace atl
