#include "tflite/reader.h"

#include "tflite/subgraph_reader.h"

namespace atl {
namespace {

Status read_signatures(const FileView& file, Model& model, std::vector<const tflite::SignatureDef*>& first) {
  const auto* all = file.model().signature_defs();
  for (size_t i = 0; i < size_of(all); ++i) {
    const auto* s = all->Get(flatbuffers::uoffset_t(i));
    const std::string key = to_text(s->signature_key());
    if (s->subgraph_index() >= first.size())
      return error(Code::kTflite,
                   fmt::format("signature '{}' belongs to subgraph {} of {}", key, s->subgraph_index(), first.size()));
    TRY_STATUS(file.charge(key.size()));
    for (const auto* maps : {s->inputs(), s->outputs()})
      for (size_t k = 0; k < size_of(maps); ++k) {
        const auto* name = maps->Get(flatbuffers::uoffset_t(k))->name();
        TRY_STATUS(file.charge(64 + (name ? name->size() : 0)));
      }
    model.signatures.push_back({key, s->subgraph_index()});
    if (!first[s->subgraph_index()]) first[s->subgraph_index()] = s;
  }
  return {};
}

Status read_metadata(const FileView& file, Model& model) {
  const auto* all = file.model().metadata();
  for (size_t i = 0; i < size_of(all); ++i) {
    const auto* m = all->Get(flatbuffers::uoffset_t(i));
    TRY(const auto bytes, file.buffer(m->buffer()));
    TRY_STATUS(file.charge(bytes.size() + (m->name() ? m->name()->size() : 0)));
    model.metadata.emplace_back(to_text(m->name()), std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  return {};
}

}  // namespace

Result<Model> read_tflite(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  TRY(const FileView file, FileView::open(bytes, std::move(owner)));
  const auto* subgraphs = file.model().subgraphs();
  if (size_of(subgraphs) == 0) return error(Code::kTflite, "it has no subgraph");
  Model model;
  std::vector<const tflite::SignatureDef*> signatures(size_of(subgraphs), nullptr);
  TRY_STATUS(read_signatures(file, model, signatures));
  for (size_t i = 0; i < size_of(subgraphs); ++i) {
    const tflite::SubGraph* s = subgraphs->Get(flatbuffers::uoffset_t(i));
    auto graph = SubgraphReader(file, *s, signatures[i]).read();
    if (!graph) return std::move(graph.error()).in(fmt::format("while reading subgraph {}", i));
    graph->name = to_text(s->name());
    model.graphs.push_back(*std::move(graph));
  }
  TRY_STATUS(read_metadata(file, model));
  model.description = to_text(file.model().description());
  return model;
}

Result<Model> read_tflite(std::shared_ptr<const MappedFile> file) {
  const auto bytes = file->bytes();
  const std::string path = file->path();
  auto model = read_tflite(bytes, std::move(file));
  if (!model) return std::move(model.error()).in(fmt::format("while reading '{}'", path));
  return model;
}

}  // namespace atl
