#include "api/device_choice.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "device/edgetpu_device.h"
#include "edgetpu/package.h"

namespace atl {
namespace {

constexpr std::string_view kEdgeTpu = "edgetpu";
constexpr const char* kCompileHint = "compile it: atoll compile MODEL.tflite, and run what that writes (MODEL_edgetpu.tflite)";

/// What --device says.
struct Wish {
  enum class Kind { kByFile, kAuto, kCpu, kGpu, kEdgeTpu } kind = Kind::kByFile;
  std::optional<size_t> index;
};

Result<Wish> read_wish(const std::string& text) {
  if (text.empty()) return Wish{};
  if (text == "auto") return Wish{Wish::Kind::kAuto, {}};
  if (text == "cpu") return Wish{Wish::Kind::kCpu, {}};
  if (text == "gpu") return Wish{Wish::Kind::kGpu, {}};
  if (text == kEdgeTpu) return Wish{Wish::Kind::kEdgeTpu, {}};
  if (text.starts_with("edgetpu:")) {
    const char *begin = text.data() + kEdgeTpu.size() + 1, *end = text.data() + text.size();
    size_t index = 0;
    const auto [stop, failed] = std::from_chars(begin, end, index);
    if (failed == std::errc() && stop == end) return Wish{Wish::Kind::kEdgeTpu, index};
  }
  return error(Code::kUsage, fmt::format("there is no device '{}'", text),
               "auto, cpu, gpu, edgetpu, or edgetpu:0, edgetpu:1, ...");
}

// The lowest runtime that runs the file's packages; nothing for a file that is not compiled. A file that cannot be read is
// LiteRT's to explain.
Result<std::optional<int>> runtime_needed(const std::shared_ptr<const MappedFile>& file) {
  const auto model = edgetpu::read_source_model(file->bytes(), file);
  if (!model) return std::optional<int>();
  auto packages = edgetpu::read_packages(*model);
  if (!packages) return std::move(packages.error()).in(fmt::format("while reading '{}'", file->path()));
  std::optional<int> runtime;
  for (const edgetpu::Package& p : *packages) runtime = std::max(runtime.value_or(0), p.min_runtime_version);
  return runtime;
}

Result<std::vector<std::pair<std::string, std::string>>> read_options(const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> options;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == text.npos)
      return error(Code::kUsage, fmt::format("'{}' is no option of libedgetpu", text),
                   "NAME=VALUE, for example Performance=Max");
    options.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    TRY_STATUS(check_edgetpu_option(options.back().first, options.back().second));
  }
  return options;
}

// libedgetpu sees none: why, as far as sysfs tells.
Error none_usable(const SystemTree& tree) {
  const auto attached = find_edgetpus(tree);
  if (attached.empty())
    return error(Code::kDevice, "no Edge TPU is attached (no USB device 1a6e:089a or 18d1:9302, no PCIe card 1ac1:089a)",
                 "plug one in; atoll doctor says what is found");
  const auto at = std::ranges::find_if(attached, [](const EdgeTpuDevice& d) { return !d.usable; });
  if (at == attached.end())
    return error(Code::kDevice, fmt::format("libedgetpu does not see the Edge TPU at {}", attached[0].text()),
                 "plug it out and in again; in a container, give it the device and /dev/bus/usb");
  return error(Code::kDevice, fmt::format("the Edge TPU at {} cannot be used: {}", at->text(), at->problem), at->mend);
}

std::string name_of(const SystemTree& tree, size_t index, const std::string& path) {
  for (const EdgeTpuDevice& d : find_edgetpus(tree))
    if (d.path == path)
      return fmt::format("Edge TPU {} ({} {})", index, d.bus == EdgeTpuDevice::Bus::kUsb ? "USB" : "PCIe", d.address);
  return fmt::format("Edge TPU {} ({})", index, path);
}

