// What a refusal to keep sizes open says to the user: which of them are to blame, and the --shape that fixes those.
#pragma once
#include "api/signature_plan.h"
#include "pass/pipeline.h"

namespace atl {

/// Completes an error that converting an open plan ended with; returns others (of a program that is refused at fixed sizes,
/// too) as they are. A size is to blame when the plan converts once that size alone is fixed; when no single one is, all are.
Error explain_open_refusal(Error refusal, const SourceProgram& program, const SignaturePlan& plan,
                           const PipelineOptions& passes);

}  // namespace atl
