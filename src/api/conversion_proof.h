// The proof that ends a conversion, as the report states it.
#pragma once
#include <deque>

#include "api/entry_point.h"
#include "atoll/convert.h"

namespace atl {

/// Proves every entry point of the written file, one with open sizes at several, into `report.proof` (the worst verdict, all
/// inputs, the largest errors); sizes that could not be imported become warnings. Without LiteRT the report says so and this
/// succeeds. E: kProofFailed with the departing layer as origin when the file does not compute what the source does.
Status prove_file(const SourceProgram& program, const std::deque<EntryPoint>& entries, const std::string& file,
                  const PipelineOptions& passes, const ConvertOptions& options, ConvertReport& report);

}  // namespace atl
