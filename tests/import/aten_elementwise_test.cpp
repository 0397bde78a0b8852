// Every elementwise and creating operator against what PyTorch answered (scripts/fixtures/elementwise_cases.py): as imported,
// after canonicalization and in its legal form.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "import/aten.h"
#include "ir/source_call.h"

namespace atl {
namespace {

using nlohmann::json;

double number(const json& j) {
  if (j.is_boolean()) return j.get<bool>();
  if (!j.is_string()) return j.get<double>();
  const std::string s = j;
  if (s == "nan") return std::numeric_limits<double>::quiet_NaN();
  return s == "inf" ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
}

bool is_tensor(const json& j) { return j.is_object() && j.contains("data"); }

Type type_of(const json& j) { return {*dtype_from_name(j["dtype"].get<std::string>()), j["shape"].get<Shape>(), {}}; }

Tensor tensor_of(const json& j) {
  Tensor t = Tensor::make(Type{DType::kF64, j["shape"].get<Shape>(), {}});
  for (size_t i = 0; i < j["data"].size(); ++i) t.mutable_data<double>()[i] = number(j["data"][i]);
  return cast(t, type_of(j).dtype);
}

SourceArg argument(const json& j) {
  if (j.is_object() && j.contains("list")) return j["list"].get<std::vector<int64_t>>();
  if (j.is_object()) return *dtype_from_name(j["dtype"].get<std::string>());
  if (j.is_boolean()) return j.get<bool>();
  if (j.is_number_integer()) return j.get<int64_t>();
  if (j.is_number()) return j.get<double>();
  const std::string s = j;
  if (s == "nan" || s == "inf" || s == "-inf") return number(j);
  return s;
}

const Import* rule_of(std::string_view name) {
  for (const OpDef* d : all_ops())
    for (const Import& i : d->imports)
      if (i.name == name) return &i;
  for (auto topic : {aten_elementwise, aten_create})
    for (const Import& i : topic())
      if (i.name == name) return &i;
  return nullptr;
}

// A case as a graph, and the values of its inputs.
struct Program {
  Graph graph;
  std::vector<Tensor> inputs;
};

Result<Program> import_case(const json& c, bool constants) {
  Program p;
  const std::string name = c["op"];
  const Import* rule = rule_of(name);
  if (!rule) return error(Code::kUnsupportedOp, name);
  SourceCall call(p.graph, 0, rule->name);
  for (const auto& [arg, value] : c["args"].items()) {
    if (!is_tensor(value)) {
      call.set_arg(arg, argument(value));
      continue;
    }
    const Tensor t = tensor_of(value);
    if (constants) {
      call.set_arg(arg, call.constant(t));
    } else {
      call.set_arg(arg, p.graph.add_input(arg, t.type()));
      p.inputs.push_back(t);
    }
  }
  Types types;
  for (const json& r : c["results"]) types.push_back(type_of(r));
  call.set_result_types(types);
  rule->build(call);
  TRY_STATUS(call.take_status());
  for (size_t i = 0; i < call.results().size(); ++i)
    if (call.results()[i].valid()) p.graph.add_output(fmt::format("y{}", i), call.results()[i]);
  return p;
}

Result<Tensors> run(const Program& p) {
  std::map<Value, Tensor> values;
  for (size_t i = 0; i < p.inputs.size(); ++i) values[p.graph.inputs()[i].value] = p.inputs[i];
  for (uint32_t id : p.graph.topological_order()) {
    const Node& n = p.graph[id];
    if (n.op->code == OpCode::kInput) continue;
    if (n.constant) {
      TRY(Tensor t, n.constant->materialize());
      values[{id, 0}] = std::move(t);
      continue;
    }
    Tensors in;
    for (Value v : n.in) in.push_back(values.at(v));
    TRY(Tensors out, def_of(*n.op).eval(*n.op, in));
    for (uint32_t i = 0; i < out.size(); ++i) {
      EXPECT_EQ(out[i].type(), n.out[i]) << def_of(*n.op).name;
      values[Value{id, i}] = out[i];
    }
  }
  Tensors results;
  for (const Port& o : p.graph.outputs()) results.push_back(values.at(o.value));
  return results;
}

// Applies one kind of rewrite to all nodes until nothing changes.
Status rewrite(Graph& g, Result<bool> (*OpDef::*rule)(const OpBase&, Rewrite&)) {
  for (int round = 0; round < 40; ++round) {
    bool changed = false;
    for (uint32_t id : g.topological_order()) {
      const OpPtr op = g[id].op;
      const OpDef& def = def_of(*op);
      Types types;
      for (Value v : g[id].in) types.push_back(g.type(v));
      if (!(def.*rule) || (rule == &OpDef::legalize && def.legal(*op, types))) continue;
      Rewrite r(g, id);
      TRY(const bool did, (def.*rule)(*op, r));
      changed |= did;
    }
    g.remove_dead_nodes();
    if (!changed) return {};
  }
  return error(Code::kInternal, "the rewrites do not come to an end");
}

Status check_legal(const Graph& g) {
  for (uint32_t id : g.topological_order()) {
    Types types;
    for (Value v : g[id].in) types.push_back(g.type(v));
    TRY_STATUS(def_of(*g[id].op).legal(*g[id].op, types));
  }
  return {};
}

void expect_results(const Result<Tensors>& got, const json& c, const std::string& what) {
  SCOPED_TRACE(what + " " + c["op"].get<std::string>() + " " + c["args"].dump());
  ASSERT_TRUE(got) << (got ? "" : format(got.error()));
  const double tolerance = c.value("tolerance", 4e-6);
  for (size_t r = 0; r < got->size(); ++r) {
    const json& want = c["results"][r];
    const Tensor& t = (*got)[r];
    ASSERT_EQ(t.type(), type_of(want));
    for (int64_t i = 0; !c.contains("skip_values") && i < t.count(); ++i) {
      const double a = element_as_double(t, i), b = number(want["data"][size_t(i)]);
      if (std::isnan(a) && std::isnan(b)) continue;
      if (a == b) continue;
      ASSERT_LE(std::fabs(a - b), tolerance * std::fabs(b) + 1e-7) << "element " << i << ": " << a << ", torch has " << b;
    }
  }
}

class ElementwiseCases : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::ifstream in(ATOLL_SOURCE_DIR "/tests/import/data/elementwise_cases.json");
    cases_ = json::parse(in);
  }
  static inline json cases_;
};

