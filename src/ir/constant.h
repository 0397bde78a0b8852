// A constant's value: a strided view of bytes (mapped files are never copied), or an operator over other constants that is
// evaluated when its bytes are needed, which is while the output streams out.
#pragma once
#include <memory>
#include <string>

#include "ir/tensor.h"

namespace atl {

struct OpBase;
using OpPtr = std::shared_ptr<const OpBase>;
class Constant;
using ConstantPtr = std::shared_ptr<const Constant>;

class Constant {
 public:
  /// A view of `bytes` (kept alive by `owner`) with strides and offset in elements. The caller has checked that it lies inside.
  static ConstantPtr view(Type type, const std::byte* base, int64_t offset, std::vector<int64_t> strides,
                          std::shared_ptr<const void> owner, std::string name = {});
  static ConstantPtr of(const Tensor& t, std::string name = {});
  /// The single output of `op` on constants. Its type has been inferred by the caller.
  static ConstantPtr lazy(OpPtr op, std::vector<ConstantPtr> operands, Type type, std::string name = {});

  const Type& type() const { return type_; }
  const std::string& name() const { return name_; }  ///< the parameter's path in the source; may be empty
  bool is_lazy() const { return op_ != nullptr; }
  /// True when the bytes lie in memory in row-major order, so that materialize() copies nothing.
  bool is_dense() const;
  /// The value as a dense tensor; evaluates recipes and gathers strided views. E: whatever the recipe's eval says.
  Result<Tensor> materialize() const;
  /// The same constant under a permutation, another shape (nullptr when the strides do not allow it), type or name: no byte is
  /// touched.
  ConstantPtr permuted(const Perm& p) const;
  ConstantPtr reshaped(const Shape& shape) const;
  ConstantPtr renamed(std::string name) const;
  /// True when both name the same bytes in the same order.
  bool same_bytes(const Constant& o) const;
  /// A hash that agrees with same_bytes.
  size_t identity_hash() const;
  /// True when both are dense and hold equal bytes, or are the same recipe or permutation over operands with equal bytes.
  /// Nothing is evaluated; equal values reached in different ways may answer false. Reads the bytes only where content_hash()
  /// agrees.
  bool same_content(const Constant& o) const;
  /// A hash that agrees with same_content, from a few samples of each view's bytes.
  size_t content_hash() const;
  /// Bytes that evaluating would keep in memory beyond what is mapped.
  size_t anonymous_bytes() const;

 private:
  std::span<const std::byte> extent() const;

  Type type_;
  std::string name_;
  const std::byte* base_ = nullptr;
  int64_t offset_ = 0;
  std::vector<int64_t> strides_;
  std::shared_ptr<const void> owner_;
  OpPtr op_;  // a recipe: strides_ then refer to its result
  std::vector<ConstantPtr> operands_;
  Shape recipe_shape_;  // the shape that the recipe gives, before strides_ are applied
};

}  // namespace atl
