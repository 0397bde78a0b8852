#include "api/target_check.h"

#include <map>

#include "ir/op.h"
#include "ir/tflite_op.h"
#include "micro/operator_support.h"
#include "support/mapped_file.h"
#include "tflite/emission_order.h"
#include "tflite/operator_versions.h"
#include "tflite/tensor_names.h"
#include "tflite/tensor_type.h"

namespace atl {
namespace {

using micro::OperatorForm;

// Refusals of one model. Those that say the same of several layers are counted, the first layer is named.
class Refusals {
 public:
  void add(const OperatorForm& op, const Origin& origin) {
    const micro::Refusal r = micro::check(op);
    if (!r.refused()) return;
    const Code code = micro::resolver_function(op.code, op.name).empty() ? Code::kUnsupportedOp : Code::kUnsupportedType;
    add(error(code, r.reason, r.hint), origin);
  }
  void add(Error refusal, const Origin& origin) {
    for (Error& e : all_)
      if (e.what == refusal.what) {
        ++e.count;
        return;
      }
    all_.push_back(std::move(refusal).at(origin));
  }
  Status status() && {
    if (all_.empty()) return {};
    Error first = std::move(all_.front());
    first.others.assign(std::make_move_iterator(all_.begin() + 1), std::make_move_iterator(all_.end()));
    return first;
  }

 private:
  std::vector<Error> all_;
};

// An operator of a graph as it will be written, and its version.
struct WrittenForm {
  OperatorForm form;
  int version = 1;
};

Result<WrittenForm> written_form(const Graph& graph, const Node& n) {
  Types types;
  for (Value v : n.in) types.push_back(v.valid() ? graph.type(v) : absent_type());
  auto written = def_of(*n.op).emit(*n.op, types);
  if (!written) return std::move(written.error()).at(graph.origin(n.origin));
  WrittenForm out{{written->code, written->custom_code, {}, n.out}, written->version};
  if (written->code != tflite::BuiltinOperator::CUSTOM) out.form.name = tflite::EnumNameBuiltinOperator(written->code);
  for (const TfliteOperand& o : written->operands)
    out.form.inputs.push_back(o.kind == TfliteOperand::Kind::kInput      ? types[size_t(o.input)]
                              : o.kind == TfliteOperand::Kind::kConstant ? o.value.type()
                                                                         : absent_type());
  return out;
}

}  // namespace

Status check_target(const Graph& graph, TargetKind target, std::vector<std::string>& warnings) {
  if (target == TargetKind::kLiteRt) return {};
  Refusals refusals;
  std::map<std::string, int> newer;
  for (uint32_t id : graph.topological_order()) {
    const Node& n = graph[id];
    if (is_source(graph, id)) continue;
    if (target == TargetKind::kCoral && def_of(*n.op).graphs) {
      refusals.add(error(Code::kUnsupportedOp, "Google's compiler for the Edge TPU takes no loops and no branches",
                         "leave that part to the program around the model, or write it out"),
                   graph.origin(n.origin));
      continue;
    }
    TRY(const WrittenForm written, written_form(graph, n));
    if (target == TargetKind::kTflm)
      refusals.add(written.form, graph.origin(n.origin));
    else if (written.form.code != tflite::BuiltinOperator::CUSTOM &&
             written.version > highest_version(written.form.code, target))
      newer[written.form.name] = written.version;
  }
  for (const auto& [name, version] : newer)
    warnings.push_back(
        fmt::format("{} has version {} here, which compiler 16 does not know: it stays on the CPU", name, version));
  return std::move(refusals).status();
}

Status check_compilable(const std::string& file) {
  TRY(const auto bytes, MappedFile::open(file));
  TRY(const edgetpu::SourceModel model, edgetpu::read_source_model(bytes->bytes(), bytes));
  for (const int t : model.inputs)
    if (const edgetpu::SourceTensor& input = model.tensors[size_t(t)]; input.open_batch)
      return error(Code::kSymbolic, fmt::format("input '{}' has an open batch: the Edge TPU takes a batch of 1", input.name),
                   "convert with --shape");
  return edgetpu::check_placeable(model);
}

Status check_micro(const edgetpu::SourceModel& model) {
  const auto type_of = [&](int t) {
    if (t < 0) return absent_type();
    const edgetpu::SourceTensor& tensor = model.tensors[size_t(t)];
    Type type{from_tensor_type(tensor.type), tensor.shape, {}};
    if (!tensor.scale.empty()) type.quant = QuantParams{tensor.scale, tensor.zero_point, 0};
    return type;
  };
  Refusals refusals;
  for (const edgetpu::SourceOp& op : model.ops) {
    OperatorForm form{op.code, op.name, {}, {}};
    for (const int t : op.inputs) form.inputs.push_back(type_of(t));
    for (const int t : op.outputs) form.outputs.push_back(type_of(t));
    Origin origin;
    origin.module_path = layer_of_tensor(model.output(op).name);
    refusals.add(form, origin);
  }
  return std::move(refusals).status();
}

}  // namespace atl
