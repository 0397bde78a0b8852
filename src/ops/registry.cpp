#include "ir/op.h"

namespace atl {

#define OP(X) extern const OpDef kDef##X;
#include "ir/ops.def"
#undef OP

namespace {
constexpr const OpDef* kOps[] = {
#define OP(X) &kDef##X,
#include "ir/ops.def"
#undef OP
};
static_assert(std::size(kOps) == size_t(OpCode::kCount));
}  // namespace

const OpDef& def_of(OpCode code) { return *kOps[size_t(code)]; }
std::span<const OpDef* const> all_ops() { return kOps; }

std::optional<LayoutChoice> permuted_elementwise(OpPtr op, TypesIn in, const Perm& p) {
  LayoutChoice choice{std::move(op), {}, p};
  for (const Type& t : in) {
    if (t.rank() == p.size())
      choice.in.push_back(p);
    else if (element_count(t.shape) == 1)
      choice.in.emplace_back();
    else
      return std::nullopt;
  }
  return choice;
}

}  // namespace atl
