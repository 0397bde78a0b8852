// Constants that quantization changes element by element.
#pragma once
#include <algorithm>

#include "ir/constant.h"

namespace atl {

/// f of each element of a constant of f32, under the same name. E: of evaluating it.
template <class F>
Result<ConstantPtr> changed(const Constant& c, F&& f) {
  TRY(const Tensor from, c.materialize());
  Tensor to = Tensor::make(from.type());
  std::ranges::transform(from.values<float>(), to.mutable_data<float>(), f);
  return Constant::of(std::move(to), c.name());
}

}  // namespace atl
