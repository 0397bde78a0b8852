// Attribute reflection: an op lists its fields once, as std::tuple{field("name", o.member)...}; printing, parsing, equality and
// hashing derive from that.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "ir/type.h"

namespace atl {

template <class V>
struct Field {
  std::string_view name;
  V& value;
};
template <class V>
Field<V> field(std::string_view name, V& v) {
  return {name, v};
}

/// An enum used as a field states its names: `constexpr std::array<std::string_view, N> enum_names(Kind)`, found by argument.
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
  enum_names(e);
};

/// A cursor over field text.
struct FieldText {
  std::string_view rest;
  void skip_space();
  bool take(char c);
  std::string_view word();  ///< up to a delimiter: , ] } or space
  Result<std::string> quoted();
};

void print_value(std::string& out, bool v);
void print_value(std::string& out, int v);
void print_value(std::string& out, int64_t v);
void print_value(std::string& out, float v);
void print_value(std::string& out, double v);
void print_value(std::string& out, const std::string& v);
void print_value(std::string& out, DType v);
Status parse_value(FieldText& in, bool& v);
Status parse_value(FieldText& in, int& v);
Status parse_value(FieldText& in, int64_t& v);
Status parse_value(FieldText& in, float& v);
Status parse_value(FieldText& in, double& v);
Status parse_value(FieldText& in, std::string& v);
Status parse_value(FieldText& in, DType& v);

template <NamedEnum E>
void print_value(std::string& out, E v) {
  out += enum_names(v)[size_t(v)];
}
template <NamedEnum E>
Status parse_value(FieldText& in, E& v) {
  const std::string_view w = in.word();
  const auto names = enum_names(E{});
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == w) {
      v = E(i);
      return {};
    }
  return error(Code::kGraph, fmt::format("unknown name '{}'", w));
}
template <class V>
void print_value(std::string& out, const std::vector<V>& v) {
  out += '[';
  for (size_t i = 0; i < v.size(); ++i) {
    if (i) out += ',';
    const V& e = v[i];
    print_value(out, e);
  }
  out += ']';
}
template <class V>
Status parse_value(FieldText& in, std::vector<V>& v) {
  v.clear();
  if (!in.take('[')) return error(Code::kGraph, "'[' expected");
  while (!in.take(']')) {
    V e{};
    TRY_STATUS(parse_value(in, e));
    v.push_back(e);
    in.take(',');
    if (in.rest.empty()) return error(Code::kGraph, "']' expected");
  }
  return {};
}
template <class V, size_t N>
void print_value(std::string& out, const std::array<V, N>& v) {
  print_value(out, std::vector<V>(v.begin(), v.end()));
}
template <class V, size_t N>
Status parse_value(FieldText& in, std::array<V, N>& v) {
  std::vector<V> all;
  TRY_STATUS(parse_value(in, all));
  if (all.size() != N) return error(Code::kGraph, fmt::format("{} values expected", N));
  for (size_t i = 0; i < N; ++i) v[i] = all[i];
  return {};
}

/// "axis=1, beta=1".
template <class... V>
std::string print_fields(const std::tuple<Field<V>...>& fields) {
  std::string out;
  auto one = [&](const auto& f) {
    if (!out.empty()) out += ", ";
    out += f.name;
    out += '=';
    print_value(out, f.value);
  };
  std::apply([&](const auto&... f) { (one(f), ...); }, fields);
  return out;
}
inline std::string print_fields(const std::tuple<>&) { return {}; }

/// Reads what print_fields wrote. E: kGraph names the field that is unknown, missing or malformed.
template <class... V>
Status parse_fields(std::string_view text, const std::tuple<Field<V>...>& fields) {
  FieldText in{text};
  Status status;
  auto one = [&](const auto& f) {
    if (!status) return;
    in.skip_space();
    in.take(',');
    in.skip_space();
    if (in.rest.substr(0, f.name.size()) != f.name) {
      status = error(Code::kGraph, fmt::format("field '{}' expected at '{}'", f.name, in.rest.substr(0, 20)));
      return;
    }
    in.rest.remove_prefix(f.name.size());
    if (!in.take('=')) {
      status = error(Code::kGraph, fmt::format("'=' expected after '{}'", f.name));
      return;
    }
    status = parse_value(in, f.value);
  };
  std::apply([&](const auto&... f) { (one(f), ...); }, fields);
  if (!status) return status;
  in.skip_space();
  if (!in.rest.empty()) return error(Code::kGraph, fmt::format("unexpected text '{}'", in.rest.substr(0, 20)));
  return {};
}
inline Status parse_fields(std::string_view text, const std::tuple<>&) {
  FieldText in{text};
  in.skip_space();
  if (!in.rest.empty()) return error(Code::kGraph, fmt::format("unexpected text '{}'", in.rest.substr(0, 20)));
  return {};
}

template <class... V>
bool equal_fields(const std::tuple<Field<V>...>& a, const std::tuple<Field<V>...>& b) {
  return [&]<size_t... I>(std::index_sequence<I...>) { return ((std::get<I>(a).value == std::get<I>(b).value) && ...); }
  (std::index_sequence_for<V...>{});
}
inline bool equal_fields(const std::tuple<>&, const std::tuple<>&) { return true; }

}  // namespace atl
