#include "verify/written_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace atl {
namespace {

// An integer type's bounds; nullopt for anything that is not a quantized element type.
std::optional<std::pair<double, double>> quantized_bounds(ElementType t) {
  switch (t) {
    case ElementType::kI8:
      return std::pair{-128.0, 127.0};
    case ElementType::kU8:
      return std::pair{0.0, 255.0};
    case ElementType::kI16:
      return std::pair{-32768.0, 32767.0};
    default:
      return std::nullopt;
  }
}

}  // namespace

bool is_quantized(const TensorInfo& info) {
  return info.quant && info.quant->scale.size() == 1 && info.quant->scale[0] > 0 && quantized_bounds(info.dtype);
}

Tensor dequantize(const Tensor& t, const TensorInfo& info, DType to) {
  const double scale = info.quant->scale[0];
  const double zero = info.quant->zero_point.empty() ? 0 : double(info.quant->zero_point[0]);
  Tensor out = Tensor::make(Type{DType::kF64, t.shape(), {}});
  for (int64_t i = 0; i < t.count(); ++i) out.mutable_data<double>()[i] = (element_as_double(t, i) - zero) * scale;
  return cast(out, to);
}

namespace {

Tensor quantize(const Tensor& t, const TensorInfo& info) {
  const auto bounds = *quantized_bounds(info.dtype);
  const double scale = info.quant->scale[0];
  const double zero = info.quant->zero_point.empty() ? 0 : double(info.quant->zero_point[0]);
  Tensor out = Tensor::make(Type{DType::kF64, t.shape(), {}});
  for (int64_t i = 0; i < t.count(); ++i)
    out.mutable_data<double>()[i] =
        std::clamp(std::nearbyint(element_as_double(t, i) / scale) + zero, bounds.first, bounds.second);
  return cast(out, dtype_of(info.dtype));
}

struct PortMatch {
  size_t index = 0;
  Perm perm;
};

// Finds the tensor of the file that is port i of the source.
Result<PortMatch> match(const std::vector<TensorInfo>& infos, const Graph& g, const std::vector<Port>& ports, size_t i,
                        const std::vector<Perm>& perms, std::string_view kind) {
  const auto named = std::find_if(infos.begin(), infos.end(), [&](const TensorInfo& t) { return t.name == ports[i].name; });
  const TensorInfo& info = named != infos.end() ? *named : infos[i];
  const Type& type = g.type(ports[i].value);
  PortMatch m{size_t(&info - infos.data()), i < perms.size() ? perms[i] : Perm{}};
  if (!m.perm.empty() && !is_permutation(m.perm, type.rank()))
    return error(Code::kInternal, fmt::format("the layout of {} '{}' is no permutation of its axes", kind, ports[i].name));
  const Shape expected = m.perm.empty() ? type.shape : permuted(type.shape, m.perm);
  bool fits = expected.size() == info.shape.size();
  for (size_t a = 0; fits && a < expected.size(); ++a)
    fits = expected[a] == info.shape[a] || (a < info.open.size() && info.open[a]);
  if (!fits)
    return error(Code::kInput,
                 fmt::format("the file's {} '{}' is {}, the source's is {}", kind, info.name, info.text(), to_string(type)));
  if (dtype_of(info.dtype) == DType::kUnknown)
    return error(Code::kUnsupportedType,
                 fmt::format("the file's {} '{}' has element type {}", kind, info.name, name(info.dtype)));
  return m;
}

}  // namespace

DType dtype_of(ElementType t) { return dtype_from_name(name(t)).value_or(DType::kUnknown); }

ElementType element_type_of(DType t) { return element_type_from_name(name(t)).value_or(ElementType::kUnknown); }

Tensor tensor_of(const NdArray& a) {
  Tensor t = Tensor::make(Type{dtype_of(a.dtype), a.shape, {}});
  if (t.byte_count() > 0) std::memcpy(t.mutable_bytes(), a.bytes.data(), std::min(a.bytes.size(), t.byte_count()));
  return t;
}

NdArray array_of(const Tensor& t) {
  return {element_type_of(t.dtype()), t.shape(), std::vector<std::byte>(t.bytes(), t.bytes() + t.byte_count())};
}

