#include "ops/elementwise.h"

namespace atl {

bool in_list(DType t, std::string_view list) {
  const std::string_view word = name(t);
  for (size_t at = 0; (at = list.find(word, at)) != std::string_view::npos; ++at) {
    const bool starts = at == 0 || list[at - 1] == ' ';
    const bool ends = at + word.size() == list.size() || list[at + word.size()] == ' ';
    if (starts && ends) return true;
  }
  return false;
}

Status legal_dtype(std::string_view what, const Type& t, std::string_view accepted) {
  if (t.quant || in_list(t.dtype, accepted)) return {};
  return error(Code::kUnsupportedType,
               fmt::format("LiteRT's {} does not take {} (it takes {})", what, name(t.dtype), accepted));
}

}  // namespace atl
