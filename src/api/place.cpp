#include "atoll/place.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "edgetpu/cost.h"
#include "edgetpu/layer.h"
#include "edgetpu/package.h"
#include "support/mapped_file.h"
#include "tflite/tensor_names.h"

namespace atl {
namespace {

using edgetpu::SourceModel;
using edgetpu::SourceOp;

constexpr double kNearlyFull = 0.9;  // of the memory of a tile
// Reports of what did not compile, or was not mapped, though each operator is one that the Edge TPU takes.
constexpr int64_t kLargeClassifier = 100000;            // outputs of a fully connected layer
constexpr int64_t kLargeKernel = 64;                    // rows and columns of a convolution's kernel; 16 compiles
constexpr int64_t kLargeConcatenation = 60 * 152 * 90;  // elements

std::string reading(const std::string& path) { return fmt::format("while reading '{}'", path); }

Result<SourceModel> open_model(const std::string& path) {
  TRY(const auto file, MappedFile::open(path));
  auto model = edgetpu::read_source_model(file->bytes(), file);
  if (!model) return std::move(model.error()).in(reading(path));
  return model;
}

std::string interface_text(const SourceModel& m, const std::vector<int>& tensors) {
  std::string text;
  for (const int t : tensors) {
    const edgetpu::SourceTensor& tensor = m.tensors[size_t(t)];
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", tflite::EnumNameTensorType(tensor.type), to_string(tensor.shape));
  }
  return text;
}

std::vector<Shape> shapes_of(const SourceModel& m, const std::vector<int>& tensors) {
  std::vector<Shape> shapes;
  for (const int t : tensors) shapes.push_back(m.tensors[size_t(t)].shape);
  return shapes;
}

// The compiler keeps what a model takes and gives; only their types changed where Google's tools added a DEQUANTIZE.
Status check_same_model(const std::string& source_path, const SourceModel& source, const std::string& path,
                        const SourceModel& compiled) {
  const auto text = [](const SourceModel& m) {
    return fmt::format("{} -> {}", interface_text(m, m.inputs), interface_text(m, m.outputs));
  };
  if (shapes_of(source, source.inputs) == shapes_of(compiled, compiled.inputs) &&
      shapes_of(source, source.outputs) == shapes_of(compiled, compiled.outputs))
    return {};
  return error(Code::kInput,
               fmt::format("'{}' was not compiled from '{}': it takes and gives other tensors", path, source_path),
               fmt::format("the source: {}; the compiled model: {}", text(source), text(compiled)));
}

uint64_t weight_bytes_of(const SourceModel& m, const SourceOp& op) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < op.inputs.size(); ++i)
    if (const auto* t = m.input(op, i); t && t->constant) bytes += t->content.size();
  return bytes;
}

void warn_of_reports(const SourceModel& m, const edgetpu::Placement& placement, PlaceReport& report) {
  using Op = tflite::BuiltinOperator;
  for (const SourceOp& op : m.ops) {
    const Shape& result = m.output(op).shape;
    if (!placement.is_mapped(op.index) || result.empty()) continue;
    const auto warn = [&](std::string what, std::string_view then) {
      report.warnings.push_back(fmt::format("operator {} ({}) {}: {}", op.index, op.name, what, then));
    };
    constexpr std::string_view kFails = "layers of that size are known to make the compiler fail";
    const auto elements = int64_t(edgetpu::count(result));
    const auto kernel = edgetpu::kernel_of(m, op);
    if (op.code == Op::FULLY_CONNECTED && result.back() >= kLargeClassifier)
      warn(fmt::format("has {} outputs", result.back()), kFails);
    else if (kernel && int64_t(std::min(kernel->height, kernel->width)) >= kLargeKernel)
      warn(fmt::format("has a kernel of {} x {}", kernel->height, kernel->width), kFails);
    else if (op.code == Op::CONCATENATION && elements >= kLargeConcatenation)
      warn(fmt::format("joins {} elements", elements), kFails);
  }
}

