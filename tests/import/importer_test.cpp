// In-place operators, views and reports of whole programs, on hand-made sources.
#include "import/importer.h"

#include <gtest/gtest.h>

#include <map>

namespace atl {
namespace {

/// A program of float tensors: inputs, nodes and outputs by name.
class Program {
 public:
  Program& input(const std::string& name, std::vector<int64_t> shape) {
    tensor(name, std::move(shape));
    source.inputs.push_back({.kind = InputKind::kUser, .value = name, .name = name});
    source.graph.inputs.push_back({TensorRef{name}});
    return *this;
  }
  Program& buffer(const std::string& name, const std::string& fqn, std::vector<int64_t> shape) {
    tensor(name, shape);
    static const std::vector<std::byte> kZeros(4096);
    StoredTensor data{.dtype = ScalarType::kFloat32, .sizes = shape, .strides = contiguous_strides(shape), .bytes = kZeros};
    source.tensors.push_back({TensorKind::kBuffer, name, fqn, data});
    source.inputs.push_back({.kind = InputKind::kStored, .value = name, .tensor = int(source.tensors.size()) - 1});
    source.graph.inputs.push_back({TensorRef{name}});
    return *this;
  }
  /// A node with one result; tensor arguments are TensorRef values.
  Program& node(const std::string& result, std::vector<int64_t> shape, const std::string& target,
                std::vector<std::pair<std::string, SourceValue>> arguments) {
    tensor(result, std::move(shape));
    SourceNode n;
    n.target = target;
    for (auto& [name, value] : arguments) n.inputs.push_back({name, std::move(value), ArgumentKind::kPositional});
    n.outputs.push_back({TensorRef{result}});
    n.origin.node = result;
    source.graph.nodes.push_back(std::move(n));
    return *this;
  }
  Program& output(const std::string& name, OutputKind kind = OutputKind::kUser, std::string target = {}) {
    source.outputs.push_back({kind, {TensorRef{name}}, "out_" + name, std::move(target)});
    return *this;
  }

  SourceProgram source;

