#include "verify/file_tensors.h"

#include <schema_tables.h>

#include <algorithm>
#include <cstring>

#include "ir/tflite_op.h"
#include "run/model_image.h"
#include "tflite/tensor_type.h"

namespace atl {
namespace {

constexpr uint64_t kMaxStructure = 0x7fffffff - (1u << 20);
constexpr uint64_t kRangeAlignment = 64;

}  // namespace

struct FileTensors::State {
  ModelImage image;
  size_t subgraph = 0;
  std::vector<std::pair<std::string, uint32_t>> inputs, outputs;  // of the signature: names and tensors
  std::vector<TensorEntry> tensors;
  std::vector<OperatorEntry> operators;

  const tflite::Model& model() const { return *tflite::GetModel(image.bytes().data()); }
};

namespace {

using NamedTensors = std::vector<std::pair<std::string, uint32_t>>;

NamedTensors named(const flatbuffers::Vector<flatbuffers::Offset<tflite::TensorMap>>* maps) {
  NamedTensors out;
  if (maps)
    for (const tflite::TensorMap* m : *maps) out.emplace_back(m->name()->str(), m->tensor_index());
  return out;
}

NamedTensors named(const flatbuffers::Vector<int32_t>* list, const tflite::SubGraph& graph) {
  NamedTensors out;
  if (list)
    for (int32_t t : *list) {
      const auto* name = graph.tensors()->Get(unsigned(t))->name();
      out.emplace_back(name ? name->str() : fmt::format("tensor_{}", t), uint32_t(t));
    }
  return out;
}

// The bytes of a buffer, inside the structure or behind it.
std::span<const std::byte> content(const tflite::Model& model, std::span<const std::byte> file, uint32_t buffer) {
  if (!model.buffers() || buffer >= model.buffers()->size()) return {};
  const tflite::Buffer& b = *model.buffers()->Get(buffer);
  if (b.data()) return std::as_bytes(std::span(b.data()->data(), b.data()->size()));
  if (b.offset() <= 1 || b.offset() > file.size() || b.size() > file.size() - b.offset()) return {};
  return file.subspan(size_t(b.offset()), size_t(b.size()));
}

// The weights behind the structure, as one range of the file; empty when there are none.
std::span<const std::byte> range_behind(const tflite::ModelT& model, std::span<const std::byte> file, uint64_t& begin) {
  uint64_t first = file.size(), last = 0;
  for (const auto& b : model.buffers)
    if (b && b->offset > 1 && b->offset <= file.size() && b->size <= file.size() - b->offset) {
      first = std::min<uint64_t>(first, b->offset);
      last = std::max<uint64_t>(last, b->offset + b->size);
    }
  begin = first;
  return first < last ? file.subspan(size_t(first), size_t(last - first)) : std::span<const std::byte>();
}

// An options union as bytes; packed from objects, so that equal options have equal bytes.
template <class Union>
std::vector<uint8_t> packed(const Union& options) {
  if (!options.value) return {};
  flatbuffers::FlatBufferBuilder fbb;
  fbb.Finish(options.Pack(fbb));
  std::vector<uint8_t> out(fbb.GetBufferPointer(), fbb.GetBufferPointer() + fbb.GetSize());
  out.push_back(uint8_t(options.type));
  return out;
}

std::unique_ptr<tflite::TensorMapT> tensor_map(const std::string& name, uint32_t tensor) {
  auto m = std::make_unique<tflite::TensorMapT>();
  m->name = name;
  m->tensor_index = tensor;
  return m;
}

Result<std::vector<std::byte>> pack(tflite::ModelT& model, std::span<const std::byte> file) {
  uint64_t behind_begin = 0;
  const auto behind = range_behind(model, file, behind_begin);
  uint64_t estimate = 1 << 16;
  for (const auto& b : model.buffers) estimate += b ? b->data.size() + 64 : 0;
  if (estimate > kMaxStructure) return error(Code::kTooLarge, "the file is too large to look inside");
  // The offsets do not change the structure's size, so the second packing has the first one's.
  size_t size = 0;
  for (int round = 0; round < (behind.empty() ? 1 : 2); ++round) {
    const uint64_t base = (size + kRangeAlignment - 1) / kRangeAlignment * kRangeAlignment;
    if (round == 1)
      for (auto& b : model.buffers)
        if (b && b->offset > 1) b->offset = b->offset - behind_begin + base;
    flatbuffers::FlatBufferBuilder fbb(size_t(estimate) + (1u << 20));
    fbb.Finish(tflite::Model::Pack(fbb, &model), tflite::ModelIdentifier());
    size = fbb.GetSize();
    if (round == 0 && !behind.empty()) continue;
    std::vector<std::byte> out(behind.empty() ? size : size_t(base) + behind.size());
    std::memcpy(out.data(), fbb.GetBufferPointer(), size);
    if (!behind.empty()) std::memcpy(out.data() + base, behind.data(), behind.size());
    return out;
  }
  return error(Code::kInternal, "a copy of the file could not be packed");
}

}  // namespace

FileTensors::FileTensors(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileTensors::FileTensors(FileTensors&&) noexcept = default;
FileTensors& FileTensors::operator=(FileTensors&&) noexcept = default;
FileTensors::~FileTensors() = default;

const std::vector<FileTensors::TensorEntry>& FileTensors::tensors() const { return state_->tensors; }
const std::vector<FileTensors::OperatorEntry>& FileTensors::operators() const { return state_->operators; }

Result<FileTensors> FileTensors::open(const WrittenFileSource& file, const std::string& signature) {
  auto image = file.path.empty() ? ModelImage::from_bytes(file.bytes) : ModelImage::open(file.path);
  if (!image) return std::move(image.error());
  auto state = std::make_unique<State>(State{*std::move(image), 0, {}, {}, {}, {}});
  const tflite::Model& model = state->model();
  const auto* signatures = model.signature_defs();
  const std::string key = signature.empty() ? "serving_default" : signature;
  const tflite::SignatureDef* chosen = nullptr;
  for (unsigned i = 0; signatures && i < signatures->size(); ++i)
    if (signatures->Get(i)->signature_key()->str() == key || (signature.empty() && signatures->size() == 1))
      chosen = signatures->Get(i);
  if (!chosen && signatures && signatures->size() > 0)
    return error(Code::kInput, fmt::format("{} has no signature '{}'", state->image.what(), key));
  state->subgraph = chosen ? chosen->subgraph_index() : 0;
  const tflite::SubGraph& graph = *model.subgraphs()->Get(unsigned(state->subgraph));
  state->inputs = chosen ? named(chosen->inputs()) : named(graph.inputs(), graph);
  state->outputs = chosen ? named(chosen->outputs()) : named(graph.outputs(), graph);
  for (unsigned i = 0; graph.tensors() && i < graph.tensors()->size(); ++i) {
    const tflite::Tensor& t = *graph.tensors()->Get(i);
    TensorEntry e{t.name() ? t.name()->str() : std::string(), from_tensor_type(t.type()), {}, t.is_variable(), {}, {}};
    if (const auto* q = t.quantization(); q && q->scale() && q->scale()->size() > 0) {
      e.quant = QuantParams{{q->scale()->begin(), q->scale()->end()}, {}, q->quantized_dimension()};
      if (q->zero_point()) e.quant->zero_point.assign(q->zero_point()->begin(), q->zero_point()->end());
    }
    for (unsigned k = 0; t.shape() && k < t.shape()->size(); ++k) e.shape.push_back(t.shape()->Get(k));
    e.bytes = content(model, state->image.bytes(), t.buffer());
    state->tensors.push_back(std::move(e));
  }
  for (unsigned i = 0; graph.operators() && i < graph.operators()->size(); ++i) {
    const tflite::Operator& op = *graph.operators()->Get(i);
    OperatorEntry e;
    if (op.inputs()) e.inputs.assign(op.inputs()->begin(), op.inputs()->end());
    if (op.outputs()) e.outputs.assign(op.outputs()->begin(), op.outputs()->end());
    const tflite::OperatorCode& code = *model.operator_codes()->Get(op.opcode_index());
    e.builtin = std::max(int(code.builtin_code()), int(code.deprecated_builtin_code()));
    state->operators.push_back(std::move(e));
  }
  return FileTensors(std::move(state));
}

bool FileTensors::is_same_operator(size_t index, const TfliteOp& op) const {
  const tflite::Model& model = state_->model();
  const tflite::SubGraph& graph = *model.subgraphs()->Get(unsigned(state_->subgraph));
  tflite::OperatorT there;
  graph.operators()->Get(unsigned(index))->UnPackTo(&there);
  const tflite::OperatorCode& code = *model.operator_codes()->Get(there.opcode_index);
  // The numbers of subgraphs are the file's own.
  TfliteOp linked = op;
  if (op.link) {
    linked.options = there.builtin_options;
    if (linked.options.type != op.options.type) return false;
  }
  const int builtin = std::max(int(code.builtin_code()), int(code.deprecated_builtin_code()));
  const std::string custom = code.custom_code() ? code.custom_code()->str() : std::string();
  return builtin == int(op.code) && custom == op.custom_code && packed(there.builtin_options) == packed(linked.options) &&
         packed(there.builtin_options_2) == packed(op.options2) && there.custom_options == op.custom_options;
}

Result<std::vector<std::byte>> FileTensors::expose(std::span<const int32_t> tensors, std::vector<std::string>& names) const {
  const std::unique_ptr<tflite::ModelT> copy(state_->model().UnPack());
  tflite::SubGraphT& graph = *copy->subgraphs[state_->subgraph];
  auto signature = std::make_unique<tflite::SignatureDefT>();
  signature->signature_key = kSignature;
  signature->subgraph_index = uint32_t(state_->subgraph);
  for (const auto& [name, tensor] : state_->inputs) signature->inputs.push_back(tensor_map(name, tensor));
  for (const auto& [name, tensor] : state_->outputs) signature->outputs.push_back(tensor_map(name, tensor));
  names.clear();
  for (int32_t t : tensors) {
    const auto is_it = [&](const auto& output) { return output.second == uint32_t(t); };
    const auto known = std::find_if(state_->outputs.begin(), state_->outputs.end(), is_it);
    names.push_back(known != state_->outputs.end() ? known->first : fmt::format("exposed tensor {}", t));
    const bool twice = std::find(names.begin(), names.end() - 1, names.back()) != names.end() - 1;
    if (known != state_->outputs.end() || twice) continue;
    graph.outputs.push_back(t);
    signature->outputs.push_back(tensor_map(names.back(), uint32_t(t)));
  }
  copy->signature_defs.clear();
  copy->signature_defs.push_back(std::move(signature));
  return pack(*copy, state_->image.bytes());
}

}  // namespace atl
