#include "run/compiled_model.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "run/compiled_model_state.h"

namespace atl {
namespace {

using litert::kOk;

constexpr size_t kEmptyBytes = 64;  // of the buffer of a tensor without elements

template <class T>
std::string list_of(const std::vector<T>& items, std::string T::*member) {
  std::string s;
  for (const T& i : items) s += fmt::format("{}'{}'", s.empty() ? "" : ", ", i.*member);
  return s.empty() ? "none" : s;
}

litert::RankedTensorType ranked_type(int element_type, std::span<const int64_t> shape) {
  litert::RankedTensorType type{};
  type.element_type = element_type;
  type.layout.rank = static_cast<unsigned>(shape.size()) & 0x7f;
  for (size_t i = 0; i < shape.size(); ++i) type.layout.dimensions[i] = static_cast<int32_t>(shape[i]);
  return type;
}

}  // namespace

std::string_view name(KernelMode mode) {
  constexpr std::string_view kNames[] = {"delegate", "builtin", "reference"};
  return kNames[static_cast<int>(mode)];
}

std::optional<KernelMode> kernel_mode_from_name(std::string_view s) {
  for (KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin, KernelMode::kReference}) {
    if (name(mode) == s) return mode;
  }
  return std::nullopt;
}

// ---------------------------------------------------------------- views

BufferView::BufferView(BufferView&& other) noexcept { *this = std::move(other); }

BufferView& BufferView::operator=(BufferView&& other) noexcept {
  if (this == &other) return *this;
  release();
  bytes_ = std::exchange(other.bytes_, {});
  buffer_ = std::exchange(other.buffer_, nullptr);
  api_ = other.api_;
  open_views_ = std::move(other.open_views_);
  return *this;
}

BufferView::~BufferView() { release(); }

void BufferView::release() {
  if (buffer_ == nullptr) return;
  api_->unlock_buffer(std::exchange(buffer_, nullptr));
  --*open_views_;
}

// ---------------------------------------------------------------- the model

const std::vector<SignatureInfo>& CompiledModel::signatures() const { return state_->signatures; }

Result<size_t> CompiledModel::find_signature(std::string_view key) const {
  const auto& list = state_->signatures;
  if (key.empty() && list.size() == 1) return size_t{0};
  std::string_view wanted = key.empty() ? "serving_default" : key;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].key == wanted) return i;
  }
  std::string what = key.empty() ? fmt::format("{} has {} signatures: choose one", state_->what(), list.size())
                                 : fmt::format("{} has no signature '{}'", state_->what(), key);
  return error(Code::kInput, what, fmt::format("its signatures: {}", list_of(list, &SignatureInfo::key)));
}

namespace {

Result<size_t> find_tensor(const std::vector<TensorInfo>& list, std::string_view name, std::string_view kind,
                           const std::string& signature) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].name == name) return i;
  }
  return error(Code::kInput, fmt::format("signature '{}' has no {} '{}'", signature, kind, name),
               fmt::format("its {}s: {}", kind, list_of(list, &TensorInfo::name)));
}

}  // namespace

Result<size_t> CompiledModel::find_input(size_t signature, std::string_view name) const {
  const SignatureInfo& s = state_->signatures[signature];
  return find_tensor(s.inputs, name, "input", s.key);
}

Result<size_t> CompiledModel::find_output(size_t signature, std::string_view name) const {
  const SignatureInfo& s = state_->signatures[signature];
  return find_tensor(s.outputs, name, "output", s.key);
}

// ---------------------------------------------------------------- buffers

Result<litert::TensorBuffer> CompiledModel::State::make_buffer(const TensorInfo& info, std::span<const int64_t> shape,
                                                               litert::Requirements need) {
  if (!dense_bytes(info.dtype, shape)) {
    return error(Code::kRuntimeFailure, fmt::format("tensor '{}' of {} is {}, which cannot be run here", info.name, what(),
                                                    tensor_text(info.dtype, shape)));
  }
  LogCapture capture;
  litert::RankedTensorType type = ranked_type(info.litert_type, shape);
  litert::TensorBuffer buffer = nullptr;
  auto status = api().create_buffer(environment, &type, need, &buffer);
  if (status != kOk && std::ranges::find(shape, 0) != shape.end()) {
    // LiteRT makes few buffers of zero bytes. An output without elements may have one of a scalar.
    const litert::RankedTensorType scalar = ranked_type(info.litert_type, {});
    status = api().create_host_buffer(environment, litert::kHostMemory, &scalar, kEmptyBytes, &buffer);
  }
  if (status != kOk) {
    return failed(fmt::format("make a buffer for '{}' ({}) of", info.name, tensor_text(info.dtype, shape)), status, capture);
  }
  return buffer;
}