 private:
  void tensor(const std::string& name, std::vector<int64_t> shape) {
    TensorMeta meta;
    meta.dtype = ScalarType::kFloat32;
    for (int64_t d : shape) meta.sizes.push_back({d});
    for (int64_t s : contiguous_strides(shape)) meta.strides.push_back({s});
    source.graph.tensors[name] = std::move(meta);
  }
};

SourceValue ref(const std::string& name) { return {TensorRef{name}}; }
SourceValue number(int64_t v) { return {v}; }

/// Imports a program of one input and gives its first output on the input -3, -2, -1, ...
std::vector<float> values_of(const Program& p) {
  auto imported = import_program(p.source);
  if (!imported) {
    ADD_FAILURE() << format(imported.error());
    return {};
  }
  const Graph& g = imported->graph;
  std::map<Value, Tensor> values;
  for (const Port& port : g.inputs()) {
    Tensor t = Tensor::make(g.type(port.value));
    for (int64_t i = 0; i < t.count(); ++i) t.mutable_data<float>()[i] = float(i - 3);
    values[port.value] = t;
  }
  for (uint32_t id : g.topological_order()) {
    const Node& n = g[id];
    if (n.op->code == OpCode::kInput) continue;
    if (n.constant) {
      values[Value{id, 0}] = *n.constant->materialize();
      continue;
    }
    Tensors in;
    for (Value v : n.in) in.push_back(values.at(v));
    auto out = def_of(*n.op).eval(*n.op, in);
    if (!out) {
      ADD_FAILURE() << format(out.error());
      return {};
    }
    for (uint32_t i = 0; i < out->size(); ++i) values[Value{id, i}] = (*out)[i];
  }
  const Tensor& t = values.at(g.outputs()[0].value);
  return {t.values<float>().begin(), t.values<float>().end()};
}

Program doubled(std::vector<int64_t> shape) {
  return Program().input("x", shape).node("y", shape, "aten.add.Tensor", {{"self", ref("x")}, {"other", ref("x")}});
}

TEST(Importer, AnInPlaceOperatorChangesItsOldName) {
  Program p = doubled({2, 3});
  p.node("relu_", {2, 3}, "aten.relu_.default", {{"self", ref("y")}});
  p.node("z", {2, 3}, "aten.neg.default", {{"self", ref("y")}}).output("z");
  EXPECT_EQ(values_of(p), (std::vector<float>{0, 0, 0, 0, -2, -4}));
}

TEST(Importer, AResultOfAnInPlaceOperatorIsItsOperand) {
  Program p = doubled({2, 3});
  p.node("a", {2, 3}, "aten.relu_.default", {{"self", ref("y")}});
  p.node("b", {2, 3}, "aten.neg_.default", {{"self", ref("a")}}).output("y");
  EXPECT_EQ(values_of(p), (std::vector<float>{0, 0, 0, 0, -2, -4}));
}

TEST(Importer, FillingASliceChangesItsBase) {
  Program p = doubled({2, 3});
  p.node("s", {2, 1}, "aten.slice.Tensor", {{"self", ref("y")}, {"dim", number(1)}, {"start", number(1)}, {"end", number(2)}});
  p.node("f", {2, 1}, "aten.fill_.Scalar", {{"self", ref("s")}, {"value", number(9)}}).output("y");
  EXPECT_EQ(values_of(p), (std::vector<float>{-6, 9, -2, 0, 9, 4}));
}

TEST(Importer, AViewSeesTheChangeOfItsBase) {
  Program p = doubled({2, 3});
  p.node("v", {6}, "aten.view.default", {{"self", ref("y")}, {"size", {std::vector<int64_t>{6}}}});
  p.node("f", {2, 3}, "aten.relu_.default", {{"self", ref("y")}}).output("v");
  EXPECT_EQ(values_of(p), (std::vector<float>{0, 0, 0, 0, 2, 4}));
}

TEST(Importer, ChangingATransposeChangesItsBase) {
  Program p = doubled({2, 3});
  p.node("t", {3, 2}, "aten.transpose.int", {{"self", ref("y")}, {"dim0", number(0)}, {"dim1", number(1)}});
  p.node("s", {2}, "aten.select.int", {{"self", ref("t")}, {"dim", number(0)}, {"index", number(2)}});
  p.node("f", {2}, "aten.fill_.Scalar", {{"self", ref("s")}, {"value", number(9)}}).output("y");
  EXPECT_EQ(values_of(p), (std::vector<float>{-6, -4, 9, 0, 2, 9}));
}

// A square matrix has the shape of its transpose: only the operator says that the axes are swapped.
TEST(Importer, ChangingATransposeOfASquareChangesItsBase) {
  const std::vector<std::pair<std::string, std::vector<std::pair<std::string, SourceValue>>>> transposes = {
      {"aten.t.default", {}},
      {"aten.transpose.int", {{"dim0", number(0)}, {"dim1", number(-1)}}},
      {"aten.permute.default", {{"dims", {std::vector<int64_t>{1, 0}}}}}};
  for (const auto& [target, arguments] : transposes) {
    SCOPED_TRACE(target);
    Program p = doubled({2, 2});
    auto all = arguments;
    all.insert(all.begin(), {"self", ref("y")});
    p.node("t", {2, 2}, target, all);
    p.node("s", {2}, "aten.select.int", {{"self", ref("t")}, {"dim", number(0)}, {"index", number(0)}});
    p.node("f", {2}, "aten.fill_.Scalar", {{"self", ref("s")}, {"value", number(9)}}).output("y");
    EXPECT_EQ(values_of(p), (std::vector<float>{9, -4, 9, 0}));
  }
}

TEST(Importer, ABufferThatIsChangedIsAState) {
  Program p;
  p.buffer("b_count", "counter.count", {2, 3}).input("x", {2, 3});
  p.node("v", {3}, "aten.select.int", {{"self", ref("b_count")}, {"dim", number(0)}, {"index", number(1)}});
  p.node("a", {3}, "aten.fill_.Scalar", {{"self", ref("v")}, {"value", number(9)}});
  p.node("y", {2, 3}, "aten.add.Tensor", {{"self", ref("b_count")}, {"other", ref("x")}}).output("y");
  const auto r = import_program(p.source);
  ASSERT_TRUE(r) << format(r.error());
  const Graph& g = r->graph;
  ASSERT_EQ(g.states().size(), 1u);
  const State& s = g.states()[0];
  EXPECT_EQ(s.name, "counter.count");
  EXPECT_EQ(g.inputs()[s.input].name, "counter.count");
  EXPECT_EQ(s.input, 1u) << "states stand behind the user's inputs";
  EXPECT_EQ(s.output, 1u);
  EXPECT_EQ(element_as_double(*s.initial->materialize(), 4), 0);
  EXPECT_NE(g.outputs()[s.output].value, g.inputs()[s.input].value);
  ASSERT_EQ(r->samples.size(), 2u);
  EXPECT_TRUE(r->samples[1]);
}

TEST(Importer, ChangesOfAParameterAreRefused) {
  Program p;
  p.input("x", {2, 3}).buffer("p_w", "layer.weight", {2, 3});
  p.source.tensors[0].kind = TensorKind::kParameter;
  p.node("a", {2, 3}, "aten.add_.Tensor", {{"self", ref("p_w")}, {"other", ref("x")}}).output("a");
  const auto r = import_program(p.source);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kMutation);
  EXPECT_EQ(r.error().what, "aten.add_.Tensor changes parameter 'layer.weight' in place");
  EXPECT_EQ(r.error().origin.node, "a");
}

TEST(Importer, CountingBatchesMeansTraining) {
  Program p;
  p.input("x", {2, 3}).buffer("b_n", "bn.num_batches_tracked", {2, 3});
  p.node("a", {2, 3}, "aten.add_.Tensor", {{"self", ref("b_n")}, {"other", ref("x")}}).output("a");
  const auto r = import_program(p.source);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kMutation);
  EXPECT_EQ(r.error().what, "aten.add_.Tensor changes buffer 'bn.num_batches_tracked' in place");
}

