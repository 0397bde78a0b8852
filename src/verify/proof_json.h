// Proofs and comparisons with the reference as JSON, for --json and for the metadata of the written file.
#pragma once
#include <nlohmann/json.hpp>

#include "verify/proof.h"

namespace atl {

struct ReferenceReport;

/// Numbers that are not finite become "inf", "-inf" or "nan". Without `times` the result depends only on the values that were
/// compared, rounded to 0.1 dB and three digits, so that it may stand in a file that is the same on every run.
nlohmann::ordered_json to_json(const Proof& proof, bool times = true);
nlohmann::ordered_json to_json(const Comparison& comparison);
nlohmann::ordered_json to_json(const Departure& departure);
nlohmann::ordered_json to_json(const Origin& origin);
nlohmann::ordered_json to_json(const ReferenceReport& report);

}  // namespace atl
