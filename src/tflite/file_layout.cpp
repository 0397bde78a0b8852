#include "tflite/file_layout.h"

#include <functional>
#include <memory>

#include "tflite/subgraph_builder.h"

namespace atl {
namespace {

using flatbuffers::Offset;

constexpr uint64_t kDataAlignment = 64;  // the format asks for 16; LiteRT reads weights in place
constexpr uint32_t kSchemaVersion = 3;

const OpenSizes kNothingOpen;

/// A field of a Buffer table to be filled in once the structure's size is known.
struct Patch {
  uint32_t buffer;
  flatbuffers::uoffset_t from_end;
};

// A field with the default value would be left out, so the fields to be patched are written with another one.
Offset<tflite::Buffer> write_streamed_buffer(flatbuffers::FlatBufferBuilder& fbb, uint32_t id, uint64_t size, BufferForm form,
                                             std::vector<Patch>& patches) {
  const auto start = fbb.StartTable();
  if (form == BufferForm::kRange) {
    fbb.AddElement<uint64_t>(tflite::Buffer::VT_SIZE, size);
    fbb.AddElement<uint64_t>(tflite::Buffer::VT_OFFSET, 1);
  } else {
    fbb.AddElement<flatbuffers::uoffset_t>(tflite::Buffer::VT_DATA, 1);
  }
  patches.push_back({id, fbb.GetSize()});
  return Offset<tflite::Buffer>(fbb.EndTable(start));
}

Offset<tflite::Buffer> write_inline_buffer(flatbuffers::FlatBufferBuilder& fbb, const BufferEntry& e) {
  fbb.ForceVectorAlignment(e.bytes.size(), 1, 16);
  const auto data = fbb.CreateVector(reinterpret_cast<const uint8_t*>(e.bytes.data()), e.bytes.size());
  return tflite::CreateBuffer(fbb, data);
}

using Maps = flatbuffers::Vector<Offset<tflite::TensorMap>>;

// `tensors` are those of the ports that are no states.
Offset<Maps> write_tensor_maps(flatbuffers::FlatBufferBuilder& fbb, const std::vector<Port>& ports,
                               const std::vector<int32_t>& tensors, const std::function<bool(size_t)>& is_state) {
  std::vector<Offset<tflite::TensorMap>> maps;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (is_state(i)) continue;
    const auto name = fbb.CreateString(ports[i].name);
    maps.push_back(tflite::CreateTensorMap(fbb, name, uint32_t(tensors[maps.size()])));
  }
  return fbb.CreateVector(maps);
}

class ModelBuilder {
 public:
  ModelBuilder(const Model& model, const std::vector<OpenSizes>& open_sizes, BufferForm form)
      : model_(model), open_sizes_(open_sizes), form_(form) {}

  Result<FileLayout> build() {
    TRY_STATUS(write_subgraphs());
    TRY_STATUS(write_signatures());
    write_metadata();
    write_model();
    return finish();
  }

 private:
  Status write_subgraphs() {
    parts_.first_nested = model_.graphs.size();
    for (size_t i = 0; i < model_.graphs.size(); ++i) {
      const OpenSizes& open = i < open_sizes_.size() ? open_sizes_[i] : kNothingOpen;
      TRY_STATUS(write_subgraph(model_.graphs[i], open));
    }
    // Writing one may name further ones.
    for (size_t i = 0; i < parts_.nested.size(); ++i) {
      const FileParts::Nested n = parts_.nested[i];
      if (n.states_of) {
        TRY_STATUS(write_subgraph(*n.states_of, kNothingOpen, &SubgraphBuilder::build_initializer));
        continue;
      }
      OpenSizes open{.at_other_sizes = {}, .largest = n.largest, .shown = {}};
      for (size_t m = 1; m < n.members.size(); ++m) open.at_other_sizes.push_back(n.members[m].get());
      TRY_STATUS(write_subgraph(*n.members[0], open));
    }
    return {};
  }

  Status write_subgraph(const Graph& g, const OpenSizes& open,
                        Result<Offset<tflite::SubGraph>> (SubgraphBuilder::*build)() = &SubgraphBuilder::build) {
    SizeFamily family(g);
    if (!open.at_other_sizes.empty()) {
      TRY(family, SizeFamily::match(g, open.at_other_sizes));
    }
    builders_.push_back(std::make_unique<SubgraphBuilder>(std::move(family), open, parts_));
    TRY(auto written, (*builders_.back().*build)());
    subgraphs_.push_back(written);
    return {};
  }

  Status write_signatures() {
    auto& fbb = parts_.fbb;
    for (const Model::Signature& s : model_.signatures) {
      if (s.graph >= builders_.size()) return error(Code::kInternal, fmt::format("signature '{}' has no graph", s.key));
      const Graph& g = model_.graphs[s.graph];
      const auto in =
          write_tensor_maps(fbb, g.inputs(), builders_[s.graph]->inputs(), [&](size_t i) { return g.is_state_input(i); });
      const auto out =
          write_tensor_maps(fbb, g.outputs(), builders_[s.graph]->outputs(), [&](size_t i) { return g.is_state_output(i); });
      const auto key = fbb.CreateString(s.key);
      signatures_.push_back(tflite::CreateSignatureDef(fbb, in, out, key, uint32_t(s.graph)));
    }
    return {};
  }

