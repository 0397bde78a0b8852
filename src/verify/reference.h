// The comparison with the original program: a .pt2 run by torch in the user's own Python, layer by layer against the imported
// graph (the ops' eval) and against the written file (LiteRT).
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "read/source.h"
#include "verify/proof.h"

namespace atl {

struct ReferenceOptions {
  std::string python;            ///< the interpreter; empty: find_python()
  double timeout_seconds = 600;  ///< for the Python process
  bool random = false;           ///< random inputs even where the source has stored ones
  uint64_t seed = 1;
  int threads = 0;        ///< of LiteRT
  std::string signature;  ///< the file's; empty: the only one, or "serving_default"
  Tolerance tolerance;
  /// What is being done ("torch", "eval", "LiteRT") and the share of it that is done (0 to 1).
  std::function<void(std::string_view step, double share)> progress;
  /// Asked while Python runs; true ends it.
  std::function<bool()> cancelled;
};

/// What is compared. References must outlive the call.
struct ReferenceSubject {
  const SourceProgram& program;
  const Graph& source;  ///< imported, before the passes
  const std::vector<std::optional<Tensor>>& samples;
  const Graph& written;  ///< after the passes
  const WrittenFileSource& file;
  const InterfaceLayouts& layouts;
};

/// One value of the exported program.
struct LayerCheck {
  std::string value;  ///< its name in the exported graph, such as "conv2d_3" or "getitem_1"
  Origin origin;
  /// Atoll's eval, and the written file in LiteRT, each against torch. Nothing where the graph has no counterpart: the layer
  /// was merged into another one.
  std::optional<Comparison> source, file;
};

struct ReferenceReport {
  std::string torch_version, python;
  bool sample = false;               ///< ran on the stored inputs, else on random ones
  std::vector<LayerCheck> layers;    ///< in the order in which the program computes them
  std::vector<OutputCheck> outputs;  ///< the file against torch; eval against torch where there is no LiteRT
  /// The first layer where the imported graph departs from torch (Atoll reads the operator wrongly), and where the file does.
  std::optional<size_t> source_departs, file_departs;
  bool passed = false;  ///< all outputs agree
  std::vector<std::string> notes;
  double seconds = 0;
};

/// Runs torch and compares. With a null library the file is left out.
/// E: kReference (no Python, no torch, the program does not run there; with what Python said), LiteRT's, eval's, kWrite for the
/// temporary folder.
Result<ReferenceReport> compare_with_torch(const ReferenceSubject& subject, std::shared_ptr<const LiteRtLibrary> library,
                                           const ReferenceOptions& options = {});

/// Compares two values that may lie in different layouts: in the permutation of axes, axes of size 1 aside, that agrees best.
/// Nothing when they have different numbers of elements.
std::optional<Comparison> compare_up_to_layout(const Tensor& reference, const Tensor& got, const Tolerance& tolerance);

}  // namespace atl
