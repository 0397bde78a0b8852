#include "atoll/export_c.h"

#include <algorithm>
#include <filesystem>

#include "api/target_check.h"
#include "micro/c_source.h"
#include "micro/operator_support.h"
#include "support/atomic_file.h"
#include "support/mapped_file.h"

namespace atl {
namespace {

namespace fs = std::filesystem;

enum class Form { kHeader, kC, kCpp };

Result<Form> form_of(const fs::path& destination) {
  const std::string end = destination.extension().string();
  if (end == ".h" || end == ".hpp") return Form::kHeader;
  if (end == ".c") return Form::kC;
  if (end == ".cc" || end == ".cpp") return Form::kCpp;
  return error(Code::kUsage, fmt::format("'{}' is no name of a C source file", destination.string()),
               "end it with .cc, .cpp, .c or .h");
}

std::string port_text(std::string_view role, const edgetpu::SourceTensor& t) {
  std::string text = fmt::format("{} '{}': {} {}", role, t.name, tflite::EnumNameTensorType(t.type), to_string(t.shape));
  if (t.scale.size() == 1 && t.zero_point.size() == 1)
    text += fmt::format(", real = {} * (integer - {})", t.scale[0], t.zero_point[0]);
  return text;
}

void list_operators(const edgetpu::SourceModel& model, ExportCReport& report) {
  for (const edgetpu::SourceOp& op : model.ops) {
    const auto known = std::ranges::find(report.operators, op.name, &ExportedOperator::op);
    if (known != report.operators.end())
      ++known->count;
    else
      report.operators.push_back({op.name, std::string(micro::resolver_function(op.code, op.name)), 1});
  }
  std::ranges::sort(report.operators, {}, &ExportedOperator::op);
}

Status write_text(const fs::path& path, const std::string& text, ExportCReport& report) {
  TRY_STATUS(write_file(path, std::as_bytes(std::span(text))));
  report.files.push_back(path.string());
  return {};
}

}  // namespace

Result<ExportCReport> export_c(const std::string& path, const std::string& destination, const ExportCOptions& options) {
  const fs::path target = destination;
  TRY(const Form form, form_of(target));
  const std::string stem = micro::identifier(target.stem().string());
  if (!options.name.empty() && options.name != micro::identifier(options.name))
    return error(Code::kUsage, fmt::format("--name: '{}' is no name in C", options.name),
                 fmt::format("for example {}", micro::identifier(options.name)));
  TRY(const auto file, MappedFile::open(path));
  TRY(const edgetpu::SourceModel model, edgetpu::read_source_model(file->bytes(), file));
  TRY_STATUS(check_micro(model));

  ExportCReport report;
  report.model = path;
  report.name = options.name.empty() ? stem : options.name;
  report.model_bytes = file->bytes().size();
  list_operators(model, report);

  micro::CSource source;
  source.name = report.name;
  source.model = fs::path(path).filename().string();
  source.bytes = file->bytes();
  for (const ExportedOperator& op : report.operators) source.adders.push_back(op.function);
  for (const int t : model.inputs) source.comments.push_back(port_text("Input", model.tensors[size_t(t)]));
  for (const int t : model.outputs) source.comments.push_back(port_text("Output", model.tensors[size_t(t)]));
  TRY(source.arena, micro::estimate_arena(model));
  report.arena_bytes = source.arena.total();
  report.activation_bytes = source.arena.activations;
  report.planning_bytes = source.arena.planning;
  report.tensor_bytes = source.arena.tensors;
  report.operator_bytes = source.arena.operators;
  report.interpreter_bytes = source.arena.interpreter;

  if (form == Form::kHeader) {
    TRY_STATUS(write_text(target, micro::header_text(source, true), report));
    return report;
  }
  fs::path header = target;
  header.replace_extension(".h");
  TRY_STATUS(write_text(header, micro::header_text(source, false), report));
  TRY_STATUS(write_text(target, micro::source_text(source, header.filename().string(), form == Form::kCpp), report));
  return report;
}

}  // namespace atl