TEST(Importer, ChangesOfAnInputAreRefused) {
  Program p;
  p.input("x", {2, 3}).node("v", {6}, "aten.view.default", {{"self", ref("x")}, {"size", {std::vector<int64_t>{6}}}});
  p.node("a", {6}, "aten.relu_.default", {{"self", ref("v")}}).output("a");
  const auto r = import_program(p.source);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kMutation);
  EXPECT_EQ(r.error().what, "aten.relu_.default changes input 'x' in place") << "a view of an input is the input";
}

TEST(Importer, ChangesThatTheSignatureStatesAreRefused) {
  Program p = doubled({2, 3});
  p.output("y", OutputKind::kBufferMutation, "bn.running_mean");
  const auto r = import_program(p.source);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kMutation);
  EXPECT_EQ(r.error().what, "the program changes 'bn.running_mean' in place");
}

TEST(Importer, EveryUnsupportedOperatorIsReportedOnceWithItsCount) {
  Program p = doubled({2, 3});
  p.node("a", {2, 3}, "aten.no_such.default", {{"self", ref("y")}});
  p.node("b", {2, 3}, "custom.other.default", {{"self", ref("a")}});
  p.node("c", {2, 3}, "aten.no_such.default", {{"self", ref("b")}});
  p.node("d", {2, 3}, "aten.relu.default", {{"self", ref("c")}}).output("d");
  const auto r = import_program(p.source);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kUnsupportedOp);
  EXPECT_EQ(r.error().what, "aten.no_such.default has no LiteRT form in Atoll");
  EXPECT_EQ(r.error().count, 2);
  EXPECT_EQ(r.error().origin.node, "a");
  ASSERT_EQ(r.error().others.size(), 1u);
  EXPECT_EQ(r.error().others[0].what, "custom.other.default is a custom operator, which has no LiteRT form");
  EXPECT_EQ(r.error().others[0].count, 1);
}

