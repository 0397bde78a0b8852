#include "read/old_pt2.h"

#include "read/program_json.h"

namespace atl {
namespace {

constexpr std::string_view kWeights = "serialized_state_dict.pt";
constexpr std::string_view kConstants = "serialized_constants.pt";
constexpr std::string_view kSamples = "serialized_example_inputs.pt";

}  // namespace

Result<SourceProgram> read_old_pt2(const Archive& archive) {
  SourceProgram program;
  program.path = archive.name();
  program.model_name = "model";
  ProgramParts parts;
  parts.document_name = kOldPt2Document;
  TRY(parts.document, archive.read(kOldPt2Document));
  TRY(parts.weights, Payloads::open_dictionary(archive, kWeights));
  TRY(parts.constants, Payloads::open_dictionary(archive, kConstants));
  parts.samples_name = kSamples;
  if (const ArchiveEntry* entry = archive.find(kSamples)) {
    TRY(parts.samples, archive.view(*entry));
  }
  TRY_STATUS(read_program_json(parts, program));
  return program;
}

}  // namespace atl
