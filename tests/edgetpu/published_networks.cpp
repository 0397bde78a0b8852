#include "edgetpu/published_networks.h"

#include <cmath>

namespace atl::edgetpu {
namespace {

using Values = std::vector<Value>;

Window valid(int64_t k, int64_t stride = 1) { return square(k, stride, false); }

SmallModel classifier(NetworkBuilder& b, const Value& x, int64_t classes = 1001) {
  b.output(b.softmax(b.fully_connected(b.global_average(x), classes)));
  return std::move(b.model());
}

Value separable(NetworkBuilder& b, const Value& x, int64_t outputs, int64_t stride) {
  return b.conv(b.depthwise(x, square(3, stride)), outputs, square(1));
}

constexpr std::pair<int, int> kMobileNetV1[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                                                {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

Value inverted_residual(NetworkBuilder& b, const Value& x, int64_t outputs, int64_t stride, int64_t expansion, int64_t k = 3) {
  const int64_t in = x.shape[3];
  const Value wide = expansion == 1 ? x : b.conv(x, in * expansion, square(1));
  const Value y = b.conv(b.depthwise(wide, square(k, stride)), outputs, square(1));
  return stride == 1 && in == outputs ? b.add(x, y) : y;
}

Value fire(NetworkBuilder& b, const Value& x, int64_t squeeze, int64_t expand) {
  const Value s = b.conv(x, squeeze, square(1));
  return b.concat({b.conv(s, expand, square(1)), b.conv(s, expand, square(3))});
}

Value bottleneck(NetworkBuilder& b, const Value& x, int64_t width, int64_t stride) {
  const Value skip = x.shape[3] == 4 * width && stride == 1 ? x : b.conv(x, 4 * width, square(1, stride));
  const Value y = b.conv(b.conv(b.conv(x, width, square(1)), width, square(3, stride)), 4 * width, square(1));
  return b.add(skip, y);
}

Value inception_v1_block(NetworkBuilder& b, const Value& x, const std::array<int, 6>& n) {
  return b.concat({b.conv(x, n[0], square(1)), b.conv(b.conv(x, n[1], square(1)), n[2], square(3)),
                   b.conv(b.conv(x, n[3], square(1)), n[4], square(3)), b.conv(b.max_pool(x, square(3)), n[5], square(1))});
}

// Convolutions of n x 1 and 1 x n.
Value tall(NetworkBuilder& b, const Value& x, int64_t outputs, int64_t n) { return b.conv(x, outputs, {n, 1, 1, true}); }
Value broad(NetworkBuilder& b, const Value& x, int64_t outputs, int64_t n) { return b.conv(x, outputs, {1, n, 1, true}); }
Value point(NetworkBuilder& b, const Value& x, int64_t outputs) { return b.conv(x, outputs, square(1)); }
Value pooled(NetworkBuilder& b, const Value& x, int64_t outputs) { return point(b, b.average_pool(x, square(3)), outputs); }

Value inception_v4_stem(NetworkBuilder& b) {
  Value x = b.conv(b.conv(b.conv(b.input({1, 299, 299, 3}), 32, valid(3, 2)), 32, valid(3)), 64, square(3));
  x = b.concat({b.max_pool(x, valid(3, 2)), b.conv(x, 96, valid(3, 2))});
  x = b.concat({b.conv(point(b, x, 64), 96, valid(3)), b.conv(tall(b, broad(b, point(b, x, 64), 64, 7), 64, 7), 96, valid(3))});
  return b.concat({b.conv(x, 192, valid(3, 2)), b.max_pool(x, valid(3, 2))});
}

Value inception_v4_c(NetworkBuilder& b, const Value& x) {
  const Value two = point(b, x, 384), three = broad(b, tall(b, point(b, x, 384), 448, 3), 512, 3);
  return b.concat({point(b, x, 256), broad(b, two, 256, 3), tall(b, two, 256, 3), broad(b, three, 256, 3),
                   tall(b, three, 256, 3), pooled(b, x, 256)});
}

Value inception_v3_c(NetworkBuilder& b, const Value& x) {
  const Value two = point(b, x, 384), three = b.conv(point(b, x, 448), 384, square(3));
  return b.concat({point(b, x, 320), broad(b, two, 384, 3), tall(b, two, 384, 3), broad(b, three, 384, 3),
                   tall(b, three, 384, 3), pooled(b, x, 192)});
}

}  // namespace

SmallModel conv_chain(int layers) {
  NetworkBuilder b;
  Value x = b.pad(b.input({1, 2, 2, 3}), 128, 128);
  for (int i = 0; i < layers; ++i) x = b.conv(x, 32, square(7));
  b.output(b.conv(x, 1, valid(1, 128)));
  return std::move(b.model());
}

SmallModel dense_chain(int units, int layers) {
  NetworkBuilder b;
  Value x = b.input({1, 2, 2, 3});
  for (int i = 0; i < layers; ++i) x = b.fully_connected(x, units);
  b.output(b.fully_connected(x, 1));
  return std::move(b.model());
}

SmallModel padding_only(int64_t height, int64_t width) {
  NetworkBuilder b;
  b.output(b.pad(b.input({1, 2, 2, 3}), height, width));
  return std::move(b.model());
}

SmallModel stride_only(int64_t height, int64_t width) {
  NetworkBuilder b;
  const Value x = b.input({1, height, width, 3});
  b.output(b.conv(x, 3, {1, 1, std::max(height, width), false}));
  return std::move(b.model());
}

SmallModel mobilenet_v1() {
  NetworkBuilder b;
  Value x = b.conv(b.input({1, 224, 224, 3}), 32, square(3, 2));
  for (const auto& [outputs, stride] : kMobileNetV1) x = separable(b, x, outputs, stride);
  b.output(b.softmax(b.flat(b.conv(b.global_average(x), 1001, square(1)))));
  return std::move(b.model());
}

SmallModel mobilenet_v2(bool with_classifier) {
  NetworkBuilder b;
  Value x = inverted_residual(b, b.conv(b.input({1, 224, 224, 3}), 32, square(3, 2)), 16, 1, 1);
  for (const auto& [outputs, count, stride] :
       {std::tuple(24, 2, 2), {32, 3, 2}, {64, 4, 2}, {96, 3, 1}, {160, 3, 2}, {320, 1, 1}})
    for (int i = 0; i < count; ++i) x = inverted_residual(b, x, outputs, i == 0 ? stride : 1, 6);
  x = b.conv(x, 1280, square(1));
  if (with_classifier) return classifier(b, x);
  b.output(x);
  return std::move(b.model());
}

SmallModel ssd_mobilenet_v1() {
  NetworkBuilder b;
  Value x = b.conv(b.input({1, 300, 300, 3}), 32, square(3, 2));
  Values maps;
  for (const auto& [outputs, stride] : kMobileNetV1) {
    if (outputs == 1024 && stride == 2) maps.push_back(x);
    x = separable(b, x, outputs, stride);
  }
  maps.push_back(x);
  for (const auto& [inner, outputs] : {std::pair(256, 512), {128, 256}, {128, 256}, {64, 128}}) {
    x = b.conv(b.conv(x, inner, square(1)), outputs, square(3, 2));
    maps.push_back(x);
  }
  Values boxes, scores;
  for (size_t i = 0; i < maps.size(); ++i) {
    const int64_t anchors = i == 0 ? 3 : 6;
    boxes.push_back(b.conv(maps[i], anchors * 4, square(1)));
    scores.push_back(b.conv(maps[i], anchors * 91, square(1)));
  }
  b.output(b.rows(boxes, 4));
  b.output(b.logistic(b.rows(scores, 91)));
  return std::move(b.model());
}

SmallModel squeezenet() {
  NetworkBuilder b;
  Value x = b.max_pool(b.conv(b.input({1, 224, 224, 3}), 96, valid(7, 2)), valid(3, 2));
  for (const auto& [squeeze, expand, pools] : {std::tuple(16, 64, false),
                                               {16, 64, false},
                                               {32, 128, true},
                                               {32, 128, false},
                                               {48, 192, false},
                                               {48, 192, false},
                                               {64, 256, true},
                                               {64, 256, false}}) {
    x = fire(b, x, squeeze, expand);
    if (pools) x = b.max_pool(x, valid(3, 2));
  }
  b.output(b.softmax(b.flat(b.global_average(b.conv(x, 1000, square(1))))));
  return std::move(b.model());
}

SmallModel vgg(int per_block) {
  NetworkBuilder b;
  Value x = b.input({1, 224, 224, 3});
  for (const auto& [outputs, count] : {std::pair(64, 2), {128, 2}, {256, per_block}, {512, per_block}, {512, per_block}}) {
    for (int i = 0; i < count; ++i) x = b.conv(x, outputs, square(3));
    x = b.max_pool(x, square(2, 2));
  }
  b.output(b.softmax(b.fully_connected(b.fully_connected(b.fully_connected(b.flat(x), 4096), 4096), 1000)));
  return std::move(b.model());
}

SmallModel resnet(const std::vector<int>& blocks) {
  NetworkBuilder b;
  Value x = b.max_pool(b.conv(b.input({1, 299, 299, 3}), 64, square(7, 2)), square(3, 2));
  for (size_t stage = 0; stage < blocks.size(); ++stage)
    for (int i = 0; i < blocks[stage]; ++i) x = bottleneck(b, x, 64 << stage, i == 0 && stage > 0 ? 2 : 1);
  return classifier(b, x);
}

SmallModel inception_v1() {
  NetworkBuilder b;
  Value x = b.max_pool(b.conv(b.input({1, 224, 224, 3}), 64, square(7, 2)), square(3, 2));
  x = b.max_pool(b.conv(b.conv(x, 64, square(1)), 192, square(3)), square(3, 2));
  constexpr std::array<int, 6> kBlocks[] = {
      {64, 96, 128, 16, 32, 32},     {128, 128, 192, 32, 96, 64},   {192, 96, 208, 16, 48, 64},
      {160, 112, 224, 24, 64, 64},   {128, 128, 256, 24, 64, 64},   {112, 144, 288, 32, 64, 64},
      {256, 160, 320, 32, 128, 128}, {256, 160, 320, 32, 128, 128}, {384, 192, 384, 48, 128, 128}};
  for (size_t i = 0; i < std::size(kBlocks); ++i) {
    if (i == 2) x = b.max_pool(x, square(3, 2));
    if (i == 7) x = b.max_pool(x, square(2, 2));
    x = inception_v1_block(b, x, kBlocks[i]);
  }
  return classifier(b, x);
}

SmallModel inception_v3() {
  NetworkBuilder b;
  Value x = b.conv(b.conv(b.conv(b.input({1, 299, 299, 3}), 32, valid(3, 2)), 32, valid(3)), 64, square(3));
  x = b.conv(b.conv(b.max_pool(x, valid(3, 2)), 80, valid(1)), 192, valid(3));
  x = b.max_pool(x, valid(3, 2));
  for (const int pool : {32, 64, 64})
    x = b.concat({point(b, x, 64), b.conv(point(b, x, 48), 64, square(5)),
                  b.conv(b.conv(point(b, x, 64), 96, square(3)), 96, square(3)), pooled(b, x, pool)});
  x = b.concat({b.conv(x, 384, valid(3, 2)), b.conv(b.conv(point(b, x, 64), 96, square(3)), 96, valid(3, 2)),
                b.max_pool(x, valid(3, 2))});
  for (const int n : {128, 160, 160, 192})
    x = b.concat({point(b, x, 192), tall(b, broad(b, point(b, x, n), n, 7), 192, 7),
                  broad(b, tall(b, broad(b, tall(b, point(b, x, n), n, 7), n, 7), n, 7), 192, 7), pooled(b, x, 192)});
  x = b.concat({b.conv(point(b, x, 192), 320, valid(3, 2)),
                b.conv(tall(b, broad(b, point(b, x, 192), 192, 7), 192, 7), 192, valid(3, 2)), b.max_pool(x, valid(3, 2))});
  return classifier(b, inception_v3_c(b, inception_v3_c(b, x)));
}

SmallModel inception_v4() {
  NetworkBuilder b;
  Value x = inception_v4_stem(b);
  for (int i = 0; i < 4; ++i)
    x = b.concat({point(b, x, 96), b.conv(point(b, x, 64), 96, square(3)),
                  b.conv(b.conv(point(b, x, 64), 96, square(3)), 96, square(3)), pooled(b, x, 96)});
  x = b.concat({b.conv(x, 384, valid(3, 2)), b.conv(b.conv(point(b, x, 192), 224, square(3)), 256, valid(3, 2)),
                b.max_pool(x, valid(3, 2))});
  for (int i = 0; i < 7; ++i)
    x = b.concat({point(b, x, 384), tall(b, broad(b, point(b, x, 192), 224, 7), 256, 7),
                  broad(b, tall(b, broad(b, tall(b, point(b, x, 192), 192, 7), 224, 7), 224, 7), 256, 7), pooled(b, x, 128)});
  x = b.concat({b.conv(point(b, x, 192), 192, valid(3, 2)),
                b.conv(tall(b, broad(b, point(b, x, 256), 256, 7), 320, 7), 320, valid(3, 2)), b.max_pool(x, valid(3, 2))});
  for (int i = 0; i < 3; ++i) x = inception_v4_c(b, x);
  return classifier(b, x);
}

SmallModel efficientnet_edgetpu(double width, double depth, int64_t side) {
  struct Stage {
    int count, k, stride, expansion, outputs;
    bool fused;  // expanded by a convolution in place of a depthwise one
  };
  constexpr Stage kStages[] = {{1, 3, 1, 4, 24, true},  {2, 3, 2, 8, 32, true},   {4, 3, 2, 8, 48, true},
                               {5, 5, 2, 8, 96, false}, {4, 5, 1, 8, 144, false}, {2, 5, 2, 8, 192, false}};
  const auto channels = [&](int n) {
    const auto rounded = std::max(int64_t{8}, int64_t(n * width + 4) / 8 * 8);
    return double(rounded) < 0.9 * n * width ? rounded + 8 : rounded;
  };
  NetworkBuilder b;
  Value x = b.conv(b.input({1, side, side, 3}), channels(32), square(3, 2));
  for (const Stage& s : kStages)
    for (int i = 0; i < int(std::ceil(s.count * depth)); ++i) {
      const int64_t stride = i == 0 ? s.stride : 1, outputs = channels(s.outputs), in = x.shape[3];
      if (!s.fused) {
        x = inverted_residual(b, x, outputs, stride, s.expansion, s.k);
        continue;
      }
      const Value y = b.conv(b.conv(x, in * s.expansion, square(s.k, stride)), outputs, square(1));
      x = stride == 1 && in == outputs && i > 0 ? b.add(x, y) : y;
    }
  return classifier(b, b.conv(x, channels(1280), square(1)));
}

}  // namespace atl::edgetpu