Result<std::vector<DeviceAttempt>> edgetpu_attempts(const ModelOptions& options, std::optional<size_t> index, int runtime) {
  TRY(const auto settings, read_options(options.edgetpu_options));
  TRY(auto library, EdgeTpuLibrary::find(options.edgetpu_library));
  if (const int has = library->runtime_version(); has > 0 && has < runtime)
    return error(Code::kDeviceLibrary,
                 fmt::format("the model is compiled for runtime {}, '{}' has runtime {}", runtime, library->file(), has),
                 fmt::format("update libedgetpu, or compile it for the older one: atoll compile --min-runtime {}", has));
  const SystemTree tree = SystemTree::here();
  const auto devices = library->devices();
  if (devices.empty()) return none_usable(tree);
  if (index && *index >= devices.size())
    return error(Code::kDevice,
                 fmt::format("there is no Edge TPU {}: {} attached", *index,
                             devices.size() == 1 ? "one is" : fmt::format("{} are", devices.size())),
                 "they count from 0; atoll doctor lists them");
  std::vector<DeviceAttempt> attempts;
  for (size_t i = 0; i < devices.size(); ++i) {
    if (index && i != *index) continue;
    const std::string name = name_of(tree, i, devices[i].path);
    attempts.push_back({DeviceAttempt::Kind::kEdgeTpu, name, EdgeTpuTarget{library, devices[i], name, settings}});
  }
  return attempts;
}

const DeviceAttempt kCpu{DeviceAttempt::Kind::kCpu, "CPU", {}}, kGpu{DeviceAttempt::Kind::kGpu, "GPU", {}};

}  // namespace

Result<DevicePlan> plan_devices(const std::shared_ptr<const MappedFile>& file, const ModelOptions& options) {
  TRY(const Wish wish, read_wish(options.device));
  TRY(const std::optional<int> runtime, runtime_needed(file));
  using Kind = Wish::Kind;
  if (runtime) {
    if (wish.kind == Kind::kCpu || wish.kind == Kind::kGpu)
      return error(Code::kUnsupportedForm, fmt::format("'{}' is compiled for the Edge TPU and runs nowhere else", file->path()),
                   "run the .tflite file that it was compiled from");
    TRY(auto attempts, edgetpu_attempts(options, wish.index, *runtime));
    return DevicePlan{std::move(attempts), {}};
  }
  if (wish.kind == Kind::kEdgeTpu)
    return error(Code::kUnsupportedForm, fmt::format("'{}' is not compiled for the Edge TPU", file->path()), kCompileHint);
  if (wish.kind == Kind::kGpu) return DevicePlan{{kGpu}, {}};
  if (wish.kind != Kind::kAuto) return DevicePlan{{kCpu}, {}};
  const bool attached = !find_edgetpus(SystemTree::here()).empty();
  return DevicePlan{
      {kGpu, kCpu},
      {attached ? fmt::format("not on the Edge TPU: the file is not compiled for it (atoll compile {})", file->path())
                : std::string("not on an Edge TPU: none is attached")}};
}

std::vector<OpPlace> places_of(const std::shared_ptr<const MappedFile>& file, const DeviceAttempt& device,
                               const std::vector<OpTime>& times) {
  const auto model = edgetpu::read_source_model(file->bytes(), file);
  if (!model) return {};
  // Nodes that a delegate took are gone from the plan; its own nodes have numbers behind those of the file.
  std::set<int64_t> own;
  for (const OpTime& t : times)
    if (!t.in_delegate && t.subgraph == 0 && t.op != kEdgeTpuKernel) own.insert(t.node);
  std::vector<OpPlace> places;
  for (const edgetpu::SourceOp& op : model->ops) {
    OpPlace p{op.index, op.name, "", op.outputs.empty() ? "" : model->output(op).name};
    if (op.name == edgetpu::kCompiledOperator)
      p.place = device.name;
    else if (own.count(int64_t(op.index)) != 0)
      p.place = "CPU (LiteRT's kernel)";
    else
      p.place = device.kind == DeviceAttempt::Kind::kGpu ? "GPU" : "CPU (XNNPACK)";
    places.push_back(std::move(p));
  }
  return places;
}

}  // namespace atl
