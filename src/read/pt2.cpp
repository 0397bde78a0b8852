#include "read/pt2.h"

#include <fmt/format.h>

#include <algorithm>

#include "read/program_json.h"

namespace atl {
namespace {

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
        "save it with torch 2.4 to 2.13");
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
  ProgramParts parts;
  parts.document_name = fmt::format("{}{}{}", kModels, program.model_name, kJsonSuffix);
  TRY(parts.document, archive.read(parts.document_name));
  TRY(parts.weights, Payloads::open(archive, "weights", program.model_name));
  TRY(parts.constants, Payloads::open(archive, "constants", program.model_name));
  parts.samples_name = "data/sample_inputs";
  if (const ArchiveEntry* entry = archive.find(fmt::format("{}/{}.pt", parts.samples_name, program.model_name))) {
    TRY(parts.samples, archive.view(*entry));
  }
  TRY_STATUS(read_program_json(parts, program));
  return program;
}

}  // namespace atl
