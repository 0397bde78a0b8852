#include "read/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace atl {
namespace {

struct ScalarFacts {
  ScalarType type;
  int size;
  std::string_view name;
};

constexpr std::array kScalars = {
    ScalarFacts{ScalarType::kUnknown, 0, "unknown"},
    ScalarFacts{ScalarType::kUInt8, 1, "uint8"},
    ScalarFacts{ScalarType::kInt8, 1, "int8"},
    ScalarFacts{ScalarType::kInt16, 2, "int16"},
    ScalarFacts{ScalarType::kInt32, 4, "int32"},
    ScalarFacts{ScalarType::kInt64, 8, "int64"},
    ScalarFacts{ScalarType::kFloat16, 2, "float16"},
    ScalarFacts{ScalarType::kFloat32, 4, "float32"},
    ScalarFacts{ScalarType::kFloat64, 8, "float64"},
    ScalarFacts{ScalarType::kComplex32, 4, "complex32"},
    ScalarFacts{ScalarType::kComplex64, 8, "complex64"},
    ScalarFacts{ScalarType::kComplex128, 16, "complex128"},
    ScalarFacts{ScalarType::kBool, 1, "bool"},
    ScalarFacts{ScalarType::kBFloat16, 2, "bfloat16"},
    ScalarFacts{ScalarType::kUInt16, 2, "uint16"},
    ScalarFacts{ScalarType::kFloat8E4M3FN, 1, "float8_e4m3fn"},
    ScalarFacts{ScalarType::kFloat8E5M2, 1, "float8_e5m2"},
    ScalarFacts{ScalarType::kFloat8E4M3FNUZ, 1, "float8_e4m3fnuz"},
    ScalarFacts{ScalarType::kFloat8E5M2FNUZ, 1, "float8_e5m2fnuz"},
    ScalarFacts{ScalarType::kFloat8E8M0FNU, 1, "float8_e8m0fnu"},
    ScalarFacts{ScalarType::kUInt32, 4, "uint32"},
    ScalarFacts{ScalarType::kUInt64, 8, "uint64"},
};

const ScalarFacts& facts(ScalarType type) {
  const auto it = std::find_if(kScalars.begin(), kScalars.end(), [&](const auto& f) { return f.type == type; });
  return it == kScalars.end() ? kScalars[0] : *it;
}

template <class T, class Write>
std::string format_list(const std::vector<T>& items, Write write) {
  std::string s = "[";
  for (size_t i = 0; i < items.size(); ++i) s += (i ? ", " : "") + write(items[i]);
  return s + "]";
}

std::string name_or_none(const std::string& name) { return name.empty() ? "None" : "%" + name; }
std::string plain(bool value) { return value ? "True" : "False"; }
std::string plain(int64_t value) { return std::to_string(value); }
std::string plain(double value) {
  std::string s = fmt::format("{}", value);
  if (s.find_first_not_of("-0123456789") == s.npos) s += ".0";
  return s;
}
std::string plain(const std::string& value) { return "'" + value + "'"; }
template <class T>
std::string plain(const Sym<T>& value) {
  return value.is_static() ? plain(value.value) : "%" + value.name;
}
template <class T>
std::string plain(const std::vector<T>& values) {
  return format_list(values, [](const auto& v) { return plain(T(v)); });
}

constexpr std::array<std::string_view, 5> kMemoryFormats = {"unknown", "contiguous_format", "channels_last", "channels_last_3d",
                                                            "preserve_format"};
constexpr std::array<std::string_view, 8> kLayouts = {"unknown",    "sparse_coo", "sparse_csr", "sparse_csc",
                                                      "sparse_bsr", "sparse_bsc", "_mkldnn",    "strided"};

/// Writes a value as a person would; one overload a type.
struct Formatter {
  std::string operator()(const SourceNone&) const { return "None"; }
  std::string operator()(const TensorRef& t) const { return "%" + t.name; }
  std::string operator()(const TensorRefs& t) const { return format_list(t.names, name_or_none); }
  std::string operator()(const NestedTensorRefs& t) const {
    return format_list(t.names, [](const auto& names) { return format_list(names, name_or_none); });
  }
  std::string operator()(bool v) const { return plain(v); }
  std::string operator()(int64_t v) const { return plain(v); }
  std::string operator()(double v) const { return plain(v); }
  std::string operator()(const std::string& v) const { return plain(v); }
  std::string operator()(const std::complex<double>& v) const { return fmt::format("({}{:+}j)", v.real(), v.imag()); }
  template <class T>
  std::string operator()(const std::vector<T>& v) const {
    return plain(v);
  }
  template <class T>
  std::string operator()(const Sym<T>& v) const {
    return plain(v);
  }
  std::string operator()(ScalarType v) const { return fmt::format("torch.{}", scalar_name(v)); }
  std::string operator()(TorchMemoryFormat v) const {
    return fmt::format("torch.{}", kMemoryFormats[std::min<size_t>(static_cast<size_t>(v), kMemoryFormats.size() - 1)]);
  }
  std::string operator()(TorchLayout v) const {
    return fmt::format("torch.{}", kLayouts[std::min<size_t>(static_cast<size_t>(v), kLayouts.size() - 1)]);
  }
  std::string operator()(const TorchDevice& v) const {
    return v.index < 0 ? plain(v.type) : fmt::format("'{}:{}'", v.type, v.index);
  }
  std::string operator()(const GraphRef& v) const { return fmt::format("<graph {}>", v.name); }
  std::string operator()(const OperatorRef& v) const { return v.name; }
  std::string operator()(const CustomObjectRef& v) const { return fmt::format("<{} {}>", v.class_fqn, v.name); }
  std::string operator()(const SourceDict& v) const {
    std::string s = "{";
    for (const auto& [key, value] : v.entries) s += (s.size() > 1 ? ", " : "") + plain(key) + ": " + format(value);
    return s + "}";
  }
};

struct KindNamer {
  std::string_view operator()(const SourceNone&) const { return "None"; }
  std::string_view operator()(const TensorRef&) const { return "a tensor"; }
  std::string_view operator()(const TensorRefs&) const { return "a list of tensors"; }
  std::string_view operator()(const NestedTensorRefs&) const { return "a list of lists of tensors"; }
  std::string_view operator()(bool) const { return "a bool"; }
  std::string_view operator()(int64_t) const { return "an integer"; }
  std::string_view operator()(double) const { return "a float"; }
  std::string_view operator()(const std::string&) const { return "a string"; }
  std::string_view operator()(const std::complex<double>&) const { return "a complex number"; }
  std::string_view operator()(const std::vector<bool>&) const { return "a list of bools"; }
  std::string_view operator()(const std::vector<int64_t>&) const { return "a list of integers"; }
  std::string_view operator()(const std::vector<double>&) const { return "a list of floats"; }
  std::string_view operator()(const std::vector<std::string>&) const { return "a list of strings"; }
  std::string_view operator()(const std::vector<std::vector<int64_t>>&) const { return "a list of lists of integers"; }
  std::string_view operator()(const std::vector<std::vector<double>>&) const { return "a list of lists of floats"; }
  std::string_view operator()(const SymInt&) const { return "a size"; }
  std::string_view operator()(const SymFloat&) const { return "a computed float"; }
  std::string_view operator()(const SymBool&) const { return "a computed bool"; }
  std::string_view operator()(const std::vector<SymInt>&) const { return "a list of sizes"; }
  std::string_view operator()(const std::vector<SymFloat>&) const { return "a list of computed floats"; }
  std::string_view operator()(const std::vector<SymBool>&) const { return "a list of computed bools"; }
  std::string_view operator()(ScalarType) const { return "an element type"; }
  std::string_view operator()(TorchMemoryFormat) const { return "a memory format"; }
  std::string_view operator()(TorchLayout) const { return "a layout"; }
  std::string_view operator()(const TorchDevice&) const { return "a device"; }
  std::string_view operator()(const GraphRef&) const { return "a graph"; }
  std::string_view operator()(const OperatorRef&) const { return "an operator"; }
  std::string_view operator()(const CustomObjectRef&) const { return "a script object"; }
  std::string_view operator()(const SourceDict&) const { return "a dictionary"; }
};

}  // namespace

