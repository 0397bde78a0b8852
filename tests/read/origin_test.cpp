#include "read/origin.h"

#include <gtest/gtest.h>

namespace atl {
namespace {

Origin module_of(std::string_view stack) {
  Origin origin;
  read_module_stack(stack, origin);
  return origin;
}
Origin place_of(std::string_view trace) {
  Origin origin;
  read_stack_trace(trace, origin);
  return origin;
}

TEST(Origin, ModuleStack) {
  const auto origin = module_of(
      "L__self__,,net.Net;L__self___layer1_0,layer1.0,net.Block;L__self___layer1_0_conv,layer1.0.conv,torch.nn.Conv2d");
  EXPECT_EQ(origin.module_path, "layer1.0.conv");
  EXPECT_EQ(origin.module_type, "torch.nn.Conv2d");
  EXPECT_EQ(module_of("L__self__,,net.Net").module_path, "");
  EXPECT_EQ(module_of("L__self__,,net.Net").module_type, "net.Net");
}

TEST(Origin, OtherModuleStacks) {
  EXPECT_EQ(module_of("k,L['self'].layers.0,net.Block").module_path, "layers.0");
  EXPECT_EQ(module_of("k,fc@1,torch.nn.Linear").module_path, "fc");
  EXPECT_EQ(module_of("k,getattr(L['s'].stem, '0'),net.Block").module_path, "stem.0");
  EXPECT_EQ(module_of("k,getattr(getattr(L['self'].layers, '1').blocks, '12').conv,net.Block").module_path,
            "layers.1.blocks.12.conv");
  EXPECT_EQ(module_of("k,getattr(L['a'], 'b,c').d,net.Block").module_path, "b,c.d");
  EXPECT_EQ(module_of("k,getattr(L['a'] 'b').d,net.Block").module_path, "getattr(L['a'] 'b').d");
  EXPECT_EQ(module_of("k,getattr(L['a'], 'b')[0],net.Block").module_path, "getattr(L['a'], 'b')[0]");
  EXPECT_EQ(module_of("_empty_nn_module_stack_from_metadata_hook,_empty_nn_module_stack_from_metadata_hook,"
                      "_empty_nn_module_stack_from_metadata_hook"),
            Origin{});
  for (const auto* bad : {"", ";", ",", "a,b", "a,b,c,d", ")],(["}) EXPECT_EQ(module_of(bad), Origin{}) << bad;
}

TEST(Origin, InnermostUserFrame) {
  const auto origin = place_of(
      "File \"/home/user/train.py\", line 9, in <module>\n    model(x)\n"
      "  File \"/home/user/net.py\", line 37, in forward\n    y, _ = self.rnn(x)\n           ^^^^^^\n"
      "  File \"/venv/lib/python3.11/site-packages/torch/nn/modules/rnn.py\", line 1125, in forward\n    h = torch.zeros(\n");
  EXPECT_EQ(origin.file, "net.py");
  EXPECT_EQ(origin.line, 37);
  EXPECT_EQ(origin.text, "y, _ = self.rnn(x)");
}

TEST(Origin, PackagesWhenThereIsNoUserFrame) {
  const auto origin = place_of(
      "File \"/venv/lib/python3.11/site-packages/torchvision/models/resnet.py\", line 92, in forward\n    out = self.conv1(x)\n"
      "  File \"/venv/lib/python3.11/site-packages/torch/nn/modules/conv.py\", line 548, in forward\n    return f(x)\n");
  EXPECT_EQ(origin.file, "resnet.py");
  EXPECT_EQ(origin.line, 92);
  const auto inner =
      place_of("File \"/v/site-packages/torch/a.py\", line 1, in f\n  x\nFile \"<eval_with_key>.0\", line 2, in g");
  EXPECT_EQ(inner.file, "<eval_with_key>.0");
  EXPECT_EQ(inner.text, "");
}

TEST(Origin, Windows) {
  const auto origin = place_of(
      "File \"C:\\me\\net.py\", line 3, in forward\r\n    return x\r\n"
      "File \"C:\\py\\site-packages\\torch\\nn\\f.py\", line 4, in f\r\n    y\r\n");
  EXPECT_EQ(origin.file, "net.py");
  EXPECT_EQ(origin.text, "return x");
}

TEST(Origin, OtherTraces) {
  for (const auto* bad : {"", "\n\n", "File", "File \"", "File \"x\", line ", "File \"x\", line y, in z", "nothing"}) {
    EXPECT_EQ(place_of(bad), Origin{}) << bad;
  }
  EXPECT_EQ(place_of("File \"x.py\", line 99999999999999999999, in z"), Origin{});
}

TEST(Origin, ShortTarget) {
  EXPECT_EQ(short_target("torch.ops.aten.conv2d.default"), "aten.conv2d.default");
  EXPECT_EQ(short_target("torch.ops.quantized_decomposed.quantize_per_tensor.default"),
            "quantized_decomposed.quantize_per_tensor.default");
  EXPECT_EQ(short_target("_operator.mul"), "_operator.mul");
}

}  // namespace
}  // namespace atl
