#include "edgetpu/model_cut.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace atl::edgetpu {
namespace {

using Operators = std::vector<std::unique_ptr<tflite::OperatorT>>;

// Which tensors cross the border of the part.
struct Border {
  std::vector<int32_t> inputs, outputs;
};

Border border_of(const tflite::SubGraphT& graph, const Operators& part, const Operators& rest,
                 const std::set<int32_t>& constants) {
  Border border;
  std::set<int32_t> made, read, read_elsewhere(graph.outputs.begin(), graph.outputs.end());
  for (const auto& op : part) {
    made.insert(op->outputs.begin(), op->outputs.end());
    read.insert(op->inputs.begin(), op->inputs.end());
  }
  for (const auto& op : rest) read_elsewhere.insert(op->inputs.begin(), op->inputs.end());
  for (const int32_t t : read)
    if (t >= 0 && !made.contains(t) && !constants.contains(t) && !graph.tensors[size_t(t)]->is_variable)
      border.inputs.push_back(t);
  for (const auto& op : part)
    for (const int32_t t : op->outputs)
      if (read_elsewhere.contains(t) || !read.contains(t)) border.outputs.push_back(t);
  return border;
}

// Keeps what the part uses, and numbers it anew.
class Renumbering {
 public:
  explicit Renumbering(tflite::ModelT& model)
      : model_(model), old_(std::move(model.subgraphs[0]->tensors)), buffers_(std::move(model.buffers)) {
    model_.buffers.clear();
    model_.buffers.push_back(std::make_unique<tflite::BufferT>());
    model_.subgraphs[0]->tensors.clear();
  }
  void operator()(std::vector<int32_t>& list) {
    for (int32_t& t : list)
      if (t >= 0) t = keep(t);
  }

 private:
  int32_t keep(int32_t t) {
    const auto [at, added] = numbers_.emplace(t, int32_t(numbers_.size()));
    if (!added) return at->second;
    auto& tensor = old_[size_t(t)];
    if (tensor->buffer != 0 && buffers_[tensor->buffer]) {
      const auto [buffer, first_use] = buffer_numbers_.emplace(tensor->buffer, uint32_t(model_.buffers.size()));
      if (first_use) model_.buffers.push_back(std::move(buffers_[tensor->buffer]));
    }
    if (tensor->buffer != 0) tensor->buffer = buffer_numbers_.at(tensor->buffer);
    model_.subgraphs[0]->tensors.push_back(std::move(tensor));
    return at->second;
  }
  tflite::ModelT& model_;
  std::vector<std::unique_ptr<tflite::TensorT>> old_;
  std::vector<std::unique_ptr<tflite::BufferT>> buffers_;
  std::map<int32_t, int32_t> numbers_;
  std::map<uint32_t, uint32_t> buffer_numbers_;
};

// Bytes that lie behind the flatbuffer come into it.
Status take_in(const FileView& file, tflite::ModelT& model) {
  for (size_t i = 0; i < model.buffers.size(); ++i) {
    TRY(const auto bytes, file.buffer(uint32_t(i)));
    auto& buffer = *model.buffers[i];
    buffer.offset = buffer.size = 0;
    if (buffer.data.size() == bytes.size()) continue;
    buffer.data.resize(bytes.size());
    std::memcpy(buffer.data.data(), bytes.data(), bytes.size());
  }
  return {};
}

}  // namespace

Result<std::vector<std::byte>> cut_operators(const FileView& file, size_t first, size_t last) {
  const std::unique_ptr<tflite::ModelT> model(file.model().UnPack());
  if (model->subgraphs.empty() || first >= last || last > model->subgraphs[0]->operators.size())
    return error(Code::kTflite, fmt::format("there are no operators {} to {}", first, last));
  TRY_STATUS(take_in(file, *model));
  model->subgraphs.resize(1);
  tflite::SubGraphT& graph = *model->subgraphs[0];
  std::set<int32_t> constants;
  for (size_t i = 0; i < graph.tensors.size(); ++i)
    if (!model->buffers[graph.tensors[i]->buffer]->data.empty()) constants.insert(int32_t(i));
  Operators part, rest;
  for (size_t i = 0; i < graph.operators.size(); ++i)
    (i >= first && i < last ? part : rest).push_back(std::move(graph.operators[i]));
  Border border = border_of(graph, part, rest, constants);
  Renumbering renumber(*model);
  renumber(border.inputs);
  for (const auto& op : part) {
    renumber(op->inputs);
    renumber(op->intermediates);
    renumber(op->outputs);
  }
  renumber(border.outputs);
  graph.operators = std::move(part);
  graph.inputs = std::move(border.inputs);
  graph.outputs = std::move(border.outputs);
  model->signature_defs.clear();
  model->metadata.clear();
  model->metadata_buffer.clear();
  flatbuffers::FlatBufferBuilder b;
  b.Finish(tflite::Model::Pack(b, model.get()), tflite::ModelIdentifier());
  std::vector<std::byte> bytes(b.GetSize());
  std::memcpy(bytes.data(), b.GetBufferPointer(), b.GetSize());
  return bytes;
}

}  // namespace atl::edgetpu
