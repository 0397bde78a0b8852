#include "device/edgetpu_delegate.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace atl {
namespace {

using namespace tflite_abi;

constexpr int kMaxQueueLength = 255;

struct Relay : Delegate {
  std::shared_ptr<const EdgeTpuLibrary> library;
  Delegate* inner = nullptr;
};

// The host's function and the delegate for it, while prepare() of this thread's relay runs.
thread_local ReplaceNodes host_replace = nullptr;
thread_local Relay* host_delegate = nullptr;

// Stands in for the host's function while libedgetpu prepares. On the calling conventions of x86-64 and aarch64 an argument of
// this size lies in memory, and a shorter one than the host's lies where the beginning of the host's would.
StatusCode replace_nodes(Context* context, RegistrationPrefix kernel, const IntArray* nodes, Delegate*) {
  Registration whole{};
  static_cast<RegistrationPrefix&>(whole) = kernel;
  return host_replace(context, whole, nodes, host_delegate);
}

StatusCode prepare(Context* context, Delegate* delegate) {
  auto* relay = static_cast<Relay*>(delegate);
  host_replace = context->replace_node_subsets_with_delegate_kernels;
  host_delegate = relay;
  const auto own = &replace_nodes;
  static_assert(sizeof own == sizeof host_replace);
  std::memcpy(&context->replace_node_subsets_with_delegate_kernels, &own, sizeof own);
  const StatusCode status = relay->inner->prepare(context, relay->inner);
  context->replace_node_subsets_with_delegate_kernels = host_replace;
  return status;
}

bool is_one_of(const std::string& value, std::initializer_list<std::string_view> values) {
  return std::ranges::find(values, value) != values.end();
}

}  // namespace

Status check_edgetpu_option(const std::string& name, const std::string& value) {
  std::string allowed;
  bool good = false;
  if (name == "Performance") {
    allowed = "Low, Medium, High or Max";
    good = is_one_of(value, {"Low", "Medium", "High", "Max"});
  } else if (name == "Usb.AlwaysDfu") {
    allowed = "True or False";
    good = is_one_of(value, {"True", "False"});
  } else if (name == "Usb.MaxBulkInQueueLength") {
    allowed = "0 to 255";
    char* end = nullptr;
    const long n = std::strtol(value.c_str(), &end, 10);
    good = !value.empty() && *end == '\0' && n >= 0 && n <= kMaxQueueLength;
  } else {
    return error(Code::kUsage, fmt::format("libedgetpu has no option '{}'", name),
                 "Performance=Low|Medium|High|Max, Usb.AlwaysDfu=True|False, Usb.MaxBulkInQueueLength=0..255");
  }
  if (!good) return error(Code::kUsage, fmt::format("{} cannot be '{}'", name, value), allowed);
  return {};
}

Delegate* make_edgetpu_delegate(const EdgeTpuTarget& target) {
  std::vector<edgetpu_api::Option> options;
  for (const auto& [name, value] : target.options) options.push_back({name.c_str(), value.c_str()});
  Delegate* inner = target.library->api().create_delegate(target.device.type, target.device.path.c_str(),
                                                          options.empty() ? nullptr : options.data(), options.size());
  if (!inner) return nullptr;
  auto* relay = new Relay;
  static_cast<DelegatePrefix&>(*relay) = static_cast<const DelegatePrefix&>(*inner);
  relay->prepare = prepare;
  relay->opaque_delegate_builder = nullptr;
  relay->library = target.library;
  relay->inner = inner;
  return relay;
}

void free_edgetpu_delegate(Delegate* delegate) {
  auto* relay = static_cast<Relay*>(delegate);
  relay->library->api().free_delegate(relay->inner);
  delete relay;
}

}  // namespace atl
