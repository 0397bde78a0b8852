#include "ir/text.h"

#include <algorithm>
#include <charconv>
#include <random>
#include <unordered_map>

#include "ir/basic_ops.h"

namespace atl {
namespace {

constexpr int64_t kInlineElements = 16;

std::string value_text(const Graph& g, Value v, const std::unordered_map<uint32_t, size_t>& number) {
  if (!v.valid()) return "_";
  std::string out = fmt::format("%{}", number.at(v.node));
  if (g[v].out.size() > 1) out += fmt::format(".{}", v.index);
  return out;
}

std::string constant_text(const Constant& c, size_t number, bool parseable) {
  if (element_count(c.type().shape) <= kInlineElements) {
    if (auto t = c.materialize()) {
      std::string out = "{";
      for (int64_t i = 0; i < t->count(); ++i) {
        if (i) out += ", ";
        out += is_float(t->dtype()) ? fmt::format("{}", element_as_double(*t, i)) : fmt::format("{}", element_as_int(*t, i));
      }
      return out + "}";
    }
  }
  return parseable ? fmt::format("{{random {}}}", number) : "{...}";
}

std::string origin_text(const Origin& o) {
  std::string out;
  if (!o.module_path.empty()) out += " " + o.module_path;
  if (!o.file.empty()) out += fmt::format(" {}:{}", o.file, o.line);
  return out.empty() ? out : "  //" + out;
}

}  // namespace

std::string print(const Graph& g, bool parseable) {
  std::string out = fmt::format("graph {}\n", g.name);
  std::unordered_map<uint32_t, size_t> number;
  std::unordered_map<uint32_t, std::string> input_name;
  for (const Port& p : g.inputs()) input_name[p.value.node] = p.name;
  for (uint32_t id : g.topological_order()) {
    const Node& n = g[id];
    const size_t k = number.size();
    number[id] = k;
    out += fmt::format("%{}: ", k);
    for (size_t i = 0; i < n.out.size(); ++i) out += (i ? ", " : "") + to_string(n.out[i]);
    out += " = ";
    if (n.op->code == OpCode::kInput) {
      std::string name;
      print_value(name, input_name[id]);
      out += "input " + name + "\n";
      continue;
    }
    if (n.constant) {
      std::string name;
      print_value(name, n.constant->name());
      out += "const " + name + " " + constant_text(*n.constant, k, parseable) + "\n";
      continue;
    }
    const OpDef& def = def_of(*n.op);
    out += std::string(def.name) + "(";
    for (size_t i = 0; i < n.in.size(); ++i) out += (i ? ", " : "") + value_text(g, n.in[i], number);
    out += ")";
    const std::string fields = def.print(*n.op);
    if (!fields.empty()) out += " {" + fields + "}";
    out += origin_text(g.origin(n.origin)) + "\n";
  }
  for (const Port& p : g.outputs()) {
    std::string name;
    print_value(name, p.name);
    out += "output " + name + " = " + value_text(g, p.value, number) + "\n";
  }
  return out;
}

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}
  Result<Graph> run();

 private:
  Status line(std::string_view l);
  Status node(std::string_view l);
  Result<Type> type(FieldText& in);
  Result<Value> value(std::string_view word);
  Result<Tensor> constant(const Type& t, FieldText& in);
  Status add_op(FieldText& in, size_t number);

  std::string_view next_line();

  std::string_view text_;
  size_t number_ = 0;
  Graph g_;
  std::unordered_map<size_t, uint32_t> node_of_;
};

// The next line without its comment.
std::string_view Parser::next_line() {
  const size_t end = std::min(text_.find('\n'), text_.size());
  const std::string_view l = text_.substr(0, end);
  text_.remove_prefix(std::min(end + 1, text_.size()));
  ++number_;
  return l.substr(0, l.find("  //"));
}

// Opening braces outside quotes without a closing one.
int open_braces(std::string_view l) {
  int open = 0;
  bool quoted = false;
  for (size_t i = 0; i < l.size(); ++i) {
    if (quoted && l[i] == '\\') {
      ++i;
      continue;
    }
    if (l[i] == '"') quoted = !quoted;
    if (!quoted) open += l[i] == '{' ? 1 : l[i] == '}' ? -1 : 0;
  }
  return open;
}

Result<Graph> Parser::run() {
  while (!text_.empty()) {
    std::string l(next_line());
    const size_t first = number_;
    for (int open = open_braces(l); open > 0 && !text_.empty();) {
      const std::string_view more = next_line();
      open += open_braces(more);
      (l += '\n') += more;
    }
    if (auto s = line(l); !s) return std::move(s.error()).in(fmt::format("line {}", first));
  }
  return std::move(g_);
}

Status Parser::line(std::string_view l) {
  FieldText in{l};
  in.skip_space();
  if (in.rest.empty()) return {};
  if (in.rest.substr(0, 6) == "graph ") {
    g_.name = std::string(in.rest.substr(6));
    return {};
  }
  if (in.rest.substr(0, 7) == "output ") {
    in.rest.remove_prefix(7);
    TRY(std::string name, in.quoted());
    if (!in.take('=')) return error(Code::kGraph, "'=' expected");
    in.skip_space();
    TRY(Value v, value(in.rest));
    if (!v.valid()) return error(Code::kGraph, "an output needs a value");
    g_.add_output(std::move(name), v);
    return {};
  }
  return node(l);
}

