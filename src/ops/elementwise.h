// What elementwise ops share: loops over elements, broadcasting, element type checks.
#pragma once
#include <string_view>

#include "ir/op.h"

namespace atl {

/// f applied to each element, computed in double, in the operand's element type.
template <class F>
Tensor map_elements(const Tensor& x, F f) {
  Tensor out = Tensor::make(x.type());
  const int64_t n = x.count();
  visit(x.dtype(), [&]<class T>(T) {
    const T* in = x.data<T>();
    T* to = out.mutable_data<T>();
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(f(static_cast<double>(in[i])));
  });
  return out;
}

/// Refuses an element type that is not in `accepted` ("f32 i32 i64"); quantized operands pass. E: kUnsupportedType.
Status legal_dtype(std::string_view what, const Type& t, std::string_view accepted);
/// True when the element type is in the list.
bool in_list(DType t, std::string_view list);

}  // namespace atl
