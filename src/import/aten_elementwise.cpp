#include "import/aten_elementwise.h"

namespace atl {

std::span<const Import> aten_elementwise() {
  static const std::vector<Import> kAll = [] {
    std::vector<Import> all;
    for (auto part : {aten_arithmetic(), aten_activations(), aten_functions(), aten_special(), aten_bessel(),
                      aten_polynomials(), aten_incomplete_gamma(), aten_logic(), aten_conversions()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return kAll;
}

Value function_operand(SourceCall& c, std::string_view arg) {
  Value x = c.tensor_as(arg, DType::kF32);
  const DType result = c.result_type().dtype;
  if (result == DType::kF64) return c.to_dtype(x, result);
  return c.to_dtype(x, is_float(result) || !is_float(c.dtype(x)) || bits(c.dtype(x)) < 32 ? DType::kF32 : c.dtype(x));
}

void function_result(SourceCall& c, Value y) { c.result(c.to_dtype(y, c.result_type().dtype)); }

Value as_bool(Builder& b, Value x) { return b.dtype(x) == DType::kBool ? x : compare(b, CompareKind::kNotEqual, x, 0.0); }

Value uniform(Builder& b, Value value, const Shape& shape) {
  const Type type{b.dtype(value), shape, {}};
  if (auto size = byte_size(type); !size) {
    b.fail(std::move(size.error()));
    return {};
  }
  const auto one = b.constant_value(value);
  if (!one || one->count() != 1) return b.add(BroadcastTo(shape), {value});
  ConstantPtr view = Constant::view(type, one->bytes(), 0, std::vector<int64_t>(shape.size(), 0), one->owner());
  if (element_count(shape) > 1024) return b.constant(std::move(view));
  auto dense = view->materialize();
  if (dense) return b.constant(*std::move(dense));
  b.fail(std::move(dense.error()));
  return {};
}

}  // namespace atl
