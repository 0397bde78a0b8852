// What a placed model costs: memory, transfers, time.
#pragma once
#include <array>

#include "edgetpu/memory.h"

namespace atl::edgetpu {

/// What an operator adds to the program that an Edge TPU runs.
struct OpCost {
  double compute_ms = 0;
  uint64_t instruction_bytes = 0;                                                       ///< estimated
  uint64_t parameter_bytes = 0, on_chip_bytes = 0, cell_bytes = 0, streamed_bytes = 0;  ///< as memory.h has them
};
OpCost cost_of(const SourceModel& model, const SourceOp& op, Compiler compiler);

struct MemoryCost {
  uint64_t parameter_bytes = 0;                ///< of all mapped operators, in the package
  uint64_t on_chip_bytes = 0;                  ///< cached between inferences
  uint64_t streamed_bytes = 0;                 ///< sent with each inference
  uint64_t activation_bytes_per_tile = 0;      ///< most narrow memory that is live at once, in each of 16 tiles
  bool needs_bands = false;                    ///< activations do not fit at once: the compiler cuts the image into bands
  uint64_t instruction_bytes = 0;              ///< estimated
  uint64_t input_bytes = 0, output_bytes = 0;  ///< between host and Edge TPU for each inference
};

/// Milliseconds of the mapped part of one inference, with the model's parameters cached.
struct Latency {
  double usb3 = 0, usb2 = 0, pcie = 0;
  /// Relative, over USB and over PCIe: docs/edgetpu.md compares with what was measured.
  static constexpr double kError = 0.2, kPcieError = 0.3;
};

/// The operators that one Edge TPU runs, in their order.
class Program {
 public:
  /// Parameters are cached layer by layer until the chip is full; those of later layers are sent with each inference.
  void add(const OpCost& op);
  bool empty() const { return memory_.instruction_bytes == 0; }
  /// Of the operators so far, without activations and transfers.
  const MemoryCost& memory() const { return memory_; }
  /// With the transfers and instructions of `memory`: a start, the input and the instructions over the link, then each layer's
  /// computing or its parameters, whichever takes longer, then the output.
  Latency latency(const MemoryCost& memory) const;

 private:
  MemoryCost memory_;
  uint64_t cell_bytes_ = 0;
  std::array<double, 3> busy_ms_{};  // over each link
};

struct Cost {
  MemoryCost memory;
  Latency latency;
};
Cost cost_of(const SourceModel& model, const Placement& placement, Compiler compiler);

}  // namespace atl::edgetpu
