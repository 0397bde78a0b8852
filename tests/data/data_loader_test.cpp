#include "data/data_loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

namespace atl {
namespace {

// Example i is the vector {i, i} with label i % 3; what `broken` names cannot be read; example `wide` has three elements.
class Numbers : public Dataset {
 public:
  explicit Numbers(size_t count, std::set<size_t> broken = {}, size_t wide = ~size_t{0})
      : count_(count), broken_(std::move(broken)), wide_(wide) {}
  size_t size() const override { return count_; }
  Result<Example> get(size_t i) const override {
    ++reads;
    // Later examples are ready sooner, so that an order by arrival would show.
    std::this_thread::sleep_for(std::chrono::microseconds(i % 4 == 0 ? 300 : 10));
    if (broken_.contains(i)) return error(Code::kImage, fmt::format("example {} is broken", i));
    auto a = NdArray::zeros(ElementType::kF32, {i == wide_ ? 3 : 2});
    for (float& v : a->mutable_values<float>()) v = float(i);
    return Example{{{"x", *a}}, int64_t(i % 3), fmt::format("#{}", i)};
  }
  mutable std::atomic<int> reads = 0;

 private:
  size_t count_;
  std::set<size_t> broken_;
  size_t wide_;
};

DataLoader loader(std::shared_ptr<const Dataset> data, const DataLoaderOptions& options) {
  auto l = DataLoader::make(std::move(data), options);
  EXPECT_TRUE(l);
  return std::move(*l);
}

std::vector<std::vector<std::string>> batches(DataLoader& l) {
  std::vector<std::vector<std::string>> out;
  while (true) {
    auto b = l.next();
    EXPECT_TRUE(b) << format(b.error());
    if (!b || !*b) return out;
    EXPECT_EQ((*b)->arrays[0].array.shape, (std::vector<int64_t>{int64_t((*b)->size()), 2}));
    for (size_t i = 0; i < (*b)->size(); ++i)
      EXPECT_EQ(fmt::format("#{}", (*b)->arrays[0].array.values<float>()[2 * i + 1]), (*b)->names[i]);
    out.push_back((*b)->names);
  }
}

TEST(DataLoader, StacksInOrder) {
  DataLoader l = loader(std::make_shared<Numbers>(7), {.batch_size = 3});
  EXPECT_EQ(l.batch_count(), 3u);
  EXPECT_EQ(batches(l), (std::vector<std::vector<std::string>>{{"#0", "#1", "#2"}, {"#3", "#4", "#5"}, {"#6"}}));
  DataLoader full = loader(std::make_shared<Numbers>(7), {.batch_size = 3, .drop_last = true});
  EXPECT_EQ(full.batch_count(), 2u);
  EXPECT_EQ(batches(full).size(), 2u);
  EXPECT_FALSE(DataLoader::make(std::make_shared<Numbers>(7), {.batch_size = 0}));
}

TEST(DataLoader, OrderDependsOnSeedAndEpochOnly) {
  const auto data = std::make_shared<Numbers>(40);
  DataLoader one = loader(data, {.batch_size = 4, .shuffle = true, .seed = 5});
  const auto first = batches(one);
  std::set<std::string> all;
  for (const auto& b : first) all.insert(b.begin(), b.end());
  EXPECT_EQ(all.size(), 40u);
  DataLoader many = loader(data, {.batch_size = 4, .shuffle = true, .seed = 5, .workers = 3});
  EXPECT_EQ(batches(many), first);
  many.start_epoch(1);
  const auto second = batches(many);
  EXPECT_NE(second, first);
  one.start_epoch(1);
  EXPECT_EQ(batches(one), second);
  DataLoader other = loader(data, {.batch_size = 4, .shuffle = true, .seed = 6});
  EXPECT_NE(batches(other), first);
}

TEST(DataLoader, ReadsAheadNoFurtherThanAsked) {
  const auto data = std::make_shared<Numbers>(100);
  DataLoader l = loader(data, {.batch_size = 2, .workers = 2, .prefetch = 3});
  ASSERT_TRUE(l.next());
  for (int tries = 0; tries < 2000 && data->reads < 2 * (1 + 2 * 3); ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(data->reads, 2 * (1 + 2 * 3));
}

TEST(DataLoader, SkipsWhatCannotBeReadAndSaysSo) {
  for (const size_t workers : {0, 2}) {
    DataLoader l = loader(std::make_shared<Numbers>(6, std::set<size_t>{1, 4, 5}), {.batch_size = 2, .workers = workers});
    EXPECT_EQ(batches(l), (std::vector<std::vector<std::string>>{{"#0"}, {"#2", "#3"}}));
    ASSERT_EQ(l.skipped().size(), 3u);
    EXPECT_EQ(l.skipped()[1].index, 4u);
    EXPECT_EQ(l.skipped()[1].error.what, "example 4 is broken");
    DataLoader strict =
        loader(std::make_shared<Numbers>(6, std::set<size_t>{1}), {.batch_size = 2, .workers = workers, .strict = true});
    const auto b = strict.next();
    ASSERT_FALSE(b);
    EXPECT_EQ(b.error().what, "example 1 is broken");
  }
}

TEST(DataLoader, RefusesUnequalShapesInABatch) {
  DataLoader l = loader(std::make_shared<Numbers>(4, std::set<size_t>{}, 3), {.batch_size = 2});
  ASSERT_TRUE(l.next());
  const auto b = l.next();
  ASSERT_FALSE(b);
  EXPECT_EQ(b.error().what, "#3 is f32[3], #2 is f32[2]: they cannot be in one batch");
}

}  // namespace
}  // namespace atl
