// The proof that ends a conversion, as the report states it.
#pragma once
#include "atoll/convert.h"
#include "import/importer.h"
#include "pass/pipeline.h"
#include "verify/proof.h"

namespace atl {

/// What a conversion hands to its proof.
struct ConversionProof {
  const ImportedProgram& imported;
  const Graph& written;
  const std::string& file;
  const InterfaceLayouts& layouts;
  const PipelineOptions& passes;
};

/// Proves the written file. Without LiteRT the report says so and this succeeds.
/// E: kProofFailed with the departing layer as origin when the file does not compute what the source does.
Result<ProofReport> prove_conversion(const ConversionProof& subject, const ConvertOptions& options);

}  // namespace atl
