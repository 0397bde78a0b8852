// The user's own Python: where it is and which packages it has, found without importing them.
#pragma once
#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "support/result.h"

namespace atl {

/// The interpreter that the user would get: ATOLL_PYTHON, else $VIRTUAL_ENV/bin/python, else python3 on the PATH. Empty without
/// one.
std::string find_python();

/// Runs `python -c code` and gives what it printed, its stderr dropped. E: kReference when it cannot be started, fails, prints
/// more than 1 MB or runs longer than `limit` (it is killed then).
Result<std::string> run_python(const std::string& python, const std::string& code,
                               std::chrono::milliseconds limit = std::chrono::seconds(20));

/// A Python package as the interpreter sees it. Not installed: both fields empty.
struct PythonPackage {
  std::string folder;   ///< where the package's modules lie
  std::string version;  ///< of the distribution; empty when unknown
};

/// Looks packages up by import name, in order, in one start of `python` (about 40 ms). E: kReference.
Result<std::vector<PythonPackage>> find_python_packages(const std::string& python, std::span<const std::string> names);

}  // namespace atl
