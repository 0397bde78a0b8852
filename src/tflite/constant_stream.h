// Evaluates constants in order, ahead of the one who writes them.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "ir/constant.h"

namespace atl {

/// The tensors of a list of constants, one after another. With two threads a helper thread evaluates recipes and gathers
/// strided views while the caller writes; mapped dense constants are handed out as views. Evaluated tensors that wait amount to
/// at most kAhead bytes, or to one tensor.
class ConstantStream {
 public:
  ConstantStream(std::vector<const Constant*> constants, int threads);
  ~ConstantStream();
  ConstantStream(const ConstantStream&) = delete;
  ConstantStream& operator=(const ConstantStream&) = delete;

  /// The next constant's tensor. The one before must be gone by then. E: the evaluation's.
  Result<Tensor> next();

 private:
  static constexpr size_t kAhead = 24u << 20;
  void work();

  const std::vector<const Constant*> constants_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> claimed_;
  std::vector<std::unique_ptr<Result<Tensor>>> ready_;
  size_t position_ = 0;  // of next()
  size_t unclaimed_ = 0;
  size_t held_ = 0;  // bytes evaluated and not yet written
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace atl
