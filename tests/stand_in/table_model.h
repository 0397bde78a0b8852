// A model that is compiled for the stand-in of libedgetpu: a float input is quantized on the CPU, goes through a table of 256
// bytes on the Edge TPU, and is dequantized on the CPU.
#pragma once
#include <flatbuffers/flexbuffers.h>
#include <package_generated.h>

#include <cmath>
#include <string>
#include <vector>

#include "edgetpu/small_model.h"

namespace atl::edgetpu {

/// The options of a compiled operator whose package holds `table`.
inline std::vector<uint8_t> table_package(const std::vector<uint8_t>& table, int min_runtime = 14) {
  flatbuffers::FlatBufferBuilder e;
  const auto parameters = e.CreateVector(table);
  const auto chip = e.CreateString("beagle");
  fbs::ExecutableBuilder executable(e);
  executable.add_parameters(parameters);
  executable.add_chip(chip);
  e.Finish(executable.Finish());
  flatbuffers::FlatBufferBuilder all;
  const std::vector strings{all.CreateString(reinterpret_cast<const char*>(e.GetBufferPointer()), e.GetSize())};
  all.Finish(fbs::CreateMultiExecutable(all, all.CreateVector(strings)));
  flatbuffers::FlatBufferBuilder b;
  const auto bytes = b.CreateVector(all.GetBufferPointer(), all.GetSize());
  b.Finish(fbs::CreatePackage(b, min_runtime, bytes, 0, 0, b.CreateString("cl/1")), fbs::PackageIdentifier());
  flexbuffers::Builder f;
  f.Map([&] {
    f.Int("1", 0);
    f.Key("4");
    f.String(std::string(reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize()));  // copies the zero behind, too
    f.Int("5", -1);
  });
  f.Finish();
  return f.GetBuffer();
}

inline constexpr int kTableElements = 4 * 6 * 3;

/// Entry i is 255 - i: the chip counts without sign, so an int8 v becomes -1 - v.
inline std::vector<std::byte> table_model(int min_runtime = 14) {
  std::vector<uint8_t> table(256);
  for (size_t i = 0; i < table.size(); ++i) table[i] = uint8_t(255 - i);
  using Type = tflite::TensorType;
  const Shape shape{1, 4, 6, 3};
  SmallModel m;
  const int in = m.input(Type::FLOAT32, shape), quantized = m.tensor(Type::INT8, shape), mapped = m.tensor(Type::INT8, shape);
  m.op(tflite::BuiltinOperator::QUANTIZE, 1, {in}, {quantized});
  m.custom("edgetpu-custom-op", table_package(table, min_runtime), {quantized}, {mapped});
  m.op(tflite::BuiltinOperator::DEQUANTIZE, 2, {mapped}, {m.output(Type::FLOAT32, shape)});
  return m.bytes();
}

/// What the model makes of a value (the scale is 0.5).
inline float table_value(float x) { return float(-1 - int(std::nearbyint(x / 0.5f))) * 0.5f; }

}  // namespace atl::edgetpu