TEST(Importer, ACustomOperatorNeedsADecomposition) {
  Program p;
  p.input("x", {2, 3}).node("y", {2, 3}, "mylib.twist.default", {{"x", ref("x")}}).output("y");
  const auto r = import_program(p.source);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kUnsupportedOp);
  EXPECT_EQ(r.error().what, "mylib.twist.default is a custom operator, which has no LiteRT form");
  EXPECT_EQ(r.error().origin.node, "y");
  EXPECT_EQ(
      r.error().hint,
      "say what it computes in torch's own operators, and export again:\n"
      "    def decomposition(*args):  # takes what mylib.twist.default takes\n"
      "        ...\n"
      "    program = torch.export.export(model, args).run_decompositions({torch.ops.mylib.twist.default: decomposition})\n"
      "    torch.export.save(program, \"model.pt2\")");
}

TEST(Importer, ControlFlowWithoutItsGraphsIsRefused) {
  Program p;
  p.input("x", {2, 3})
      .node("y", {2, 3}, "higher_order.cond", {{"", ref("x")}})
      .node("z", {2, 3}, "higher_order.flex_attention", {{"", ref("y")}})
      .output("z");
  const auto r = import_program(p.source);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kGraph);
  EXPECT_EQ(r.error().what, "higher_order.cond: 0 graphs and 1 operands are given, 2 and 2 belong to it");
  ASSERT_EQ(r.error().others.size(), 1u);
  EXPECT_EQ(r.error().others[0].code, Code::kUnsupportedOp);
  EXPECT_EQ(r.error().others[0].what, "higher_order.flex_attention has no LiteRT form in Atoll");
}

// Windows of more elements than a graph may have nodes: the largest element is known, its place is not.
TEST(Importer, AResultThatIsNotComputedIsRefusedWhereItIsUsed) {
  const auto pooled = [] {
    Program p;
    p.input("x", {1, 2, 40, 50});
    p.node("y", {1, 2, 21, 21}, "aten.max_pool2d_with_indices.default",
           {{"self", ref("x")}, {"kernel_size", {std::vector<int64_t>{20, 30}}}, {"stride", {std::vector<int64_t>{1, 1}}}});
    SourceNode& node = p.source.graph.nodes.back();
    node.outputs.push_back({TensorRef{"places"}});
    TensorMeta meta = p.source.graph.tensors["y"];
    meta.dtype = ScalarType::kInt64;
    p.source.graph.tensors["places"] = meta;
    return p;
  };
  Program unused = pooled();
  unused.output("y");
  EXPECT_TRUE(import_program(unused.source));
  for (const bool as_output : {true, false}) {
    Program p = pooled();
    if (as_output)
      p.output("places");
    else
      p.node("z", {1, 2, 21, 21}, "aten.neg.default", {{"self", ref("places")}}).output("z");
    const auto r = import_program(p.source);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Code::kUnsupportedForm);
    EXPECT_EQ(r.error().what, "aten.max_pool2d_with_indices.default: its result 1 ('places') has no LiteRT form");
    EXPECT_EQ(r.error().hint, "use its other results only");
    EXPECT_EQ(r.error().origin.node, "y");
  }
}

TEST(Importer, DynamicShapesAreRefused) {
  Program p = doubled({2, 3});
  p.output("y");
  p.source.graph.tensors["x"].sizes[0] = {2, "s0"};
  const auto r = import_program(p.source);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kSymbolic);
}

TEST(Importer, AProgramWithoutOutputsIsRefused) {
  const auto r = import_program(doubled({2, 3}).source);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kGraph);
}

}  // namespace
}  // namespace atl