TEST_F(ElementwiseCases, AreThere) { EXPECT_GT(cases_.size(), 400u); }

TEST_F(ElementwiseCases, ImportedGraphsGiveTorchsResults) {
  for (const json& c : cases_)
    for (bool constants : {false, true}) {
      const auto p = import_case(c, constants);
      if (!p) {
        ADD_FAILURE() << c.dump() << format(p.error());
        continue;
      }
      expect_results(run(*p), c, constants ? "constants" : "inputs");
    }
}

TEST_F(ElementwiseCases, CanonicalAndLegalFormsGiveTheSame) {
  for (const json& c : cases_)
    for (bool constants : {false, true}) {
      auto p = import_case(c, constants);
      if (!p) continue;
      SCOPED_TRACE(c.dump());
      const Status canonical = rewrite(p->graph, &OpDef::canonicalize);
      EXPECT_TRUE(canonical) << (canonical ? "" : format(canonical.error()));
      expect_results(run(*p), c, "canonical");
      const Status legalized = rewrite(p->graph, &OpDef::legalize);
      EXPECT_TRUE(legalized) << (legalized ? "" : format(legalized.error()));
      const Status legal = check_legal(p->graph);
      EXPECT_TRUE(legal) << (legal ? "" : format(legal.error()));
      expect_results(run(*p), c, "legal");
    }
}

