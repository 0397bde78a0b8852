// The source of a .tflite file, imported and optimized again as the conversion did it.
#pragma once
#include "api/entry_point.h"

namespace atl {

struct RebuiltSource {
  EntryPoint entry;
  PipelineOptions passes;
  std::string layout;  ///< "keep" or "nhwc"
};

/// The ports of a graph but for its states, which are the last ones.
std::span<const Port> visible_ports(const Graph& g, const std::vector<Port>& ports);

/// "x f32[1,3] -> y f32[1,10]".
std::string interface_text(const Graph& g);

/// Imports and runs the passes; which sizes and which layout were asked for shows in the shapes of `in_file`, the file's graph
/// of a signature. E: of importing and the passes; kInput when the file takes or gives other tensors than the program does
/// (`file` and `source` are their names in the message).
Result<RebuiltSource> rebuild_source(const SourceProgram& program, const Graph& in_file, const std::string& source,
                                     const std::string& file);

}  // namespace atl
