// SourceProgram: what a source file says, before any operator is understood. Names, attributes, and weights as views.
#pragma once
#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "support/error.h"

namespace atl {

/// Element types with the numbers of torch's export schema (not those of c10::ScalarType).
enum class ScalarType : uint8_t {
  kUnknown = 0,
  kUInt8 = 1,
  kInt8 = 2,
  kInt16 = 3,
  kInt32 = 4,
  kInt64 = 5,
  kFloat16 = 6,
  kFloat32 = 7,
  kFloat64 = 8,
  kComplex32 = 9,
  kComplex64 = 10,
  kComplex128 = 11,
  kBool = 12,
  kBFloat16 = 13,
  kUInt16 = 28,
  kFloat8E4M3FN = 29,
  kFloat8E5M2 = 30,
  kFloat8E4M3FNUZ = 31,
  kFloat8E5M2FNUZ = 32,
  kFloat8E8M0FNU = 33,
  kUInt32 = 34,
  kUInt64 = 35,
};
/// Bytes of one element; 0 for kUnknown.
int64_t scalar_size(ScalarType type);
/// The name torch gives it, such as "float32"; "unknown" for kUnknown.
std::string_view scalar_name(ScalarType type);
/// The type with that number in torch's export schema; nothing when the number is not one of them (0 gives kUnknown).
std::optional<ScalarType> scalar_type_of(int64_t number);

/// torch.memory_format with the numbers of torch's export schema.
enum class TorchMemoryFormat : uint8_t { kUnknown, kContiguous, kChannelsLast, kChannelsLast3d, kPreserve };
/// torch.layout with the numbers of torch's export schema.
enum class TorchLayout : uint8_t { kUnknown, kSparseCoo, kSparseCsr, kSparseCsc, kSparseBsr, kSparseBsc, kMkldnn, kStrided };
/// torch.device, such as {"cuda", 0}; index -1 when not given.
struct TorchDevice {
  std::string type;
  int64_t index = -1;
  bool operator==(const TorchDevice&) const = default;
};

/// A dimension, stride or offset: a number, or an expression over named sizes ("2*s0 + 1") with the value it had at export.
struct SymDim {
  int64_t value = 0;      ///< the number; for an expression its hint, -1 when the source gives none
  std::string expr = {};  ///< empty for a plain number
  bool is_static() const { return expr.empty(); }
  bool operator==(const SymDim&) const = default;
};

/// What is known of a tensor in the graph.
struct TensorMeta {
  ScalarType dtype = ScalarType::kUnknown;
  std::vector<SymDim> sizes;
  std::vector<SymDim> strides;  ///< in elements
  SymDim storage_offset;        ///< in elements
  TorchDevice device;
  TorchLayout layout = TorchLayout::kStrided;
  bool requires_grad = false;
  bool is_static() const;
  /// The sizes as numbers (hints where symbolic).
  std::vector<int64_t> shape() const;
};

/// A tensor's elements inside a mapped file (or an inflated entry). `bytes` is the whole storage; the element at index i0, i1,
/// ... lies at (storage_offset + i0 * strides[0] + i1 * strides[1] + ...) * scalar_size(dtype). The reader has checked that
/// every element lies inside `bytes`; the address need not be aligned. Little endian. Tied weights have the same bytes.data().
struct StoredTensor {
  ScalarType dtype = ScalarType::kUnknown;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;  ///< in elements, never negative; 0 for a broadcast dimension
  int64_t storage_offset = 0;    ///< in elements
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;  ///< keeps `bytes` alive

