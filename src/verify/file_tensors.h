// FileTensors: the tensors inside a written file, and copies of the file that give them as outputs. LiteRT has no call for the
// value of a tensor between two operators.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ir/type.h"
#include "verify/written_model.h"

namespace atl {

struct TfliteOp;  // ir/tflite_op.h

class FileTensors {
 public:
  struct TensorEntry {
    std::string name;
    DType dtype = DType::kUnknown;
    Shape shape;
    bool is_variable = false;
    std::span<const std::byte> bytes;  ///< of a constant; else empty
    std::optional<QuantParams> quant;
  };
  struct OperatorEntry {
    std::vector<int32_t> inputs, outputs;  ///< tensor numbers; -1 for an absent operand
    int builtin = 0;                       ///< LiteRT's number of the operator
  };

  /// Reads the graph of a signature (its key, or the only one, or "serving_default"; a file without signatures has one graph).
  /// E: kFileMissing, kTflite, kRuntimeFailure as ModelImage; kInput for an unknown signature.
  static Result<FileTensors> open(const WrittenFileSource& file, const std::string& signature);
  FileTensors(FileTensors&&) noexcept;
  FileTensors& operator=(FileTensors&&) noexcept;
  ~FileTensors();

  const std::vector<TensorEntry>& tensors() const;
  const std::vector<OperatorEntry>& operators() const;
  /// Whether operator `index` has this op's builtin or custom code, and equal options.
  bool is_same_operator(size_t index, const TfliteOp& op) const;

  /// A copy of the file with one signature, which gives the listed tensors too; `names` gets the name of each among its
  /// outputs. The tensors must be results of operators and not variable. E: kTooLarge above 2 GB of structure.
  Result<std::vector<std::byte>> expose(std::span<const int32_t> tensors, std::vector<std::string>& names) const;
  /// The key of the signature in these copies.
  static constexpr const char* kSignature = "exposed";

 private:
  struct State;
  explicit FileTensors(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace atl
