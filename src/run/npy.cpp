// The .npy format: a magic string, a version, a Python dict literal that describes the array, the values.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "run/tensor_file.h"

namespace atl {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxRank = 64;

struct NpyType {
  ElementType type;
  std::string_view code;  // kind and bytes, as in "<f4"
};
constexpr NpyType kNpyTypes[] = {{ElementType::kF32, "f4"}, {ElementType::kF16, "f2"},  {ElementType::kF64, "f8"},
                                 {ElementType::kI8, "i1"},  {ElementType::kU8, "u1"},   {ElementType::kI16, "i2"},
                                 {ElementType::kU16, "u2"}, {ElementType::kI32, "i4"},  {ElementType::kU32, "u4"},
                                 {ElementType::kI64, "i8"}, {ElementType::kU64, "u8"},  {ElementType::kBool, "b1"},
                                 {ElementType::kC64, "c8"}, {ElementType::kC128, "c16"}};

Error bad(const std::string& what, const std::string& why) {
  return error(Code::kTensorFile, fmt::format("{}: {}", what, why));
}

struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

/// Reads the dict literal {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } in any order of keys.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  std::optional<Header> parse() {
    Header h;
    bool has_descr = false, has_order = false, has_shape = false;
    if (!take('{')) return std::nullopt;
    while (!take('}')) {
      auto key = string();
      if (!key || !take(':')) return std::nullopt;
      bool ok = false;
      if (*key == "descr") {
        auto s = string();
        ok = has_descr = s.has_value();
        if (s) h.descr = *s;
      } else if (*key == "fortran_order") {
        ok = has_order = boolean(h.fortran);
      } else if (*key == "shape") {
        ok = has_shape = shape(h.shape);
      }
      if (!ok) return std::nullopt;
      if (!take(',') && !peek('}')) return std::nullopt;
    }
    if (!has_descr || !has_order || !has_shape) return std::nullopt;
    return h;
  }

 private:
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size())); }
  bool peek(char c) {
    skip_space();
    return rest_.starts_with(c);
  }
  bool take(char c) {
    if (!peek(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    skip_space();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string> string() {
    char quote = peek('\'') ? '\'' : '"';
    if (!take(quote)) return std::nullopt;
    size_t end = rest_.find(quote);
    if (end == std::string_view::npos || rest_.substr(0, end).find('\\') != std::string_view::npos) return std::nullopt;
    std::string s(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return s;
  }
  bool boolean(bool& value) {
    value = take_word("True");
    return value || take_word("False");
  }
  bool shape(std::vector<int64_t>& sizes) {
    if (!take('(')) return false;
    while (!take(')')) {
      skip_space();
      int64_t size = 0;
      auto [end, code] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (code != std::errc() || size < 0 || sizes.size() == kMaxRank) return false;
      rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
      take('L');  // Python 2 wrote long integers so
      sizes.push_back(size);
      if (!take(',') && !peek(')')) return false;
    }
    return true;
  }
  std::string_view rest_;
};

void swap_bytes(NdArray& a) {
  size_t width = static_cast<size_t>(bits(a.dtype)) / 8;
  if (a.dtype == ElementType::kC64 || a.dtype == ElementType::kC128) width /= 2;
  for (size_t i = 0; i + width <= a.bytes.size(); i += width) {
    std::reverse(a.bytes.begin() + static_cast<ptrdiff_t>(i), a.bytes.begin() + static_cast<ptrdiff_t>(i + width));
  }
}

// Column-major values to row-major ones: walks the result in order, with the source's strides.
std::vector<std::byte> row_major(std::span<const std::byte> values, const std::vector<int64_t>& shape, size_t width) {
  std::vector<std::byte> result(values.size());
  std::vector<size_t> stride(shape.size()), index(shape.size());
  size_t step = width;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    stride[axis] = step;
    step *= static_cast<size_t>(shape[axis]);
  }
  size_t from = 0;
  for (size_t to = 0; to < result.size(); to += width) {
    std::memcpy(result.data() + to, values.data() + from, width);
    for (size_t axis = shape.size(); axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < static_cast<size_t>(shape[axis])) break;
      from -= stride[axis] * index[axis];
      index[axis] = 0;
    }
  }
  return result;
}

}  // namespace

