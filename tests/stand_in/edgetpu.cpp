// A stand-in for libedgetpu.so: its C interface, and a delegate that claims the custom operators of compiled models. It has no
// chip; it executes one kind of package, whose parameters are a table of 256 bytes: each byte of the result is the table's
// entry for that byte of the input (as the chip counts, without sign).
//
// Variables of the environment say what it is to be:
//   STAND_IN_DEVICES   what edgetpu_list_devices gives: "usb:PATH" and "pci:PATH", separated by commas
//   STAND_IN_VERSION   what edgetpu_version gives
//   STAND_IN_FAULT     "busy" (no delegate), "slow" (no delegate ever), "fail" (an inference fails), "hang" (never ends),
//                      "crash", or "vanish" (STAND_IN_VANISHES is removed, then the inference fails)
//   STAND_IN_BUSY      the path of a device that gives no delegate
//   STAND_IN_FAULT_AT  the inference at which the fault strikes, counted from 1
//   STAND_IN_LOG       a file that gets a line for every delegate that is made: the device and its options
// With ATOLL_STAND_IN_OLD_ABI it is as Google's own library of 2021 is: its structures are shorter, and what the host reads
// behind them is garbage.
#include <flatbuffers/flexbuffers.h>
#include <package_generated.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "device/edgetpu_api.h"
#include "device/tflite_abi.h"

namespace {

using namespace atl::tflite_abi;
namespace fbs = atl::edgetpu::fbs;

constexpr const char* kOperator = "edgetpu-custom-op";
constexpr int kRuntimeVersion = 14;
constexpr size_t kTableSize = 256;
constexpr int kUint8 = 3, kInt8 = 9;
// Every byte behind the members that the library's own headers declare.
#ifdef ATOLL_STAND_IN_OLD_ABI
constexpr int kBehind = 0xee;
#else
constexpr int kBehind = 0;
#endif

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

[[noreturn]] void sleep_forever() {
  for (;;) pause();
}

struct Listed {
  int type;
  std::string path;
};

std::vector<Listed> listed() {
  std::vector<Listed> out;
  const std::string text = variable("STAND_IN_DEVICES");
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string one = text.substr(at, end - at);
    out.push_back({one.starts_with("usb:") ? atl::edgetpu_api::kUsb : atl::edgetpu_api::kPci, one.substr(4)});
    at = end + 1;
  }
  return out;
}

/// What a node of the delegate keeps: its package's table, or what is wrong with it.
struct Kernel {
  std::vector<uint8_t> table;
  std::string problem;
  int inferences = 0;
};

// The parameters of the package in an operator's options; `problem` says what is wrong with it.
Kernel open_package(const uint8_t* options, size_t size) {
  Kernel k;
  const auto map = flexbuffers::GetRoot(options, size).AsMap();
  const auto text = map["4"].AsString();
  const std::vector<char> aligned(text.c_str(), text.c_str() + text.length());  // it stands anywhere in the options
  const auto* package = fbs::GetPackage(aligned.data());
  if (package->min_runtime_version() > kRuntimeVersion) {
    k.problem = "Failed precondition: Package requires runtime version (" + std::to_string(package->min_runtime_version()) +
                "), which is newer than this runtime version (" + std::to_string(kRuntimeVersion) + ").";
    return k;
  }
  const auto* all = flatbuffers::GetRoot<fbs::MultiExecutable>(package->serialized_multi_executable()->data());
  for (const auto* bytes : *all->serialized_executables()) {
    const auto* parameters = flatbuffers::GetRoot<fbs::Executable>(bytes->data())->parameters();
    if (parameters && parameters->size() == kTableSize) k.table.assign(parameters->begin(), parameters->end());
  }
  if (k.table.empty()) k.problem = "Internal: this stand-in knows packages with a table of 256 bytes alone.";
  return k;
}

void* start(Context* context, const char* buffer, size_t) {
  const auto* params = reinterpret_cast<const DelegateParams*>(buffer);
  Node* node = nullptr;
  RegistrationPrefix* registration = nullptr;
  context->get_node_and_registration(context, params->nodes_to_replace->data[0], &node, &registration);
  return new Kernel(
      open_package(static_cast<const uint8_t*>(node->custom_initial_data), size_t(node->custom_initial_data_size)));
}

void end(Context*, void* data) { delete static_cast<Kernel*>(data); }

StatusCode prepare(Context* context, Node* node) {
  const auto& kernel = *static_cast<Kernel*>(node->user_data);
  if (kernel.problem.empty()) return kOk;
  context->report_error(context, "%s", kernel.problem.c_str());
  return kError;
}

