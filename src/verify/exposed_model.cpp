#include "verify/exposed_model.h"

#include <algorithm>
#include <cstring>

#include "verify/written_values.h"

namespace atl {

Result<ExposedModel> ExposedModel::open(std::shared_ptr<const LiteRtLibrary> library, const Graph& written,
                                        const WrittenFileSource& file, std::span<const Value> wanted,
                                        const WrittenModelOptions& options) {
  TRY(const WrittenValues values, WrittenValues::open(written, file, options.signature));
  std::vector<int32_t> tensors;
  std::vector<Value> given, inputs;
  for (Value v : wanted) {
    if (written.is(v, OpCode::kInput)) inputs.push_back(v);
    const int32_t t = values.tensor_of(v);
    if (t < 0) continue;
    tensors.push_back(t);
    given.push_back(v);
  }
  std::vector<std::string> names;
  TRY(std::vector<std::byte> copy, values.file().expose(tensors, names));
  RunOptions run_options;
  run_options.threads = options.threads;
  run_options.kernel_mode = options.kernel_mode;
  TRY(CompiledModel compiled, CompiledModel::load(std::move(library), std::move(copy), run_options));
  ExposedModel m(std::move(compiled));
  TRY(m.signature_, m.model_.find_signature(FileTensors::kSignature));
  m.values_ = given;
  for (const std::string& name : names) {
    TRY(const size_t index, m.model_.find_output(m.signature_, name));
    m.outputs_.push_back(index);
  }
  for (Value v : inputs)
    for (const Port& port : written.inputs()) {
      if (port.value != v) continue;
      TRY(const size_t index, m.model_.find_input(m.signature_, port.name));
      m.values_.push_back(v);
      m.outputs_.push_back(~index);
    }
  return m;
}

const std::vector<TensorInfo>& ExposedModel::inputs() const { return model_.signatures()[signature_].inputs; }

Status ExposedModel::run(std::span<const NdArray> arrays,
                         const std::function<Status(size_t index, std::span<const std::byte>)>& visit) {
  const auto& infos = inputs();
  if (arrays.size() != infos.size())
    return error(Code::kInput, fmt::format("{} arrays are given, the model has {} inputs", arrays.size(), infos.size()));
  for (size_t i = 0; i < infos.size(); ++i) {
    if (arrays[i].dtype != infos[i].dtype || arrays[i].shape != infos[i].shape)
      return error(Code::kInput,
                   fmt::format("input '{}' is {}, the data is {}", infos[i].name, infos[i].text(), arrays[i].text()));
    TRY(const BufferView view, model_.input(signature_, i));
    if (view.bytes().size() < arrays[i].bytes.size())
      return error(Code::kRuntimeFailure, fmt::format("LiteRT's buffer for '{}' is too small", infos[i].name));
    if (!arrays[i].bytes.empty()) std::memcpy(view.bytes().data(), arrays[i].bytes.data(), arrays[i].bytes.size());
  }
  TRY_STATUS(model_.run(signature_));
  for (size_t i = 0; i < values_.size(); ++i) {
    if (const size_t input = ~outputs_[i]; input < infos.size()) {
      TRY_STATUS(visit(i, arrays[input].bytes));
      continue;
    }
    TRY(const BufferView view, model_.output(signature_, outputs_[i]));
    TRY_STATUS(visit(i, view.bytes()));
  }
  return {};
}

}  // namespace atl
