#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "api/inspect_package.h"
#include "api/inspection.h"
#include "api/metadata.h"
#include "edgetpu/package.h"
#include "ir/text.h"
#include "tflite/file_view.h"
#include "tflite/reader.h"

namespace atl {
namespace {

using tflite::BuiltinOperator;

Error damaged(std::string what) { return error(Code::kTflite, std::move(what), "fetch or convert the file again"); }

// Reads the tables of one file into a report. Indices are checked here: verifying a flatbuffer does not.
class TfliteInspection {
 public:
  TfliteInspection(const FileView& file, const InspectOptions& options, InspectReport& report)
      : file_(file), options_(options), report_(report) {}
  Status run();

 private:
  struct Code {
    std::string name;
    int version = 1;
    bool custom = false;
  };

  void read_codes();
  Status read_subgraph(size_t index);
  Status read_operator(size_t subgraph, size_t index, const tflite::Operator& op);
  Status read_signatures();
  Status read_metadata();
  void add_tensors(size_t subgraph);
  std::string role(size_t subgraph, int32_t tensor) const;
  Result<const FileTensor*> tensor(size_t subgraph, int64_t index, std::string_view what) const;

  const FileView& file_;
  const InspectOptions& options_;
  InspectReport& report_;
  TfliteReport facts_;
  std::vector<Code> codes_;
  std::vector<std::vector<FileTensor>> tensors_;  // by subgraph
  std::map<std::tuple<std::string, int, bool>, size_t> counts_;
  std::set<uint32_t> used_buffers_;
};

void TfliteInspection::read_codes() {
  const auto* all = file_.model().operator_codes();
  for (size_t i = 0; i < size_of(all); ++i) {
    const auto* c = all->Get(flatbuffers::uoffset_t(i));
    const BuiltinOperator code = std::max(BuiltinOperator(c->deprecated_builtin_code()), c->builtin_code());
    Code out{tflite::EnumNameBuiltinOperator(code), c->version(), code == BuiltinOperator::CUSTOM};
    if (out.custom) out.name = to_text(c->custom_code());
    if (out.name.empty()) out.name = fmt::format("operator {}", int(code));
    codes_.push_back(std::move(out));
  }
}

Result<const FileTensor*> TfliteInspection::tensor(size_t subgraph, int64_t index, std::string_view what) const {
  if (index < 0 || size_t(index) >= tensors_[subgraph].size())
    return damaged(fmt::format("{} of subgraph {} is tensor {} of {}", what, subgraph, index, tensors_[subgraph].size()));
  return &tensors_[subgraph][size_t(index)];
}

Status TfliteInspection::read_operator(size_t subgraph, size_t index, const tflite::Operator& op) {
  if (op.opcode_index() >= codes_.size()) return damaged(fmt::format("there is no operator code {}", op.opcode_index()));
  const Code& code = codes_[op.opcode_index()];
  ++counts_[{code.name, code.version, code.custom}];
  ++report_.operator_count;
  if (!options_.operators) return {};
  OperatorReport out{subgraph, index, code.name, code.version, "", {}, {}};
  TRY_STATUS(file_.charge(8 * (uint64_t(size_of(op.inputs())) + size_of(op.outputs()))));
  for (int32_t t : to_vector(op.inputs())) {
    if (t == -1) {
      out.inputs.emplace_back();
      continue;
    }
    TRY(const FileTensor* in, tensor(subgraph, t, fmt::format("an input of operator {}", index)));
    TRY_STATUS(file_.charge(in->name.size()));
    out.inputs.push_back(in->name);
  }
  for (int32_t t : to_vector(op.outputs())) {
    TRY(const FileTensor* result, tensor(subgraph, t, fmt::format("an output of operator {}", index)));
    TRY_STATUS(file_.charge(result->name.size()));
    out.outputs.push_back({result->name, to_string(result->type), {}});
  }
  if (!out.outputs.empty()) out.origin = out.outputs[0].name;
  report_.operators.push_back(std::move(out));
  return {};
}

Status TfliteInspection::read_subgraph(size_t index) {
  const tflite::SubGraph& s = *file_.model().subgraphs()->Get(flatbuffers::uoffset_t(index));
  tensors_.emplace_back();
  for (size_t i = 0; i < size_of(s.tensors()); ++i) {
    TRY(FileTensor t, file_.tensor(s.tensors()->Get(flatbuffers::uoffset_t(i))));
    if (t.has_content && used_buffers_.insert(t.table->buffer()).second) facts_.constant_bytes += t.content.size();
    tensors_.back().push_back(std::move(t));
  }
  for (size_t i = 0; i < size_of(s.operators()); ++i)
    TRY_STATUS(read_operator(index, i, *s.operators()->Get(flatbuffers::uoffset_t(i))));
  facts_.subgraphs.push_back({to_text(s.name()), size_of(s.operators()), size_of(s.tensors())});
  return {};
}

Status TfliteInspection::read_signatures() {
  const auto* all = file_.model().signature_defs();
  const auto ports = [&](size_t subgraph, const auto* maps, std::vector<PortReport>& out) -> Status {
    for (size_t i = 0; i < size_of(maps); ++i) {
      const tflite::TensorMap* m = maps->Get(flatbuffers::uoffset_t(i));
      TRY(const FileTensor* t, tensor(subgraph, m->tensor_index(), "a signature's tensor"));
      TRY_STATUS(file_.charge(64 + (m->name() ? m->name()->size() : 0)));
      out.push_back({to_text(m->name()), to_string(t->type), {}});
    }
    return {};
  };
  for (size_t i = 0; i < size_of(all); ++i) {
    const tflite::SignatureDef* s = all->Get(flatbuffers::uoffset_t(i));
    SignatureReport out{to_text(s->signature_key()), s->subgraph_index(), {}, {}};
    if (out.subgraph >= tensors_.size())
      return damaged(fmt::format("signature '{}' belongs to subgraph {} of {}", out.key, out.subgraph, tensors_.size()));
    TRY_STATUS(ports(out.subgraph, s->inputs(), out.inputs));
    TRY_STATUS(ports(out.subgraph, s->outputs(), out.outputs));
    report_.signatures.push_back(std::move(out));
  }
  if (!report_.signatures.empty()) return {};
  SignatureReport out;
  const tflite::SubGraph& s = *file_.model().subgraphs()->Get(0);
  for (int32_t i : to_vector(s.inputs())) {
    TRY(const FileTensor* t, tensor(0, i, "an input"));
    out.inputs.push_back({t->name, to_string(t->type), {}});
  }
  for (int32_t i : to_vector(s.outputs())) {
    TRY(const FileTensor* t, tensor(0, i, "an output"));
    out.outputs.push_back({t->name, to_string(t->type), {}});
  }
  report_.signatures.push_back(std::move(out));
  return {};
}

std::string TfliteInspection::role(size_t subgraph, int32_t tensor) const {
  const tflite::SubGraph& s = *file_.model().subgraphs()->Get(flatbuffers::uoffset_t(subgraph));
  const auto has = [&](const flatbuffers::Vector<int32_t>* list) {
    return list && std::find(list->begin(), list->end(), tensor) != list->end();
  };
  if (has(s.inputs())) return "input";
  if (has(s.outputs())) return "output";
  const FileTensor& t = tensors_[subgraph][size_t(tensor)];
  return t.variable ? "variable" : t.has_content ? "constant" : "";
}

void TfliteInspection::add_tensors(size_t subgraph) {
  for (size_t i = 0; i < tensors_[subgraph].size(); ++i) {
    const FileTensor& t = tensors_[subgraph][i];
    report_.tensors.push_back({subgraph, t.name, to_string(t.type), role(subgraph, int32_t(i)), t.content.size()});
  }
}

Status TfliteInspection::read_metadata() {
  const auto* all = file_.model().metadata();
  for (size_t i = 0; i < size_of(all); ++i) {
    const auto* m = all->Get(flatbuffers::uoffset_t(i));
    TRY(const auto bytes, file_.buffer(m->buffer()));
    const std::string name = to_text(m->name());
    facts_.metadata.emplace_back(name, bytes.size());
    if (name == kMetadataName && bytes.size() == kMetadataBytes)
      facts_.atoll = parse_atoll_entry({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  return {};
}

Status TfliteInspection::run() {
  if (size_of(file_.model().subgraphs()) == 0) return damaged("it has no subgraph");
  facts_.schema_version = file_.model().version();
  facts_.description = to_text(file_.model().description());
  read_codes();
  for (size_t i = 0; i < file_.model().subgraphs()->size(); ++i) {
    TRY_STATUS(read_subgraph(i));
    if (options_.tensors) add_tensors(i);
  }
  TRY_STATUS(read_signatures());
  TRY_STATUS(read_metadata());
  const bool is_compiled = std::ranges::any_of(codes_, [](const Code& c) { return c.name == edgetpu::kCompiledOperator; });
  if (is_compiled) {
    TRY(facts_.packages, inspect_packages(file_));
  }
  for (const auto& [key, count] : counts_) {
    const auto& [name, version, custom] = key;
    report_.operator_counts.push_back({name, version, count, custom, true});
  }
  report_.tflite = std::move(facts_);
  return {};
}

}  // namespace

std::optional<AtollEntry> parse_atoll_entry(std::string_view text) {
  const auto j = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!j.is_object()) return std::nullopt;
  const auto string = [&](const char* key) {
    const auto it = j.find(key);
    return it != j.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  AtollEntry e{string("atoll"), string("source_sha256"), string("proof"), 0, {}, {}, {}};
  if (const auto it = j.find("proof_inputs"); it != j.end() && it->is_number_integer()) e.proof_inputs = it->get<int>();
  if (const auto it = j.find("proof_min_snr_db"); it != j.end() && it->is_number_integer()) e.proof_min_snr_db = it->get<int>();
  if (const auto pixels = j.find("pixels"); pixels != j.end() && pixels->is_object()) {
    const auto numbers = [&](const char* key) {
      std::vector<double> out;
      const auto it = pixels->find(key);
      for (size_t i = 0; it != pixels->end() && i < it->size(); ++i)
        if (it->is_array() && (*it)[i].is_number()) out.push_back((*it)[i].get<double>());
      return out;
    };
    e.pixel_mean = numbers("mean");
    e.pixel_std = numbers("std");
  }
  return e.version.empty() ? std::nullopt : std::optional(std::move(e));
}

Status inspect_tflite(const std::shared_ptr<const MappedFile>& file, const InspectOptions& options, InspectReport& report) {
  const auto inspect = [&]() -> Status {
    TRY(const FileView view, FileView::open(file->bytes(), file));
    return TfliteInspection(view, options, report).run();
  };
  if (Status status = inspect(); !status) return std::move(status.error()).in(fmt::format("while reading '{}'", file->path()));
  if (!options.graph) return {};
  TRY(const Model model, read_tflite(file));
  for (const Graph& g : model.graphs) report.graph += print(g);
  return {};
}

}  // namespace atl
