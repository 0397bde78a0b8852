// DeviceThread: calls that a device may never answer, made on a thread of their own and given up after a time.
#pragma once
#include <chrono>
#include <functional>
#include <memory>

namespace atl {

/// Runs one call after another on one thread.
class DeviceThread {
 public:
  DeviceThread();
  ~DeviceThread();
  DeviceThread(const DeviceThread&) = delete;
  DeviceThread& operator=(const DeviceThread&) = delete;

  /// Runs `work` and waits for its end; false when it has not ended after `limit`. Then the thread is given up: `work` may
  /// still run, so what it uses must stay; every further call is false at once.
  bool call(std::function<void()> work, std::chrono::milliseconds limit);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// True when a thread of this process was given up. Its end must not wait for it (std::_Exit), because a device's library may
/// hold locks for ever.
bool device_thread_was_given_up();

}  // namespace atl