Result<Type> Parser::type(FieldText& in) {
  in.skip_space();
  const size_t open = in.rest.find('[');
  if (open == std::string_view::npos) return error(Code::kGraph, "a type is expected");
  const auto dtype = dtype_from_name(in.rest.substr(0, open));
  if (!dtype) return error(Code::kGraph, fmt::format("unknown element type '{}'", in.rest.substr(0, open)));
  in.rest.remove_prefix(open);
  std::vector<int64_t> shape;
  TRY_STATUS(parse_value(in, shape));
  return Type{*dtype, std::move(shape), {}};
}

Result<Value> Parser::value(std::string_view word) {
  if (word == "_") return Value{};
  if (word.empty() || word[0] != '%') return error(Code::kGraph, fmt::format("a value is expected, not '{}'", word));
  size_t number = 0;
  uint32_t index = 0;
  const auto r = std::from_chars(word.data() + 1, word.data() + word.size(), number);
  if (r.ptr != word.data() + word.size() && *r.ptr == '.') std::from_chars(r.ptr + 1, word.data() + word.size(), index);
  const auto it = node_of_.find(number);
  if (r.ec != std::errc{} || it == node_of_.end() || index >= g_[it->second].out.size())
    return error(Code::kGraph, fmt::format("'{}' is not defined", word));
  return Value{it->second, index};
}

Result<Tensor> Parser::constant(const Type& t, FieldText& in) {
  if (!visit(t.dtype, [](auto) {}))
    return error(Code::kGraph, fmt::format("no constants of {} in the text form", name(t.dtype)));
  Type wide = t;
  wide.dtype = DType::kF64;
  TRY(const size_t bytes, byte_size(wide));
  if (bytes > (size_t(1) << 31)) return error(Code::kTooLarge, "constant too large for the text form");
  Tensor values = Tensor::make(wide);
  if (!in.take('{')) return error(Code::kGraph, "'{' expected");
  in.skip_space();
  if (in.rest.substr(0, 7) == "random ") {
    in.rest.remove_prefix(7);
    int64_t seed = 0;
    TRY_STATUS(parse_value(in, seed));
    std::mt19937_64 generator{uint64_t(seed)};
    for (int64_t i = 0; i < values.count(); ++i) values.mutable_data<double>()[i] = double(generator() >> 11) * 0x1p-53 * 2 - 1;
  } else {
    for (int64_t i = 0; i < values.count(); ++i) {
      TRY_STATUS(parse_value(in, values.mutable_data<double>()[i]));
      in.take(',');
    }
  }
  if (!in.take('}')) return error(Code::kGraph, "'}' expected");
  return cast(values, t.dtype);
}

Status Parser::add_op(FieldText& in, size_t number) {
  in.skip_space();
  const size_t open = in.rest.find('(');
  const size_t close = in.rest.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return error(Code::kGraph, "an operator with operands is expected");
  const std::string_view op_name = in.rest.substr(0, open);
  const OpDef* def = nullptr;
  for (const OpDef* d : all_ops())
    if (d->name == op_name) def = d;
  if (!def) return error(Code::kGraph, fmt::format("unknown operator '{}'", op_name));
  Values operands;
  FieldText list{in.rest.substr(open + 1, close - open - 1)};
  list.skip_space();
  while (!list.rest.empty()) {
    TRY(Value v, value(list.word()));
    operands.push_back(v);
    list.take(',');
    list.skip_space();
  }
  in.rest.remove_prefix(close + 1);
  std::string_view fields;
  if (in.take('{')) {
    const size_t end = in.rest.rfind('}');
    if (end == std::string_view::npos) return error(Code::kGraph, "'}' expected");
    fields = in.rest.substr(0, end);
  }
  TRY(OpPtr op, def->parse(fields));
  TRY(Values made, g_.add(std::move(op), std::move(operands)));
  if (made.empty()) return error(Code::kGraph, "an operator without results");
  node_of_[number] = made[0].node;
  return {};
}

Status Parser::node(std::string_view l) {
  FieldText in{l};
  if (!in.take('%')) return error(Code::kGraph, "'%', 'graph' or 'output' expected");
  size_t number = 0;
  const auto r = std::from_chars(in.rest.data(), in.rest.data() + in.rest.size(), number);
  if (r.ec != std::errc{}) return error(Code::kGraph, "a number is expected after '%'");
  in.rest.remove_prefix(size_t(r.ptr - in.rest.data()));
  if (!in.take(':')) return error(Code::kGraph, "':' expected");
  Types types;
  do {
    TRY(Type t, type(in));
    types.push_back(std::move(t));
  } while (in.take(','));
  if (!in.take('=')) return error(Code::kGraph, "'=' expected");
  in.skip_space();
  if (in.rest.substr(0, 6) == "input ") {
    in.rest.remove_prefix(6);
    TRY(std::string name, in.quoted());
    node_of_[number] = g_.add_input(std::move(name), types[0]).node;
    return {};
  }
  if (in.rest.substr(0, 6) == "const ") {
    in.rest.remove_prefix(6);
    TRY(std::string name, in.quoted());
    TRY(Tensor t, constant(types[0], in));
    node_of_[number] = g_.add_constant(Constant::of(std::move(t), std::move(name))).node;
    return {};
  }
  TRY_STATUS(add_op(in, number));
  if (g_[node_of_[number]].out != types) return error(Code::kGraph, "the stated type is not what the operator gives");
  return {};
}

}  // namespace

Result<Graph> parse_graph(std::string_view text) { return Parser(text).run(); }

}  // namespace atl
