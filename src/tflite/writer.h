// Model -> .tflite file. The structure is laid out first; the large constants stream out behind it, each evaluated when its
// turn comes, so that memory holds little more than the largest tensor.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "tflite/open_sizes.h"

namespace atl {

struct WriteOptions {
  /// Threads that evaluate constants while others are written; 1 or 2. The bytes of the file do not depend on it.
  int threads = 2;
  /// Larger files keep their constants outside the flatbuffer (Buffer.offset and size), which LiteRT reads and older runtimes
  /// do not. Flatbuffers end at 2^31 - 1 bytes; smaller values are for tests.
  uint64_t max_flatbuffer = 0x7fffffff;
  /// By graph of the model; a graph without an entry, or with an empty one, has no open axes.
  std::vector<OpenSizes> open_sizes;
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
/// views of equal bytes or equal recipes over equal bytes.
/// An axis that differs between a graph and its `open_sizes` is open in the file (-1 in shape_signature), and what depends on
/// it is computed by the file. E: what emit and eval of the ops say; kInternal for a graph without a written form; kTooLarge;
/// kWrite; kSymbolic for what cannot be computed from open sizes.
Result<WrittenFile> write_tflite(const Model& model, const std::string& path, const WriteOptions& options = {});

/// Lays the file out without writing it: what write_tflite refuses before the first byte. E: write_tflite's.
Status check_writable(const Model& model, const WriteOptions& options = {});

/// The same bytes in memory.
Result<std::vector<std::byte>> serialize_tflite(const Model& model, const WriteOptions& options = {});

}  // namespace atl
