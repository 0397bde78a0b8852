// An operator of a file that was read and that no op expresses: kept as it is, written back as it is.
#pragma once
#include "ir/op.h"

namespace tflite {
struct OperatorT;
}

namespace atl {

/// `bytes` is the flatbuffer of a tflite::OperatorT packed alone (options included, operands not); `types` are the results'
/// types and `intermediates` those of its intermediate tensors, as encode_type() writes them. The results are the operator's
/// own and then the tensors of the variable operands in `updated`, as they are after it ran (TfliteOp::updated). With `builtin`
/// kFileTensor it is a tensor that is neither computed nor an ordinary constant (a variable, a sparse or string constant):
/// `bytes` is then a tflite::TensorT packed alone, and the only operand, if any, is the content as u8.
struct Opaque : OpOf<OpCode::kOpaque> {
  static constexpr int64_t kFileTensor = -1;
  int64_t builtin = 0, version = 1;
  std::string custom_code;
  std::vector<int64_t> bytes;
  std::vector<std::string> types, intermediates;
  std::vector<int64_t> updated;
  static auto fields(auto& o) {
    return std::tuple{field("builtin", o.builtin), field("version", o.version), field("custom_code", o.custom_code),
                      field("bytes", o.bytes),     field("types", o.types),     field("intermediates", o.intermediates),
                      field("updated", o.updated)};
  }
};

/// Keeps an operator of builtin code `builtin`. Options and custom options come from `op`; its operand, result and intermediate
/// indices are dropped. `variables` marks operands that are variable tensors (may be shorter than the operands).
Opaque make_opaque(const tflite::OperatorT& op, int builtin, int version, std::string custom_code,
                   const std::vector<bool>& variables, const Types& results, const Types& intermediates);

/// A variable of the file (kFileTensor without content): zeros when the file is loaded. `type` is f32, i8 or i16.
Opaque make_variable(const Type& type);

/// A type as text with all its quantization parameters, axis first: "i8[2,3]q(0;0.5,0.25;0,0)". The same as to_string() for
/// types without.
std::string encode_type(const Type& t);
/// The inverse. E: kGraph for text that encode_type does not write.
Result<Type> decode_type(std::string_view text);

}  // namespace atl
