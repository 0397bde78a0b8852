#include "run/edgetpu_accelerator.h"

namespace atl {
namespace {

using litert::kOk;

constexpr litert::StatusCode kFailure = 3;
// LiteRT applies accelerators of hardware kinds that were asked for, and asks for the CPU here; of NPUs it expects more.
constexpr int kHardware = 1;

thread_local EdgeTpuRequest* wanted = nullptr;
thread_local const litert::Api* wrapping_api = nullptr;

litert::StatusCode create_delegate(void*, litert::Environment, litert::Accelerator, litert::Options,
                                   litert::DelegateWrapper* wrapper) {
  if (!wanted) return kFailure;
  tflite_abi::Delegate* delegate = make_edgetpu_delegate(wanted->target);
  wanted->refused = delegate == nullptr;
  if (!delegate) return kFailure;
  const auto free_delegate = [](void* d) { free_edgetpu_delegate(static_cast<tflite_abi::Delegate*>(d)); };
  return wrapping_api->wrap_delegate(delegate, free_delegate, wrapper);
}

}  // namespace

EdgeTpuScope::EdgeTpuScope(const litert::Api& api, EdgeTpuRequest* request) {
  wanted = request;
  wrapping_api = &api;
}

EdgeTpuScope::~EdgeTpuScope() {
  wanted = nullptr;
  wrapping_api = nullptr;
}

litert::StatusCode register_edgetpu_accelerator(const litert::Api& api, litert::Environment environment) {
  litert::Accelerator a = nullptr;
  if (const auto status = api.create_accelerator(&a); status != kOk) return status;
  api.set_accelerator_name(a, [](litert::Accelerator, const char** name) {
    *name = "Edge TPU";
    return kOk;
  });
  api.set_accelerator_version(a, [](litert::Accelerator, litert::Version* version) {
    *version = {1, 0, 0};
    return kOk;
  });
  api.set_accelerator_hardware(a, [](litert::Accelerator, int* hardware) {
    *hardware = kHardware;
    return kOk;
  });
  api.set_accelerator_compiles(a, [](litert::Accelerator, bool* compiles) {
    *compiles = false;
    return kOk;
  });
  api.set_accelerator_delegate(a, create_delegate);
  return api.register_accelerator(environment, a, nullptr, nullptr);
}

}  // namespace atl
