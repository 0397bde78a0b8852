#include "ir/constant.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ops/binary.h"
#include "ops/unary.h"

namespace atl {
namespace {

Tensor counting(Shape shape) {
  Tensor t = Tensor::make(Type{DType::kI32, std::move(shape), {}});
  for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<int32_t>()[i] = int32_t(i);
  return t;
}

std::vector<int32_t> elements(const Constant& c) {
  const auto t = c.materialize();
  if (!t) {
    ADD_FAILURE() << format(t.error());
    return {};
  }
  EXPECT_EQ(t->shape(), c.type().shape);
  const auto v = t->values<int32_t>();
  return {v.begin(), v.end()};
}

std::vector<int32_t> elements(const Tensor& t) { return {t.values<int32_t>().begin(), t.values<int32_t>().end()}; }

/// Every shape of up to `rank` axes with `count` elements.
std::vector<Shape> shapes_of(int64_t count, size_t rank) {
  std::vector<Shape> all;
  if (count == 1) all.push_back({});
  std::vector<Shape> work{{}};
  while (!work.empty()) {
    const Shape s = work.back();
    work.pop_back();
    const int64_t n = element_count(s);
    if (!s.empty() && n == count) all.push_back(s);
    if (s.size() == rank) continue;
    for (int64_t d = 1; n * d <= count; ++d) {
      if (count % (n * d) != 0) continue;
      work.push_back(s);
      work.back().push_back(d);
    }
  }
  return all;
}

// permuted() and then reshaped() of a view against the same done to a copy, over all small shapes.
TEST(Constant, ViewsEqualCopiesOnAllSmallShapes) {
  size_t views = 0, refused = 0;
  for (int64_t count : {1, 2, 4, 6, 12}) {
    const std::vector<Shape> shapes = shapes_of(count, 3);
    for (const Shape& from : shapes) {
      const Tensor t = counting(from);
      const ConstantPtr c = Constant::of(t);
      Perm p = identity(from.size());
      do {
        const Tensor moved = transpose(t, p);
        const ConstantPtr view = c->permuted(p);
        ASSERT_EQ(elements(*view), elements(moved)) << to_string(from);
        for (const Shape& to : shapes) {
          const ConstantPtr again = view->reshaped(to);
          if (!again) {
            ++refused;
            ASSERT_FALSE(view->is_dense()) << "a dense constant takes every shape: " << to_string(from) << " to "
                                           << to_string(to);
            continue;
          }
          ++views;
          ASSERT_EQ(again->type().shape, to);
          ASSERT_EQ(elements(*again), elements(moved))
              << to_string(from) << " permuted to " << to_string(moved.shape()) << " reshaped to " << to_string(to);
          // And a permutation of that.
          Perm q = identity(to.size());
          std::reverse(q.begin(), q.end());
          ASSERT_EQ(elements(*again->permuted(q)), elements(transpose(moved.reshaped(to), q)));
        }
      } while (std::next_permutation(p.begin(), p.end()));
    }
  }
  EXPECT_GT(views, 1000u);
  EXPECT_GT(refused, 100u);
}

TEST(Constant, AReshapeThatKeepsAPermutedRunTogetherIsAView) {
  // [2,3,5] -> [5,2,3] -> [5,6]: the last two axes are still one run.
  const ConstantPtr c = Constant::of(counting({2, 3, 5}))->permuted({2, 0, 1});
  EXPECT_NE(c->reshaped({5, 6}), nullptr);
  EXPECT_EQ(c->reshaped({10, 3}), nullptr);
  EXPECT_EQ(c->reshaped({5, 7}), nullptr) << "another number of elements";
}

TEST(Constant, EmptyAndScalarConstants) {
  const ConstantPtr empty = Constant::of(counting({2, 0, 3}));
  EXPECT_TRUE(empty->is_dense());
  EXPECT_TRUE(elements(*empty->permuted({2, 1, 0})).empty());
  if (const ConstantPtr again = empty->reshaped({0})) {
    EXPECT_TRUE(elements(*again).empty());
  }
  const ConstantPtr scalar = Constant::of(counting({}));
  EXPECT_EQ(elements(*scalar->reshaped({1, 1})), std::vector<int32_t>{0});
  EXPECT_EQ(elements(*scalar->reshaped({1, 1})->reshaped({})), std::vector<int32_t>{0});
}

TEST(Constant, ViewsWithOffsetsStridesAndBroadcastAxes) {
  const Tensor t = counting({4, 6});
  const auto view = [&](Shape s, int64_t offset, std::vector<int64_t> strides) {
    return Constant::view(Type{DType::kI32, std::move(s), {}}, t.bytes(), offset, std::move(strides), t.owner());
  };
  EXPECT_EQ(elements(*view({2, 3}, 7, {6, 2})), (std::vector<int32_t>{7, 9, 11, 13, 15, 17}));
  EXPECT_EQ(elements(*view({3, 2}, 5, {0, 1})), (std::vector<int32_t>{5, 6, 5, 6, 5, 6}));
  EXPECT_FALSE(view({3, 2}, 5, {0, 1})->is_dense());
  EXPECT_TRUE(view({2, 6}, 6, {6, 1})->is_dense());
  EXPECT_TRUE(view({1, 6}, 6, {1000, 1})->is_dense()) << "the stride of an axis of size one does not matter";
}

TEST(Constant, AViewAtAnOddAddressIsCopied) {
  std::vector<std::byte> bytes(17);
  const int32_t values[] = {11, 12, 13};
  std::memcpy(bytes.data() + 1, values, sizeof values);
  const auto c = Constant::view(Type{DType::kI32, {3}, {}}, bytes.data() + 1, 0, {1}, nullptr);
  EXPECT_FALSE(c->is_dense());
  EXPECT_EQ(elements(*c), (std::vector<int32_t>{11, 12, 13}));
}

TEST(Constant, RecipesAreEvaluatedAndThenViewed) {
  const Tensor a = counting({2, 3});
  const ConstantPtr sum = Constant::lazy(make_op(Binary(BinaryKind::kAdd)), {Constant::of(a), Constant::of(a)},
                                         Type{DType::kI32, {2, 3}, {}}, "sum");
  EXPECT_TRUE(sum->is_lazy());
  EXPECT_FALSE(sum->is_dense());
  EXPECT_EQ(sum->anonymous_bytes(), 24u);
  EXPECT_EQ(elements(*sum), (std::vector<int32_t>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(elements(*sum->permuted({1, 0})), (std::vector<int32_t>{0, 6, 2, 8, 4, 10}));
  EXPECT_EQ(elements(*sum->reshaped({3, 2})), (std::vector<int32_t>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(elements(*sum->permuted({1, 0})->permuted({1, 0})->reshaped({6})), (std::vector<int32_t>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(sum->permuted({1, 0})->name(), "sum");
  EXPECT_EQ(sum->renamed("other")->name(), "other");
}

TEST(Constant, IdentityIsOfBytesAndOrder) {
  const Tensor a = counting({2, 3}), b = counting({2, 3});
  const ConstantPtr x = Constant::of(a, "x"), y = Constant::of(a, "y"), z = Constant::of(b);
  EXPECT_TRUE(x->same_bytes(*y)) << "names do not count";
  EXPECT_EQ(x->identity_hash(), y->identity_hash());
  EXPECT_FALSE(x->same_bytes(*z));
  EXPECT_FALSE(x->same_bytes(*x->reshaped({3, 2})));
  EXPECT_TRUE(x->permuted({1, 0})->same_bytes(*y->permuted({1, 0})));
  const auto negated = [](const ConstantPtr& c, UnaryKind k) { return Constant::lazy(make_op(Unary(k)), {c}, c->type()); };
  EXPECT_TRUE(negated(x, UnaryKind::kNeg)->same_bytes(*negated(y, UnaryKind::kNeg)));
  EXPECT_FALSE(negated(x, UnaryKind::kNeg)->same_bytes(*negated(y, UnaryKind::kAbs)));
  EXPECT_FALSE(negated(x, UnaryKind::kNeg)->same_bytes(*negated(z, UnaryKind::kNeg)));
}

TEST(Constant, ContentIsOfValues) {
  const ConstantPtr x = Constant::of(counting({2, 3})), z = Constant::of(counting({2, 3}));
  EXPECT_TRUE(x->same_content(*z));
  EXPECT_EQ(x->content_hash(), z->content_hash());
  EXPECT_TRUE(x->permuted({1, 0})->same_content(*z->permuted({1, 0})));
  EXPECT_EQ(x->permuted({1, 0})->content_hash(), z->permuted({1, 0})->content_hash());
  EXPECT_FALSE(x->same_content(*z->permuted({1, 0})));
  Tensor other = counting({2, 3});
  other.mutable_data<int32_t>()[5] = 77;
  EXPECT_FALSE(x->same_content(*Constant::of(other)));
  Tensor unsigned_one = Tensor::make(Type{DType::kU32, {2, 3}, {}});
  std::memcpy(unsigned_one.mutable_bytes(), counting({2, 3}).bytes(), 24);
  EXPECT_FALSE(x->same_content(*Constant::of(unsigned_one)));
}

TEST(Constant, TheQuantizedAxisMovesWithAPermutation) {
  Tensor t = counting({2, 3, 5});
  Type type = t.type();
  type.quant = QuantParams{{1, 2, 3}, {0, 0, 0}, 1};
  const auto c = Constant::view(type, t.bytes(), 0, contiguous_strides(type.shape), t.owner());
  EXPECT_EQ(c->permuted({0, 2, 1})->type().quant->axis, 2);
  EXPECT_EQ(c->permuted({1, 2, 0})->type().quant->axis, 0);
  EXPECT_EQ(c->reshaped({6, 5}), nullptr) << "its scales could not be told apart any more";
}

}  // namespace
}  // namespace atl
