// The JSON document of an exported program, which every archive layout has in the same form.
#pragma once
#include <string>

#include "read/payload.h"
#include "read/source.h"

namespace atl {

/// Where an archive layout keeps the parts of a program.
struct ProgramParts {
  Blob document;              ///< the program's JSON
  std::string document_name;  ///< for messages
  Payloads weights;
  Payloads constants;
  Blob samples;              ///< a torch.save file with the example inputs; empty when there are none
  std::string samples_name;  ///< for messages
};

/// Reads the document into `program` and gives its inputs the stored tensors. Schema versions 5 (torch 2.4) to 8 (torch 2.13)
/// are known; a newer one is read as far as it has the same parts. Errors: kArchiveVersion for an older schema, or a newer one
/// with parts that are not known, naming the first; kJson, kGraph, kWeight, kPickle.
Status read_program_json(ProgramParts& parts, SourceProgram& program);

}  // namespace atl