  int64_t elements() const;
  /// True when the elements lie one after another in row-major order.
  bool is_contiguous() const;
  /// For a contiguous tensor exactly its elements' bytes.
  std::span<const std::byte> contiguous_bytes() const;
};

enum class TensorKind : uint8_t { kParameter, kBuffer, kNonPersistentBuffer, kConstant };

/// A stored tensor that enters the graph as an input.
struct SourceTensor {
  TensorKind kind = TensorKind::kParameter;
  std::string name;  ///< the value's name in the graph, such as "p_layer1_weight"
  std::string fqn;   ///< the name in the module, such as "layer1.weight"
  StoredTensor data;
};

struct SourceGraph;
struct SourceValue;

// The kinds of value that an argument may be, one type each, so that a variant tells them apart.
struct TensorRef {
  std::string name;
  bool operator==(const TensorRef&) const = default;
};
/// Tensor[] or Tensor?[]; an entry that is None has an empty name.
struct TensorRefs {
  std::vector<std::string> names;
  bool operator==(const TensorRefs&) const = default;
};
/// Tensor[][]
struct NestedTensorRefs {
  std::vector<std::vector<std::string>> names;
  bool operator==(const NestedTensorRefs&) const = default;
};
/// A number known when the program runs (`name` is a value of the graph), or a plain number (`name` is empty).
template <class T>
struct Sym {
  std::string name;
  T value{};
  bool is_static() const { return name.empty(); }
  bool operator==(const Sym&) const = default;
};
using SymInt = Sym<int64_t>;
using SymFloat = Sym<double>;
using SymBool = Sym<bool>;
/// An operator given as an argument, such as "aten.add.Tensor".
struct OperatorRef {
  std::string name;
  bool operator==(const OperatorRef&) const = default;
};
/// A script object.
struct CustomObjectRef {
  std::string name;
  std::string class_fqn;
  bool operator==(const CustomObjectRef&) const = default;
};
/// A graph given as an argument (torch.cond, while_loop, map).
struct GraphRef {
  std::string name;
  std::shared_ptr<const SourceGraph> graph;
  bool operator==(const GraphRef&) const = default;
};
/// dict[str, Argument], in the order of the file.
struct SourceDict {
  std::vector<std::pair<std::string, SourceValue>> entries;
  bool operator==(const SourceDict&) const;
};
struct SourceNone {
  bool operator==(const SourceNone&) const = default;
};

/// Any value of an argument: the Argument union of torch's export schema.
struct SourceValue {
  using Variant =
      std::variant<SourceNone, TensorRef, TensorRefs, NestedTensorRefs, bool, int64_t, double, std::string,
                   std::complex<double>, std::vector<bool>, std::vector<int64_t>, std::vector<double>, std::vector<std::string>,
                   std::vector<std::vector<int64_t>>, std::vector<std::vector<double>>, SymInt, SymFloat, SymBool,
                   std::vector<SymInt>, std::vector<SymFloat>, std::vector<SymBool>, ScalarType, TorchMemoryFormat, TorchLayout,
                   TorchDevice, GraphRef, OperatorRef, CustomObjectRef, SourceDict>;
  Variant v;

  template <class T>
  const T* get() const {
    return std::get_if<T>(&v);
  }
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(v);
  }
  bool is_none() const { return is<SourceNone>(); }
  bool operator==(const SourceValue&) const = default;
};
/// The value's kind in words, for messages: "a tensor", "a list of integers", "None".
std::string_view kind_name(const SourceValue& value);
/// The value as a person would write it: "[1, 2]", "%x", "torch.float32".
std::string format(const SourceValue& value);

enum class ArgumentKind : uint8_t { kUnknown, kPositional, kKeyword };

/// One argument of a node. Arguments that have their default value are usually absent from the source.
struct SourceArgument {
  std::string name;  ///< the parameter's name in the operator's schema; may be empty for higher-order operators
  SourceValue value;
  ArgumentKind kind = ArgumentKind::kUnknown;
};

/// One operation, in execution order.
struct SourceNode {
  std::string target;  ///< "aten.conv2d.default", "quantized_decomposed.quantize_per_tensor.default", "higher_order.cond"
  std::vector<SourceArgument> inputs;
  std::vector<SourceValue>
      outputs;  ///< TensorRef, TensorRefs, SymInt, SymFloat, SymBool, CustomObjectRef or none, one an output
  Origin origin;

