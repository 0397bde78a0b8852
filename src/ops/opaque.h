// An operator of a file that was read and that no op expresses: kept as it is, written back as it is.
#pragma once
#include "ir/op.h"

namespace atl {

/// `bytes` is the flatbuffer of a tflite::OperatorT packed alone (options included, operands not); `types` are the results'
/// types.
struct Opaque : OpOf<OpCode::kOpaque> {
  int64_t builtin = 0, version = 1;
  std::string custom_code;
  std::vector<int64_t> bytes;
  std::vector<std::string> types;
  static auto fields(auto& o) {
    return std::tuple{field("builtin", o.builtin), field("version", o.version), field("custom_code", o.custom_code),
                      field("bytes", o.bytes), field("types", o.types)};
  }
};

}  // namespace atl
