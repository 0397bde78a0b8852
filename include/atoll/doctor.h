// What is installed here of the things that Atoll uses.
#pragma once
#include <vector>

#include "run/probe.h"

namespace atl {

struct DoctorFinding {
  Finding finding;
  bool needed = false;  ///< without it files cannot be run or proven
};

struct DoctorReport {
  std::vector<DoctorFinding> findings;
  bool good = true;  ///< nothing that is needed is missing
};

/// Looks. Takes about 0.1 s, most of it the start of Python.
DoctorReport examine();

}  // namespace atl
