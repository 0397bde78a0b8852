// One entry point of a conversion: the program at its sizes, imported and optimized, with what the writer and the proof need.
#pragma once
#include <deque>

#include "api/signature_plan.h"
#include "import/importer.h"
#include "pass/approximate.h"
#include "pass/pipeline.h"
#include "tflite/open_sizes.h"
#include "verify/written_model.h"

namespace atl {

struct EntryPoint {
  SignaturePlan plan;
  ImportedProgram imported;                   ///< at `sizes`
  std::vector<Approximation> approximations;  ///< that `imported` has already
  InterfaceLayouts layouts;
  Graph graph;                     ///< after the passes
  std::deque<Graph> others;        ///< the same at other sizes, when the plan leaves sizes open
  OpenSizes open;                  ///< points into `others`
  std::vector<SizeValues> checks;  ///< sizes for the proof of an entry point with open sizes
};

/// Imports a program at fixed sizes. E: of specialize and import_program.
Result<ImportedProgram> import_at(const SourceProgram& program, const SizeValues& sizes);

/// Imports and optimizes; `optimize` runs the passes, for an open plan also on the graphs at other sizes. The graph is kept as
/// imported only when `keep_imported`. E: of choose_example_sizes, import_at and the passes; kSymbolic when the layout of the
/// interface depends on the open sizes.
Result<EntryPoint> make_entry_point(const SourceProgram& program, SignaturePlan plan, PipelineOptions passes,
                                    bool keep_imported);

/// The types of an entry point's ports as the file states them, '?' for open axes; without the states, which are the last
/// ports.
std::vector<Type> port_types(const EntryPoint& entry, const std::vector<Port>& (Graph::*ports)() const);

}  // namespace atl
