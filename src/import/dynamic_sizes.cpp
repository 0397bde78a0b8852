#include "import/dynamic_sizes.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "import/size_expression.h"

namespace atl {
namespace {

constexpr int64_t kMaxSize = (int64_t(1) << 31) - 1;

SizeLookup lookup_in(const SizeValues& values) {
  return [&values](std::string_view name) -> std::optional<int64_t> {
    const auto it = values.find(std::string(name));
    return it == values.end() ? std::nullopt : std::optional(it->second);
  };
}

bool all_known(std::string_view text, const SizeLookup& lookup) {
  const auto names = size_names(text);
  return std::all_of(names.begin(), names.end(), [&](const std::string& n) { return lookup(n).has_value(); });
}

std::vector<const SourceInput*> tensor_inputs(const SourceProgram& program) {
  std::vector<const SourceInput*> inputs;
  for (const SourceInput& input : program.inputs)
    if (input.kind == InputKind::kUser && program.graph.find(input.value)) inputs.push_back(&input);
  return inputs;
}

std::string shape_text(const TensorMeta& meta) {
  std::string out;
  for (const SymDim& d : meta.sizes)
    out += (out.empty() ? "" : "x") + (d.is_static() ? std::to_string(d.value) : "[" + d.expr + "]");
  return out.empty() ? "scalar" : out;
}

std::string inputs_text(const SourceProgram& program) {
  std::string out;
  for (const SourceInput* input : tensor_inputs(program))
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", input->name, shape_text(*program.graph.find(input->value)));
  return out.empty() ? "none" : out;
}

std::string range_text(const DynamicSize& s) {
  return s.max ? fmt::format("{} to {}", s.min, *s.max) : fmt::format("at least {}", s.min);
}

Error refused(const SourceProgram& program, std::string_view input, std::string what, std::string hint = {}) {
  Error e = error(Code::kInput, std::move(what), hint.empty() ? "the inputs: " + inputs_text(program) : std::move(hint));
  e.origin.source_op = fmt::format("input {}", input);
  e.origin.node = input;
  return e;
}

// Solves a * s + b == value for the one unknown s of an expression; nullopt when it is not of that form or has more unknowns.
std::optional<std::pair<std::string, std::optional<int64_t>>> solve_affine(const std::string& expr, int64_t value,
                                                                           const SizeValues& known) {
  std::string unknown;
  for (const std::string& n : size_names(expr)) {
    if (known.contains(n)) continue;
    if (!unknown.empty()) return std::nullopt;
    unknown = n;
  }
  if (unknown.empty()) return std::nullopt;
  const auto at = [&](int64_t v) -> std::optional<int64_t> {
    SizeValues with = known;
    with[unknown] = v;
    const auto r = value_of({0, expr}, with);
    return r ? *r : std::nullopt;
  };
  const auto low = at(16), high = at(32), other = at(112);
  if (!low || !high || !other || (*high - *low) % 16 != 0) return std::nullopt;
  const int64_t slope = (*high - *low) / 16, offset = *low - 16 * slope;
  if (slope == 0 || *other != 112 * slope + offset) return std::nullopt;
  if ((value - offset) % slope != 0) return std::pair{unknown, std::optional<int64_t>()};
  return std::pair{unknown, std::optional((value - offset) / slope)};
}

class Solver {
 public:
  Solver(const SourceProgram& program, const InputShapes& shapes) : program_(program), shapes_(shapes) {}

  Result<SizeValues> run() {
    for (const InputShape& s : shapes_) TRY_STATUS(check_form(s));
    // An expression of several sizes may need those that a later input gives.
    for (size_t before = ~size_t{0}; before != values_.size();) {
      before = values_.size();
      for (const InputShape& s : shapes_) TRY_STATUS(solve(s));
    }
    for (const InputShape& s : shapes_) TRY_STATUS(check_result(s));
    TRY_STATUS(check_sizes(program_, values_));
    return std::move(values_);
  }

 private:
  const SourceInput* find(const InputShape& s) const {
    for (const SourceInput* i : tensor_inputs(program_))
      if (i->name == s.input) return i;
    return nullptr;
  }
  const std::vector<SymDim>& sizes(const InputShape& s) const { return program_.graph.find(find(s)->value)->sizes; }

  Status check_form(const InputShape& s) const {
    if (!find(s)) return refused(program_, s.input, fmt::format("--shape: there is no input '{}'", s.input));
    const auto& dims = sizes(s);
    if (dims.size() != s.shape.size())
      return refused(program_, s.input,
                     fmt::format("--shape: input '{}' has {} axes, {} are given", s.input, dims.size(), s.shape.size()));
    for (size_t a = 0; a < dims.size(); ++a) {
      if (!dims[a].is_static() || s.shape[a] == dims[a].value) continue;
      if (s.shape[a] == kDynamic)
        return refused(
            program_, s.input,
            fmt::format("--shape: axis {} of input '{}' cannot stay open, it was exported as {}", a, s.input, dims[a].value),
            export_hint(s.input, a));
      return refused(
          program_, s.input,
          fmt::format("--shape: axis {} of input '{}' was exported as {}, {} is given", a, s.input, dims[a].value, s.shape[a]),
          export_hint(s.input, a));
    }
    return {};
  }