Status CompiledModel::State::make_inputs(size_t signature) {
  if (lost) return call_failed("run", kOk, LogCapture());
  SignatureBuffers& b = buffers[signature];
  if (b.inputs_ready) return {};
  const auto& infos = signatures[signature].inputs;
  destroy_outputs(b);
  b.outputs_ready = false;
  destroy(b.inputs);
  for (size_t i = 0; i < infos.size(); ++i) {
    litert::Requirements need = nullptr;
    LogCapture capture;
    if (auto status = api().input_requirements(compiled, signature, i, &need); status != kOk) {
      return failed(fmt::format("place input '{}' of", infos[i].name), status, capture);
    }
    TRY(auto buffer, make_buffer(infos[i], b.input_shapes[i], need));
    b.inputs.push_back(buffer);
  }
  b.inputs_ready = true;
  return {};
}

Result<std::vector<std::vector<int64_t>>> CompiledModel::State::output_shapes_now(size_t signature) {
  size_t count = signatures[signature].outputs.size();
  std::vector<litert::Layout> layouts(count);
  LogCapture capture;
  auto status = count == 0 ? kOk : api().output_layouts(compiled, signature, count, layouts.data(), /*update_allocation=*/true);
  if (status != kOk) return call_failed("prepare the outputs of", status, capture);
  std::vector<std::vector<int64_t>> shapes(count);
  for (size_t i = 0; i < count; ++i) {
    size_t rank = std::min<size_t>(layouts[i].rank, litert::kMaxRank);
    shapes[i].assign(layouts[i].dimensions, layouts[i].dimensions + rank);
  }
  return shapes;
}

// LiteRT gives a tensor one address, so a second buffer for it would never be written.
litert::TensorBuffer CompiledModel::State::shared_buffer(size_t signature, size_t output) const {
  const SignatureInfo& info = signatures[signature];
  const SignatureBuffers& b = buffers[signature];
  for (size_t i = 0; i < info.inputs.size(); ++i) {
    if (info.inputs[i].tensor == info.outputs[output].tensor) return b.inputs[i];
  }
  for (size_t i = 0; i < output; ++i) {
    if (info.outputs[i].tensor == info.outputs[output].tensor) return b.outputs[i];
  }
  return nullptr;
}

// LiteRT calls outputs that share a tensor by one name; the file has a name for each.
void CompiledModel::State::name_outputs() {
  for (size_t i = 0; i < signatures.size(); ++i) {
    auto names = image.signature_outputs(i);
    for (TensorInfo& output : signatures[i].outputs) {
      auto own = std::ranges::find(names, output.tensor, &std::pair<std::string, uint32_t>::second);
      if (own == names.end()) continue;
      if (!own->first.empty()) output.name = own->first;
      names.erase(own);
    }
  }
}

Status CompiledModel::State::make_outputs(size_t signature) {
  TRY_STATUS(make_inputs(signature));
  SignatureBuffers& b = buffers[signature];
  if (b.outputs_ready) return {};
  destroy_outputs(b);
  TRY(b.output_shapes, output_shapes_now(signature));
  const auto& infos = signatures[signature].outputs;
  for (size_t i = 0; i < infos.size(); ++i) {
    litert::TensorBuffer shared = shared_buffer(signature, i);
    b.borrowed.push_back(shared != nullptr);
    b.outputs.push_back(shared);
    if (shared != nullptr) continue;
    litert::Requirements need = nullptr;
    LogCapture capture;
    if (auto status = api().output_requirements(compiled, signature, i, &need); status != kOk) {
      return failed(fmt::format("place output '{}' of", infos[i].name), status, capture);
    }
    TRY(auto buffer, make_buffer(infos[i], b.output_shapes[i], need));
    b.outputs.back() = buffer;
  }
  b.outputs_ready = true;
  return {};
}