void add_warnings(const SourceModel& m, const edgetpu::Placement& placement, const edgetpu::MemoryCost& memory,
                  PlaceReport& report) {
  for (const int t : m.inputs)
    if (const edgetpu::SourceTensor& input = m.tensors[size_t(t)]; input.open_batch)
      report.warnings.push_back(fmt::format("input '{}' leaves its batch open: the compiler takes a batch of 1", input.name));
  if (report.mapped == 0)
    report.warnings.emplace_back("no operator runs on the Edge TPU: the compiler writes the model unchanged");
  if (memory.needs_bands)
    report.warnings.emplace_back(
        "activations do not fit on the chip at once: the compiler cuts the image into bands, or fails with "
        "'large activation tensors'");
  else if (double(memory.activation_bytes_per_tile) > kNearlyFull * double(edgetpu::kNarrowBytes))
    report.warnings.emplace_back("activations nearly fill the memory on the chip");
  if (report.streamed_bytes > 0 && report.on_chip_bytes > 0 && report.streamed_bytes > report.parameter_bytes / 20)
    report.warnings.push_back(
        fmt::format("{} bytes of parameters do not fit on the chip and are sent with every inference", report.streamed_bytes));
  warn_of_reports(m, placement, report);
}

/// What Google's compiler made of a model.
struct Compiled {
  std::string path;
  SourceModel model;
  std::vector<edgetpu::Package> packages;
};

Result<Compiled> open_compiled(const std::string& path) {
  TRY(SourceModel model, open_model(path));
  auto packages = edgetpu::read_packages(model);
  if (!packages) return std::move(packages.error()).in(reading(path));
  return Compiled{path, std::move(model), std::move(*packages)};
}

// Whose rules are followed when none are named: the newest compiler that may have made the package, else 16.
std::string compiler_of(const std::optional<Compiled>& compiled) {
  if (!compiled || compiled->packages.empty()) return std::string(name(edgetpu::Compiler::k16));
  const std::string& releases = compiled->packages[0].compiler_release;
  return releases.substr(releases.rfind(' ') + 1);
}

/// What became of a source's operators in a compiled model.
struct CompiledPlacement {
  std::vector<bool> on_tpu;        // for each operator of the source
  size_t on_cpu = 0, unknown = 0;  // operators that the compiled model left, and those of them that the source has not
};

// Operators match by type and the name of the first result, else of the first operand.
CompiledPlacement compiled_placement(const SourceModel& source, const SourceModel& compiled) {
  CompiledPlacement out{std::vector<bool>(source.ops.size(), true)};
  std::multimap<std::pair<std::string, std::string>, const SourceOp*> left;
  const auto first_input = [](const SourceModel& m, const SourceOp& op) {
    return m.input(op, 0) ? m.input(op, 0)->name : std::string();
  };
  for (const SourceOp& op : compiled.ops)
    if (op.name != edgetpu::kCompiledOperator) left.emplace(std::pair(op.name, compiled.output(op).name), &op);
  out.on_cpu = left.size();
  for (const SourceOp& op : source.ops) {
    const auto at = left.find({op.name, source.output(op).name});
    if (at == left.end()) continue;
    out.on_tpu[op.index] = false;
    left.erase(at);
  }
  for (const auto& [key, of_compiled] : left) {
    const auto of_source = std::ranges::find_if(source.ops, [&](const SourceOp& op) {
      return out.on_tpu[op.index] && op.name == key.first && first_input(source, op) == first_input(compiled, *of_compiled);
    });
    if (of_source != source.ops.end())
      out.on_tpu[of_source->index] = false;
    else if (of_compiled->code != tflite::BuiltinOperator::DEQUANTIZE)  // Google's tools add some
      ++out.unknown;
  }
  return out;
}

