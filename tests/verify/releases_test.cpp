// Programs that each release of torch saved in its own form, end to end.
#include "verify/recorded_network.h"

namespace atl {
namespace {

class ReleasesTest : public RecordedNetworkTest, public testing::WithParamInterface<std::tuple<const char*, const char*>> {};

TEST_P(ReleasesTest, IsProvenAndEqualsTorch) {
  const auto [release, net] = GetParam();
  const std::string folder = ATOLL_SOURCE_DIR "/tests/read/fixtures/releases/";
  expect_equal_to_torch(folder + "torch-" + release + "/" + net + ".pt2", folder + net + ".npz", 1, false);
}

INSTANTIATE_TEST_SUITE_P(Torch, ReleasesTest,
                         testing::Combine(testing::Values("2.4.1", "2.5.1", "2.6.0", "2.7.1", "2.8.0", "2.9.1", "2.11.0",
                                                          "2.13.0"),
                                          testing::Values("cnn", "lstm", "attn")));

}  // namespace
}  // namespace atl