// What a case becomes: the ops in order, without constants and inputs.
std::string ops_of(const Graph& g) {
  std::string out;
  for (uint32_t id : g.topological_order()) {
    const OpBase& op = *g[id].op;
    if (op.code == OpCode::kInput || op.code == OpCode::kConst) continue;
    out += (out.empty() ? "" : " ") + std::string(def_of(op).name) + '{' + def_of(op).print(op) + '}';
  }
  return out;
}

struct Call {
  std::string_view target;
  std::map<std::string, SourceArg> args;
  Shape shape{2, 3, 4};
};

std::string ops_after_canonicalization(const Call& c) {
  Graph g;
  SourceCall call(g, 0, c.target);
  const Type type{DType::kF32, c.shape, {}};
  call.set_arg("self", g.add_input("x", type));
  for (const auto& [name, value] : c.args) call.set_arg(name, value);
  call.set_result_types({type});
  rule_of(c.target)->build(call);
  if (call.failed()) return format(call.status().error());
  g.add_output("y", call.results()[0]);
  if (!rewrite(g, &OpDef::canonicalize)) return "failed";
  return ops_of(g);
}

TEST(ElementwiseImport, UsesOneOperatorWhereLiteRtHasIt) {
  EXPECT_EQ(ops_after_canonicalization({"aten.clamp.default", {{"min", int64_t(0)}, {"max", int64_t(6)}}}),
            "unary{kind=relu6}");
  EXPECT_EQ(ops_after_canonicalization({"aten.clamp.default", {{"min", int64_t(0)}}}), "unary{kind=relu}");
  EXPECT_EQ(ops_after_canonicalization({"aten.hardtanh.default", {}}), "unary{kind=relu_n1_to_1}");
  EXPECT_EQ(ops_after_canonicalization({"aten.hardsigmoid.default", {}}),
            "binary{kind=add, activation=none} unary{kind=relu6} binary{kind=mul, activation=none}");
  EXPECT_EQ(ops_after_canonicalization({"aten.pow.Tensor_Scalar", {{"exponent", 0.5}}}), "unary{kind=sqrt}");
  EXPECT_EQ(ops_after_canonicalization({"aten.sub.Tensor", {{"other", 0.0}}}), "");
  EXPECT_EQ(ops_after_canonicalization({"aten.div.Tensor", {{"other", 4.0}}}), "binary{kind=mul, activation=none}");
  EXPECT_EQ(ops_after_canonicalization({"aten.div.Tensor", {{"other", 6.0}}}), "binary{kind=div, activation=none}");
}

TEST(ElementwiseImport, RefusesWhatTrainsOrIsRandom) {
  const std::string dropout = ops_after_canonicalization({"aten.rrelu.default", {{"training", true}}});
  EXPECT_NE(dropout.find("call model.eval()"), std::string::npos) << dropout;
  const std::string random = ops_after_canonicalization({"aten.rand_like.default", {}});
  EXPECT_NE(random.find("random numbers"), std::string::npos) << random;
}

TEST(CreateImport, RefusesSizesThatOverflow) {
  for (const std::vector<int64_t>& size : {std::vector<int64_t>{1 << 30, 1 << 30, 1 << 30}, {-1}, {2, -3}}) {
    Graph g;
    SourceCall call(g, 0, "aten.zeros.default");
    call.set_arg("size", size);
    rule_of("aten.zeros.default")->build(call);
    EXPECT_TRUE(call.failed());
  }
  Graph g;
  SourceCall call(g, 0, "aten.arange.default");
  call.set_arg("end", int64_t(1) << 60);
  rule_of("aten.arange.default")->build(call);
  EXPECT_TRUE(call.failed());
}

TEST(CreateImport, LargeUniformConstantsTakeNoMemory) {
  Graph g;
  SourceCall call(g, 0, "aten.ones.default");
  call.set_arg("size", std::vector<int64_t>{1 << 20, 1 << 10});
  rule_of("aten.ones.default")->build(call);
  ASSERT_FALSE(call.failed());
  EXPECT_EQ(g.type(call.results()[0]), (Type{DType::kF32, {1 << 20, 1 << 10}, {}}));
}

}  // namespace
}  // namespace atl
