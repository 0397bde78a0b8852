// Where everything lies in a .tflite file: the flatbuffer structure first, then the large constants.
#pragma once
#include <cstdint>
#include <vector>

#include "ir/graph.h"
#include "tflite/subgraph_builder.h"

namespace atl {

/// How the Buffer tables refer to the constants behind the structure.
enum class BufferForm {
  kVector,  ///< as flatbuffer vectors: an ordinary file, below 2 GB
  kRange,   ///< as Buffer.offset and Buffer.size, counted from the start of the file; LiteRT only
};

/// A file that is laid out but for the bytes of its large constants.
struct FileLayout {
  std::vector<std::byte> structure;
  std::vector<BufferEntry> entries;  ///< by buffer number
  std::vector<uint64_t> position;    ///< of each streamed entry's bytes in the file
  uint64_t total = 0;
  BufferForm form = BufferForm::kVector;
  size_t operators = 0, tensors = 0;
};

/// Lays a model out; `open_sizes` as in WriteOptions. Files of up to `max_vector_file` bytes take BufferForm::kVector.
/// E: SubgraphBuilder's; kTooLarge for a structure above 2 GB; kInternal for a signature without a graph.
Result<FileLayout> lay_out(const Model& model, const std::vector<OpenSizes>& open_sizes, uint64_t max_vector_file);

}  // namespace atl
