// What LiteRT's integer kernels of sums of products (convolutions, fully connected layers, matrix products) share: operands
// without their zero points, and the way from a sum to an integer of the result.
#pragma once
#include <string_view>
#include <vector>

#include "ops/fixed_point.h"

namespace atl {

/// How a kernel multiplies the scales of its two operands before it divides by that of the result.
enum class ScaleProduct { kInDouble, kInFloat };

/// Where a kernel's sums come from, which decides how they are scaled.
enum class Sums {
  kLoop,  ///< a loop over 32-bit sums, which wrap
  kGemm,  ///< a matrix product over them
  kWide,  ///< a loop over 64-bit sums: i16 data but for a bias of 32 bits
  kReal,  ///< such a loop whose sums are multiplied by the factor in double
};

/// From sums of products to integers of the result.
class SumScaling {
 public:
  /// A weight with several scales has one for each result channel.
  SumScaling(const Type& data, const Type& weight, const Type& out, ScaleProduct product, Sums sums,
             Activation activation = Activation::kNone);
  int32_t operator()(int64_t channel, int64_t sum) const;

 private:
  std::vector<double> factors_;
  std::vector<FixedPoint> fixed_;
  Sums sums_;
  int32_t zero_;
  IntegerRange range_;
};

/// The integers of a quantized tensor without their zero point, as f64 (sums of products of them are exact).
Tensor centered(const Tensor& t);

/// Integers of type `out` for sums (f64) whose axis `channel_axis` runs over result channels, plus the bias, which may be a
/// tensor without bytes.
Tensor scale_sums(const Tensor& sums, size_t channel_axis, const Tensor& bias, const SumScaling& scaling, const Type& out);

/// Most products that a sum of 32 bits holds, whatever the 8-bit operands.
inline constexpr int64_t kMaxProducts = (int64_t(1) << 31) / (255 * 128);

/// What LiteRT's weighted kernels, and XNNPACK's, ask of operands (data, weight, bias) and result. `depth` products are added
/// up for one element; the weight may have one scale for each index of `weight_axis`; i16 data has a bias of the element types
/// `wide_biases`. E: kUnsupportedForm, kUnsupportedType.
struct WeightedForm {
  std::string_view name;
  int64_t depth = 0;
  int weight_axis = 0;
  std::string_view wide_biases = "i64 i32";
  bool needs_bias = true;
};
Status legal_weighted(const WeightedForm& form, TypesIn in, const Type& out);

/// Refuses factors (product of the operands' scales by the result's) for which kernels have no fixed-point form.
/// E: kUnsupportedForm.
Status legal_factor(std::string_view what, double factor);

}  // namespace atl
