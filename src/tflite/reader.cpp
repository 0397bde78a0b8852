#include "tflite/reader.h"

#include "ops/opaque.h"
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

// The subgraphs of a file, each read once, when first asked for.
class GraphSet {
 public:
  GraphSet(const FileView& file, const std::vector<const tflite::SignatureDef*>& signatures)
      : file_(file), signatures_(signatures), entries_(signatures.size()) {}

  /// E: what reading the subgraph says.
  Result<std::shared_ptr<Graph>> graph(size_t index) {
    Entry& e = entries_[index];
    if (e.graph) return e.graph;
    e.open = true;
    const tflite::SubGraph& s = *file_.model().subgraphs()->Get(flatbuffers::uoffset_t(index));
    auto read = SubgraphReader(file_, s, signatures_[index], [this](int64_t i) { return body(i); }).read();
    e.open = false;
    if (!read) return std::move(read.error()).in(fmt::format("while reading subgraph {}", index));
    read->name = to_text(s.name());
    return e.graph = std::make_shared<Graph>(*std::move(read));
  }
  bool is_body(size_t index) const { return entries_[index].body; }

 private:
  struct Entry {
    std::shared_ptr<Graph> graph;
    bool open = false;  // being read
    bool body = false;
  };
  static constexpr int kMaxDepth = 32;

  // See TfliteNode::subgraph.
  Result<GraphPtr> body(int64_t index) {
    if (index < 0 || size_t(index) >= entries_.size() || entries_[size_t(index)].open || depth_ == kMaxDepth)
      return not_decoded();
    ++depth_;
    auto g = graph(size_t(index));
    --depth_;
    if (!g) return std::move(g.error());
    for (uint32_t id = 0; id < (*g)->size(); ++id)
      if (!(**g)[id].dead && (**g)[id].out.empty()) return not_decoded();
    entries_[size_t(index)].body = true;
    return GraphPtr(*g);
  }

  const FileView& file_;
  const std::vector<const tflite::SignatureDef*>& signatures_;
  std::vector<Entry> entries_;
  int depth_ = 0;
};

// Whether an opaque operator anywhere may name subgraphs by their numbers.
bool names_subgraphs(const Graph& g) {
  for (uint32_t id = 0; id < g.size(); ++id) {
    const Node& n = g[id];
    if (n.dead) continue;
    if (const auto* o = g.as<Opaque>({id, 0})) {
      const auto code = tflite::BuiltinOperator(o->builtin);
      if (code == tflite::BuiltinOperator::WHILE || code == tflite::BuiltinOperator::IF ||
          code == tflite::BuiltinOperator::CALL_ONCE || code == tflite::BuiltinOperator::CALL ||
          std::string_view(tflite::EnumNameBuiltinOperator(code)).starts_with("STABLEHLO_"))
        return true;
    }
    if (const auto graphs = def_of(*n.op).graphs)
      for (const GraphPtr& inner : graphs(*n.op))
        if (names_subgraphs(*inner)) return true;
  }
  return false;
}

}  // namespace

Result<Model> read_tflite(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  TRY(const FileView file, FileView::open(bytes, std::move(owner)));
  const size_t count = size_of(file.model().subgraphs());
  if (count == 0) return error(Code::kTflite, "it has no subgraph");
  Model model;
  std::vector<const tflite::SignatureDef*> signatures(count, nullptr);
  TRY_STATUS(read_signatures(file, model, signatures));
  GraphSet set(file, signatures);
  bool by_number = false;
  for (size_t i = 0; i < count; ++i) {
    TRY(const auto g, set.graph(i));
    by_number = by_number || names_subgraphs(*g);
  }
  std::vector<size_t> place(count, 0);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 && !by_number && set.is_body(i) && !signatures[i]) continue;
    place[i] = model.graphs.size();
    TRY(const auto g, set.graph(i));
    if (set.is_body(i))
      model.graphs.push_back(*g);
    else
      model.graphs.push_back(std::move(*g));
  }
  for (Model::Signature& s : model.signatures) s.graph = place[s.graph];
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
