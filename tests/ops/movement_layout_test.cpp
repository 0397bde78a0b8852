// What the ops that move elements do under a permutation of their operands or results.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "ops/axis_groups.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace atl {
namespace {

std::vector<Perm> all_perms(size_t rank) {
  std::vector<Perm> all;
  Perm p = identity(rank);
  do all.push_back(p);
  while (std::next_permutation(p.begin(), p.end()));
  return all;
}

// Distinct values where the type has room for them, so that an element out of place shows.
Tensor counting(const Type& t) {
  Tensor wide = Tensor::make(Type{DType::kI64, t.shape, {}});
  for (int64_t i = 0; i < wide.count(); ++i) wide.mutable_data<int64_t>()[i] = t.dtype == DType::kBool ? i % 3 == 1 : i;
  return cast(wide, t.dtype);
}

bool same(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && std::equal(a.bytes(), a.bytes() + a.byte_count(), b.bytes());
}

Tensors eval(const OpPtr& op, const Tensors& in) {
  auto out = def_of(*op).eval(*op, in);
  EXPECT_TRUE(out) << (out ? "" : out.error().what);
  return out ? *out : Tensors{};
}

Tensor laid_out(const Tensor& t, const Perm& p) { return p.empty() ? t : transpose(t, p); }

// Checks every permutation of every operand and of the results; returns how many are carried.
int check(const OpPtr& op, const Tensors& in) {
  const OpDef& def = def_of(*op);
  Types types;
  for (const Tensor& t : in) types.push_back(t.type());
  const Tensors out = eval(op, in);
  int carried = 0;
  for (int operand = kResult; operand < int(in.size()); ++operand) {
    const size_t rank = operand == kResult ? out[0].shape().size() : types[size_t(operand)].rank();
    for (const Perm& p : all_perms(rank)) {
      const auto choice = def.permuted(*op, types, operand, p);
      if (!choice) continue;
      ++carried;
      EXPECT_EQ(choice->in.size(), in.size());
      const Perm& given = operand == kResult ? choice->out : choice->in[size_t(operand)];
      EXPECT_TRUE(given == p || (given.empty() && element_count(types[size_t(std::max(operand, 0))].shape) == 1));
      Tensors moved;
      Types moved_types;
      for (size_t i = 0; i < in.size(); ++i) {
        moved.push_back(laid_out(in[i], choice->in[i]));
        moved_types.push_back(moved.back().type());
      }
      auto inferred = def_of(*choice->op).infer(*choice->op, moved_types);
      EXPECT_TRUE(inferred) << def.name << " operand " << operand << ": " << (inferred ? "" : inferred.error().what);
      if (!inferred) return carried;
      const Tensors got = eval(choice->op, moved);
      EXPECT_EQ(got.size(), out.size());
      for (size_t i = 0; i < std::min(got.size(), out.size()); ++i) {
        EXPECT_TRUE(same(got[i], laid_out(out[i], choice->out)))
            << def.name << " {" << def.print(*op) << "} operand " << operand << " perm " << testing::PrintToString(p);
        EXPECT_EQ(got[i].type(), (*inferred)[i]);
      }
    }
  }
  return carried;
}

Tensors operands_of(const Sample& s) {
  Tensors in;
  const size_t random = s.in.size() - s.constants.size();
  for (size_t i = 0; i < s.in.size(); ++i) {
    if (i >= random) {
      in.push_back(s.constants[i - random]);
    } else if (s.low == 0) {  // indices
      Tensor t = counting(Type{DType::kI64, s.in[i].shape, {}});
      for (int64_t k = 0; k < t.count(); ++k) t.mutable_data<int64_t>()[k] %= int64_t(s.high) + 1;
      in.push_back(cast(t, s.in[i].dtype));
    } else {
      in.push_back(counting(s.in[i]));
    }
  }
  return in;
}

TEST(MovementLayout, Samples) {
  for (OpCode code : {OpCode::kReshape, OpCode::kTranspose, OpCode::kConcat, OpCode::kSplit, OpCode::kSlice, OpCode::kPad,
                      OpCode::kBroadcastTo, OpCode::kTile, OpCode::kPack, OpCode::kUnpack, OpCode::kReverse, OpCode::kGather,
                      OpCode::kGatherNd, OpCode::kScatterNd, OpCode::kOneHot, OpCode::kTopK}) {
    int carried = 0;
    for (const Sample& s : def_of(code).samples())
      if (s.bad.empty()) carried += check(s.op, operands_of(s));
    EXPECT_GE(carried, 4) << def_of(code).name;
  }
}

// No permutation is refused that some permutation of the other side could answer.
TEST(ReshapeLayout, CarriesAllThatCanBeCarried) {
  const std::pair<Shape, Shape> shapes[] = {
      {{2, 3, 4}, {2, 12}},   {{2, 12}, {2, 3, 4}},   {{6, 4}, {2, 3, 4}},    {{2, 3, 2, 2}, {2, 3, 4}}, {{1, 6, 2}, {6, 1, 2}},
      {{4, 6}, {2, 12}},      {{1, 1, 5}, {5}},       {{5}, {1, 5, 1}},       {{2, 1, 3, 1}, {1, 2, 3}}, {{12}, {3, 4}},
      {{2, 4, 9}, {2, 6, 6}}, {{1, 6, 1, 1}, {1, 6}}, {{3, 1, 4}, {3, 4, 1}}, {{2, 6, 5}, {2, 3, 2, 5}}, {{}, {1, 1}},
  };
  for (const auto& [a, b] : shapes) {
    const Tensor x = counting(Type{DType::kI32, a, {}}), y = x.reshaped(b);
    for (const Perm& p : all_perms(a.size())) {
      const auto q = follow_reshape(a, b, p);
      const Tensor moved = transpose(x, p);
      bool possible = false;
      for (const Perm& r : all_perms(b.size()))
        possible |= same(moved.reshaped({x.count()}), transpose(y, r).reshaped({x.count()}));
      EXPECT_EQ(bool(q), possible) << to_string(a) << " to " << to_string(b) << " under " << testing::PrintToString(p);
      if (q) {
        EXPECT_TRUE(same(moved.reshaped({x.count()}), transpose(y, *q).reshaped({x.count()})));
      }
    }
    EXPECT_GT(check(make_op(Reshape(b)), {x}), 0);
  }
}

TEST(ReshapeLayout, PlacesOnesWhereNeighboursWantThem) {
  using P = Perm;
  const Perm nhwc{0, 2, 3, 1};
  // Tokens of a vision transformer.
  EXPECT_EQ(follow_reshape({1, 768, 196}, {1, 768, 14, 14}, {0, 2, 1}), nhwc);
  EXPECT_EQ(follow_reshape({1, 768, 14, 14}, {1, 768, 196}, nhwc), (P{0, 2, 1}));
  // One-dimensional convolution.
  EXPECT_EQ(follow_reshape({1, 5, 7}, {1, 5, 1, 7}, {0, 2, 1}), nhwc);
  EXPECT_EQ(follow_reshape({1, 5, 7}, {1, 5, 7, 1}, {0, 2, 1}), nhwc);
  EXPECT_EQ(follow_reshape({1, 5, 1, 7}, {1, 5, 7}, nhwc), (P{0, 2, 1}));
  // Global pooling and the classifier behind it.
  EXPECT_EQ(follow_reshape({1, 5, 1, 1}, {1, 5}, nhwc), (P{0, 1}));
  EXPECT_EQ(follow_reshape({1, 5}, {1, 5, 1, 1}, {0, 1}), (P{0, 1, 2, 3}));
  // Channel shuffle and group normalization.
  EXPECT_EQ(follow_reshape({1, 6, 4, 5}, {1, 2, 3, 4, 5}, nhwc), (P{0, 3, 4, 1, 2}));
  EXPECT_EQ(follow_reshape({1, 2, 3, 4, 5}, {1, 6, 4, 5}, {0, 3, 4, 1, 2}), nhwc);
  EXPECT_EQ(follow_reshape({1, 6, 4, 5}, {2, 3, 20}, nhwc), (P{2, 0, 1}));
  // Flattening a feature map mixes channels and space.
  EXPECT_EQ(follow_reshape({1, 6, 4, 5}, {1, 120}, nhwc), std::nullopt);
  // Three spatial axes.
  EXPECT_EQ(follow_reshape({1, 5, 60}, {1, 5, 3, 4, 5}, {0, 2, 1}), (P{0, 2, 3, 4, 1}));
}

TEST(ReshapeLayout, RandomShapes) {
  std::mt19937 random(7);
  const auto pick = [&](int n) { return int(random() % unsigned(n)); };
  int carried = 0;
  for (int round = 0; round < 200; ++round) {
    // Two ways to cut one list of factors into axes.
    std::vector<int64_t> factors(size_t(2 + pick(3)));
    for (int64_t& f : factors) f = 1 + pick(3);
    const auto cut = [&] {
      Shape s{1};
      for (int64_t f : factors) {
        if (pick(2) && s.size() < 4) s.push_back(1);
        s.back() *= f;
      }
      return s;
    };
    const Shape a = cut(), b = cut();
    carried += check(make_op(Reshape(b)), {counting(Type{DType::kF32, a, {}})});
  }
  EXPECT_GT(carried, 500);
}

TEST(GatherLayout, IndicesOfSeveralAxesStayTogether) {
  const std::vector<int32_t> v{0, 2, 1, 1, 0, 2};
  const Tensor x = counting(Type{DType::kF32, {2, 3, 4}, {}}), k = Tensor::of<int32_t>(DType::kI32, {3, 2}, v);
  EXPECT_EQ(check(make_op(Gather(1)), {x, k}), 12 + 6 + 2);  // the two index axes as a block, in both orders
  const Types types{x.type(), k.type()};
  const OpPtr op = make_op(Gather(1));
  const auto turned = def_of(*op).permuted(*op, types, kResult, {0, 3, 2, 1});
  ASSERT_TRUE(turned);
  EXPECT_EQ(turned->in[0], (Perm{0, 2, 1}));
  EXPECT_EQ(turned->in[1], (Perm{1, 0}));
  EXPECT_FALSE(def_of(*op).permuted(*op, types, kResult, {1, 0, 2, 3}));
}

TEST(SliceLayout, ShrunkenAxesGoAnywhere) {
  const Tensor x = counting(Type{DType::kF32, {2, 3, 4, 5}, {}});
  const OpPtr op = make_op(Slice({0, 0, 2, 0}, {2, 3, 1, 5}, {}, {2}));
  EXPECT_EQ(check(op, {x}), 24 + 6);
  const auto nwc = def_of(*op).permuted(*op, {&x.type(), 1}, kResult, {0, 2, 1});
  ASSERT_TRUE(nwc);
  EXPECT_EQ(nwc->in[0], (Perm{0, 2, 3, 1}));
}

}  // namespace
}  // namespace atl