// True when this inference goes on; false when it fails.
bool survives_fault(Context* context, Kernel& kernel) {
  const std::string at = variable("STAND_IN_FAULT_AT"), fault = variable("STAND_IN_FAULT");
  if (++kernel.inferences != (at.empty() ? 1 : std::stoi(at))) return true;
  if (fault == "hang") sleep_forever();
  if (fault == "crash") std::abort();
  if (fault == "vanish") std::filesystem::remove_all(variable("STAND_IN_VANISHES"));
  if (fault != "fail" && fault != "vanish") return true;
  context->report_error(context, "%s", "Failed to execute request. Internal: USB transfer error 5 [LibUsbDataOutCallback]");
  return false;
}

StatusCode invoke(Context* context, Node* node) {
  auto& kernel = *static_cast<Kernel*>(node->user_data);
  if (!survives_fault(context, kernel)) return kError;
  const Tensor &in = context->tensors[node->inputs->data[0]], &out = context->tensors[node->outputs->data[0]];
  if (in.bytes != out.bytes || in.type != out.type || (in.type != kUint8 && in.type != kInt8)) {
    context->report_error(context, "%s", "Internal: the tensors do not fit the package.");
    return kError;
  }
  const uint8_t sign = in.type == kInt8 ? 0x80 : 0;
  for (size_t i = 0; i < in.bytes; ++i)
    static_cast<uint8_t*>(out.data)[i] = kernel.table[static_cast<const uint8_t*>(in.data)[i] ^ sign] ^ sign;
  return kOk;
}

StatusCode claim_operators(Context* context, Delegate* delegate) {
  IntArray* plan = nullptr;
  if (const auto status = context->get_execution_plan(context, &plan); status != kOk) return status;
  std::vector<int> nodes;
  for (int i = 0; i < plan->size; ++i) {
    Node* node = nullptr;
    RegistrationPrefix* registration = nullptr;
    if (context->get_node_and_registration(context, plan->data[i], &node, &registration) != kOk) return kError;
    if (registration->custom_name && std::strcmp(registration->custom_name, kOperator) == 0) nodes.push_back(plan->data[i]);
  }
  Registration kernel;
  std::memset(static_cast<void*>(&kernel), kBehind, sizeof kernel);
  static_cast<RegistrationPrefix&>(kernel) = {};
  kernel.init = start;
  kernel.free = end;
  kernel.prepare = prepare;
  kernel.invoke = invoke;
  kernel.custom_name = "EdgeTpuDelegateForCustomOp";
  kernel.version = 1;
  for (const int node : nodes) {
    const IntArray one{1, {node}};
    if (const auto status = context->replace_node_subsets_with_delegate_kernels(context, kernel, &one, delegate); status != kOk)
      return status;
  }
  return kOk;
}

}  // namespace

extern "C" {

atl::edgetpu_api::Device* edgetpu_list_devices(size_t* count) {
  const auto all = listed();
  *count = all.size();
  if (all.empty()) return nullptr;
  size_t bytes = all.size() * sizeof(atl::edgetpu_api::Device);
  for (const Listed& d : all) bytes += d.path.size() + 1;
  auto* devices = static_cast<atl::edgetpu_api::Device*>(std::malloc(bytes));
  auto* text = reinterpret_cast<char*>(devices + all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    devices[i] = {all[i].type, text};
    text = std::strcpy(text, all[i].path.c_str()) + all[i].path.size() + 1;
  }
  return devices;
}

void edgetpu_free_devices(atl::edgetpu_api::Device* devices) { std::free(devices); }

Delegate* edgetpu_create_delegate(int type, const char* name, const atl::edgetpu_api::Option* options, size_t count) {
  const std::string fault = variable("STAND_IN_FAULT");
  if (fault == "slow") sleep_forever();
  bool found = false;
  for (const Listed& d : listed()) found |= d.type == type && (!name || d.path == name);
  if (!found || fault == "busy" || (name && name == variable("STAND_IN_BUSY")) || (count > 0 && !name)) return nullptr;
  if (const std::string log = variable("STAND_IN_LOG"); !log.empty()) {
    std::ofstream file(log, std::ios::app);
    file << (name ? name : "any");
    for (size_t i = 0; i < count; ++i) file << ' ' << options[i].name << '=' << options[i].value;
    file << '\n';
  }
  auto* delegate = new Delegate{};
  delegate->prepare = claim_operators;
  delegate->flags = 1;
  std::memset(&delegate->opaque_delegate_builder, kBehind, sizeof(void*));
  return delegate;
}

void edgetpu_free_delegate(Delegate* delegate) { delete delegate; }

void edgetpu_verbosity(int) {}

const char* edgetpu_version() {
  static std::string version;
  version = variable("STAND_IN_VERSION");
  if (version.empty()) version = "BuildLabel(stand-in), RuntimeVersion(" + std::to_string(kRuntimeVersion) + ")";
  return version.c_str();
}

}  // extern "C"
