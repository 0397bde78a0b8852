#include "tflite/shape_operators.h"

#include <algorithm>
#include <limits>

namespace atl {
namespace {

using tflite::BuiltinOperator;

Type i32(int64_t count) { return Type{DType::kI32, {count}, {}}; }

}  // namespace

void ShapeOperators::offer(const SizeVector& size, int32_t tensor, size_t axis, size_t rank) {
  if (is_fixed(size) || std::find(sizes_.begin(), sizes_.end(), size) != sizes_.end()) return;
  sizes_.push_back(size);
  axes_.push_back({tensor, axis, rank});
  std::erase_if(formulas_, [](const auto& entry) { return !entry.second; });
}

const SizeFormula* ShapeOperators::find(const SizeVector& v) {
  auto [it, added] = formulas_.try_emplace(v);
  if (added) it->second = find_formula(v, sizes_);
  return it->second ? &*it->second : nullptr;
}

bool ShapeOperators::can_express(const SizeVector& v) { return find(v) != nullptr; }

std::vector<SizeVector> ShapeOperators::products() const {
  std::vector<SizeVector> all = sizes_;
  for (size_t i = 0; i < sizes_.size(); ++i)
    for (size_t j = i; j < sizes_.size(); ++j) {
      SizeVector product = sizes_[i];
      for (size_t k = 0; k < product.size(); ++k) product[k] *= sizes_[j][k];
      all.push_back(std::move(product));
    }
  return all;
}

Result<int32_t> ShapeOperators::size_of(const Axis& a) {
  auto [it, added] = shapes_.try_emplace(a.tensor, -1);
  if (added) {
    tflite::ShapeOptionsT options;
    options.out_type = tflite::TensorType::INT32;
    TRY(it->second,
        add_operator_(TfliteOp(BuiltinOperator::SHAPE, 1, 1, std::move(options)), {a.tensor}, i32(int64_t(a.rank))));
  }
  const auto at = int64_t(a.axis);
  TRY(const int32_t begin, vector_i32({at}));
  TRY(const int32_t end, vector_i32({at + 1}));
  TRY(const int32_t stride, vector_i32({1}));
  return add_operator_(TfliteOp(BuiltinOperator::STRIDED_SLICE, 1, 4, tflite::StridedSliceOptionsT{}),
                       {it->second, begin, end, stride}, i32(1));
}

Result<int32_t> ShapeOperators::zeros(int32_t length) {
  TRY(const int32_t zero, add_constant_(Tensor::of<int32_t>(DType::kI32, {}, std::vector<int32_t>{0})));
  return add_operator_(TfliteOp(BuiltinOperator::FILL, 1, 2, tflite::FillOptionsT{}), {length, zero}, i32(kDynamic));
}

Result<int32_t> ShapeOperators::length_of(int32_t vector) { return size_of({vector, 0, 1}); }

Result<int32_t> ShapeOperators::cut(int32_t vector, int32_t begin, int64_t stride) {
  TRY(const int32_t end, vector_i32({std::numeric_limits<int32_t>::max()}));
  TRY(const int32_t step, vector_i32({stride}));
  return add_operator_(TfliteOp(BuiltinOperator::STRIDED_SLICE, 1, 4, tflite::StridedSliceOptionsT{}),
                       {vector, begin, end, step}, i32(kDynamic));
}

Result<int32_t> ShapeOperators::compute(const SizeFormula& f) {
  using Kind = SizeFormula::Kind;
  switch (f.kind) {
    case Kind::kConstant:
      return vector_i32({f.number});
    case Kind::kSize: {
      auto& known = numbers_[sizes_[f.index]];
      if (known == 0) {
        TRY(known, size_of(axes_[f.index]));
      }
      return known;
    }
    case Kind::kProduct: {
      TRY(const int32_t left, compute(*f.left));
      TRY(const int32_t right, compute(*f.right));
      return add_operator_(TfliteOp(BuiltinOperator::MUL, 1, 2, tflite::MulOptionsT{}), {left, right}, i32(1));
    }
    case Kind::kSum: {
      TRY(const int32_t left, compute(*f.left));
      TRY(const int32_t right, compute(*f.right));
      TRY(const int32_t a, zeros(left));
      TRY(const int32_t b, zeros(right));
      TRY(const int32_t joined, add_operator_(TfliteOp(BuiltinOperator::CONCATENATION, 1, 2, tflite::ConcatenationOptionsT{}),
                                              {a, b}, i32(kDynamic)));
      return length_of(joined);
    }
    case Kind::kDifference: {
      TRY(const int32_t left, compute(*f.left));
      TRY(const int32_t right, compute(*f.right));
      TRY(const int32_t whole, zeros(left));
      TRY(const int32_t rest, cut(whole, right, 1));
      return length_of(rest);
    }
    case Kind::kQuotient: {
      TRY(const int32_t left, compute(*f.left));
      TRY(const int32_t whole, zeros(left));
      TRY(const int32_t begin, vector_i32({f.number - 1}));
      TRY(const int32_t rest, cut(whole, begin, f.number));
      return length_of(rest);
    }
  }
  return error(Code::kInternal, "an unknown kind of formula");
}

Result<int32_t> ShapeOperators::number(const SizeVector& v) {
  if (const auto it = numbers_.find(v); it != numbers_.end() && it->second != 0) return it->second;
  const SizeFormula* f = find(v);
  if (!f) return error(Code::kSymbolic, "a size follows from the sizes of the inputs in a way that is not known");
  if (f->kind == SizeFormula::Kind::kConstant) return compute(*f);
  TRY(const int32_t tensor, compute(SizeFormula(*f)));
  return numbers_[v] = tensor;
}

Result<int32_t> ShapeOperators::numbers(const std::vector<SizeVector>& v) {
  if (v.size() == 1) return number(v[0]);
  std::vector<int32_t> parts;
  for (size_t i = 0; i < v.size();) {
    if (!is_fixed(v[i])) {
      TRY(const int32_t part, number(v[i]));
      parts.push_back(part);
      ++i;
      continue;
    }
    std::vector<int64_t> run;
    for (; i < v.size() && is_fixed(v[i]); ++i) run.push_back(v[i][0]);
    TRY(const int32_t part, vector_i32(run));
    parts.push_back(part);
  }
  if (parts.size() == 1) return parts[0];
  return add_operator_(TfliteOp(BuiltinOperator::CONCATENATION, 1, parts.size(), tflite::ConcatenationOptionsT{}), parts,
                       i32(int64_t(v.size())));
}

}  // namespace atl
