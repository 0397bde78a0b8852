// The options of commands that run a model, and what they say about where it ran.
#pragma once
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "atoll/run.h"

namespace atl::cli {

/// Adds --signature, --shape, --threads, --kernels, --litert, --device and what belongs to an Edge TPU.
void add_model_options(CLI::App& command, ModelOptions& options);

/// Prints notes to stderr, a line each.
void print_notes(const std::vector<std::string>& notes);
/// Prints where every operator ran: a summary, then a line each.
void print_placement(const std::vector<OpPlace>& placement);
nlohmann::ordered_json json_of(const std::vector<OpPlace>& placement);

}  // namespace atl::cli
