// Small .tflite files for the tests of src/edgetpu.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <numeric>

#include "edgetpu/source_model.h"

namespace atl::edgetpu {

/// Tensors are named in0, in1, ..., out0, ... by their role; 8-bit ones have scale 0.5 and zero point 0.
class SmallModel {
 public:
  SmallModel() {
    m_.version = 3;
    m_.buffers.push_back(std::make_unique<tflite::BufferT>());
    m_.subgraphs.push_back(std::make_unique<tflite::SubGraphT>());
  }
  int tensor(tflite::TensorType type, const Shape& shape) {
    auto t = std::make_unique<tflite::TensorT>();
    t->name = "t" + std::to_string(graph().tensors.size());
    t->type = type;
    bool open = false;
    for (const int64_t d : shape) {
      t->shape.push_back(d < 0 ? 1 : int32_t(d));
      open |= d < 0;
    }
    if (open) t->shape_signature.assign(shape.begin(), shape.end());
    if (type == tflite::TensorType::INT8 || type == tflite::TensorType::UINT8) {
      t->quantization = std::make_unique<tflite::QuantizationParametersT>();
      t->quantization->scale = {0.5f};
      t->quantization->zero_point = {0};
    }
    graph().tensors.push_back(std::move(t));
    return int(graph().tensors.size()) - 1;
  }
  int input(tflite::TensorType type, const Shape& shape) {
    graph().inputs.push_back(tensor(type, shape));
    graph().tensors.back()->name = "in" + std::to_string(graph().inputs.size() - 1);
    return graph().inputs.back();
  }
  int output(tflite::TensorType type, const Shape& shape) {
    graph().outputs.push_back(tensor(type, shape));
    graph().tensors.back()->name = "out" + std::to_string(graph().outputs.size() - 1);
    return graph().outputs.back();
  }
  void mark_output(int t) { graph().outputs.push_back(t); }
  /// Of one value in all bytes. Scales by channel differ, unless they are to be equal.
  int constant(tflite::TensorType type, const Shape& shape, uint8_t value = 1, bool per_channel = false,
               bool equal_scales = false) {
    const int t = tensor(type, shape);
    const int64_t n = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
    set(t, std::vector<uint8_t>(size_t(n) * (type == tflite::TensorType::INT32 ? 4 : 1), value));
    if (per_channel) {
      auto& q = *graph().tensors[size_t(t)]->quantization;
      q.zero_point.assign(size_t(shape[0] > 1 ? shape[0] : shape.back()), 0);
      q.scale.resize(q.zero_point.size());
      for (size_t i = 0; i < q.scale.size(); ++i) q.scale[i] = equal_scales ? 0.5f : 0.5f / float(i + 1);
    }
    return t;
  }
  /// A constant of which one byte is there, for what looks at shapes alone.
  int placeholder(tflite::TensorType type, const Shape& shape) {
    const int t = tensor(type, shape);
    set(t, {1});
    return t;
  }
  /// A vector of int32: axes, paddings.
  int ints(const std::vector<int32_t>& values) {
    const int t = tensor(tflite::TensorType::INT32, {int64_t(values.size())});
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    set(t, {bytes, bytes + 4 * values.size()});
    return t;
  }
  int floats(const Shape& shape, const std::vector<float>& values) {
    const int t = tensor(tflite::TensorType::FLOAT32, shape);
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    set(t, {bytes, bytes + 4 * values.size()});
    return t;
  }
  void op(tflite::BuiltinOperator code, int version, const std::vector<int>& in, const std::vector<int>& out) {
    auto c = std::make_unique<tflite::OperatorCodeT>();
    c->builtin_code = code;
    c->deprecated_builtin_code = int8_t(std::min(int(code), 127));
    c->version = version;
    m_.operator_codes.push_back(std::move(c));
    auto o = std::make_unique<tflite::OperatorT>();
    o->opcode_index = uint32_t(m_.operator_codes.size() - 1);
    o->inputs.assign(in.begin(), in.end());
    o->outputs.assign(out.begin(), out.end());
    graph().operators.push_back(std::move(o));
  }
  template <class Options>
  void op(tflite::BuiltinOperator code, int version, const std::vector<int>& in, const std::vector<int>& out, Options options) {
    op(code, version, in, out);
    graph().operators.back()->builtin_options.Set(std::move(options));
  }
  /// A custom operator with its options.
  void custom(const std::string& name, const std::vector<uint8_t>& options, const std::vector<int>& in,
              const std::vector<int>& out) {
    op(tflite::BuiltinOperator::CUSTOM, 1, in, out);
    m_.operator_codes.back()->custom_code = name;
    graph().operators.back()->custom_options = options;
  }
  /// Keeps its values from run to run.
  int variable(tflite::TensorType type, const Shape& shape) {
    const int t = tensor(type, shape);
    graph().tensors[size_t(t)]->is_variable = true;
    return t;
  }
  /// Quantizes a tensor, of 16-bit integers say.
  void set_scale(int t, float scale) {
    graph().tensors[size_t(t)]->quantization = std::make_unique<tflite::QuantizationParametersT>();
    graph().tensors[size_t(t)]->quantization->scale = {scale};
    graph().tensors[size_t(t)]->quantization->zero_point = {0};
  }
  /// The file.
  std::vector<std::byte> bytes() {
    flatbuffers::FlatBufferBuilder b;
    b.Finish(tflite::Model::Pack(b, &m_), tflite::ModelIdentifier());
    std::vector<std::byte> out(b.GetSize());
    std::memcpy(out.data(), b.GetBufferPointer(), b.GetSize());
    return out;
  }
  SourceModel opened() {
    auto bytes = std::make_shared<std::vector<std::byte>>(this->bytes());
    auto model = read_source_model(*bytes, bytes);
    EXPECT_TRUE(model) << (model ? "" : format(model.error()));
    return model ? std::move(*model) : SourceModel{};
  }

 private:
  tflite::SubGraphT& graph() { return *m_.subgraphs[0]; }
  void set(int t, std::vector<uint8_t> bytes) {
    auto b = std::make_unique<tflite::BufferT>();
    b->data = std::move(bytes);
    m_.buffers.push_back(std::move(b));
    graph().tensors[size_t(t)]->buffer = uint32_t(m_.buffers.size() - 1);
  }
  tflite::ModelT m_;
};

}  // namespace atl::edgetpu
