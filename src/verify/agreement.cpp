#include "verify/agreement.h"

#include <algorithm>
#include <cmath>

namespace atl {
namespace {

// Beyond what the rounding of float32 leaves; keeps single examples from deciding a mean.
constexpr double kMostDb = 150;
// What a report shows for "no difference at all".
constexpr double kEqualDb = 999;

bool same_place(double a, double b) { return std::isnan(a) ? std::isnan(b) : a == b; }

}  // namespace

Status Agreement::add(const Tensor& reference, const Tensor& got) {
  if (reference.count() != got.count())
    return error(Code::kInput,
                 fmt::format("{} against {}: they cannot be compared", to_string(got.type()), to_string(reference.type())));
  double signal = 0, noise = 0, power = 0, product = 0;
  bool misplaced = false;
  for (int64_t i = 0; i < reference.count(); ++i) {
    const double a = element_as_double(reference, i), b = element_as_double(got, i);
    if (!std::isfinite(a) || !std::isfinite(b)) {
      misplaced |= !same_place(a, b);
      continue;
    }
    signal += a * a;
    power += b * b;
    product += a * b;
    noise += (a - b) * (a - b);
    max_error_ = std::max(max_error_, std::fabs(a - b));
  }
  ++examples_;
  misplaced_ += misplaced;
  equal_ += noise == 0 && !misplaced;
  const double db = noise == 0 ? kMostDb : signal == 0 ? -kMostDb : 10 * (std::log10(signal) - std::log10(noise));
  snr_sum_ += std::clamp(db, -kMostDb, kMostDb);
  if (signal == 0 || power == 0)
    cosine_sum_ += signal == power ? 1 : 0;
  else
    cosine_sum_ += std::clamp(product / (std::sqrt(signal) * std::sqrt(power)), -1.0, 1.0);
  return {};
}

double Agreement::mean_snr_db() const {
  if (examples_ == 0) return 0;
  return equal_ == examples_ ? kEqualDb : snr_sum_ / double(examples_);
}

double Agreement::mean_cosine() const { return examples_ ? cosine_sum_ / double(examples_) : 0; }

}  // namespace atl
