#include "atoll/doctor.h"

namespace atl {

DoctorReport examine() {
  DoctorReport report;
  for (Finding& f : probe()) {
    const bool needed = f.name == "LiteRT";
    if (needed && f.status == Finding::Status::kMissing) report.good = false;
    report.findings.push_back({std::move(f), needed});
  }
  return report;
}

}  // namespace atl
