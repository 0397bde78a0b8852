// A quantized .tflite file as Google's Edge TPU compiler gets it: one subgraph, static shapes, operators in execution order.
#pragma once
#include <schema_tables.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tflite/file_view.h"

namespace atl::edgetpu {

struct SourceTensor {
  std::string name;
  tflite::TensorType type = tflite::TensorType::FLOAT32;
  Shape shape;
  bool constant = false;  ///< has a value in the file
  bool variable = false;  ///< keeps its value between runs (LSTM state)
  /// The model's inputs leave their batch open, and this tensor its first dimension; `shape` has the 1 that the compiler takes.
  bool open_batch = false;
  bool per_channel = false;  ///< has more than one scale
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  std::span<const std::byte> content;  ///< of a constant
  int maker = -1;                      ///< the operator that makes it; -1 for inputs and constants
  std::vector<int> readers;            ///< the operators that take it
  /// int8 or uint8 with a scale.
  bool is_8_bit() const;
};

struct SourceOp {
  size_t index = 0;  ///< in the subgraph
  tflite::BuiltinOperator code = tflite::BuiltinOperator::CUSTOM;
  std::string name;  ///< "CONV_2D", or the name of a custom operator
  int version = 1;
  std::vector<int> inputs, outputs;  ///< tensors; -1 for an absent operand
  const tflite::Operator* table = nullptr;
  bool dead = false;  ///< no output of the model depends on it
  template <class T>
  const T* options_as() const {
    return table->builtin_options_type() == tflite::BuiltinOptionsTraits<T>::enum_value
               ? static_cast<const T*>(table->builtin_options())
               : nullptr;
  }
};

struct SourceModel {
  std::vector<SourceTensor> tensors;
  std::vector<SourceOp> ops;
  std::vector<int> inputs, outputs;
  size_t subgraphs = 1;               ///< of the file; this is the first
  std::string description;            ///< of the file: what wrote it
  std::shared_ptr<const void> owner;  ///< of the file's bytes
  /// The operator that makes a tensor; nullptr for inputs, constants and an absent operand (-1).
  const SourceOp* maker_of(int tensor) const {
    const int maker = tensor < 0 ? -1 : tensors[size_t(tensor)].maker;
    return maker < 0 ? nullptr : &ops[size_t(maker)];
  }
  /// Operand i of an operator, or nullptr when it is absent.
  const SourceTensor* input(const SourceOp& op, size_t i) const;
  const SourceTensor& output(const SourceOp& op, size_t i = 0) const;
  /// The integers of a constant int32 or int64 operand; nullopt when it is absent, not constant or of another type.
  std::optional<std::vector<int64_t>> ints(const SourceOp& op, size_t i) const;
};

/// Reads the structure of a file. E: kTflite for a damaged one, kUnsupportedForm for one with state between runs.
Result<SourceModel> read_source_model(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
Result<SourceModel> read_source_model(const FileView& file);

/// What makes the compiler refuse a model as a whole, naming the tensor. E: kUnsupportedType for float or dynamically quantized
/// operators only, kSymbolic for an open dimension other than a batch of the inputs that stands at 1 and that no operator asks
/// for, kUnsupportedForm for several subgraphs or a model that is compiled already.
Status check_placeable(const SourceModel& model);

}  // namespace atl::edgetpu
