#include "tflite/open_slice.h"

#include <algorithm>

#include "ops/slice_version.h"

namespace atl {
namespace {

using Numbers = std::vector<int64_t>;

Numbers numbers(const Tensor& t) {
  Numbers out;
  for (int64_t i = 0; i < t.count(); ++i) out.push_back(element_as_int(t, i));
  return out;
}

std::vector<Numbers> numbers(const std::vector<TfliteOp>& ops, size_t operand) {
  std::vector<Numbers> out;
  for (const TfliteOp& op : ops) out.push_back(numbers(op.operands[operand].value));
  return out;
}

// True when it holds for an axis in all members.
template <class F>
bool everywhere(size_t members, F holds) {
  for (size_t m = 0; m < members; ++m)
    if (!holds(m)) return false;
  return true;
}

void open_strided_slice(std::vector<TfliteOp>& ops, TypesIn in) {
  const auto begins = numbers(ops, 1), ends = numbers(ops, 2), strides = numbers(ops, 3);
  for (size_t a = 0; a < begins[0].size(); ++a) {
    const bool same = everywhere(ops.size(), [&](size_t m) { return ends[m][a] == ends[0][a]; });
    const bool to_end = everywhere(ops.size(), [&](size_t m) {
      return strides[m][a] > 0 && ends[m][a] > begins[m][a] && ends[m][a] - 1 + strides[m][a] >= in[m].shape[a];
    });
    if (same || !to_end) continue;
    for (TfliteOp& op : ops) {
      static_cast<tflite::StridedSliceOptionsT*>(op.options.value)->end_mask |= 1 << a;
      Numbers end = numbers(op.operands[2].value);
      end[a] = 0;
      op.operands[2].value = Tensor::of_i32(end);
    }
  }
}

}  // namespace

void open_slice(std::vector<TfliteOp>& ops, TypesIn in) {
  if (ops[0].code == tflite::BuiltinOperator::STRIDED_SLICE) return open_strided_slice(ops, in);
  if (std::ranges::all_of(in, [&](const Type& t) { return t.shape == in[0].shape; })) return;
  const auto begins = numbers(ops, 1), sizes = numbers(ops, 2);
  const size_t rank = begins[0].size();
  std::vector<Numbers> ends(ops.size(), Numbers(rank));
  tflite::StridedSliceOptionsT masks;
  for (size_t a = 0; a < rank; ++a) {
    const auto end = [&](size_t m) { return begins[m][a] + sizes[m][a]; };
    const bool same = everywhere(ops.size(), [&](size_t m) { return end(m) == end(0); });
    const bool to_end = everywhere(ops.size(), [&](size_t m) { return sizes[m][a] > 0 && end(m) == in[m].shape[a]; });
    if (to_end && !same) masks.end_mask |= 1 << a;
    for (size_t m = 0; m < ops.size(); ++m) ends[m][a] = to_end && !same ? 0 : end(m);
  }
  for (size_t m = 0; m < ops.size(); ++m)
    ops[m] = TfliteOp(tflite::BuiltinOperator::STRIDED_SLICE, strided_slice_version(in[m]), 1, masks)
                 .constant(Tensor::of_i32(begins[m]))
                 .constant(Tensor::of_i32(ends[m]))
                 .constant(Tensor::of_i32(Numbers(rank, 1)));
}

}  // namespace atl