Result<WrittenModel> WrittenModel::load(std::shared_ptr<const LiteRtLibrary> library, const WrittenFileSource& file,
                                        const Graph& source, const InterfaceLayouts& layouts,
                                        const WrittenModelOptions& options) {
  RunOptions run_options;
  run_options.threads = options.threads;
  run_options.kernel_mode = options.kernel_mode;
  auto loaded = file.path.empty() ? CompiledModel::load(std::move(library), file.bytes, run_options)
                                  : CompiledModel::load(std::move(library), file.path, run_options);
  if (!loaded) return std::move(loaded.error());
  WrittenModel m(*std::move(loaded));
  TRY(m.signature_, m.model_.find_signature(options.signature));
  const SignatureInfo& s = m.model_.signatures()[m.signature_];
  // States are the last ports.
  const size_t inputs = source.inputs().size() - source.states().size();
  const size_t outputs = source.outputs().size() - source.states().size();
  if (s.inputs.size() != inputs || s.outputs.size() < outputs)
    return error(Code::kInput, fmt::format("the file has {} inputs and {} outputs, the source {} and {}", s.inputs.size(),
                                           s.outputs.size(), inputs, outputs));
  for (size_t i = 0; i < inputs; ++i) {
    TRY(PortMatch p, match(s.inputs, source, source.inputs(), i, layouts.inputs, "input"));
    const Type& type = source.type(source.inputs()[i].value);
    if (s.inputs[p.index].has_open_axes())
      TRY_STATUS(m.model_.resize_input(m.signature_, p.index, p.perm.empty() ? type.shape : permuted(type.shape, p.perm)));
    m.inputs_.push_back({p.index, std::move(p.perm), type});
  }
  for (size_t i = 0; i < outputs; ++i) {
    TRY(PortMatch p, match(s.outputs, source, source.outputs(), i, layouts.outputs, "output"));
    const Type& type = source.type(source.outputs()[i].value);
    if (s.outputs[p.index].has_open_axes()) {
      TRY(const std::vector<int64_t> shape, m.model_.output_shape(m.signature_, p.index));
      if (shape != (p.perm.empty() ? type.shape : permuted(type.shape, p.perm)))
        return error(Code::kInput, fmt::format("the file's output '{}' becomes {}, the source's is {}", s.outputs[p.index].name,
                                               to_string(shape), to_string(type)));
    }
    m.outputs_.push_back({p.index, std::move(p.perm), type});
  }
  return m;
}

Result<Tensors> WrittenModel::run(std::span<const Tensor> inputs) {
  Tensors none;
  return run(inputs, {}, none);
}

Result<Tensors> WrittenModel::run(std::span<const Tensor> inputs, std::span<const std::string> further,
                                  Tensors& further_values) {
  const SignatureInfo& s = model_.signatures()[signature_];
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const PortMap& p = inputs_[i];
    const TensorInfo& info = s.inputs[p.index];
    Tensor t = p.perm.empty() ? inputs[i] : transpose(inputs[i], p.perm);
    if (is_quantized(info) && is_float(t.dtype()))
      t = quantize(t, info);
    else if (t.dtype() != dtype_of(info.dtype))
      t = cast(t, dtype_of(info.dtype));
    TRY(BufferView view, model_.input(signature_, p.index));
    if (view.bytes().size() != t.byte_count())
      return error(Code::kRuntimeFailure, fmt::format("LiteRT's buffer for '{}' has {} bytes, {} are needed", info.name,
                                                      view.bytes().size(), t.byte_count()));
    if (t.byte_count() > 0) std::memcpy(view.bytes().data(), t.bytes(), t.byte_count());
  }
  TRY_STATUS(model_.run(signature_));
  const auto fetch = [&](size_t index) -> Result<Tensor> {
    const TensorInfo& info = s.outputs[index];
    TRY(const std::vector<int64_t> shape, model_.output_shape(signature_, index));
    TRY(const BufferView view, model_.output(signature_, index));
    Tensor t = Tensor::make(Type{dtype_of(info.dtype), shape, {}});
    if (t.byte_count() > view.bytes().size())
      return error(Code::kRuntimeFailure, fmt::format("LiteRT's buffer for '{}' is too small", info.name));
    if (t.byte_count() > 0) std::memcpy(t.mutable_bytes(), view.bytes().data(), t.byte_count());
    return t;
  };
  Tensors out;
  for (const PortMap& p : outputs_) {
    TRY(Tensor t, fetch(p.index));
    if (is_quantized(s.outputs[p.index]) && is_float(p.type.dtype)) t = dequantize(t, s.outputs[p.index], p.type.dtype);
    out.push_back(p.perm.empty() ? std::move(t) : transpose(t, inverse(p.perm)));
  }
  further_values.clear();
  for (const std::string& name : further) {
    TRY(const size_t index, model_.find_output(signature_, name));
    TRY(Tensor t, fetch(index));
    further_values.push_back(std::move(t));
  }
  return out;
}

}  // namespace atl
