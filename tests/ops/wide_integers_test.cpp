#include "ops/wide_integers.h"

#include <gtest/gtest.h>

#include <limits>

#include "ir/cast_op.h"
#include "ir/evaluator.h"
#include "ops/binary.h"
#include "ops/index.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace atl {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

std::vector<int64_t> divided(const std::vector<int64_t>& x, const std::vector<int64_t>& y, bool round_down) {
  const auto n = int64_t(x.size());
  Graph g;
  Builder b(g);
  const Type type{DType::kI64, {n}, {}};
  const Value a = g.add_input("x", type), d = g.add_input("y", type);
  g.add_output("q", divide_i64(b, a, d, round_down));
  EXPECT_FALSE(b.failed());
  Tensors out;
  const Tensors in{Tensor::of<int64_t>(DType::kI64, {n}, x), Tensor::of<int64_t>(DType::kI64, {n}, y)};
  EXPECT_TRUE(Evaluator(g).run(in, out));
  return std::vector<int64_t>(out[0].data<int64_t>(), out[0].data<int64_t>() + n);
}

TEST(DivideI64, IsExactInAllBits) {
  std::vector<int64_t> x, y, floor, trunc;
  const std::vector<int64_t> numbers = {0,
                                        1,
                                        -1,
                                        2,
                                        3,
                                        -7,
                                        10,
                                        1000,
                                        12345678,
                                        -7654321,
                                        1ll << 31,
                                        -(1ll << 31) - 1,
                                        1ll << 40,
                                        -(1ll << 40) + 3,
                                        (1ll << 53) + 1,
                                        -(1ll << 62),
                                        (1ll << 62) - 1,
                                        kMax,
                                        -kMax,
                                        kMax - 1};
  for (int64_t a : numbers)
    for (int64_t d : numbers) {
      if (d == 0) continue;
      x.push_back(a);
      y.push_back(d);
      trunc.push_back(a / d);
      floor.push_back(a / d - (a % d != 0 && (a < 0) != (d < 0)));
    }
  EXPECT_EQ(divided(x, y, true), floor);
  EXPECT_EQ(divided(x, y, false), trunc);
}

TEST(FitsI32, KnowsPositionsCountsAndNarrowTypes) {
  Graph g;
  Builder b(g);
  const Value wide = g.add_input("wide", Type{DType::kI64, {2, 3}, {}});
  const Value narrow = g.add_input("narrow", Type{DType::kI32, {2, 3}, {}});
  const Value flags = g.add_input("flags", Type{DType::kBool, {2, 3}, {}});
  const Value x = g.add_input("x", Type{DType::kF32, {2, 3}, {}});
  const auto fits = [&](Value v) { return fits_i32(g, v); };
  const Value widened = b.add(Cast(DType::kI64), {narrow});
  ArgReduce place;
  place.axis = 1;
  EXPECT_FALSE(fits(wide));
  EXPECT_TRUE(fits(narrow));
  EXPECT_TRUE(fits(widened));
  EXPECT_FALSE(fits(b.add(Cast(DType::kI64), {x})));
  EXPECT_TRUE(fits(b.add(place, {x})));
  EXPECT_TRUE(fits(b.add(Reshape({6}), {widened})));
  EXPECT_FALSE(fits(b.add(Binary(BinaryKind::kAdd), {widened, widened})));
  EXPECT_TRUE(fits(b.add(Binary(BinaryKind::kFloorMod), {wide, widened})));
  EXPECT_TRUE(fits(b.add(Reduce(ReduceKind::kSum, {1}, false), {b.add(Cast(DType::kI64), {flags})})));
  EXPECT_FALSE(fits(b.add(Reduce(ReduceKind::kSum, {1}, false), {widened})));
  EXPECT_TRUE(fits(b.scalar(7, DType::kI64)));
  EXPECT_FALSE(fits(b.scalar(double(1ll << 40), DType::kI64)));
  EXPECT_FALSE(b.failed());
}

}  // namespace
}  // namespace atl
