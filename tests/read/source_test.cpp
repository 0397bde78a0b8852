#include "read/source.h"

#include <gtest/gtest.h>

namespace atl {
namespace {

TEST(Source, ScalarTypes) {
  EXPECT_EQ(scalar_type_of(7), ScalarType::kFloat32);
  EXPECT_EQ(scalar_size(ScalarType::kFloat32), 4);
  EXPECT_EQ(scalar_name(ScalarType::kFloat32), "float32");
  EXPECT_EQ(scalar_size(ScalarType::kComplex128), 16);
  EXPECT_EQ(scalar_type_of(35), ScalarType::kUInt64);
  for (int64_t gap : {-1, 14, 27, 36, 1000}) EXPECT_FALSE(scalar_type_of(gap)) << gap;
}

TEST(Source, Format) {
  const auto text = [](auto value) { return format(SourceValue{std::move(value)}); };
  EXPECT_EQ(text(SourceNone{}), "None");
  EXPECT_EQ(text(TensorRef{"x"}), "%x");
  EXPECT_EQ(text(TensorRefs{{"x", "", "y"}}), "[%x, None, %y]");
  EXPECT_EQ(text(NestedTensorRefs{{{"x"}, {}}}), "[[%x], []]");
  EXPECT_EQ(text(true), "True");
  EXPECT_EQ(text(int64_t{-3}), "-3");
  EXPECT_EQ(text(2.0), "2.0");
  EXPECT_EQ(text(1e-5), "1e-05");
  EXPECT_EQ(text(std::string("same")), "'same'");
  EXPECT_EQ(text(std::vector<int64_t>{1, 2}), "[1, 2]");
  EXPECT_EQ(text(std::vector<bool>{true, false}), "[True, False]");
  EXPECT_EQ(text(std::vector<SymInt>{{"n", 0}, {"", 4}}), "[%n, 4]");
  EXPECT_EQ(text(ScalarType::kBFloat16), "torch.bfloat16");
  EXPECT_EQ(text(TorchMemoryFormat::kChannelsLast), "torch.channels_last");
  EXPECT_EQ(text(TorchLayout::kStrided), "torch.strided");
  EXPECT_EQ(text(TorchDevice{"cuda", 1}), "'cuda:1'");
  EXPECT_EQ(text(TorchDevice{"cpu", -1}), "'cpu'");
  EXPECT_EQ(text(std::complex<double>(1.5, -2)), "(1.5-2j)");
  EXPECT_EQ(text(SourceDict{{{"a", SourceValue{int64_t{1}}}, {"b", SourceValue{TensorRef{"x"}}}}}), "{'a': 1, 'b': %x}");
  EXPECT_EQ(kind_name(SourceValue{std::vector<double>{}}), "a list of floats");
  EXPECT_EQ(kind_name(SourceValue{SymInt{}}), "a size");
}

TEST(Source, Find) {
  SourceNode node;
  node.inputs.push_back({"self", SourceValue{TensorRef{"x"}}, ArgumentKind::kPositional});
  ASSERT_TRUE(node.find("self"));
  EXPECT_EQ(node.find("self")->get<TensorRef>()->name, "x");
  EXPECT_FALSE(node.find("other"));
  SourceProgram program;
  program.tensors.push_back({TensorKind::kBuffer, "b_scale", "scale", {}});
  EXPECT_EQ(program.find_tensor("b_scale")->fqn, "scale");
  EXPECT_FALSE(program.find_tensor("scale"));
}

}  // namespace
}  // namespace atl
