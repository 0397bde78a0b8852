#include "read/program_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "read/graph_json.h"
#include "read/json.h"
#include "read/pickle.h"
#include "read/signature.h"

namespace atl {
namespace {

/// Torch 2.4 wrote 5.3, torch 2.13 writes 8.20.
constexpr int kOldestMajor = 5, kNewestMajor = 8, kNewestMinor = 20;

std::string writer_of(const SourceProgram& program) {
  return program.torch_version.empty() ? "2.4 or earlier" : program.torch_version;
}

bool is_newer(const SourceProgram& program) {
  return std::pair(program.schema_major, program.schema_minor) > std::pair(kNewestMajor, kNewestMinor);
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
  if (major_number < kOldestMajor) {
    return error(
        Code::kArchiveVersion,
        fmt::format("the program follows version {}.{} of torch's export schema (torch {}); the oldest that is known is {}",
                    major_number, minor_number, writer_of(program), kOldestMajor),
        "export the model again with torch 2.4 to 2.13");
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

Status read_guards(const JsonNode& root, SourceProgram& program) {
  TRY(const auto guards, root.optional_field("guards_code"));
  if (!guards) return {};
  return guards->for_each_item([&](const JsonNode& item) -> Status {
    TRY(const auto text, item.text());
    program.guards.emplace_back(text);
    return {};
  });
}

/// Gives the user inputs the tensors that were saved with the program. Samples of a kind that is not read are left out.
Status read_samples(const ProgramParts& parts, const std::optional<CallSpec>& call, SourceProgram& program) {
  if (parts.samples.bytes.empty() || !call) return {};
  const auto give_up = [&](Error e) -> Status {
    if (e.code != Code::kPickle) return e;
    program.sample_problem = e.what;
    return {};
  };
  const auto pickle = read_torch_save(parts.samples, parts.samples_name);
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

Status read_parts(const JsonNode& root, ProgramParts& parts, SourceProgram& program) {
  TRY(const auto graph_module, root.field("graph_module"));
  TRY(const auto graph, graph_module.field("graph"));
  TRY(program.graph, read_graph(graph));
  TRY_STATUS(read_range_constraints(root, program));
  TRY_STATUS(read_guards(root, program));
  TRY(const auto signature, graph_module.field("signature"));
  TRY_STATUS(read_signature(signature, parts.weights, parts.constants, program));
  TRY(const auto call, read_call_spec(graph_module));
  TRY_STATUS(name_signature(call, program));
  return read_samples(parts, call, program);
}

}  // namespace

Status read_program_json(ProgramParts& parts, SourceProgram& program) {
  TRY(const auto document, JsonDocument::parse(parts.document, parts.document_name));
  const JsonNode root(document);
  TRY_STATUS(check_schema(root, program));
  auto status = read_parts(root, parts, program);
  if (status || status.error().code != Code::kJson || !is_newer(program)) return status;
  return error(Code::kArchiveVersion,
               fmt::format("the program follows version {}.{} of torch's export schema (torch {}), newer than {}.{}; {}",
                           program.schema_major, program.schema_minor, writer_of(program), kNewestMajor, kNewestMinor,
                           status.error().what),
               "save it with torch 2.4 to 2.13");
}

}  // namespace atl