Status CompiledModel::resize_input(size_t signature, size_t input, std::span<const int64_t> shape) {
  State& s = *state_;
  const TensorInfo& info = s.signatures[signature].inputs[input];
  SignatureBuffers& b = s.buffers[signature];
  if (std::ranges::equal(b.input_shapes[input], shape)) return {};
  bool possible = dense_bytes(info.dtype, shape).has_value() && shape.size() == info.shape.size() &&
                  std::ranges::all_of(shape, [](int64_t d) { return d > 0 && d <= INT32_MAX; });
  LogCapture capture;
  std::vector<int> dims(shape.begin(), shape.end());
  if (!possible || s.api().resize_input(s.compiled, signature, input, dims.data(), dims.size()) != kOk) {
    return error(Code::kInput, fmt::format("input '{}' is {}, {} is given", info.name,
                                           tensor_text(info.dtype, b.input_shapes[input]), tensor_text(info.dtype, shape)));
  }
  b.input_shapes[input].assign(shape.begin(), shape.end());
  b.inputs_ready = b.outputs_ready = false;
  return {};
}

Status CompiledModel::reset_variables(size_t signature) {
  State& s = *state_;
  const auto& shapes = s.buffers[signature].input_shapes;
  auto input = std::ranges::find_if(shapes, [](const auto& shape) { return !shape.empty() && shape[0] > 0; });
  if (input == shapes.end()) {
    return error(
        Code::kInput,
        fmt::format("signature '{}' has no input that could be resized to reset its variables", s.signatures[signature].key),
        "load the model again");
  }
  auto index = static_cast<size_t>(input - shapes.begin());
  std::vector<int> dims(input->begin(), input->end()), others = dims;
  ++others[0];
  LogCapture capture;
  auto status = s.api().resize_input_to_any(s.compiled, signature, index, others.data(), others.size());
  if (status == kOk) status = s.api().resize_input_to_any(s.compiled, signature, index, dims.data(), dims.size());
  if (status != kOk) return s.failed("reset the variables of", status, capture);
  return {};
}

const std::vector<int64_t>& CompiledModel::input_shape(size_t signature, size_t input) const {
  return state_->buffers[signature].input_shapes[input];
}

Result<std::vector<int64_t>> CompiledModel::output_shape(size_t signature, size_t output) {
  TRY_STATUS(state_->make_outputs(signature));
  return state_->buffers[signature].output_shapes[output];
}

Result<BufferView> CompiledModel::State::view(litert::TensorBuffer buffer, const TensorInfo& info,
                                              std::span<const int64_t> shape, int mode) {
  LogCapture capture;
  void* data = nullptr;
  size_t size = 0;
  auto status = api().buffer_size(buffer, &size);
  if (status == kOk) status = api().lock_buffer(buffer, &data, mode);
  if (status != kOk) return failed(fmt::format("give access to '{}' of", info.name), status, capture);
  BufferView v;
  v.buffer_ = buffer;
  v.api_ = &api();
  v.open_views_ = open_views;
  ++*open_views;
  size_t wanted = dense_bytes(info.dtype, shape).value_or(0);
  if (size < wanted) {
    return error(Code::kRuntimeFailure, fmt::format("LiteRT's buffer for '{}' holds {} bytes, {} need {}", info.name, size,
                                                    tensor_text(info.dtype, shape), wanted));
  }
  v.bytes_ = {static_cast<std::byte*>(data), wanted};
  return v;
}

Result<BufferView> CompiledModel::input(size_t signature, size_t input) {
  TRY_STATUS(state_->make_inputs(signature));
  const SignatureBuffers& b = state_->buffers[signature];
  return state_->view(b.inputs[input], state_->signatures[signature].inputs[input], b.input_shapes[input],
                      litert::kLockReadWrite);
}

Result<BufferView> CompiledModel::output(size_t signature, size_t output) {
  TRY_STATUS(state_->make_outputs(signature));
  const SignatureBuffers& b = state_->buffers[signature];
  return state_->view(b.outputs[output], state_->signatures[signature].outputs[output], b.output_shapes[output],
                      litert::kLockRead);
}

// ---------------------------------------------------------------- runs

