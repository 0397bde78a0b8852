#include "read/pt2.h"

#include <fmt/format.h>

#include <algorithm>

#include "read/graph_json.h"
#include "read/json.h"
#include "read/payload.h"
#include "read/pickle.h"
#include "read/signature.h"

namespace atl {
namespace {

constexpr int64_t kSchemaMajor = 8;
constexpr std::string_view kModels = "models/", kJsonSuffix = ".json";
constexpr std::string_view kAgain =
    "export and save it again: torch.export.save(torch.export.export(model, args), \"model.pt2\")";

/// A small text entry without the newline at its end; empty when the archive does not have it.
Result<std::string> read_text(const Archive& archive, std::string_view name) {
  constexpr uint64_t kMaxText = 256;
  const ArchiveEntry* entry = archive.find(name);
  if (!entry || entry->size > kMaxText) return std::string();
  TRY(const Blob blob, archive.read(*entry));
  std::string text(blob.text());
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

Status check_archive(const Archive& archive, SourceProgram& program) {
  TRY(const auto archive_kind, read_text(archive, "archive_format"));
  if (archive_kind != "pt2") {
    return error(Code::kArchiveVersion,
                 fmt::format("the archive '{}' says that its format is '{}', not 'pt2'", archive.name(), archive_kind),
                 std::string(kAgain));
  }
  TRY(program.archive_version, read_text(archive, "archive_version"));
  if (program.archive_version != "0") {
    return error(
        Code::kArchiveVersion,
        fmt::format("the archive '{}' has version '{}'; only version '0' is known", archive.name(), program.archive_version),
        "save it with torch 2.8 to 2.13");
  }
  TRY(const auto order, read_text(archive, "byteorder"));
  if (!order.empty() && order != "little") {
    return error(Code::kArchiveVersion,
                 fmt::format("the archive '{}' has its numbers in '{}' byte order", archive.name(), order),
                 "save it on a little-endian machine");
  }
  return {};
}

Result<std::string> choose_model(const Archive& archive, std::string_view wanted) {
  const auto models = list_models(archive);
  if (models.empty()) {
    return error(Code::kNotAProgram, fmt::format("the archive '{}' holds no exported program (models/*.json)", archive.name()),
                 "packages compiled by AOTInductor have none; " + std::string(kAgain));
  }
  if (wanted.empty() && models.size() == 1) return models[0];
  if (std::find(models.begin(), models.end(), wanted) != models.end()) return std::string(wanted);
  return error(
      Code::kArchive,
      wanted.empty()
          ? fmt::format("the archive '{}' holds {} programs: {}", archive.name(), models.size(), fmt::join(models, ", "))
          : fmt::format("the archive '{}' holds no program '{}', but {}", archive.name(), wanted, fmt::join(models, ", ")),
      "choose one of them by its name");
}

Status check_schema(const JsonNode& root, SourceProgram& program) {
  TRY(const auto version, root.field("schema_version"));
  TRY(const auto major, version.field("major"));
  TRY(const auto minor, version.field("minor"));
  TRY(const int64_t major_number, major.integer_below(int64_t{1} << 31));
  TRY(const int64_t minor_number, minor.integer_below(int64_t{1} << 31));
  program.schema_major = static_cast<int>(major_number);
  program.schema_minor = static_cast<int>(minor_number);
  TRY(const auto torch_version, root.optional_field("torch_version"));
  if (torch_version) {
    TRY(program.torch_version, torch_version->text());
  }
  if (major_number != kSchemaMajor) {
    return error(Code::kArchiveVersion,
                 fmt::format("the program follows version {}.{} of torch's export schema (torch {}); only version {} is known",
                             major_number, minor_number, program.torch_version, kSchemaMajor),
                 "save it with torch 2.8 to 2.13");
  }
  return {};
}

Status read_range_constraints(const JsonNode& root, SourceProgram& program) {
  TRY(const auto constraints, root.field("range_constraints"));
  TRY_STATUS(constraints.for_each_field([&](const JsonNode& item) -> Status {
    RangeConstraint range{.symbol = std::string(item.key())};
    TRY(const auto min, item.optional_field("min_val"));
    if (min) {
      TRY(range.min, min->integer());
    }
    TRY(const auto max, item.optional_field("max_val"));
    if (max) {
      TRY(range.max, max->integer());
    }
    program.range_constraints.push_back(std::move(range));
    return {};
  }));
  std::sort(program.range_constraints.begin(), program.range_constraints.end(),
            [](const auto& a, const auto& b) { return a.symbol < b.symbol; });
  return {};
}

/// Gives the user inputs the tensors that were saved with the program. Samples of a kind that is not read are left out.
Status read_samples(const Archive& archive, const std::optional<CallSpec>& call, SourceProgram& program) {
  const ArchiveEntry* entry = archive.find(fmt::format("data/sample_inputs/{}.pt", program.model_name));
  if (!entry || entry->size == 0 || !call) return {};
  TRY(const Blob file, archive.view(*entry));
  const auto give_up = [&](Error e) -> Status {
    if (e.code != Code::kPickle) return e;
    program.sample_problem = e.what;
    return {};
  };
  const auto pickle = read_torch_save(file, "data/sample_inputs");
  if (!pickle) return give_up(pickle.error());
  if ((*pickle)[pickle->root].get<PickleNone>()) return {};
  const auto leaves = flatten_like(call->inputs, *pickle, pickle->root);
  if (!leaves) return give_up(leaves.error());
  std::vector<SourceInput*> inputs;
  for (auto& input : program.inputs) {
    if (!input.name.empty()) inputs.push_back(&input);
  }
  if (leaves->size() != inputs.size()) return give_up(error(Code::kPickle, "there are not as many sample inputs as inputs"));
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (const auto* tensor = (*pickle)[(*leaves)[i]].get<StoredTensor>()) inputs[i]->sample = *tensor;
  }
  return {};
}

}  // namespace

std::vector<std::string> list_models(const Archive& archive) {
  std::vector<std::string> models;
  for (const ArchiveEntry& e : archive.entries()) {
    if (!e.name.starts_with(kModels) || !e.name.ends_with(kJsonSuffix)) continue;
    if (e.name.size() <= kModels.size() + kJsonSuffix.size()) continue;
    models.emplace_back(e.name.substr(kModels.size(), e.name.size() - kModels.size() - kJsonSuffix.size()));
  }
  std::sort(models.begin(), models.end());
  return models;
}

Result<SourceProgram> read_pt2(const Archive& archive, std::string_view model) {
  SourceProgram program;
  program.path = archive.name();
  TRY_STATUS(check_archive(archive, program));
  TRY(program.model_name, choose_model(archive, model));
  const std::string json_name = fmt::format("{}{}{}", kModels, program.model_name, kJsonSuffix);
  TRY(const Blob json, archive.read(json_name));
  TRY(const auto document, JsonDocument::parse(json, json_name));
  const JsonNode root(document);
  TRY_STATUS(check_schema(root, program));
  TRY(const auto graph_module, root.field("graph_module"));
  TRY(const auto graph, graph_module.field("graph"));
  TRY(program.graph, read_graph(graph));
  TRY_STATUS(read_range_constraints(root, program));
  TRY(Payloads weights, Payloads::open(archive, "weights", program.model_name));
  TRY(Payloads constants, Payloads::open(archive, "constants", program.model_name));
  TRY(const auto signature, graph_module.field("signature"));
  TRY_STATUS(read_signature(signature, weights, constants, program));
  TRY(const auto call, read_call_spec(graph_module));
  TRY_STATUS(name_signature(call, program));
  TRY_STATUS(read_samples(archive, call, program));
  return program;
}

}  // namespace atl