  void write_metadata() {
    auto& fbb = parts_.fbb;
    for (const auto& [name, value] : model_.metadata) {
      const auto* bytes = reinterpret_cast<const std::byte*>(value.data());
      const uint32_t buffer = parts_.buffers.add_own({bytes, bytes + value.size()});
      const auto text = fbb.CreateString(name);
      metadata_.push_back(tflite::CreateMetadata(fbb, text, buffer));
    }
  }

  void write_model() {
    auto& fbb = parts_.fbb;
    std::vector<Offset<tflite::Buffer>> buffers;
    const auto& entries = parts_.buffers.entries();
    for (uint32_t i = 0; i < entries.size(); ++i) {
      if (i == 0)
        buffers.push_back(tflite::CreateBuffer(fbb));
      else
        buffers.push_back(entries[i].is_streamed() ? write_streamed_buffer(fbb, i, entries[i].size, form_, patches_)
                                                   : write_inline_buffer(fbb, entries[i]));
    }
    const auto codes = fbb.CreateVector(parts_.codes);
    const auto subgraphs = fbb.CreateVector(subgraphs_);
    const auto description = fbb.CreateString(model_.description);
    const auto all = fbb.CreateVector(buffers);
    const auto metadata = metadata_.empty() ? 0 : fbb.CreateVector(metadata_);
    const auto signatures = signatures_.empty() ? 0 : fbb.CreateVector(signatures_);
    const auto root = tflite::CreateModel(fbb, kSchemaVersion, codes, subgraphs, description, all, 0, metadata, signatures);
    tflite::FinishModelBuffer(fbb, root);
  }

  Result<FileLayout> finish() {
    auto& fbb = parts_.fbb;
    FileLayout f;
    f.form = form_;
    f.entries = parts_.buffers.entries();
    f.operators = parts_.operators;
    f.tensors = parts_.tensors;
    const auto* begin = reinterpret_cast<const std::byte*>(fbb.GetBufferPointer());
    f.structure.assign(begin, begin + fbb.GetSize());
    f.total = f.structure.size();
    f.position.resize(f.entries.size());
    const uint64_t prefix = form_ == BufferForm::kVector ? sizeof(flatbuffers::uoffset_t) : 0;
    for (const Patch& p : patches_) {
      const uint64_t at = (f.total + prefix + kDataAlignment - 1) / kDataAlignment * kDataAlignment;
      f.position[p.buffer] = at;
      f.total = at + f.entries[p.buffer].size;
      const uint64_t field = f.structure.size() - p.from_end;
      auto* to = reinterpret_cast<uint8_t*>(f.structure.data() + field);
      if (form_ == BufferForm::kVector)
        flatbuffers::WriteScalar(to, flatbuffers::uoffset_t(at - prefix - field));
      else
        flatbuffers::WriteScalar(to, at);
    }
    return f;
  }

  const Model& model_;
  const std::vector<OpenSizes>& open_sizes_;
  const BufferForm form_;
  FileParts parts_;
  std::vector<std::unique_ptr<SubgraphBuilder>> builders_;
  std::vector<Offset<tflite::SubGraph>> subgraphs_;
  std::vector<Offset<tflite::SignatureDef>> signatures_;
  std::vector<Offset<tflite::Metadata>> metadata_;
  std::vector<Patch> patches_;
};

uint64_t opaque_bytes(const Graph& g) {
  uint64_t size = 0;
  for (uint32_t id = 0; id < g.size(); ++id) {
    if (g[id].dead) continue;
    if (const auto* o = g.as<Opaque>({id, 0})) size += o->bytes.size();
    if (const auto graphs = def_of(*g[id].op).graphs)
      for (const GraphPtr& inner : graphs(*g[id].op)) size += opaque_bytes(*inner);
  }
  return size;
}

// The builder's own asserts end the process, so what could exceed them is added up first.
Status check_structure_size(const Model& model) {
  uint64_t size = model.description.size();
  for (const auto& [name, value] : model.metadata) size += name.size() + value.size();
  for (const Graph& g : model.graphs) size += 2 * opaque_bytes(g);
  if (size > FLATBUFFERS_MAX_BUFFER_SIZE / 2)
    return error(Code::kTooLarge, "metadata and custom operators take more than 1 GB");
  return {};
}

}  // namespace

Result<FileLayout> lay_out(const Model& model, const std::vector<OpenSizes>& open_sizes, uint64_t max_vector_file) {
  if (model.graphs.empty()) return error(Code::kInternal, "a model without a graph cannot be written");
  TRY_STATUS(check_structure_size(model));
  TRY(FileLayout f, ModelBuilder(model, open_sizes, BufferForm::kVector).build());
  if (f.total <= max_vector_file) return f;
  return ModelBuilder(model, open_sizes, BufferForm::kRange).build();
}

}  // namespace atl
