// The networks whose times on an Edge TPU were published.
#pragma once
#include "edgetpu/network_builder.h"

namespace atl::edgetpu {

/// `layers` convolutions of 7 x 7 with 32 outputs over 128 x 128 pixels, which are a padding of 2 x 2.
SmallModel conv_chain(int layers);
/// `layers` fully connected layers of `units`.
SmallModel dense_chain(int units, int layers);
/// 2 x 2 pixels padded to height x width, which are the result.
SmallModel padding_only(int64_t height, int64_t width);
/// One pixel of height x width, by a convolution with that stride.
SmallModel stride_only(int64_t height, int64_t width);
SmallModel mobilenet_v1();
SmallModel mobilenet_v2(bool classifier);
SmallModel ssd_mobilenet_v1();
SmallModel squeezenet();
SmallModel vgg(int per_block);
SmallModel resnet(const std::vector<int>& blocks);
SmallModel inception_v1();
SmallModel inception_v3();
SmallModel inception_v4();
SmallModel efficientnet_edgetpu(double width, double depth, int64_t side);

}  // namespace atl::edgetpu