Result<NdArray> parse_npy(std::span<const std::byte> bytes, const std::string& what) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic)) return bad(what, "not a .npy file: it does not begin with '\\x93NUMPY'");
  if (text.size() < 12) return bad(what, "the file ends within its header");
  int version = static_cast<unsigned char>(text[6]);
  if (version < 1 || version > 3) return bad(what, fmt::format("format version {} is not known (1 to 3 are)", version));
  size_t begin = version == 1 ? 10 : 12, length = 0;
  for (size_t i = begin; i-- > 8;) length = length << 8 | static_cast<unsigned char>(text[i]);
  if (length > text.size() - begin) return bad(what, "the file ends within its header");
  auto header = HeaderParser(text.substr(begin, length)).parse();
  if (!header) return bad(what, "the header is not a description of a plain array");

  std::string_view descr = header->descr;
  char order = descr.empty() ? 0 : descr[0];
  if (order == '<' || order == '>' || order == '|' || order == '=') descr.remove_prefix(1);
  const auto* type = std::ranges::find(kNpyTypes, descr, &NpyType::code);
  if (type == std::end(kNpyTypes)) {
    return error(Code::kTensorFile, fmt::format("{}: dtype '{}' cannot be read", what, header->descr),
                 "convert it in Python, for example with x.astype('float32')");
  }
  auto size = dense_bytes(type->type, header->shape);
  size_t present = text.size() - begin - length;
  if (!size || *size != present) {
    return bad(what, fmt::format("{} needs {} bytes of values, the file holds {}", tensor_text(type->type, header->shape),
                                 size ? std::to_string(*size) : "too many", present));
  }
  auto values = bytes.subspan(begin + length);
  NdArray array{type->type, header->shape, {}};
  if (header->fortran && header->shape.size() > 1) {
    array.bytes = row_major(values, header->shape, static_cast<size_t>(bits(type->type)) / 8);
  } else {
    array.bytes.assign(values.begin(), values.end());
  }
  if (order == '>') swap_bytes(array);
  return array;
}

Result<NdArray> npy_values(const NdArray& array) {
  if (dense_bytes(array.dtype, array.shape) != array.bytes.size()) {
    return error(Code::kTensorFile, fmt::format("an array of {} holds {} bytes", array.text(), array.bytes.size()));
  }
  if (array.dtype == ElementType::kBF16) {
    TRY(NdArray wide, NdArray::zeros(ElementType::kF32, array.shape));
    for (size_t i = 0; i < array.bytes.size() / 2; ++i)
      std::memcpy(wide.bytes.data() + 4 * i + 2, array.bytes.data() + 2 * i, 2);
    return wide;
  }
  if (array.dtype == ElementType::kI4 || array.dtype == ElementType::kI2) {
    TRY(NdArray wide, NdArray::zeros(ElementType::kI8, array.shape));
    unsigned width = static_cast<unsigned>(bits(array.dtype)), each = 8 / width;
    for (size_t i = 0; i < wide.bytes.size(); ++i) {
      auto shifted = static_cast<uint8_t>(std::to_integer<unsigned>(array.bytes[i / each]) << (8 - width - width * (i % each)));
      wide.bytes[i] = static_cast<std::byte>(static_cast<int8_t>(shifted) >> (8 - width));
    }
    return wide;
  }
  return array;
}

Result<std::string> npy_header(const NdArray& array) {
  ElementType dtype = array.dtype == ElementType::kBF16                                    ? ElementType::kF32
                      : array.dtype == ElementType::kI4 || array.dtype == ElementType::kI2 ? ElementType::kI8
                                                                                           : array.dtype;
  const auto* type = std::ranges::find(kNpyTypes, dtype, &NpyType::type);
  if (type == std::end(kNpyTypes)) {
    return error(Code::kTensorFile, fmt::format("an array of {} cannot be written as .npy", array.text()));
  }
  std::string shape;
  for (int64_t d : array.shape) shape += fmt::format("{}{}", shape.empty() ? "" : ", ", d);
  if (array.shape.size() == 1) shape += ',';
  std::string dict = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}), }}", bits(dtype) == 8 ? '|' : '<',
                                 type->code, shape);
  constexpr size_t kAlignment = 64, kPrefix = 10;
  dict.append(kAlignment - 1 - (kPrefix + dict.size()) % kAlignment, ' ');
  dict += '\n';
  std::string header(kMagic);
  header += '\1';
  header += '\0';
  header += static_cast<char>(dict.size() & 0xff);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

}  // namespace atl
