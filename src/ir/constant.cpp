#include "ir/constant.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "ir/op.h"

namespace atl {

ConstantPtr Constant::view(Type type, const std::byte* base, int64_t offset, std::vector<int64_t> strides,
                           std::shared_ptr<const void> owner, std::string name) {
  auto c = std::make_shared<Constant>();
  c->type_ = std::move(type);
  c->base_ = base;
  c->offset_ = offset;
  c->strides_ = std::move(strides);
  c->owner_ = std::move(owner);
  c->name_ = std::move(name);
  return c;
}

ConstantPtr Constant::of(const Tensor& t, std::string name) {
  return view(t.type(), t.bytes(), 0, contiguous_strides(t.shape()), t.owner(), std::move(name));
}

ConstantPtr Constant::lazy(OpPtr op, std::vector<ConstantPtr> operands, Type type, std::string name) {
  auto c = std::make_shared<Constant>();
  c->strides_ = contiguous_strides(type.shape);
  c->recipe_shape_ = type.shape;
  c->type_ = std::move(type);
  c->op_ = std::move(op);
  c->operands_ = std::move(operands);
  c->name_ = std::move(name);
  return c;
}

bool Constant::is_dense() const {
  if (op_) return false;
  if (element_count(type_.shape) == 0) return true;
  int64_t expected = 1;
  for (size_t i = type_.shape.size(); i-- > 0;) {
    if (type_.shape[i] != 1 && strides_[i] != expected) return false;
    expected *= type_.shape[i];
  }
  const size_t width = size_t(bits(type_.dtype)) / 8;
  return width < 2 || reinterpret_cast<uintptr_t>(base_ + offset_ * int64_t(width)) % width == 0;
}

Result<Tensor> Constant::materialize() const {
  if (is_dense()) return Tensor::view(type_, base_ + offset_ * (bits(type_.dtype) / 8), owner_);
  if (!op_) return gather_strided(type_, base_, offset_, strides_);
  Tensors in;
  for (const ConstantPtr& c : operands_) {
    TRY(Tensor t, c->materialize());
    in.push_back(std::move(t));
  }
  Types types;
  for (const Tensor& t : in) types.push_back(t.type());
  TRY(Tensors out, def_of(*op_).eval(*op_, in));
  in.clear();
  Tensor t = std::move(out[0]);
  out.clear();
  if (t.shape() == type_.shape && strides_ == contiguous_strides(t.shape())) return t;
  return gather_strided(type_, t.bytes(), 0, strides_);
}

ConstantPtr Constant::permuted(const Perm& p) const {
  auto c = std::make_shared<Constant>(*this);
  c->type_.shape = atl::permuted(type_.shape, p);
  for (size_t i = 0; i < p.size(); ++i) c->strides_[i] = strides_[size_t(p[i])];
  if (c->type_.quant && c->type_.quant->scale.size() > 1) c->type_.quant->axis = inverse(p)[size_t(type_.quant->axis)];
  return c;
}

ConstantPtr Constant::reshaped(const Shape& shape) const {
  if (element_count(shape) != element_count(type_.shape)) return nullptr;
  auto c = std::make_shared<Constant>(*this);
  c->type_.shape = shape;
  c->strides_.assign(shape.size(), 1);
  // Both shapes are walked from the inside; a run of old axes must be contiguous among themselves to be cut anew.
  size_t old_axis = type_.shape.size(), new_axis = shape.size();
  while (new_axis > 0) {
    if (shape[new_axis - 1] == 1) {
      c->strides_[--new_axis] = 1;
      continue;
    }
    while (old_axis > 0 && type_.shape[old_axis - 1] == 1) --old_axis;
    if (old_axis == 0) break;
    int64_t old_size = type_.shape[--old_axis], new_size = shape[--new_axis], stride = strides_[old_axis];
    c->strides_[new_axis] = stride;
    while (old_size != new_size) {
      if (new_size < old_size) {
        if (new_axis == 0) return nullptr;
        --new_axis;
        c->strides_[new_axis] = stride * new_size;
        new_size *= shape[new_axis];
      } else {
        if (old_axis == 0) return nullptr;
        --old_axis;
        if (type_.shape[old_axis] != 1 && strides_[old_axis] != stride * old_size) return nullptr;
        old_size *= type_.shape[old_axis];
      }
    }
  }
  if (c->type_.quant && c->type_.quant->scale.size() > 1) return nullptr;
  return c;
}

ConstantPtr Constant::renamed(std::string name) const {
  auto c = std::make_shared<Constant>(*this);
  c->name_ = std::move(name);
  return c;
}

bool Constant::same_bytes(const Constant& o) const {
  if (this == &o) return true;
  if (type_ != o.type_ || strides_ != o.strides_ || offset_ != o.offset_ || base_ != o.base_) return false;
  if (!op_ && !o.op_) return true;
  if (!op_ || !o.op_ || recipe_shape_ != o.recipe_shape_ || operands_.size() != o.operands_.size()) return false;
  if (op_->code != o.op_->code || !def_of(*op_).equal(*op_, *o.op_)) return false;
  for (size_t i = 0; i < operands_.size(); ++i)
    if (!operands_[i]->same_bytes(*o.operands_[i])) return false;
  return true;
}

size_t Constant::identity_hash() const {
  size_t h = std::hash<const void*>{}(base_) ^ (size_t(offset_) * 0x9e3779b97f4a7c15ULL) ^ size_t(type_.dtype);
  for (int64_t d : type_.shape) h = h * 1099511628211ULL + size_t(d);
  for (const ConstantPtr& c : operands_) h = h * 31 + c->identity_hash();
  return h;
}

// The bytes from the first to the last element of a view, whatever the order of its axes.
std::span<const std::byte> Constant::extent() const {
  const int64_t width_bits = bits(type_.dtype);
  if (op_ || element_count(type_.shape) == 0) return {};
  if (width_bits < 8) return {base_, size_t(element_count(type_.shape) * width_bits + 7) / 8};
  int64_t low = offset_, high = offset_;
  for (size_t i = 0; i < strides_.size(); ++i) {
    const int64_t step = (type_.shape[i] - 1) * strides_[i];
    (step < 0 ? low : high) += step;
  }
  return {base_ + low * (width_bits / 8), size_t((high - low + 1) * (width_bits / 8))};
}

namespace {

size_t mix(size_t h, size_t v) { return (h ^ v) * 0x9e3779b97f4a7c15ULL + (h >> 29); }

size_t sampled_hash(std::span<const std::byte> bytes) {
  constexpr size_t kSamples = 32;
  size_t h = bytes.size();
  const size_t words = bytes.size() / 8;
  const size_t step = std::max<size_t>(1, words / kSamples);
  for (size_t i = 0; i < words; i += step) {
    uint64_t v;
    std::memcpy(&v, bytes.data() + i * 8, 8);
    h = mix(h, v);
  }
  for (size_t i = words * 8; i < bytes.size(); ++i) h = mix(h, size_t(bytes[i]));
  return h;
}

bool equal_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && (a.data() == b.data() || a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace

bool Constant::same_content(const Constant& o) const {
  if (same_bytes(o)) return true;
  if (type_.dtype != o.type_.dtype || is_lazy() != o.is_lazy()) return false;
  if (is_dense() && o.is_dense()) return equal_bytes(extent(), o.extent());
  if (type_.shape != o.type_.shape || strides_ != o.strides_) return false;
  if (!op_) return equal_bytes(extent(), o.extent());
  if (recipe_shape_ != o.recipe_shape_ || operands_.size() != o.operands_.size() || op_->code != o.op_->code ||
      !def_of(*op_).equal(*op_, *o.op_))
    return false;
  for (size_t i = 0; i < operands_.size(); ++i)
    if (operands_[i]->type() != o.operands_[i]->type() || !operands_[i]->same_content(*o.operands_[i])) return false;
  return true;
}

size_t Constant::content_hash() const {
  size_t h = mix(size_t(type_.dtype), is_lazy());
  if (is_dense()) return mix(h, sampled_hash(extent()));
  for (int64_t d : type_.shape) h = mix(h, size_t(d));
  for (int64_t s : strides_) h = mix(h, size_t(s));
  if (!op_) return mix(h, sampled_hash(extent()));
  h = mix(h, def_of(*op_).hash(*op_));
  for (const ConstantPtr& c : operands_) h = mix(h, c->content_hash());
  return h;
}

size_t Constant::anonymous_bytes() const {
  if (is_dense()) return 0;
  return size_t(element_count(type_.shape)) * size_t(bits(type_.dtype)) / 8;
}

}  // namespace atl
