#include <algorithm>
#include <charconv>
#include <cmath>

#include "data/file_datasets.h"
#include "support/mapped_file.h"

namespace atl {
namespace {

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  if (s.size() >= 2 && s.front() == '"' && s.back() == '"') s = s.substr(1, s.size() - 2);
  return s;
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    const size_t comma = line.find(',');
    out.push_back(trimmed(line.substr(0, comma)));
    if (comma == std::string_view::npos) return out;
    line.remove_prefix(comma + 1);
  }
}

std::optional<double> number_of(std::string_view cell) {
  double v = 0;
  const auto [end, e] = std::from_chars(cell.data(), cell.data() + cell.size(), v);
  if (e != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
  return v;
}

constexpr size_t kNoLabel = ~size_t{0};

Result<size_t> label_column(const std::vector<std::string_view>& names, bool named, size_t columns, const std::string& wanted,
                            const std::string& file) {
  if (named) {
    for (size_t i = 0; i < names.size(); ++i)
      if (wanted.empty() ? is_label_name(names[i]) : names[i] == wanted) return i;
  }
  if (wanted.empty()) return kNoLabel;
  size_t column = 0;
  const auto [end, e] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), column);
  if (e == std::errc() && end == wanted.data() + wanted.size() && column < columns) return column;
  return error(Code::kInput, fmt::format("{} has no column '{}' for the labels", file, wanted),
               fmt::format("a column is its name in the first line or a number from 0 to {}", columns - 1));
}

}  // namespace

Result<std::unique_ptr<Dataset>> make_csv_dataset(const std::filesystem::path& path, const DatasetOptions& options) {
  const std::string file = path.filename().string();
  TRY(const auto mapped, MappedFile::open(path.string()));
  std::string_view text(reinterpret_cast<const char*>(mapped->bytes().data()), mapped->bytes().size());
  if (options.inputs.size() > 1)
    return error(Code::kInput, fmt::format("the model has {} inputs, {} is for one", options.inputs.size(), file),
                 "write a .npz with an array for every input");
  NdArray values;
  std::vector<int64_t> labels;
  size_t columns = 0, label = kNoLabel, line_number = 0;
  int64_t examples = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++line_number;
    if (trimmed(line).empty()) continue;
    const auto cells = cells_of(line);
    if (columns == 0) {
      columns = cells.size();
      const bool named = std::ranges::none_of(cells, [](std::string_view c) { return number_of(c).has_value(); });
      TRY(label, label_column(cells, named, columns, options.label, file));
      if (named) continue;
    }
    if (cells.size() != columns)
      return error(Code::kFileFormat,
                   fmt::format("{}, line {} has {} values, {} are expected", file, line_number, cells.size(), columns));
    for (size_t i = 0; i < cells.size(); ++i) {
      const auto v = number_of(cells[i]);
      if (!v || (i == label && *v != std::floor(*v)))
        return error(Code::kFileFormat, fmt::format("{}, line {}, column {}: '{}' is no {}", file, line_number, i, cells[i],
                                                    i == label ? "label" : "number"));
      if (i == label) {
        labels.push_back(int64_t(*v));
        continue;
      }
      const auto f = static_cast<float>(*v);
      const auto* bytes = reinterpret_cast<const std::byte*>(&f);
      values.bytes.insert(values.bytes.end(), bytes, bytes + sizeof f);
    }
    ++examples;
  }
  if (examples == 0) return error(Code::kFileFormat, fmt::format("{} holds no examples", file));
  const int64_t width = int64_t(columns) - (label == kNoLabel ? 0 : 1);
  values.shape = {examples, width};
  std::vector<NamedArray> stacked;
  if (!options.inputs.empty()) {
    const TensorInfo& input = options.inputs[0];
    const std::vector<int64_t> shape = example_shape(input);
    if (element_count_of(shape) != size_t(width))
      return error(Code::kInput, fmt::format("{}: input '{}' takes {} for one example, a line has {} values", file, input.name,
                                             tensor_text(input.dtype, shape), width));
    // fit_arrays converts all examples at once when it is told that an example has one axis more.
    TensorInfo all = input;
    all.shape = shape;
    all.shape.insert(all.shape.begin(), examples);
    values.shape = all.shape;
    if (examples == 1) all.shape.insert(all.shape.begin(), 1);
    std::vector<NamedArray> one;
    one.push_back({input.name, std::move(values)});
    TRY(stacked, fit_arrays(std::move(one), {all}, file));
  } else {
    stacked.push_back({"values", std::move(values)});
  }
  return make_stacked_dataset(file, std::move(stacked), std::move(labels));
}

}  // namespace atl
