// A quantized file against its float source on a person's own samples.
#pragma once
#include "atoll/verify.h"

namespace atl {

/// verify() with VerifyOptions::data. E: as verify() says.
Result<VerifyReport> verify_on_data(const std::string& source, const std::string& file, const VerifyOptions& options);

}  // namespace atl
