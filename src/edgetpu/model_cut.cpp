#include "edgetpu/model_cut.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
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

/// The names of tensors in a model's signature.
class PortNames {
 public:
  explicit PortNames(const tflite::ModelT& model) {
    const tflite::SubGraphT& graph = *model.subgraphs[0];
    for (const auto& t : graph.tensors) ++uses_[t->name];
    for (const auto& t : graph.tensors) own_.push_back(t->name);
    for (const auto& s : model.signature_defs) {
      if (s->subgraph_index != 0) continue;
      key_ = s->signature_key;
      for (const auto* list : {&s->inputs, &s->outputs})
        for (const auto& t : *list) ports_.emplace(int32_t(t->tensor_index), t->name);
      break;
    }
  }
  std::string operator()(int32_t t) const {
    if (const auto at = ports_.find(t); at != ports_.end()) return at->second;
    const std::string& own = own_[size_t(t)];
    return own.empty() || uses_.at(own) > 1 ? fmt::format("tensor_{}", t) : own;
  }
  const std::string& key() const { return key_; }

 private:
  std::map<std::string, int> uses_;
  std::vector<std::string> own_;
  std::map<int32_t, std::string> ports_;
  std::string key_ = "serving_default";
};

/// A signature and a metadata entry for a segment.
struct SegmentLabel {
  std::string key;
  std::vector<std::string> inputs, outputs;
  std::string entry;

  SegmentLabel(const PortNames& name, const Border& border, const std::vector<int32_t>& model_outputs, size_t index,
               size_t count)
      : key(name.key()) {
    for (const int32_t t : border.inputs) inputs.push_back(name(t));
    for (const int32_t t : border.outputs) outputs.push_back(name(t));
    std::vector<std::string> names;
    for (const int32_t t : model_outputs) names.push_back(name(t));
    entry = segment_entry(index, count, names);
  }
  void put_on(tflite::ModelT& model) const {
    const tflite::SubGraphT& graph = *model.subgraphs[0];
    auto s = std::make_unique<tflite::SignatureDefT>();
    s->signature_key = key;
    const auto fill = [](auto& list, const std::vector<std::string>& names, const std::vector<int32_t>& tensors) {
      for (size_t i = 0; i < names.size(); ++i) {
        list.push_back(std::make_unique<tflite::TensorMapT>());
        list.back()->name = names[i];
        list.back()->tensor_index = uint32_t(tensors[i]);
      }
    };
    fill(s->inputs, inputs, graph.inputs);
    fill(s->outputs, outputs, graph.outputs);
    model.signature_defs.push_back(std::move(s));
    auto buffer = std::make_unique<tflite::BufferT>();
    buffer->data.assign(entry.begin(), entry.end());
    model.metadata.push_back(std::make_unique<tflite::MetadataT>());
    model.metadata.back()->name = kSegmentEntry;
    model.metadata.back()->buffer = uint32_t(model.buffers.size());
    model.buffers.push_back(std::move(buffer));
  }
};

struct SegmentPlace {
  size_t index = 0, count = 0;
};

Result<std::vector<std::byte>> cut(const FileView& file, size_t first, size_t last, std::optional<SegmentPlace> place) {
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
  std::optional<SegmentLabel> label;
  if (place) label.emplace(PortNames(*model), border, graph.outputs, place->index, place->count);
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
  if (label) label->put_on(*model);
  flatbuffers::FlatBufferBuilder b;
  b.Finish(tflite::Model::Pack(b, model.get()), tflite::ModelIdentifier());
  std::vector<std::byte> bytes(b.GetSize());
  std::memcpy(bytes.data(), b.GetBufferPointer(), b.GetSize());
  return bytes;
}

}  // namespace

Result<std::vector<std::byte>> cut_operators(const FileView& file, size_t first, size_t last) {
  return cut(file, first, last, std::nullopt);
}

std::string segment_entry(size_t index, size_t count, const std::vector<std::string>& outputs) {
  const nlohmann::ordered_json j{{"index", index}, {"of", count}, {"outputs", outputs}};
  return j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<std::vector<std::byte>> cut_segment(const FileView& file, size_t first, size_t last, size_t index, size_t count) {
  return cut(file, first, last, SegmentPlace{index, count});
}

}  // namespace atl::edgetpu
