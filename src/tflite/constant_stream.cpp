#include "tflite/constant_stream.h"

#include "tflite/buffer_table.h"

namespace atl {
namespace {

// A recipe may need its result and, before that, the same in another order of axes.
size_t working_bytes(const Constant& c) { return c.anonymous_bytes() * (c.is_lazy() ? 2 : 1); }

}  // namespace

ConstantStream::ConstantStream(std::vector<const Constant*> constants, int threads)
    : constants_(std::move(constants)), claimed_(constants_.size(), false), ready_(constants_.size()) {
  size_t recipes = 0;
  for (const Constant* c : constants_) recipes += c->anonymous_bytes() > 0;
  if (threads > 1 && recipes > 1) thread_ = std::thread([this] { work(); });
}

ConstantStream::~ConstantStream() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ConstantStream::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (unclaimed_ < constants_.size() && (claimed_[unclaimed_] || constants_[unclaimed_]->anonymous_bytes() == 0))
      ++unclaimed_;
    if (stop_ || unclaimed_ == constants_.size()) return;
    const size_t i = unclaimed_, size = working_bytes(*constants_[i]);
    if (held_ != 0 && held_ + size > kAhead) {
      changed_.wait(lock);
      continue;
    }
    claimed_[i] = true;
    held_ += size;
    lock.unlock();
    auto t = std::make_unique<Result<Tensor>>(bytes_of(*constants_[i]));
    lock.lock();
    ready_[i] = std::move(t);
    changed_.notify_all();
  }
}

Result<Tensor> ConstantStream::next() {
  std::unique_lock lock(mutex_);
  if (position_ > 0) held_ -= working_bytes(*constants_[position_ - 1]);
  changed_.notify_all();
  const size_t i = position_++, size = working_bytes(*constants_[i]);
  if (claimed_[i]) {
    changed_.wait(lock, [&] { return ready_[i] != nullptr; });
    const auto t = std::move(ready_[i]);
    return std::move(*t);
  }
  claimed_[i] = true;
  held_ += size;
  lock.unlock();
  return bytes_of(*constants_[i]);
}

}  // namespace atl
