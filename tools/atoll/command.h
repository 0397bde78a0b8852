// What the subcommands share: their registration, and how they answer.
#pragma once
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "support/result.h"

namespace atl::cli {

/// Exit codes, as README states them.
enum ExitCode : int { kSuccess = 0, kUserError = 1, kUsageError = 2, kProofError = 3, kBug = 70 };

/// A subcommand adds its options to the app and returns through `status` what it did.
struct Outcome {
  Status status;
  int exit_code = kSuccess;  ///< when status is good
};

void add_convert(CLI::App& app, Outcome& outcome);
void add_quantize(CLI::App& app, Outcome& outcome);
void add_inspect(CLI::App& app, Outcome& outcome);
void add_run(CLI::App& app, Outcome& outcome);
void add_bench(CLI::App& app, Outcome& outcome);
void add_verify(CLI::App& app, Outcome& outcome);
void add_eval(CLI::App& app, Outcome& outcome);
void add_place(CLI::App& app, Outcome& outcome);
void add_compile(CLI::App& app, Outcome& outcome);
void add_split(CLI::App& app, Outcome& outcome);
void add_export_c(CLI::App& app, Outcome& outcome);
void add_doctor(CLI::App& app, Outcome& outcome);
void add_ops(CLI::App& app, Outcome& outcome);
void add_errors(CLI::App& app, Outcome& outcome);

/// The exit code that belongs to an error.
int exit_code_of(const Error& e);
/// An error as JSON: code, what, hint, origin, count, and the further problems as a list.
nlohmann::ordered_json to_json(const Error& e);

}  // namespace atl::cli
