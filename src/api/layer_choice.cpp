#include "api/layer_choice.h"

namespace atl {

bool matches_glob(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

namespace {

Status apply(const Graph& g, std::span<const std::string> patterns, DType data, std::vector<DType>& out) {
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (uint32_t id = 0; id < g.size(); ++id) {
      if (g[id].dead || g[id].constant) continue;
      const Origin& o = g.origin(g[id].origin);
      if (!matches_glob(pattern, o.module_path) && !matches_glob(pattern, o.node)) continue;
      out[id] = data;
      any = true;
    }
    if (!any)
      return error(Code::kUsage, fmt::format("no layer is called '{}'", pattern),
                   "`atoll inspect` of the source shows the layers' names; '*' stands for any part");
  }
  return {};
}

}  // namespace

Result<std::vector<DType>> choose_layers(const Graph& g, std::span<const std::string> keep_float,
                                         std::span<const std::string> keep_int16) {
  std::vector<DType> out(g.size(), DType::kUnknown);
  TRY_STATUS(apply(g, keep_int16, DType::kI16, out));
  TRY_STATUS(apply(g, keep_float, DType::kF32, out));
  return out;
}

}  // namespace atl
