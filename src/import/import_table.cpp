#include <algorithm>
#include <unordered_map>

#include "import/aten.h"
#include "import/aten_quantization.h"
#include "import/importer.h"

namespace atl {
namespace {

std::unordered_map<std::string_view, const Import*> make_table() {
  std::unordered_map<std::string_view, const Import*> table;
  const auto add = [&](std::span<const Import> list) {
    for (const Import& i : list) table.emplace(i.name, &i);
  };
  for (const OpDef* d : all_ops()) add(d->imports);
  for (auto topic :
       {aten_elementwise,  aten_spatial,          aten_shape,      aten_rearrange, aten_index,  aten_embedding,
        aten_unknown_size, aten_reduce,           aten_statistics, aten_histogram, aten_norm,   aten_loss,
        aten_matmul,       aten_matrix_functions, aten_attention,  aten_recurrent, aten_create, aten_windows,
        aten_experts,      aten_quantization,     torchvision_ops, aten_fourier,   aten_complex})  // last, for what has no rule
                                                                                                   // for real tensors
    add(topic());
  return table;
}

const std::unordered_map<std::string_view, const Import*>& table() {
  static const auto kTable = make_table();
  return kTable;
}

}  // namespace

const Import* find_import(std::string_view name) {
  const auto it = table().find(name);
  return it == table().end() ? nullptr : it->second;
}

std::vector<std::string_view> import_names() {
  std::vector<std::string_view> names;
  for (const auto& [name, import] : table()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace atl
