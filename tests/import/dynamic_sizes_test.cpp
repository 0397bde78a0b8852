#include "import/dynamic_sizes.h"

#include <gtest/gtest.h>

#include <set>

#include "import/example_sizes.h"
#include "import/importer.h"
#include "import/specialize.h"
#include "read/program.h"

namespace atl {
namespace {

SourceProgram program(const std::string& name) {
  auto p = read_program(std::string(ATOLL_SOURCE_DIR) + "/tests/verify/dynamic/" + name + ".pt2");
  EXPECT_TRUE(p) << (p ? "" : format(p.error()));
  return p ? *std::move(p) : SourceProgram();
}

/// The symbol of an input's axis.
std::string symbol(const SourceProgram& p, const std::string& input, size_t axis) {
  for (const DynamicSize& s : dynamic_sizes(p))
    if (s.input == input && s.axis == axis) return s.symbol;
  return "none";
}

template <class T>
std::string what(const Result<T>& r) {
  return r ? "" : r.error().what;
}

Result<SizeValues> solve(const SourceProgram& p, const std::string& text) {
  auto sets = parse_input_shapes(std::vector<std::string>{text});
  if (!sets) return std::move(sets.error());
  return solve_sizes(p, (*sets)[0]);
}

TEST(DynamicSizes, OfAProgram) {
  const auto p = program("convolutions");
  const auto sizes = dynamic_sizes(p);
  ASSERT_EQ(sizes.size(), 3u);
  EXPECT_EQ(sizes[0].axis, 0u);
  EXPECT_EQ(sizes[0].hint, 2);
  EXPECT_EQ(sizes[0].min, 1);
  EXPECT_FALSE(sizes[0].max);
  EXPECT_EQ(sizes[1].axis, 2u);
  EXPECT_EQ(sizes[1].hint, 20);
  EXPECT_EQ(sizes[1].min, 8);
  EXPECT_EQ(sizes[1].max, 64);
}

TEST(DynamicSizes, ParsesShapes) {
  const std::vector<std::string> texts{"x=1x3,y=?x5", "z=7", "x=4x3,y=2x5"};
  const auto sets = parse_input_shapes(texts);
  ASSERT_TRUE(sets);
  ASSERT_EQ(sets->size(), 2u);
  EXPECT_EQ((*sets)[0], (InputShapes{{"x", {1, 3}}, {"y", {kDynamic, 5}}, {"z", {7}}}));
  EXPECT_EQ((*sets)[1], (InputShapes{{"x", {4, 3}}, {"y", {2, 5}}}));
  for (const std::string text : {"x", "=1", "x=", "x=1x", "x=0", "x=-1", "x=1y2", "x=1,", "x=99999999999"}) {
    const auto r = parse_input_shapes(std::vector<std::string>{text});
    ASSERT_FALSE(r) << text;
    EXPECT_EQ(r.error().code, Code::kUsage);
  }
  EXPECT_EQ(what(parse_input_shapes(std::vector<std::string>{"x=1,x=2"})), "--shape 'x=1,x=2' names input 'x' twice");
}

TEST(DynamicSizes, SolvesShapes) {
  const auto p = program("derived");
  const std::string n = symbol(p, "y", 1);
  const auto values = solve(p, "x=6x10,y=6x5");
  ASSERT_TRUE(values) << values.error().what;
  EXPECT_EQ(values->at(n), 5);
  EXPECT_EQ(values->size(), 2u);
  const auto from_x = solve(p, "x=?x10");
  ASSERT_TRUE(from_x) << from_x.error().what;
  EXPECT_EQ(*from_x, (SizeValues{{n, 5}}));
}

TEST(DynamicSizes, RefusesShapesThatDoNotFit) {
  const auto conv = program("convolutions");
  const std::string h = symbol(conv, "x", 2);
  auto refused = solve(conv, "x=2x3x7x9");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInput);
  EXPECT_EQ(refused.error().what, fmt::format("the size {} (axis 2 of input 'x') was exported for 8 to 64, 7 is given", h));
  EXPECT_EQ(refused.error().hint, "choose a size in that range, or export with a wider torch.export.Dim(name, min=, max=)");
  EXPECT_EQ(refused.error().origin.source_op, "input x");
  EXPECT_EQ(what(solve(conv, "x=2x4x8x9")), "--shape: axis 1 of input 'x' was exported as 3, 4 is given");
  EXPECT_EQ(what(solve(conv, "x=2x?x8x9")), "--shape: axis 1 of input 'x' cannot stay open, it was exported as 3");
  EXPECT_EQ(what(solve(conv, "x=2x3x8")), "--shape: input 'x' has 4 axes, 3 are given");
  EXPECT_EQ(what(solve(conv, "y=2x3x8x8")), "--shape: there is no input 'y'");
  const auto derived = program("derived");
  const std::string n = symbol(derived, "y", 1);
  EXPECT_EQ(what(solve(derived, "x=4x9")), fmt::format("--shape: axis 1 of input 'x' is 2*{}, which cannot be 9", n));
  EXPECT_EQ(what(solve(derived, "x=4x10,y=4x6")),
            fmt::format("--shape: axis 1 of input 'y' is {} = 5 by the other sizes, 6 is given", n));
}

TEST(DynamicSizes, RefusesSizesAgainstGuards) {
  SourceProgram p = program("guarded");
  const auto sizes = dynamic_sizes(p);
  ASSERT_EQ(sizes.size(), 1u);
  EXPECT_TRUE(check_sizes(p, {{sizes[0].symbol, 3}}));
  p.guards.push_back("L['x'].size()[1] != 12");
  const Status s = check_sizes(p, {{sizes[0].symbol, 3}});
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::kInput);
  EXPECT_EQ(s.error().what,
            fmt::format("the program was exported under the condition L['x'].size()[1] != 12, which does not hold for {} = 3 "
                        "(axis 1 of 'x')",
                        sizes[0].symbol));
  EXPECT_NE(s.error().hint, "");
}

