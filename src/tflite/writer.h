// Model -> .tflite file. The structure is laid out first; the large constants stream out behind it, each evaluated when its
// turn comes, so that memory holds little more than the largest tensor.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace atl {

struct WriteOptions {
  /// Threads that evaluate constants while others are written; 1 or 2. The bytes of the file do not depend on it.
  int threads = 2;
  /// Larger files keep their constants outside the flatbuffer (Buffer.offset and size), which LiteRT reads and older runtimes
  /// do not. Flatbuffers end at 2^31 - 1 bytes; smaller values are for tests.
  uint64_t max_flatbuffer = 0x7fffffff;
};

/// What was written.
struct WrittenFile {
  uint64_t bytes = 0;
  uint64_t constant_bytes = 0;  ///< of all buffers, each counted once
  size_t operators = 0, tensors = 0, buffers = 0;
  bool beyond_flatbuffer = false;  ///< constants lie outside the flatbuffer; needs LiteRT
};

/// Writes `model` to `path`, whole or not at all. The same model gives the same bytes.
/// Graphs of ops (bodies of loops, branches) become subgraphs behind the model's own.
/// States become variables (VAR_HANDLE, READ_VARIABLE first and ASSIGN_VARIABLE last) named as they are, which a subgraph
/// called once gives their first values; they are not in the signature. Tensors are named after their origin's module path
/// (node or op name where there is none) with ":1", ":2"... to make them unique, constants by their own names, inputs and
/// outputs by their ports. Small constants (below 4 KiB) share a buffer when their bytes are equal, large ones when they are
/// views of equal bytes or equal recipes over equal bytes. E: what emit and eval of the ops say; kInternal for a graph without
/// a written form; kTooLarge; kWrite.
Result<WrittenFile> write_tflite(const Model& model, const std::string& path, const WriteOptions& options = {});

/// The same bytes in memory.
Result<std::vector<std::byte>> serialize_tflite(const Model& model, const WriteOptions& options = {});

}  // namespace atl
