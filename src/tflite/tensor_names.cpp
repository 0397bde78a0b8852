#include "tflite/tensor_names.h"

namespace atl {
namespace {

std::string without_number(const std::string& name) {
  const size_t colon = name.rfind(':');
  if (colon == std::string::npos || colon + 1 == name.size()) return name;
  return name.find_first_not_of("0123456789", colon + 1) == std::string::npos ? name.substr(0, colon) : name;
}

}  // namespace

std::string TensorNames::unique(const std::string& wish) {
  if (taken_.insert(wish).second) return wish;
  const std::string base = without_number(wish);
  int& k = next_.try_emplace(base, 1).first->second;
  for (;; ++k)
    if (std::string name = base + ':' + std::to_string(k); taken_.insert(name).second) return name;
}

}  // namespace atl