TEST(Specialize, NumbersBecomeConstants) {
  const auto p = program("attention");
  EXPECT_TRUE(has_open_sizes(p));
  SizeValues values;
  for (const DynamicSize& s : dynamic_sizes(p)) values[s.symbol] = s.axis == 0 ? 5 : 11;
  const auto fixed = specialize(p, values);
  ASSERT_TRUE(fixed) << format(fixed.error());
  EXPECT_FALSE(has_open_sizes(*fixed));
  for (const SourceNode& n : fixed->graph.nodes) EXPECT_EQ(n.target.find("sym_size"), n.target.npos);
  const auto imported = import_program(*fixed);
  ASSERT_TRUE(imported) << format(imported.error());
  EXPECT_EQ(imported->graph.type(imported->graph.outputs()[0].value).shape, (Shape{5, 11, 18}));
}

TEST(Specialize, RefusesShapesThatDependOnData) {
  for (const auto& [name, op, message] :
       {std::tuple{"masked", "aten.index.Tensor",
                   "aten.index.Tensor: a mask that depends on data gives a result of unknown size"},
        std::tuple{"counted", "aten.item.default", "aten.item.default: a Python number is read from a tensor"}}) {
    const auto p = specialize(program(name), {});
    ASSERT_TRUE(p) << format(p.error());
    const auto r = import_program(*p);
    ASSERT_FALSE(r) << name;
    EXPECT_EQ(r.error().code, Code::kUnsupportedForm);
    EXPECT_EQ(r.error().what, message);
    EXPECT_EQ(r.error().origin.source_op, op);
    EXPECT_EQ(r.error().origin.file, "dynamic_models.py");
    EXPECT_GT(r.error().origin.line, 0);
    EXPECT_NE(r.error().hint, "");
  }
}

TEST(ExampleSizes, DifferFromEachOtherAndFromFixedSizes) {
  const auto p = program("encoder");
  const auto sizes = dynamic_sizes(p);
  const auto e = choose_example_sizes(p, {}, sizes);
  ASSERT_TRUE(e) << format(e.error());
  EXPECT_GE(e->sizes.size(), 4u);
  ASSERT_EQ(e->largest, 2u);  // the length has an upper end, the batch has none
  std::set<int64_t> seen{16, 48, 4, 24};
  for (size_t i = 0; i + 2 < e->sizes.size(); ++i)
    for (const auto& [name, value] : e->sizes[i]) {
      EXPECT_TRUE(seen.insert(value).second) << value;
      EXPECT_GE(value, 2);
    }
  EXPECT_EQ(e->checks.size(), 3u);
  const auto batch = SizeValues{{sizes[0].symbol, 3}};
  const auto bounded = choose_example_sizes(p, batch, std::span(sizes).subspan(1));
  ASSERT_TRUE(bounded);
  EXPECT_EQ(bounded->largest, 1u);
  EXPECT_EQ(bounded->sizes.back().at(sizes[1].symbol), 48);
}

}  // namespace
}  // namespace atl