Result<PlacementComparison> compare(const std::string& source_path, const SourceModel& source, const Compiled& compiled,
                                    const edgetpu::Placement& placement) {
  TRY_STATUS(check_same_model(source_path, source, compiled.path, compiled.model));
  const CompiledPlacement fact = compiled_placement(source, compiled.model);
  if (2 * fact.unknown > fact.on_cpu)
    return error(Code::kInput,
                 fmt::format("'{}' was not compiled from '{}': {} of the {} operators that it leaves to the CPU are not in it",
                             compiled.path, source_path, fact.unknown, fact.on_cpu),
                 "converters number their tensors anew in each run: compare with the file that was given to the compiler");
  PlacementComparison out;
  out.file = compiled.path;
  for (const auto& p : compiled.packages) out.parameter_bytes += p.cached_bytes() + p.streamed_bytes();
  for (const SourceOp& op : source.ops)
    if (!op.dead && fact.on_tpu[op.index] != placement.is_mapped(op.index))
      out.differences.push_back({op.index, op.name, placement.is_mapped(op.index), fact.on_tpu[op.index]});
  return out;
}

}  // namespace

Result<PlaceReport> place_model(const std::string& file, const PlaceOptions& options) {
  std::optional<Compiled> compiled;
  if (!options.against.empty()) {
    TRY(compiled, open_compiled(options.against));
  }
  const std::string rules = options.compiler.empty() ? compiler_of(compiled) : options.compiler;
  TRY(const edgetpu::Compiler compiler, edgetpu::compiler_from_name(rules));
  TRY(const SourceModel m, open_model(file));
  TRY_STATUS(edgetpu::check_placeable(m));
  const edgetpu::Placement placement = edgetpu::place(m, compiler);
  PlaceReport report;
  report.model = file;
  report.compiler = rules;
  for (const SourceOp& op : m.ops) {
    const edgetpu::Verdict& v = placement.verdicts[op.index];
    PlacedOp placed{op.index,
                    op.name,
                    placement.is_mapped(op.index),
                    std::string(text(v.status)),
                    v.reason,
                    v.change,
                    layer_of_tensor(m.output(op).name),
                    {},
                    edgetpu::macs_of(m, op),
                    0,
                    op.dead};
    for (const int t : op.outputs) placed.outputs.push_back(m.tensors[size_t(t)].name);
    if (placed.edgetpu) placed.parameter_bytes = edgetpu::parameter_bytes_of(m, op, compiler);
    const uint64_t weights = weight_bytes_of(m, op);
    if (!op.dead) {
      ++report.total;
      report.mapped += placed.edgetpu ? 1 : 0;
      report.macs += placed.macs;
      report.mapped_macs += placed.edgetpu ? placed.macs : 0;
      report.weight_bytes += weights;
      report.mapped_weight_bytes += placed.edgetpu ? weights : 0;
      if (!placed.edgetpu && !report.first_blocker && v.status != edgetpu::OpStatus::kSubgraphs && report.mapped > 0)
        report.first_blocker = op.index;
    }
    report.ops.push_back(std::move(placed));
  }
  const auto [memory, latency] = edgetpu::cost_of(m, placement, compiler);
  report.parameter_bytes = memory.parameter_bytes;
  report.on_chip_bytes = memory.on_chip_bytes;
  report.streamed_bytes = memory.streamed_bytes;
  report.activation_bytes_per_tile = memory.activation_bytes_per_tile;
  report.instruction_bytes = memory.instruction_bytes;
  report.input_bytes = memory.input_bytes;
  report.output_bytes = memory.output_bytes;
  report.usb3_ms = latency.usb3;
  report.usb2_ms = latency.usb2;
  report.pcie_ms = latency.pcie;
  report.latency_error = edgetpu::Latency::kError;
  report.pcie_error = edgetpu::Latency::kPcieError;
  add_warnings(m, placement, memory, report);
  if (compiled) {
    TRY(report.comparison, compare(file, m, *compiled, placement));
  }
  return report;
}

}  // namespace atl
