// WrittenModel: the written file in LiteRT, taking and giving what the source's graph takes and gives.
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "run/compiled_model.h"

namespace atl {

/// How the written file's interface lies relative to the source's: axis k of the file's tensor is axis perm[k] of the source's.
/// One entry for each input and output, an empty permutation where nothing changes; both lists may be empty altogether.
struct InterfaceLayouts {
  std::vector<Perm> inputs, outputs;
};

/// Where the file is: a path, or its bytes when `path` is empty.
struct WrittenFileSource {
  std::filesystem::path path;
  std::vector<std::byte> bytes;
};

struct WrittenModelOptions {
  int threads = 0;  ///< of LiteRT; 0 takes its default
  KernelMode kernel_mode = KernelMode::kDelegate;
  std::string signature;  ///< its key; empty: the only one, or "serving_default"
};

class WrittenModel {
 public:
  /// Opens the file and finds the source's inputs and outputs in its signature: by name, or by position where a name is not
  /// there. Open axes of the file get the source's sizes. `source` is only looked at during the call. E: CompiledModel's;
  /// kInput when the file takes or gives another number of tensors, or tensors of other shapes.
  static Result<WrittenModel> load(std::shared_ptr<const LiteRtLibrary> library, const WrittenFileSource& file,
                                   const Graph& source, const InterfaceLayouts& layouts, const WrittenModelOptions& options);

  /// Runs the file on inputs of the source's shapes and types; those of states (the last ones) are not looked at, and the
  /// outputs are those that are no states: the file keeps them, from the first run of this object on. Outputs come with the
  /// source's shapes. Values are converted where the file has other element types, and quantized or dequantized where it has
  /// quantized ones. E: kRuntimeFailure; kUnsupportedType.
  Result<Tensors> run(std::span<const Tensor> inputs);
  /// The same, and the values of further outputs of the file by their names there, as they lie in the file.
  Result<Tensors> run(std::span<const Tensor> inputs, std::span<const std::string> further, Tensors& further_values);

 private:
  struct PortMap {
    size_t index = 0;  // in the signature
    Perm perm;
    Type type;  // the source's
  };
  explicit WrittenModel(CompiledModel model) : model_(std::move(model)) {}
  CompiledModel model_;
  size_t signature_ = 0;
  std::vector<PortMap> inputs_, outputs_;
};

/// The element types of ir/ and run/ name the same things. kUnknown where the other side has none.
DType dtype_of(ElementType t);
ElementType element_type_of(DType t);
/// True for an integer tensor with one scale.
bool is_quantized(const TensorInfo& info);
/// The real values that a quantized tensor stands for, as `to`.
Tensor dequantize(const Tensor& t, const TensorInfo& info, DType to);
/// Shares nothing with the array.
Tensor tensor_of(const NdArray& a);
NdArray array_of(const Tensor& t);

}  // namespace atl
