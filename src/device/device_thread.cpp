#include "device/device_thread.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace atl {
namespace {

std::atomic<bool> given_up = false;

}  // namespace

struct DeviceThread::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> work;
  bool busy = false, stop = false, lost = false;

  void serve() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return busy || stop; });
      if (!busy) return;
      const std::function<void()> now = std::move(work);
      lock.unlock();
      now();
      lock.lock();
      busy = false;
      changed.notify_all();
    }
  }
};

DeviceThread::DeviceThread() : shared_(std::make_shared<Shared>()) {
  std::thread([shared = shared_] { shared->serve(); }).detach();
}

DeviceThread::~DeviceThread() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stop = true;
  shared_->changed.notify_all();
}

bool DeviceThread::call(std::function<void()> work, std::chrono::milliseconds limit) {
  std::unique_lock lock(shared_->mutex);
  if (shared_->lost) return false;
  shared_->work = std::move(work);
  shared_->busy = true;
  shared_->changed.notify_all();
  if (shared_->changed.wait_for(lock, limit, [&] { return !shared_->busy; })) return true;
  shared_->lost = true;
  given_up = true;
  return false;
}

bool device_thread_was_given_up() { return given_up; }

}  // namespace atl
