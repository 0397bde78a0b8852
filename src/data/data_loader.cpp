#include "data/data_loader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <numeric>
#include <thread>

namespace atl {
namespace {

// What reading one batch gives.
struct ReadBatch {
  Batch batch;
  std::vector<SkippedExample> skipped;
  std::optional<Error> error;
};

// SplitMix64 (Steele, Lea, Flood 2014): the same numbers with every standard library, unlike std::shuffle's distribution.
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // A number below n without bias.
  uint64_t below(uint64_t n) {
    const uint64_t limit = ~uint64_t{0} - ~uint64_t{0} % n;
    uint64_t v = next();
    while (v >= limit) v = next();
    return v % n;
  }

 private:
  uint64_t state_;
};

std::vector<size_t> order_of(size_t count, const DataLoaderOptions& options, uint64_t epoch) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  if (!options.shuffle) return order;
  SplitMix random(options.seed);
  SplitMix of_epoch(random.next() ^ SplitMix(epoch).next());
  for (size_t i = count; i > 1; --i) std::swap(order[i - 1], order[of_epoch.below(i)]);
  return order;
}

Error differs(const std::string& name, const NdArray& a, const std::string& first, const NdArray& b) {
  return error(Code::kInput, fmt::format("{} is {}, {} is {}: they cannot be in one batch", name, a.text(), first, b.text()),
               "bring all examples to one size: --preprocess 'size=WxH', or 'resize=N crop=N'");
}

Status append(Batch& batch, Example example) {
  if (batch.names.empty()) {
    batch.arrays = std::move(example.arrays);
    for (NamedArray& a : batch.arrays) a.array.shape.insert(a.array.shape.begin(), 1);
  } else {
    if (example.arrays.size() != batch.arrays.size())
      return error(Code::kInput, fmt::format("{} has {} arrays, {} has {}", example.name, example.arrays.size(), batch.names[0],
                                             batch.arrays.size()));
    for (size_t i = 0; i < batch.arrays.size(); ++i) {
      NdArray& to = batch.arrays[i].array;
      const NdArray& from = example.arrays[i].array;
      if (from.dtype != to.dtype || !std::equal(from.shape.begin(), from.shape.end(), to.shape.begin() + 1, to.shape.end())) {
        NdArray first{to.dtype, {to.shape.begin() + 1, to.shape.end()}, {}};
        return differs(example.name, from, batch.names[0], first);
      }
      to.bytes.insert(to.bytes.end(), from.bytes.begin(), from.bytes.end());
      ++to.shape[0];
    }
  }
  if (example.label && batch.labels.size() == batch.names.size()) batch.labels.push_back(*example.label);
  batch.names.push_back(std::move(example.name));
  return {};
}

}  // namespace

/// Hands out batches in order. With workers, batch b may be read once batch b - window has been taken.
class DataLoader::Reader {
 public:
  Reader(std::shared_ptr<const Dataset> dataset, const DataLoaderOptions& options)
      : dataset_(std::move(dataset)), options_(options) {
    options_.prefetch = std::max<size_t>(options_.prefetch, 1);
    start(0);
  }
  ~Reader() { stop(); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  size_t batch_count() const {
    const size_t n = dataset_->size(), b = options_.batch_size;
    return options_.drop_last ? n / b : (n + b - 1) / b;
  }

  void start(uint64_t epoch) {
    stop();
    order_ = order_of(dataset_->size(), options_, epoch);
    skipped_.clear();
    taken_ = begun_ = 0;
    stopping_ = false;
    const size_t workers = std::min(options_.workers, batch_count());
    window_ = workers * options_.prefetch;
    ready_.assign(window_, std::nullopt);
    for (size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
  }

  Result<std::optional<Batch>> next() {
    // A batch whose examples were all skipped is no batch.
    while (taken_ < batch_count()) {
      ReadBatch read = take();
      if (read.error) return std::move(*read.error);
      for (SkippedExample& s : read.skipped) skipped_.push_back(std::move(s));
      if (!read.batch.names.empty()) return std::optional(std::move(read.batch));
    }
    return std::optional<Batch>();
  }

  const std::vector<SkippedExample>& skipped() const { return skipped_; }

 private:
  ReadBatch read(size_t batch) const {
    ReadBatch out;
    const size_t first = batch * options_.batch_size, end = std::min(first + options_.batch_size, order_.size());
    for (size_t i = first; i < end; ++i) {
      auto example = dataset_->get(order_[i]);
      if (!example && options_.strict) {
        out.error = std::move(example.error());
        return out;
      }
      if (!example) {
        out.skipped.push_back({order_[i], std::move(example.error())});
        continue;
      }
      if (auto s = append(out.batch, std::move(*example)); !s) {
        out.error = std::move(s.error());
        return out;
      }
    }
    if (out.batch.labels.size() != out.batch.names.size()) out.batch.labels.clear();
    return out;
  }

  ReadBatch take() {
    if (threads_.empty()) return read(taken_++);
    std::unique_lock lock(mutex_);
    auto& slot = ready_[taken_ % window_];
    changed_.wait(lock, [&] { return slot.has_value(); });
    ReadBatch out = std::move(*slot);
    slot.reset();
    ++taken_;
    changed_.notify_all();
    return out;
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || begun_ == batch_count() || begun_ < taken_ + window_; });
      if (stopping_ || begun_ == batch_count()) return;
      const size_t batch = begun_++;
      lock.unlock();
      ReadBatch out = read(batch);
      lock.lock();
      ready_[batch % window_] = std::move(out);
      changed_.notify_all();
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    threads_.clear();
  }

  std::shared_ptr<const Dataset> dataset_;
  DataLoaderOptions options_;
  std::vector<size_t> order_;
  std::vector<SkippedExample> skipped_;
  size_t taken_ = 0, begun_ = 0, window_ = 0;  ///< batches taken, batches begun, most batches between the two
  bool stopping_ = false;
  std::vector<std::optional<ReadBatch>> ready_;  ///< batch b in slot b % window_
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::jthread> threads_;
};

DataLoader::DataLoader(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}
DataLoader::DataLoader(DataLoader&&) noexcept = default;
DataLoader& DataLoader::operator=(DataLoader&&) noexcept = default;
DataLoader::~DataLoader() = default;

Result<DataLoader> DataLoader::make(std::shared_ptr<const Dataset> dataset, const DataLoaderOptions& options) {
  if (options.batch_size == 0) return error(Code::kUsage, "a batch size of 0 is given", "use 1 or more");
  return DataLoader(std::make_unique<Reader>(std::move(dataset), options));
}

Result<std::optional<Batch>> DataLoader::next() { return reader_->next(); }
void DataLoader::start_epoch(uint64_t epoch) { reader_->start(epoch); }
size_t DataLoader::batch_count() const { return reader_->batch_count(); }
const std::vector<SkippedExample>& DataLoader::skipped() const { return reader_->skipped(); }

}  // namespace atl
