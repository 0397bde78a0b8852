// Google's edgetpu_compiler as it is installed: found, run in a folder of its own, and given up when it does not end.
#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "edgetpu/compiler_log.h"
#include "support/process.h"

namespace atl::edgetpu {

struct CompilerOptions {
  std::chrono::seconds limit{180};  ///< for one attempt; its processes are killed then
  int attempts = 3;                 ///< it is known to fail now and then
  int min_runtime = 0;              ///< 10 to 14; 0: as it likes
  int segments = 0;                 ///< for as many Edge TPUs; 0: one model
  int search_step = 0;              ///< drop so many operators from the end until it compiles; 0: no search
  bool multiple_subgraphs = false;
  std::string intermediate_tensors;  ///< where to stop, comma-separated names
  std::function<bool()> cancelled;
};

struct CompilerRun {
  CompilerLog log;
  std::string failure;               ///< in a sentence; empty when it succeeded
  int attempts = 0;                  ///< made
  std::vector<std::string> outputs;  ///< the models that it wrote, paths in the scratch folder
  std::string text;                  ///< what it printed last
};

/// The program: ATOLL_EDGETPU_COMPILER, else edgetpu_compiler on the PATH. E: kCompiler, with how to get it.
Result<std::string> find_compiler();

/// Compiles a file in `scratch`. A compiler that fails is no error: CompilerRun::failure says so.
/// E: kCompiler when it cannot be started, or was cancelled.
Result<CompilerRun> run_compiler(const std::string& program, const std::string& input, const ScratchFolder& scratch,
                                 const CompilerOptions& options);

}  // namespace atl::edgetpu