  static std::string export_hint(std::string_view input, size_t axis) {
    return fmt::format(
        "export it with another size, or as an open one: torch.export.export(model, args, dynamic_shapes={{\"{}\": {{{}: "
        "torch.export.Dim(\"size\")}}}})",
        input, axis);
  }

  Status solve(const InputShape& s) {
    const auto& dims = sizes(s);
    for (size_t a = 0; a < dims.size(); ++a) {
      if (dims[a].is_static() || s.shape[a] == kDynamic) continue;
      const auto solved = solve_affine(dims[a].expr, s.shape[a], values_);
      if (!solved) continue;
      if (!solved->second)
        return refused(
            program_, s.input,
            fmt::format("--shape: axis {} of input '{}' is {}, which cannot be {}", a, s.input, dims[a].expr, s.shape[a]));
      values_[solved->first] = *solved->second;
    }
    return {};
  }

  Status check_result(const InputShape& s) const {
    const auto& dims = sizes(s);
    for (size_t a = 0; a < dims.size(); ++a) {
      if (dims[a].is_static() || s.shape[a] == kDynamic) continue;
      auto value = value_of(dims[a], values_);
      if (!value) return std::move(value.error());
      if (!*value)
        return refused(program_, s.input,
                       fmt::format("--shape: axis {} of input '{}' is {}, whose parts are not known from {}", a, s.input,
                                   dims[a].expr, s.shape[a]),
                       "give the shapes of the other inputs, too: --shape x=...,y=...");
      if (**value != s.shape[a])
        return refused(program_, s.input,
                       fmt::format("--shape: axis {} of input '{}' is {} = {} by the other sizes, {} is given", a, s.input,
                                   dims[a].expr, **value, s.shape[a]));
    }
    return {};
  }

