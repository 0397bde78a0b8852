#include "ir/verifier.h"

#include <gtest/gtest.h>

#include "ir/text.h"

namespace atl {
namespace {

// Damages a graph behind the back of its interface, one way a test.
class Verifier : public testing::Test {
 protected:
  void SetUp() override {
    auto parsed = parse_graph(R"(
%0: f32[2,3] = input "x"
%1: f32[3] = const "c" {1, 2, 3}
%2: f32[2,3] = binary(%0, %1) {kind=add, activation=none}
%3: f32[2,3] = unary(%2) {kind=abs}
output "y" = %3
)");
    ASSERT_TRUE(parsed) << format(parsed.error());
    g = *std::move(parsed);
    abs = g.outputs()[0].value;
    add = g[abs].in[0];
    constant = g[add].in[1];
    ASSERT_TRUE(verify(g));
  }
  Node& node(Value v) { return const_cast<Node&>(g[v]); }
  std::vector<Use>& uses(Value v) { return const_cast<std::vector<Use>&>(g.uses(v)); }
  void expect_found(const std::string& what) {
    const Status s = verify(g);
    ASSERT_FALSE(s) << "not found: " << what;
    EXPECT_EQ(s.error().code, Code::kInternal);
    EXPECT_NE(s.error().what.find(what), std::string::npos) << s.error().what;
  }

  Graph g;
  Value abs, add, constant;
};

TEST_F(Verifier, DeadNodeThatIsUsed) {
  node(add).dead = true;
  expect_found("is dead but used");
}
TEST_F(Verifier, OperandOfANodeThatDoesNotExist) {
  node(abs).in[0] = Value{99, 0};
  expect_found("operand 0 does not exist");
}
TEST_F(Verifier, OperandOfAResultThatDoesNotExist) {
  node(abs).in[0].index = 1;
  expect_found("operand 0 does not exist");
}
TEST_F(Verifier, Cycle) {
  uses(node(add).in[0]).clear();
  node(add).in[0] = abs;
  uses(abs).push_back({add.node, 0});
  expect_found("operand 0 is computed later");
}
TEST_F(Verifier, OperandWithoutItsUse) {
  uses(add).clear();
  expect_found("operand 0 does not know this use");
}
TEST_F(Verifier, UseThatIsNotOne) {
  uses(constant).push_back({abs.node, 0});
  expect_found("lists a use that is not one");
}
TEST_F(Verifier, OutputWithoutItsUse) {
  uses(abs).clear();
  expect_found("output 'y' does not know this use");
}
TEST_F(Verifier, ConstantWithoutAValue) {
  node(constant).constant.reset();
  expect_found("has no value");
}
TEST_F(Verifier, ConstantOfAnotherType) {
  node(constant).constant = node(constant).constant->reshaped({1, 3});
  expect_found("its value has another type");
}
TEST_F(Verifier, TypeThatInferDoesNotGive) {
  node(abs).out[0].shape = {3, 2};
  expect_found("its type is not what infer says");
}
TEST_F(Verifier, OperandsThatInferRefuses) {
  node(constant).out[0].shape = {7};
  node(constant).constant = Constant::of(Tensor::make(Type{DType::kF32, {7}, {}}));
  const Status s = verify(g);
  ASSERT_FALSE(s);
  ASSERT_FALSE(s.error().trail.empty());
  EXPECT_EQ(s.error().trail[0], "verifying binary");
}
TEST_F(Verifier, OutputOfANodeThatDoesNotExist) {
  const_cast<Port&>(g.outputs()[0]).value = Value{99, 0};
  expect_found("output 'y' is not computed");
}
TEST_F(Verifier, OutputOfAResultThatDoesNotExist) {
  const_cast<Port&>(g.outputs()[0]).value.index = 3;
  expect_found("output 'y' is not computed");
}
TEST_F(Verifier, OutputOfNoValue) {
  const_cast<Port&>(g.outputs()[0]).value = Value{};
  expect_found("output 'y' is not computed");
}
TEST_F(Verifier, DeadNodesMayBeAnything) {
  const Value extra = (*g.add(node(abs).op, {add}))[0];
  g.release(extra.node);
  node(extra).in = {Value{1234, 5}};
  EXPECT_TRUE(verify(g));
}

}  // namespace
}  // namespace atl
