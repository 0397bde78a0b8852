// How reports of several commands are shown: lists of tensors, JSON, and names from files that a person did not write.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "atoll/run.h"

namespace atl::cli {

/// The text with control characters as '?', so that a name in a file cannot drive the terminal.
std::string printable(std::string_view text);

/// Prints a JSON document with a newline. Numbers that are not finite become null, bytes that are not UTF-8 are replaced.
void print_json(const nlohmann::ordered_json& j);

nlohmann::ordered_json json_of(const std::vector<PortReport>& ports);
nlohmann::ordered_json json_of(const OutputProof& output);

/// Prints one line a tensor: the kind ("input"), name and type.
void print_ports(std::string_view kind, const std::vector<PortReport>& ports);

/// "equal" or "93.1 dB".
std::string snr_text(double snr_db);
/// A number in at most six digits: "0.333333", "1e-07".
std::string number_text(double value);

}  // namespace atl::cli