int64_t scalar_size(ScalarType type) { return facts(type).size; }
std::string_view scalar_name(ScalarType type) { return facts(type).name; }

std::optional<ScalarType> scalar_type_of(int64_t number) {
  const auto it =
      std::find_if(kScalars.begin(), kScalars.end(), [&](const auto& f) { return static_cast<int64_t>(f.type) == number; });
  if (it == kScalars.end()) return std::nullopt;
  return it->type;
}

bool TensorMeta::is_static() const {
  const auto fixed = [](const SymDim& d) { return d.is_static(); };
  return std::all_of(sizes.begin(), sizes.end(), fixed);
}

std::vector<int64_t> TensorMeta::shape() const {
  std::vector<int64_t> shape;
  shape.reserve(sizes.size());
  for (const SymDim& d : sizes) shape.push_back(d.value);
  return shape;
}

int64_t StoredTensor::elements() const {
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return 0;  // the other sizes may be of any length then
  int64_t count = 1;
  for (int64_t size : sizes) count *= size;
  return count;
}

bool StoredTensor::is_contiguous() const {
  int64_t expected = 1;
  if (elements() == 0) return true;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= sizes[i];
  }
  return true;
}

std::span<const std::byte> StoredTensor::contiguous_bytes() const {
  const auto size = static_cast<size_t>(scalar_size(dtype));
  const auto count = static_cast<size_t>(elements());
  if (count == 0) return {};
  return bytes.subspan(static_cast<size_t>(storage_offset) * size, count * size);
}

bool SourceDict::operator==(const SourceDict& other) const { return entries == other.entries; }

std::string_view kind_name(const SourceValue& value) { return std::visit(KindNamer{}, value.v); }
std::string format(const SourceValue& value) { return std::visit(Formatter{}, value.v); }

const SourceValue* SourceNode::find(std::string_view argument) const {
  const auto it = std::find_if(inputs.begin(), inputs.end(), [&](const auto& a) { return a.name == argument; });
  return it == inputs.end() ? nullptr : &it->value;
}

const TensorMeta* SourceGraph::find(std::string_view tensor) const {
  const auto it = tensors.find(std::string(tensor));
  return it == tensors.end() ? nullptr : &it->second;
}

const SourceTensor* SourceProgram::find_tensor(std::string_view value) const {
  const auto it = std::find_if(tensors.begin(), tensors.end(), [&](const auto& t) { return t.name == value; });
  return it == tensors.end() ? nullptr : &*it;
}

}  // namespace atl
