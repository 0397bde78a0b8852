// Predicted times against every one that was published for a model that is known layer by layer.
#include <functional>

#include "edgetpu/cost.h"
#include "edgetpu/published_networks.h"

namespace atl::edgetpu {
namespace {

// Where a time was measured. kNano: Jetson Nano at 10 W, iwatake2222/EdgeTPU_Analysis, Result.xlsx (2019). kDesktop: Xeon,
// google-coral/edgetpu, benchmarks/reference; kPage: the same host, coral.ai's page of benchmarks.
// kDevBoard: both, of the Dev Board.
enum class Host { kNano, kDesktop, kPage, kDevBoard };

struct Measured {
  std::string name;
  Host host;
  double ms;
  std::function<SmallModel()> model;
};

Latency predicted(const Measured& m) {
  const SourceModel model = m.model().opened();
  const Placement placement = place(model, Compiler::k2_0);
  EXPECT_EQ(placement.mapped_count(), model.ops.size()) << m.name;
  return cost_of(model, placement, Compiler::k2_0).latency;
}

void expect_within(const std::vector<Measured>& all, double Latency::*link, double bound) {
  for (const Measured& m : all) {
    const double ms = predicted(m).*link, error = ms / m.ms - 1;
    EXPECT_LE(std::abs(error), bound) << m.name << ": predicted " << ms << " ms, measured " << m.ms;
  }
}

struct Chain {
  int size, layers;
  double usb3, usb2;
};
constexpr Chain kConvChains[] = {{7, 10, 7.817, 8.539},  {7, 25, 20.13, 21.39},  {7, 50, 40.73, 43.64},
                                 {7, 75, 61.60, 76.83},  {7, 100, 82.66, 113.1}, {7, 150, 124.4, 184.3},
                                 {7, 200, 166.0, 255.4}, {7, 250, 207.6, 326.4}, {7, 300, 249.1, 397.0}};
constexpr Chain kDenseChains[] = {{100, 100, 1.440, 12.23}, {100, 200, 5.827, 53.88}, {100, 300, 9.421, 95.32},
                                  {100, 400, 13.06, 136.8}, {100, 500, 16.73, 178.3}, {100, 600, 20.37, 219.7},
                                  {100, 700, 23.99, 261.1}, {100, 800, 27.63, 302.5}, {100, 900, 31.28, 344.0},
                                  {150, 100, 5.097, 45.21}, {200, 100, 9.556, 92.99}, {250, 100, 13.03, 128.9},
                                  {300, 100, 18.74, 201.6}, {350, 100, 26.90, 294.9}, {400, 100, 36.37, 402.9}};
struct Image {
  int64_t height, width;
  double usb3, usb2;
};
constexpr Image kStrides[] = {{2, 2, 0.2919, 0.3715},    {64, 64, 0.3177, 0.6805},  {128, 64, 0.3462, 1.027},
                              {128, 128, 0.4124, 1.710}, {256, 128, 0.6029, 3.053}, {256, 256, 0.9241, 5.811}};
constexpr Image kPaddings[] = {{2, 2, 0.2928, 0.3565},   {64, 64, 0.7873, 1.777},  {128, 64, 1.323, 3.194},
                               {128, 128, 2.397, 6.015}, {256, 128, 4.598, 11.74}, {256, 256, 8.769, 22.40}};

std::vector<Measured> microbenchmarks(double Chain::*chain, double Image::*image) {
  std::vector<Measured> out;
  for (const Chain& c : kConvChains)
    out.push_back({fmt::format("{} convolutions 7x7", c.layers), Host::kNano, c.*chain, [=] { return conv_chain(c.layers); }});
  for (const Chain& c : kDenseChains)
    out.push_back({fmt::format("{} dense layers of {}", c.layers, c.size), Host::kNano, c.*chain,
                   [=] { return dense_chain(c.size, c.layers); }});
  for (const Image& i : kStrides)
    out.push_back({fmt::format("stride over {}x{}", i.height, i.width), Host::kNano, i.*image,
                   [=] { return stride_only(i.height, i.width); }});
  for (const Image& i : kPaddings)
    out.push_back({fmt::format("padding to {}x{}", i.height, i.width), Host::kNano, i.*image,
                   [=] { return padding_only(i.height, i.width); }});
  return out;
}

TEST(Latency, OfMicrobenchmarksOverUsb3) {
  expect_within(microbenchmarks(&Chain::usb3, &Image::usb3), &Latency::usb3, Latency::kError);
}

TEST(Latency, OfMicrobenchmarksOverUsb2) {
  expect_within(microbenchmarks(&Chain::usb2, &Image::usb2), &Latency::usb2, Latency::kError);
}

TEST(Latency, OfNetworksOverUsb3) {
  const auto v2 = [] { return mobilenet_v2(true); };
  expect_within({{"MobileNet v1", Host::kNano, 2.411, mobilenet_v1},
                 {"MobileNet v1", Host::kDesktop, 2.17, mobilenet_v1},
                 {"MobileNet v1", Host::kPage, 2.4, mobilenet_v1},
                 {"MobileNet v2", Host::kNano, 2.526, v2},
                 {"MobileNet v2", Host::kDesktop, 2.29, v2},
                 {"MobileNet v2", Host::kPage, 2.6, v2},
                 {"MobileNet v2, features", Host::kNano, 3.814, [] { return mobilenet_v2(false); }},
                 {"SSD MobileNet v1", Host::kNano, 11.52, ssd_mobilenet_v1},
                 {"SSD MobileNet v1", Host::kDesktop, 10.02, ssd_mobilenet_v1},
                 {"SqueezeNet", Host::kPage, 2.1, squeezenet},
                 {"Inception v1", Host::kDesktop, 3.06, inception_v1},
                 {"Inception v1", Host::kPage, 3.4, inception_v1},
                 {"Inception v3", Host::kPage, 42.8, inception_v3},
                 {"Inception v4", Host::kDesktop, 84.25, inception_v4},
                 {"Inception v4", Host::kPage, 85, inception_v4},
                 {"ResNet-50", Host::kPage, 49,
                  [] {
                    return resnet({3, 4, 6, 3});
                  }},
                 {"ResNet-152", Host::kPage, 128,
                  [] {
                    return resnet({3, 8, 36, 3});
                  }},
                 {"VGG-16", Host::kPage, 296, [] { return vgg(3); }},
                 {"VGG-19", Host::kPage, 308, [] { return vgg(4); }},
                 {"EfficientNet-EdgeTPU-S", Host::kPage, 5.1, [] { return efficientnet_edgetpu(1, 1, 224); }},
                 {"EfficientNet-EdgeTPU-M", Host::kPage, 8.7, [] { return efficientnet_edgetpu(1, 1.1, 240); }},
                 {"EfficientNet-EdgeTPU-L", Host::kPage, 21.3, [] { return efficientnet_edgetpu(1.2, 1.4, 300); }}},
                &Latency::usb3, Latency::kError);
}

TEST(Latency, OfNetworksOverUsb2) {
  expect_within({{"MobileNet v1", Host::kNano, 8.486, mobilenet_v1},
                 {"MobileNet v2", Host::kNano, 9.973, [] { return mobilenet_v2(true); }},
                 {"SSD MobileNet v1", Host::kNano, 32.79, ssd_mobilenet_v1}},
                &Latency::usb2, Latency::kError);
}

TEST(Latency, OfNetworksOverPcie) {
  expect_within({{"MobileNet v1", Host::kDevBoard, 2.22, mobilenet_v1},
                 {"MobileNet v2", Host::kDevBoard, 2.56, [] { return mobilenet_v2(true); }},
                 {"SSD MobileNet v1", Host::kDevBoard, 14.83, ssd_mobilenet_v1},
                 {"SqueezeNet", Host::kDevBoard, 2, squeezenet},
                 {"Inception v1", Host::kDevBoard, 4, inception_v1},
                 {"Inception v4", Host::kDevBoard, 100.33, inception_v4},
                 {"ResNet-50", Host::kDevBoard, 56,
                  [] {
                    return resnet({3, 4, 6, 3});
                  }},
                 {"ResNet-152", Host::kDevBoard, 151,
                  [] {
                    return resnet({3, 8, 36, 3});
                  }},
                 {"VGG-16", Host::kDevBoard, 343, [] { return vgg(3); }},
                 {"VGG-19", Host::kDevBoard, 357, [] { return vgg(4); }},
                 {"EfficientNet-EdgeTPU-S", Host::kDevBoard, 5.5, [] { return efficientnet_edgetpu(1, 1, 224); }},
                 {"EfficientNet-EdgeTPU-M", Host::kDevBoard, 10.6, [] { return efficientnet_edgetpu(1, 1.1, 240); }}},
                &Latency::pcie, Latency::kPcieError);
}

}  // namespace
}  // namespace atl::edgetpu
