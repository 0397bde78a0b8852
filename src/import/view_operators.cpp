#include "import/view_operators.h"

#include <algorithm>

#include "ir/constant.h"

namespace atl {

bool gives_copy(const SourceGraph& graph, const SourceNode& node) {
  const auto starts = [&](std::string_view prefix) { return node.target.starts_with(prefix); };
  const bool cast = starts("aten.to.");
  if (!cast && !starts("aten.contiguous.") && !starts("aten.reshape.") && !starts("aten.flatten.")) return false;
  const TensorRef* in = node.inputs.empty() ? nullptr : node.inputs[0].value.get<TensorRef>();
  const TensorRef* out = node.outputs.empty() ? nullptr : node.outputs[0].get<TensorRef>();
  const TensorMeta* from = in ? graph.find(in->name) : nullptr;
  const TensorMeta* to = out ? graph.find(out->name) : nullptr;
  if (!from || !to) return false;
  if (cast) return from->dtype != to->dtype;
  std::vector<int64_t> strides;
  for (const SymDim& d : from->strides) strides.push_back(d.value);
  const Shape shape = from->shape();
  if (strides.size() != shape.size() || strides == contiguous_strides(shape)) return false;
  if (starts("aten.contiguous.")) return true;
  return Constant::view(Type{DType::kF32, shape, {}}, nullptr, 0, std::move(strides), nullptr)->reshaped(to->shape()) ==
         nullptr;
}

std::optional<Perm> view_permutation(SourceCall& call, std::string_view target, size_t rank) {
  const auto starts = [&](std::string_view prefix) { return target.substr(0, prefix.size()) == prefix; };
  Perm perm = identity(rank);
  if (starts("aten.permute.")) {
    const auto dims = call.integers("dims");
    for (size_t i = 0; i < dims.size() && i < rank; ++i) perm[i] = int(dims[i] < 0 ? dims[i] + int64_t(rank) : dims[i]);
    return perm;
  }
  if (starts("aten.numpy_T.")) return Perm(perm.rbegin(), perm.rend());
  if (starts("aten.t.") || starts("aten.mT.")) {
    if (rank >= 2) std::swap(perm[rank - 2], perm[rank - 1]);
    return perm;
  }
  const bool axes = starts("aten.swapaxes.");
  if (!axes && !starts("aten.transpose.") && !starts("aten.swapdims.")) return std::nullopt;
  const int64_t a = call.axis(axes ? "axis0" : "dim0", rank), b = call.axis(axes ? "axis1" : "dim1", rank);
  if (rank >= 2 && !call.failed()) std::swap(perm[size_t(a)], perm[size_t(b)]);
  return perm;
}

bool keeps_order(std::string_view target) {
  constexpr std::string_view kReorder[] = {"aten.movedim.",  "aten.unfold.", "aten.as_strided.",
                                           "aten.diagonal.", "aten.conj.",   "aten._conj."};
  return std::none_of(std::begin(kReorder), std::end(kReorder),
                      [&](std::string_view p) { return target.substr(0, p.size()) == p; });
}

bool repeats_without_effect(std::string_view target) { return target.starts_with("aten.embedding_renorm_."); }

}  // namespace atl
