// Pooling undone: values put back at the positions that a max pooling gave, and its backward formula.
#include "import/aten_spatial.h"
#include "import/dense_scatter.h"

namespace atl {
namespace {

// [N,C,...] as planes [N*C, elements], for data with `spatial` axes.
Value planes(SourceCall& c, Value x, size_t spatial) {
  const Shape s = c.shape(x);
  if (c.failed() || s.size() < spatial || s.empty()) return c.unsupported("data without planes"), Value{};
  const int64_t size = element_count({s.end() - long(spatial), s.end()});
  return reshape(c, x, {element_count({s.begin(), s.end() - long(spatial)}), size});
}

template <size_t kAxes>
void import_max_unpool(SourceCall& c) {
  const Value x = c.tensor("self"), at = c.tensor("indices");
  const std::vector<int64_t> size = c.integers("output_size");
  if (c.failed()) return;
  if (size.size() != kAxes || c.rank(x) < kAxes) return c.unsupported(fmt::format("{} axes to unpool", size.size()));
  const Value filled = fill_planes(c, element_count(size), planes(c, at, kAxes), planes(c, x, kAxes), false);
  if (!filled.valid()) return;
  Shape s(c.shape(x).begin(), c.shape(x).end() - long(kAxes));
  s.insert(s.end(), size.begin(), size.end());
  c.result(reshape(c, filled, s));
}

template <size_t kAxes>
void import_max_pool_backward(SourceCall& c) {
  const Value x = c.tensor("self"), grad = c.tensor("grad_output"), at = c.tensor("indices");
  if (c.failed() || c.rank(x) < kAxes) return;
  const Value plane = planes(c, x, kAxes);
  const Value sums = fill_planes(c, c.shape(plane)[1], planes(c, at, kAxes), planes(c, grad, kAxes), true);
  if (sums.valid()) c.result(reshape(c, sums, c.shape(x)));
}

constexpr Import kImports[] = {
    {"aten.max_unpool2d.default", import_max_unpool<2>},
    {"aten.max_unpool3d.default", import_max_unpool<3>},
    {"aten.max_pool2d_with_indices_backward.default", import_max_pool_backward<2>},
    {"aten.max_pool3d_with_indices_backward.default", import_max_pool_backward<3>},
};

}  // namespace

std::span<const Import> aten_unpool() { return kImports; }

}  // namespace atl