  const SourceProgram& program_;
  const InputShapes& shapes_;
  SizeValues values_;
};

// L['x'].size()[1] as the size of that input's axis. Keys of containers are joined as in the inputs' names: L['states'][0] is
// states_0.
std::optional<int64_t> guarded_size(const SourceProgram& program, std::string_view name, const SizeValues& values) {
  const size_t size = name.find(".size()[");
  if (name.substr(0, 1) != "L" || size == name.npos) return std::nullopt;
  std::string input_name;
  for (const char c : name.substr(2, size - 2)) {
    if (c == '[') input_name += '_';
    if (c != '[' && c != ']' && c != '\'' && c != '"') input_name += c;
  }
  size_t axis = 0;
  const std::string_view digits = name.substr(size + 8, name.size() - size - 9);
  if (std::from_chars(digits.data(), digits.data() + digits.size(), axis).ec != std::errc{}) return std::nullopt;
  for (const SourceInput* input : tensor_inputs(program)) {
    if (input->name != input_name) continue;
    const Shape shape = input_shape(program, *input, values);
    if (axis < shape.size() && shape[axis] != kDynamic) return shape[axis];
  }
  return std::nullopt;
}

std::string values_text(const std::vector<DynamicSize>& sizes, const SizeValues& values) {
  std::string out;
  for (const DynamicSize& s : sizes)
    if (const auto it = values.find(s.symbol); it != values.end())
      out += fmt::format("{}{} = {} (axis {} of '{}')", out.empty() ? "" : ", ", s.symbol, it->second, s.axis, s.input);
  return out;
}

}  // namespace

Result<std::optional<int64_t>> value_of(const SymDim& size, const SizeValues& values) {
  if (size.is_static()) return std::optional(size.value);
  const SizeLookup lookup = lookup_in(values);
  if (!all_known(size.expr, lookup)) return std::optional<int64_t>();
  TRY(const SizeNumber n, evaluate_size(size.expr, lookup));
  if (!n.is_float) return std::optional(n.integer);
  if (n.real != std::floor(n.real) || std::abs(n.real) > 9e15)
    return error(Code::kSymbolic, fmt::format("the size {} is {}, not an integer", size.expr, n.real));
  return std::optional(int64_t(n.real));
}

Shape input_shape(const SourceProgram& program, const SourceInput& input, const SizeValues& values) {
  Shape shape;
  for (const SymDim& d : program.graph.find(input.value)->sizes) {
    const auto v = value_of(d, values);
    shape.push_back(v && *v ? **v : kDynamic);
  }
  return shape;
}

std::vector<DynamicSize> dynamic_sizes(const SourceProgram& program) {
  std::vector<DynamicSize> sizes;
  std::vector<bool> exact;
  for (const SourceInput* input : tensor_inputs(program)) {
    const auto& dims = program.graph.find(input->value)->sizes;
    for (size_t a = 0; a < dims.size(); ++a) {
      if (dims[a].is_static()) continue;
      for (const std::string& name : size_names(dims[a].expr)) {
        auto it = std::find_if(sizes.begin(), sizes.end(), [&](const DynamicSize& s) { return s.symbol == name; });
        const bool plain = name == dims[a].expr;
        if (it == sizes.end()) {
          sizes.push_back({.symbol = name, .input = input->name, .axis = a});
          exact.push_back(plain);
          it = sizes.end() - 1;
        } else if (plain && !exact[size_t(it - sizes.begin())]) {
          it->input = input->name;
          it->axis = a;
          exact[size_t(it - sizes.begin())] = true;
        }
        if (dims[a].value < 0 || it->hint) continue;
        if (const auto solved = solve_affine(dims[a].expr, dims[a].value, {}); solved && solved->second)
          it->hint = solved->second;
      }
    }
  }
  for (DynamicSize& s : sizes)
    for (const RangeConstraint& r : program.range_constraints) {
      if (r.symbol != s.symbol) continue;
      s.min = std::max<int64_t>(1, r.min.value_or(1));
      if (r.max && *r.max < kMaxSize) s.max = r.max;
    }
  return sizes;
}

SizeValues exported_sizes(const SourceProgram& program) {
  SizeValues values;
  for (const DynamicSize& s : dynamic_sizes(program)) values[s.symbol] = s.hint.value_or(std::max<int64_t>(2, s.min));
  return values;
}

namespace {

Result<InputShape> parse_input_shape(std::string_view text) {
  const size_t equals = text.rfind('=');
  const auto bad = [&] {
    return error(Code::kUsage, fmt::format("--shape '{}' is not understood", text),
                 "--shape NAME=1x3x224x224, with ? for an axis that stays open");
  };
  if (equals == text.npos || equals == 0) return bad();
  InputShape s{std::string(text.substr(0, equals)), {}};
  std::string_view rest = text.substr(equals + 1);
  if (rest == "scalar") return s;
  for (;;) {
    const size_t end = std::min(rest.find('x'), rest.size());
    const std::string_view part = rest.substr(0, end);
    int64_t n = kDynamic;
    if (part != "?") {
      const auto r = std::from_chars(part.data(), part.data() + part.size(), n);
      if (r.ec != std::errc{} || r.ptr != part.data() + part.size() || n < 1 || n > kMaxSize) return bad();
    }
    s.shape.push_back(n);
    if (end == rest.size()) return s;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

Result<std::vector<InputShapes>> parse_input_shapes(std::span<const std::string> texts) {
  std::vector<InputShapes> sets;
  for (const std::string& text : texts) {
    InputShapes added;
    for (std::string_view rest = text;;) {
      const size_t end = std::min(rest.find(','), rest.size());
      TRY(InputShape s, parse_input_shape(rest.substr(0, end)));
      if (std::any_of(added.begin(), added.end(), [&](const InputShape& o) { return o.input == s.input; }))
        return error(Code::kUsage, fmt::format("--shape '{}' names input '{}' twice", text, s.input),
                     "give --shape again for another signature");
      added.push_back(std::move(s));
      if (end == rest.size()) break;
      rest.remove_prefix(end + 1);
    }
    const bool again = !sets.empty() && std::any_of(added.begin(), added.end(), [&](const InputShape& s) {
      return std::any_of(sets.back().begin(), sets.back().end(), [&](const InputShape& o) { return o.input == s.input; });
    });
    if (sets.empty() || again) sets.emplace_back();
    sets.back().insert(sets.back().end(), added.begin(), added.end());
  }
  return sets;
}

Status check_sizes(const SourceProgram& program, const SizeValues& values) {
  const auto sizes = dynamic_sizes(program);
  for (const DynamicSize& s : sizes) {
    const auto it = values.find(s.symbol);
    if (it == values.end() || (it->second >= s.min && (!s.max || it->second <= *s.max))) continue;
    return refused(program, s.input,
                   fmt::format("the size {} (axis {} of input '{}') was exported for {}, {} is given", s.symbol, s.axis,
                               s.input, range_text(s), it->second),
                   "choose a size in that range, or export with a wider torch.export.Dim(name, min=, max=)");
  }
  for (const std::string& guard : program.guards) {
    const SizeLookup lookup = [&](std::string_view name) { return guarded_size(program, name, values); };
    if (!all_known(guard, lookup)) continue;
    const auto holds = evaluate_size(guard, lookup);
    if (holds && holds->is_true()) continue;
    const std::string input = sizes.empty() ? std::string() : sizes[0].input;
    if (!holds)
      return refused(program, input, fmt::format("the program's guard {} cannot be checked: {}", guard, holds.error().what));
    return refused(program, input,
                   fmt::format("the program was exported under the condition {}, which does not hold for {}", guard,
                               values_text(sizes, values)),
                   "choose sizes for which it holds, or export again with such sizes");
  }
  return {};
}

Result<SizeValues> solve_sizes(const SourceProgram& program, const InputShapes& shapes) {
  return Solver(program, shapes).run();
}

}  // namespace atl
