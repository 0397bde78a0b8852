// A model as C and C++ source for a program with TensorFlow Lite Micro.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "micro/arena.h"

namespace atl::micro {

/// What the source says of a model.
struct CSource {
  std::string name;                      ///< a C identifier, the begin of every name in the source
  std::string model;                     ///< name of the .tflite file, for a comment
  std::vector<std::string> comments;     ///< lines about inputs and outputs
  std::vector<std::string_view> adders;  ///< functions of MicroMutableOpResolver, each once
  ArenaEstimate arena;
  std::span<const std::byte> bytes;  ///< the file
};

/// The header: declarations of the array, numbers of operators and bytes of the arena, and the function that fills a resolver.
/// `whole` puts the array in too, with internal linkage.
std::string header_text(const CSource& source, bool whole);
/// The source file with the array; `header` is the file name that it includes. C++ where `cpp`, else C11.
std::string source_text(const CSource& source, const std::string& header, bool cpp);

/// A text as a C identifier: other characters become '_', a digit at the begin gets one before it.
std::string identifier(std::string_view text);

}  // namespace atl::micro
