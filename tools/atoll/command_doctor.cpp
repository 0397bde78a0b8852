#include "atoll/doctor.h"
#include "command.h"
#include "listing.h"
#include "terminal.h"

namespace atl::cli {
namespace {

using FindingStatus = Finding::Status;

void print_as_json(const DoctorReport& report) {
  nlohmann::ordered_json j{{"atoll", ATOLL_VERSION}, {"good", report.good}};
  j["findings"] = nlohmann::ordered_json::array();
  for (const DoctorFinding& f : report.findings) {
    nlohmann::ordered_json one{
        {"name", f.finding.name}, {"status", name(f.finding.status)}, {"needed", f.needed}, {"detail", f.finding.detail}};
    if (!f.finding.mend.empty()) one["mend"] = f.finding.mend;
    j["findings"].push_back(std::move(one));
  }
  print_json(j);
}

void print_report(const DoctorReport& report) {
  for (const DoctorFinding& f : report.findings) {
    const FindingStatus status = f.finding.status;
    const Style style = status == FindingStatus::kOk                    ? Style::kGreen
                        : status == FindingStatus::kMissing && f.needed ? Style::kRed
                                                                        : Style::kYellow;
    const std::string mark = fmt::format("{:<8}", name(status));
    fmt::print("{} {:<10} {}\n", styled(mark, style, stdout), f.finding.name, printable(f.finding.detail));
    if (!f.finding.mend.empty()) fmt::print("{:<19} -> {}\n", "", printable(f.finding.mend));
  }
  fmt::print("{}\n", report.good ? "Atoll " ATOLL_VERSION " can convert, prove and run."
                                 : "Atoll " ATOLL_VERSION " can convert, but neither prove nor run: see above.");
}

}  // namespace

void add_doctor(CLI::App& app, Outcome& outcome) {
  auto json = std::make_shared<bool>(false);
  CLI::App* c = app.add_subcommand("doctor", "Show what is installed, what is missing, and how to mend it");
  c->add_flag("--json", *json, "print as JSON");
  c->footer(
      "Exits 1 when something is missing that is needed to run files.\nExamples:\n  atoll doctor\n  atoll doctor --json\n");
  c->callback([json, &outcome] {
    const DoctorReport report = examine();
    if (*json)
      print_as_json(report);
    else
      print_report(report);
    outcome.exit_code = report.good ? kSuccess : kUserError;
  });
}

}  // namespace atl::cli
