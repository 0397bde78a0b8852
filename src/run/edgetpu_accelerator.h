// The Edge TPU as an accelerator of LiteRT's: libedgetpu's delegate, handed over when a model is compiled.
#pragma once
#include "device/edgetpu_delegate.h"
#include "run/litert_api.h"

namespace atl {

/// For which Edge TPU a delegate is wanted, and what became of it.
struct EdgeTpuRequest {
  EdgeTpuTarget target;
  bool refused = false;  ///< libedgetpu has not opened the device
};

/// While it lives, the accelerator makes delegates for `request` on this thread; without a request it makes none.
class EdgeTpuScope {
 public:
  EdgeTpuScope(const litert::Api& api, EdgeTpuRequest* request);
  ~EdgeTpuScope();
  EdgeTpuScope(const EdgeTpuScope&) = delete;
  EdgeTpuScope& operator=(const EdgeTpuScope&) = delete;
};

/// Adds the accelerator to an environment. Models compiled there inside an EdgeTpuScope run on its Edge TPU what was compiled
/// for it, and on the CPU what was not.
litert::StatusCode register_edgetpu_accelerator(const litert::Api& api, litert::Environment environment);

}  // namespace atl
