// Operators whose result has a size, or is a number, that only the data tells: named and refused.
#include "import/aten.h"

namespace atl {
namespace {

void refuse_size(SourceCall& c) {
  c.unsupported("the size of the result depends on data",
                "use a form with a fixed size: a mask, topk, nonzero_static, or scatter_add");
}

void refuse_number(SourceCall& c) {
  c.unsupported("a Python number is read from a tensor",
                "keep it a tensor: torch.where or torch.cond instead of if, gather instead of x[i]");
}

void refuse_parts(SourceCall& c) { c.unsupported("where to split depends on data", "give the places as numbers"); }

constexpr Import kImports[] = {
    {"aten._unique.default", refuse_size},
    {"aten._unique2.default", refuse_size},
    {"aten.unique_dim.default", refuse_size},
    {"aten.unique_consecutive.default", refuse_size},
    {"aten.unique_dim_consecutive.default", refuse_size},
    {"aten.bincount.default", refuse_size},
    {"aten.tensor_split.tensor_indices_or_sections", refuse_parts},
    {"aten.item.default", refuse_number},
    {"aten._local_scalar_dense.default", refuse_number},
};

}  // namespace

std::span<const Import> aten_unknown_size() { return kImports; }

}  // namespace atl
