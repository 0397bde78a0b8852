// What a placed model costs: multiplications, parameter and activation memory, transfers, time.
#pragma once
#include "edgetpu/placement.h"

namespace atl::edgetpu {

/// Activation memory of one of the Edge TPU's 16 tiles, in bytes.
inline constexpr uint64_t kNarrowBytes = 196608;
/// Parameters that are cached on the chip, in bytes: 8 MiB but for what instructions need.
inline constexpr uint64_t kParameterMemoryBytes = 7u << 20;
/// Instructions, estimated: in bytes for each operator and for each network.
inline constexpr uint64_t kInstructionsPerOp = 2200, kInstructionsPerNetwork = 16000;

/// Multiply-accumulates of an operator (convolutions, products of matrices, fully connected layers, LSTM); 0 for others.
uint64_t macs_of(const SourceModel& model, const SourceOp& op);

/// Bytes of an operator's parameters in the package. Convolutions, depthwise ones and fully connected layers: exact for
/// compilers 2.0 to 15 on 58 models. Constants of elementwise operators are counted as they are streamed.
uint64_t parameter_bytes_of(const SourceModel& model, const SourceOp& op, Compiler compiler);
/// Bytes that the same parameters take in the Edge TPU's memory, as the compiler prints them: rows of 64 outputs.
uint64_t on_chip_bytes_of(const SourceModel& model, const SourceOp& op);
/// The part of parameter_bytes_of() that is sent with each inference even where the chip has room: constants of elementwise
/// operators.
uint64_t streamed_bytes_of(const SourceModel& model, const SourceOp& op);

struct MemoryCost {
  uint64_t parameter_bytes = 0;                ///< of all mapped operators, in the package
  uint64_t on_chip_bytes = 0;                  ///< cached between inferences
  uint64_t streamed_bytes = 0;                 ///< sent with each inference
  uint64_t activation_bytes_per_tile = 0;      ///< most narrow memory that is live at once, in each of 16 tiles
  bool needs_bands = false;                    ///< activations do not fit at once: the compiler cuts the image into bands
  uint64_t instruction_bytes = 0;              ///< estimated
  uint64_t input_bytes = 0, output_bytes = 0;  ///< between host and Edge TPU for each inference
};
MemoryCost memory_cost(const SourceModel& model, const Placement& placement, Compiler compiler);

/// Milliseconds of the mapped part of one inference, with the model's parameters cached.
struct Latency {
  double usb3 = 0, usb2 = 0, pcie = 0;
  static constexpr double kError = 0.2;  ///< relative, against published USB 3 figures; PCIe was not calibrated
};
Latency predict_latency(const SourceModel& model, const Placement& placement, const MemoryCost& memory);
/// The same from the time that the Edge TPU computes and from the bytes of `memory`.
Latency latency_of(double compute_ms, const MemoryCost& memory);
/// Milliseconds that the Edge TPU computes on an operator.
double compute_ms_of(const SourceModel& model, const SourceOp& op);

}  // namespace atl::edgetpu
