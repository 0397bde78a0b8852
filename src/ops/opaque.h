// An operator of a file that was read and that no op expresses: kept as it is, written back as it is.
#pragma once
#include "ir/op.h"

namespace atl {

/// `bytes` is the flatbuffer of a tflite::OperatorT packed alone (options included, operands not); `types` are the results'
/// types as type_text() writes them. Operands are the operator's operands in order; an absent one is an invalid value.
/// With `builtin` kFileTensor it is a tensor that is neither computed nor an ordinary constant (a variable, a sparse or string
/// constant): `bytes` is then a tflite::TensorT packed alone, and the only operand, if any, is the content as u8.
struct Opaque : OpOf<OpCode::kOpaque> {
  static constexpr int64_t kFileTensor = -1;
  int64_t builtin = 0, version = 1;
  std::string custom_code;
  std::vector<int64_t> bytes;
  std::vector<std::string> types;
  std::vector<std::string> intermediates;  ///< types of the operator's intermediate tensors
  std::vector<int64_t> variables;          ///< operands that are variable tensors
  std::vector<int64_t> updated;            ///< those of them whose new value is a further result (TfliteOp::updated)
  static auto fields(auto& o) {
    return std::tuple{field("builtin", o.builtin),     field("version", o.version), field("custom_code", o.custom_code),
                      field("bytes", o.bytes),         field("types", o.types),     field("intermediates", o.intermediates),
                      field("variables", o.variables), field("updated", o.updated)};
  }
};

/// A type with nothing left out: to_string(), and "q(axis=0,scale=[...],zero=[...])" for one scale a channel.
std::string type_text(const Type& t);
/// The inverse of type_text(). E: kGraph.
Result<Type> type_from_text(std::string_view text);

}  // namespace atl
