// An op as LiteRT writes it: builtin code, version, options, operands. What emit gives and decode gets.
#pragma once
#include <schema_types.h>

#include "ir/op.h"

namespace atl {

/// One operand of a LiteRT operator.
struct TfliteOperand {
  enum class Kind { kInput, kConstant, kAbsent };
  Kind kind = Kind::kInput;
  int input = 0;          ///< kInput: number of the node's operand
  Tensor value;           ///< kConstant: a shape-like operand made by emit
  bool variable = false;  ///< kInput: the tensor is marked is_variable (LSTM state); its producer writes it before every run
};

struct TfliteOp {
  tflite::BuiltinOperator code = tflite::BuiltinOperator::ADD;
  int version = 1;
  tflite::BuiltinOptionsUnion options;
  tflite::BuiltinOptions2Union options2;
  std::vector<TfliteOperand> operands;
  std::string custom_code;  ///< for BuiltinOperator::CUSTOM
  std::vector<uint8_t> custom_options;
  std::vector<Type> intermediates;  ///< types of intermediate tensors (quantized LSTM)
  /// Positions in `operands` of variable tensors whose value after the run is a further result of the node: its last
  /// updated.size() results, in this order, are these tensors themselves (LSTM: h_n and c_n).
  std::vector<int> updated;
  /// Graphs that become subgraphs of the file; `link` then puts their numbers, in this order, into the options.
  std::vector<GraphPtr> graphs;
  void (*link)(TfliteOp&, std::span<const int32_t> subgraphs) = nullptr;

  TfliteOp() = default;
  /// An operator whose operands are the node's `inputs` operands in order.
  TfliteOp(tflite::BuiltinOperator code, int version, size_t inputs) : code(code), version(version) {
    for (size_t i = 0; i < inputs; ++i) input(int(i));
  }
  /// The same with options of the generated type T.
  template <class T>
  TfliteOp(tflite::BuiltinOperator code, int version, size_t inputs, T opts) : TfliteOp(code, version, inputs) {
    options.Set(std::move(opts));
  }
  TfliteOp& input(int i, bool variable = false) {
    operands.push_back({TfliteOperand::Kind::kInput, i, {}, variable});
    return *this;
  }
  TfliteOp& constant(Tensor t) {
    operands.push_back({TfliteOperand::Kind::kConstant, 0, std::move(t), false});
    return *this;
  }
  TfliteOp& absent() {
    operands.push_back({TfliteOperand::Kind::kAbsent, 0, {}, false});
    return *this;
  }
};

/// An operator of a file that is being read.
class TfliteNode {
 public:
  tflite::BuiltinOperator code;
  int version = 1;
  const tflite::BuiltinOptionsUnion* options = nullptr;
  const tflite::BuiltinOptions2Union* options2 = nullptr;
  std::vector<std::optional<Type>> in;           ///< nullopt for an absent operand
  std::vector<std::optional<Tensor>> constants;  ///< the value of a constant operand of at most 65,536 bytes
  std::vector<bool> variables;                   ///< operand is a variable tensor
  std::vector<int> updated;                      ///< variable operands whose tensor is read again after the operator ran
  Types out;
  /// Another subgraph of the file as a graph. E: kTflite for one that cannot be the body of an op: it does not exist, contains
  /// itself, or has operators without results, which act on something outside.
  std::function<Result<GraphPtr>(int64_t)> subgraph;
  size_t operand_count() const { return in.size(); }
  bool present(size_t i) const { return i < in.size() && in[i].has_value(); }
  /// The options table when it is a T (generated object type), else nullptr.
  template <class T>
  const T* options_as() const {
    if (!options || options->type != tflite::BuiltinOptionsUnionTraits<T>::enum_value) return nullptr;
    return static_cast<const T*>(options->value);
  }
  /// The integers of a constant operand (a shape, axes, ...). E: when it is not constant.
  Result<std::vector<int64_t>> ints(size_t i) const {
    if (i >= constants.size() || !constants[i]) return error(Code::kTflite, "operand is not constant");
    std::vector<int64_t> v;
    for (int64_t k = 0; k < constants[i]->count(); ++k) v.push_back(element_as_int(*constants[i], k));
    return v;
  }
};

/// "keep this operator opaque": what decode answers when the form is not one that its op expresses.
inline Error not_decoded() { return error(Code::kTflite, "operator kept as it is"); }

}  // namespace atl