Status CompiledModel::run(size_t signature) {
  State& s = *state_;
  if (*s.open_views != 0) {
    return error(Code::kInternal, fmt::format("{} views of buffers are still open at run()", *s.open_views));
  }
  TRY_STATUS(s.make_outputs(signature));
  SignatureBuffers& b = s.buffers[signature];
  LogCapture capture;
  if (s.profiler != nullptr) s.api().start_profiler(s.profiler);
  const auto status = s.call(
      [library = s.library, compiled = s.compiled, signature, &b] {
        return library->api().run(compiled, signature, b.inputs.size(), b.inputs.data(), b.outputs.size(), b.outputs.data());
      },
      capture);
  if (s.profiler != nullptr && !s.lost) s.api().stop_profiler(s.profiler);
  s.report(capture);
  if (status != kOk) {
    // LiteRT cannot lend a buffer to an output that it sizes while running.
    bool sized_by_data = capture.problems().find("Failed to set custom allocation for output") != std::string::npos;
    return s.call_failed(
        "run", status, capture,
        sized_by_data ? "an output's shape follows from the data: let the model give outputs of fixed shapes" : "");
  }
  return {};
}

Result<std::vector<NdArray>> CompiledModel::run(size_t signature, std::span<const NdArray> inputs) {
  const SignatureInfo& info = state_->signatures[signature];
  if (inputs.size() != info.inputs.size()) {
    return error(Code::kInput,
                 fmt::format("signature '{}' takes {} inputs, {} are given", info.key, info.inputs.size(), inputs.size()),
                 fmt::format("its inputs: {}", list_of(info.inputs, &TensorInfo::name)));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorInfo& wanted = info.inputs[i];
    const NdArray& given = inputs[i];
    if (given.dtype != wanted.dtype) {
      return error(Code::kInput, fmt::format("input '{}' is {}, {} is given", wanted.name, wanted.text(), given.text()));
    }
    if (dense_bytes(given.dtype, given.shape) != given.bytes.size()) {
      return error(Code::kInput,
                   fmt::format("input '{}' is given as {} with {} bytes", wanted.name, given.text(), given.bytes.size()));
    }
    TRY_STATUS(resize_input(signature, i, given.shape));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    TRY(BufferView view, input(signature, i));
    if (!inputs[i].bytes.empty()) std::memcpy(view.bytes().data(), inputs[i].bytes.data(), inputs[i].bytes.size());
  }
  TRY_STATUS(run(signature));
  std::vector<NdArray> outputs;
  for (size_t i = 0; i < info.outputs.size(); ++i) {
    TRY(BufferView view, output(signature, i));
    outputs.push_back(
        {info.outputs[i].dtype, state_->buffers[signature].output_shapes[i], {view.bytes().begin(), view.bytes().end()}});
  }
  return outputs;
}

Result<std::vector<NamedArray>> CompiledModel::run_named(size_t signature, std::span<const NamedArray> inputs) {
  const SignatureInfo& info = state_->signatures[signature];
  std::vector<NdArray> ordered(info.inputs.size());
  std::vector<bool> given(info.inputs.size());
  for (const NamedArray& a : inputs) {
    size_t i = 0;
    if (!(a.name.empty() && info.inputs.size() == 1)) {
      TRY(i, find_input(signature, a.name));
    }
    if (given[i]) return error(Code::kInput, fmt::format("input '{}' is given twice", info.inputs[i].name));
    given[i] = true;
    ordered[i] = a.array;
  }
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) {
      return error(Code::kInput, fmt::format("input '{}' ({}) is not given", info.inputs[i].name, info.inputs[i].text()));
    }
  }
  TRY(auto outputs, run(signature, ordered));
  std::vector<NamedArray> named;
  for (size_t i = 0; i < outputs.size(); ++i) named.push_back({info.outputs[i].name, std::move(outputs[i])});
  return named;
}

Result<std::vector<OpTime>> CompiledModel::op_times() {
  State& s = *state_;
  if (s.profiler == nullptr) return error(Code::kInput, "the model was loaded without RunOptions::profile");
  LogCapture capture;
  int count = 0;
  auto status = s.api().profiler_event_count(s.profiler, &count);
  std::vector<litert::ProfilerEvent> events(static_cast<size_t>(std::max(count, 0)));
  if (status == kOk && count > 0) status = s.api().profiler_events(s.profiler, count, events.data());
  if (status != kOk) return s.failed("profile", status, capture);
  std::vector<OpTime> times;
  for (const litert::ProfilerEvent& e : events) {
    if (e.type != litert::kEventOp && e.type != litert::kEventDelegateOp && e.type != litert::kEventDelegateProfiledOp)
      continue;
    times.push_back({e.tag != nullptr ? e.tag : "", static_cast<int64_t>(e.metadata1), static_cast<int64_t>(e.metadata2),
                     static_cast<double>(e.elapsed_us), e.type != litert::kEventOp});
  }
  return times;
}

}  // namespace atl
