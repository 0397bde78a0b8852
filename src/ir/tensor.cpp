#include "ir/tensor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>

namespace atl {

Tensor Tensor::make(Type type) {
  Tensor t;
  t.type_ = std::move(type);
  const size_t n = t.byte_count();
  auto* p = static_cast<std::byte*>(::operator new (n ? n : 1, std::align_val_t{64}));
  t.data_ = p;
  t.owner_ =
      std::shared_ptr<const void>(p, [](const void* q) { ::operator delete (const_cast<void*>(q), std::align_val_t{64}); });
  return t;
}

Tensor Tensor::view(Type type, const std::byte* data, std::shared_ptr<const void> owner) {
  Tensor t;
  t.type_ = std::move(type);
  t.data_ = data;
  t.owner_ = std::move(owner);
  return t;
}

Tensor Tensor::of_i32(const std::vector<int64_t>& values) {
  Tensor t = make(Type{DType::kI32, {int64_t(values.size())}, {}});
  for (size_t i = 0; i < values.size(); ++i) t.mutable_data<int32_t>()[i] = int32_t(values[i]);
  return t;
}

Tensor Tensor::scalar_f32(float v) { return of<float>(DType::kF32, {}, std::span<const float>(&v, 1)); }

Tensor Tensor::reshaped(Shape shape) const {
  Tensor t = *this;
  t.type_.shape = std::move(shape);
  return t;
}

double element_as_double(const Tensor& t, int64_t i) {
  double out = std::numeric_limits<double>::quiet_NaN();
  visit(t.dtype(), [&]<class T>(T) { out = static_cast<double>(t.data<T>()[i]); });
  return out;
}

namespace {

// Float to integer as LiteRT 2.3.0: toward zero, saturating, NaN to the largest value.
template <class To>
To saturate(double v) {
  if constexpr (std::is_same_v<To, bool>) {
    return v != 0;
  } else {
    if (std::isnan(v)) return std::numeric_limits<To>::max();
    if (v <= static_cast<double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (v >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(v);
  }
}

template <class From, class To>
To convert(From v) {
  constexpr bool from_float = !std::is_integral_v<From>;
  if constexpr (std::is_integral_v<To> && from_float)
    return saturate<To>(static_cast<double>(v));
  else if constexpr (!std::is_integral_v<To> && !std::is_floating_point_v<To>)
    return To(static_cast<float>(v));
  else
    return static_cast<To>(v);
}

}  // namespace

int64_t element_as_int(const Tensor& t, int64_t i) {
  int64_t out = 0;
  visit(t.dtype(), [&]<class T>(T) { out = convert<T, int64_t>(t.data<T>()[i]); });
  return out;
}

Tensor cast(const Tensor& t, DType to) {
  if (t.dtype() == to) return t;
  Tensor out = Tensor::make(Type{to, t.shape(), {}});
  const int64_t n = t.count();
  visit(t.dtype(), [&]<class From>(From) {
    visit(to, [&]<class To>(To) {
      for (int64_t i = 0; i < n; ++i) out.mutable_data<To>()[i] = convert<From, To>(t.data<From>()[i]);
    });
  });
  return out;
}

namespace {

/// Element `i` of elements that may lie at any address, as a mapped file has them.
template <class Word>
Word element_at(const std::byte* in, int64_t i) {
  Word w;
  std::memcpy(&w, in + i * int64_t{sizeof(Word)}, sizeof w);
  return w;
}

template <class Word>
void copy_strided(Word* out, const std::byte* in, const Shape& shape, std::span<const int64_t> strides) {
  const size_t rank = shape.size();
  if (element_count(shape) == 0) return;
  if (rank == 0) {
    *out = element_at<Word>(in, 0);
    return;
  }
  if (rank == 1) {
    for (int64_t i = 0; i < shape[0]; ++i) out[i] = element_at<Word>(in, i * strides[0]);
    return;
  }
  // The two innermost axes as a loop nest, the others by an odometer.
  const int64_t rows = shape[rank - 2], cols = shape[rank - 1], row_stride = strides[rank - 2], col_stride = strides[rank - 1];
  std::vector<int64_t> index(rank - 2, 0);
  constexpr int64_t kBlock = 32;
  for (;;) {
    int64_t base = 0;
    for (size_t a = 0; a + 2 < rank; ++a) base += index[a] * strides[a];
    const std::byte* src = in + base * int64_t{sizeof(Word)};
    if (col_stride == 1) {
      for (int64_t r = 0; r < rows; ++r)
        std::memcpy(out + r * cols, src + r * row_stride * int64_t{sizeof(Word)}, size_t(cols) * sizeof(Word));
    } else {
      for (int64_t r0 = 0; r0 < rows; r0 += kBlock)
        for (int64_t c0 = 0; c0 < cols; c0 += kBlock)
          for (int64_t r = r0; r < std::min(rows, r0 + kBlock); ++r)
            for (int64_t c = c0; c < std::min(cols, c0 + kBlock); ++c)
              out[r * cols + c] = element_at<Word>(src, r * row_stride + c * col_stride);
    }
    out += rows * cols;
    size_t a = rank - 2;
    while (a > 0 && ++index[a - 1] == shape[a - 1]) index[--a] = 0;
    if (a == 0) return;
  }
}

}  // namespace

Tensor gather_strided(const Type& type, const std::byte* base, int64_t offset, std::span<const int64_t> strides) {
  Tensor out = Tensor::make(type);
  const int width = bits(type.dtype) / 8;
  const std::byte* in = base + offset * width;
  // Neighbouring axes that are contiguous in the source are merged, so that the copy runs over long rows.
  Shape shape;
  std::vector<int64_t> st;
  for (size_t i = 0; i < type.shape.size(); ++i) {
    if (type.shape[i] == 1) continue;
    if (!shape.empty() && st.back() == strides[i] * type.shape[i]) {
      shape.back() *= type.shape[i];
      st.back() = strides[i];
    } else {
      shape.push_back(type.shape[i]);
      st.push_back(strides[i]);
    }
  }
  auto run = [&]<class Word>(Word) { copy_strided(out.mutable_data<Word>(), in, shape, st); };
  if (width == 8) run(uint64_t{});
  if (width == 4) run(uint32_t{});
  if (width == 2) run(uint16_t{});
  if (width == 1) run(uint8_t{});
  return out;
}

Tensor transpose(const Tensor& t, const Perm& p) {
  const auto st = contiguous_strides(t.shape());
  std::vector<int64_t> strides(p.size());
  for (size_t i = 0; i < p.size(); ++i) strides[i] = st[size_t(p[i])];
  Type type = t.type();
  type.shape = permuted(t.shape(), p);
  if (type.quant && type.quant->scale.size() > 1) type.quant->axis = inverse(p)[size_t(type.quant->axis)];
  return gather_strided(type, t.bytes(), 0, strides);
}

}  // namespace atl
