// .tflite file -> Model: any file, not only those that Atoll wrote.
#pragma once
#include <memory>
#include <span>

#include "ir/graph.h"
#include "support/mapped_file.h"

namespace atl {

/// Reads a .tflite file. Every subgraph becomes a Graph, every operator the op that decodes it, or an Opaque where none does or
/// where infer gives other types than the file has. Subgraphs that are only the graphs of decoded ops (WHILE, IF) are left out
/// of Model::graphs, unless an opaque operator may name subgraphs by number. Constants are views of the file. Ports are named
/// as in the first signature of their subgraph, else as their tensors; an operator's origin holds a result's tensor name as
/// module path (the first that is not an output of the graph) and LiteRT's name of the operator as source op. Axes that the
/// file leaves open are kDynamic. Tensors that are neither computed nor ordinary constants (variables, sparse or string
/// constants) are Opaque with builtin kFileTensor. E: kTflite for a damaged file, with what is wrong and where;
/// kUnsupportedForm for weights that lie in another file.
Result<Model> read_tflite(std::shared_ptr<const MappedFile> file);

/// The same for bytes in memory, aligned to 16 and kept alive by `owner`.
Result<Model> read_tflite(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

}  // namespace atl
