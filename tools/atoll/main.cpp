// The atoll command: one subcommand a file; errors are printed here and become exit codes here.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>

#include "command.h"
#include "device/device_thread.h"
#include "terminal.h"

namespace atl::cli {

int exit_code_of(const Error& e) {
  if (e.is_bug()) return kBug;
  if (e.code == Code::kUsage) return kUsageError;
  if (e.code == Code::kProofFailed) return kProofError;
  return kUserError;
}

nlohmann::ordered_json to_json(const Error& e) {
  nlohmann::ordered_json j;
  j["code"] = fmt::format("E{}", int(e.code));
  j["what"] = e.what;
  if (!e.hint.empty()) j["hint"] = e.hint;
  if (!e.origin.module_path.empty()) j["module"] = e.origin.module_path;
  if (!e.origin.source_op.empty()) j["op"] = e.origin.source_op;
  if (!e.origin.file.empty()) {
    j["file"] = e.origin.file;
    j["line"] = e.origin.line;
    j["text"] = e.origin.text;
  }
  if (e.count > 1) j["count"] = e.count;
  if (!e.trail.empty()) j["trail"] = e.trail;
  if (!e.others.empty()) {
    j["others"] = nlohmann::ordered_json::array();
    for (const Error& other : e.others) j["others"].push_back(to_json(other));
  }
  return j;
}

namespace {

Error unwritten_output() { return error(Code::kWrite, "the standard output cannot be written"); }

void print_error(const Error& e, bool json) {
  if (json) {
    nlohmann::ordered_json j;
    j["error"] = to_json(e);
    fmt::print("{}\n", j.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  std::string text = format(e);
  if (may_color(stderr)) {
    const std::string plain = "error[";
    for (size_t at = 0; (at = text.find(plain, at)) != std::string::npos; at += plain.size() + 12)
      text.replace(at, 5, styled("error", Style::kRed, stderr));
  }
  fmt::print(stderr, "{}", text);
}

int run(int argc, char** argv) {
  CLI::App app{"atoll: from a PyTorch model to a Google Coral board or any other LiteRT device"};
  app.name("atoll");
  app.set_version_flag("--version", "atoll " ATOLL_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(38);
  app.footer(
      "Exit codes: 0 success, 1 a problem of the model or input, 2 usage, 3 a failed proof, 70 a bug in Atoll.\n"
      "`atoll COMMAND --help` has the options and examples of a command.");
  bool json = false;
  for (int i = 1; i < argc; ++i) json |= std::string_view(argv[i]) == "--json";
  Outcome outcome;
  add_convert(app, outcome);
  add_quantize(app, outcome);
  add_inspect(app, outcome);
  add_run(app, outcome);
  add_bench(app, outcome);
  add_verify(app, outcome);
  add_eval(app, outcome);
  add_place(app, outcome);
  add_compile(app, outcome);
  add_split(app, outcome);
  add_export_c(app, outcome);
  add_doctor(app, outcome);
  add_ops(app, outcome);
  add_errors(app, outcome);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    const int code = app.exit(e);
    std::cout.flush();
    if (std::cout) return code;
    print_error(unwritten_output(), json);
    return kUserError;
  } catch (const CLI::ParseError& e) {
    const std::string command = app.get_subcommands().empty() ? "" : app.get_subcommands()[0]->get_name() + " ";
    print_error(error(Code::kUsage, e.what(), fmt::format("atoll {}--help", command)), json);
    return kUsageError;
  }
  if (outcome.status && std::fflush(stdout) != 0) outcome.status = unwritten_output();
  if (outcome.status) return outcome.exit_code;
  print_error(outcome.status.error(), json);
  return exit_code_of(outcome.status.error());
}

}  // namespace
}  // namespace atl::cli

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of write(), as a full disk is
  try {
    const int code = atl::cli::run(argc, argv);
    if (!atl::device_thread_was_given_up()) return code;
    std::fflush(nullptr);
    std::_Exit(code);  // a device's library may wait for ever at the end of the process
  } catch (const std::exception& e) {
    if (std::ferror(stdout) != 0) {
      std::fputs(format(atl::cli::unwritten_output()).c_str(), stderr);
      return atl::cli::kUserError;
    }
    fmt::print(stderr, "error[E901]: {}\n  this is a bug in Atoll; please report it with the command you ran\n", e.what());
    return atl::cli::kBug;
  }
}