  /// The argument of that name; null when the source leaves it out.
  const SourceValue* find(std::string_view argument) const;
};

/// A graph, and what is known of each value in it.
struct SourceGraph {
  std::vector<SourceValue> inputs;   ///< TensorRef, SymInt, a plain constant, ... in order
  std::vector<SourceValue> outputs;  ///< likewise
  std::vector<SourceNode> nodes;
  std::unordered_map<std::string, TensorMeta> tensors;   ///< by value name; has every tensor of inputs and nodes
  std::unordered_map<std::string, SymDim> sym_ints;      ///< by value name
  std::unordered_map<std::string, SymBool> sym_bools;    ///< by value name; Sym::name holds the expression
  std::unordered_map<std::string, SymFloat> sym_floats;  ///< by value name; Sym::name holds the expression
  std::unordered_map<std::string, CustomObjectRef> custom_objects;
  bool is_single_tensor_return = false;

  /// What is known of a tensor; null for an unknown name.
  const TensorMeta* find(std::string_view tensor) const;
};

enum class InputKind : uint8_t {
  kUser,          ///< given by the caller: a tensor, or what graph.inputs says (SymInt, ...)
  kUserConstant,  ///< given by the caller, but fixed at export: `constant` has the value (None, bool, int, float, str)
  kStored,        ///< a parameter, buffer or constant: `tensor` is its index in SourceProgram::tensors
  kCustomObject,  ///< a script object of the module
  kToken,         ///< orders side effects
};

/// One input of the program's graph, in graph order.
struct SourceInput {
  InputKind kind = InputKind::kUser;
  std::string value;                   ///< the value's name in the graph
  std::string name;                    ///< user inputs: the signature's name, unique; else empty
  int tensor = -1;                     ///< kStored
  SourceValue constant = {};           ///< kUserConstant
  std::optional<StoredTensor> sample;  ///< user inputs: the tensor stored with the program, when there is one
};

enum class OutputKind : uint8_t {
  kUser,
  kLoss,
  kBufferMutation,     ///< `target` is the buffer's fqn
  kParameterMutation,  ///< `target` is the parameter's fqn
  kInputMutation,      ///< `target` is the value name of the user input
  kGradient,           ///< of a training program; `target` is what the gradient belongs to
  kToken,
};

/// One output of the program's graph, in graph order.
struct SourceOutput {
  OutputKind kind = OutputKind::kUser;
  SourceValue value;   ///< TensorRef, SymInt, or a constant (a program may return None or 3)
  std::string name;    ///< user outputs: the signature's name, unique; else empty
  std::string target;  ///< mutations and gradients
};

/// Bounds of a named size.
struct RangeConstraint {
  std::string symbol;
  std::optional<int64_t> min;
  std::optional<int64_t> max;
};

/// A whole exported program.
struct SourceProgram {
  std::string path;             ///< of the file that was read
  std::string model_name;       ///< name of the model inside the archive, "model" by default
  std::string torch_version;    ///< that wrote it, such as "2.13.0+cpu"
  std::string archive_version;  ///< "0"
  int schema_major = 0;
  int schema_minor = 0;

  SourceGraph graph;
  std::vector<SourceInput> inputs;    ///< one for each of graph.inputs
  std::vector<SourceOutput> outputs;  ///< one for each of graph.outputs
  std::vector<SourceTensor> tensors;
  std::vector<RangeConstraint> range_constraints;  ///< sorted by symbol
  std::vector<std::string> guards;                 ///< conditions on input sizes: "L['x'].size()[1] % 4 == 0"
  /// Why the stored sample inputs could not be used; empty when they could, or when there are none.
  std::string sample_problem;

  /// The stored tensor that enters the graph under that value name; null when there is none.
  const SourceTensor* find_tensor(std::string_view value) const;
};

}  // namespace atl
