#include "edgetpu/package.h"

#include <flatbuffers/flexbuffers.h>
#include <gtest/gtest.h>
#include <package_generated.h>

#include "edgetpu/small_model.h"

namespace atl::edgetpu {
namespace {

std::string executable(fbs::ExecutableType type, const std::string& chip, size_t parameters) {
  flatbuffers::FlatBufferBuilder b;
  const auto numerics = fbs::CreateNumericsDetails(b, -3, 0.25f);
  const auto layer = fbs::CreateLayer(b, b.CreateString("x"), 64, 4, 5, 3, numerics, 8);
  const auto meta = fbs::CreateMeta(b, fbs::Description::BASE_ADDRESS_INPUT_ACTIVATION);
  const auto descriptor = fbs::CreateDmaDescriptorHint(b, meta, 0, 64);
  const auto hint = fbs::CreateDmaHint(b, fbs::AnyHint::DmaDescriptorHint, descriptor.Union(), fbs::Direction::INFEED);
  const auto hints = fbs::CreateDmaHints(b, b.CreateVector(std::vector{hint}), true);
  const auto chunk = fbs::CreateInstructionBitstream(b, b.CreateVector(std::vector<uint8_t>(48)));
  const auto chunks = b.CreateVector(std::vector{chunk});
  const auto weights = b.CreateVector(std::vector<uint8_t>(parameters));
  const auto layers = b.CreateVector(std::vector{layer});
  const auto chip_name = b.CreateString(chip);
  fbs::ExecutableBuilder e(b);
  e.add_instruction_bitstreams(chunks);
  e.add_parameters(weights);
  e.add_dma_hints(hints);
  e.add_input_layers(layers);
  e.add_chip(chip_name);
  e.add_type(type);
  e.add_scratch_size_bytes(16);
  e.add_parameter_caching_token(0xabc);
  b.Finish(e.Finish());
  return {reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize()};
}

std::vector<uint8_t> options_of(const std::vector<std::string>& executables, int chips = 0) {
  flatbuffers::FlatBufferBuilder all;
  std::vector<flatbuffers::Offset<flatbuffers::String>> strings;
  for (const std::string& e : executables) strings.push_back(all.CreateString(e));
  all.Finish(fbs::CreateMultiExecutable(all, all.CreateVector(strings)));
  flatbuffers::FlatBufferBuilder b;
  const auto multi = b.CreateVector(all.GetBufferPointer(), all.GetSize());
  const auto compiler = b.CreateString("cl/1");
  b.Finish(fbs::CreatePackage(b, 12, multi, 0, 0, compiler, chips), fbs::PackageIdentifier());
  flexbuffers::Builder f;
  f.Map([&] {
    f.Int("1", 0);
    f.Key("4");
    f.String(std::string(reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize()));
    f.Int("5", -1);
  });
  f.Finish();
  return f.GetBuffer();
}

std::span<const std::byte> bytes_of(const std::vector<uint8_t>& v) { return std::as_bytes(std::span(v)); }

TEST(Package, ReadsWhatACompilerWrote) {
  const auto options = options_of({executable(fbs::ExecutableType::EXECUTION_ONLY, "beagle", 0),
                                   executable(fbs::ExecutableType::PARAMETER_CACHING, "beagle", 128)});
  const auto p = read_package(bytes_of(options));
  ASSERT_TRUE(p) << format(p.error());
  EXPECT_EQ(p->min_runtime_version, 12);
  EXPECT_EQ(p->compiler, "cl/1");
  EXPECT_EQ(p->compiler_release, "2.1 to 15");
  EXPECT_EQ(p->cached_bytes(), 128u);
  EXPECT_EQ(p->streamed_bytes(), 0u);
  EXPECT_EQ(p->instruction_bytes(), 96u);
  EXPECT_EQ(p->scratch_bytes(), 16u);
  ASSERT_EQ(p->executables.size(), 2u);
  EXPECT_EQ(p->executables[0].transfers.input, 64u);
  EXPECT_EQ(p->executables[0].caching_token, 0xabcu);
  const PackageLayer& x = p->executables[0].inputs.at(0);
  EXPECT_EQ(x.data_type, "int8");
  EXPECT_EQ(std::tuple(x.y, x.x, x.z, x.zero_point, x.scale), std::tuple(4, 5, 3, -3, 0.25f));
}

TEST(Package, IsFoundByItsOperator) {
  SmallModel m;
  const int x = m.input(tflite::TensorType::INT8, {1, 3});
  m.custom("edgetpu-custom-op", options_of({executable(fbs::ExecutableType::STAND_ALONE, "beagle", 64)}), {x},
           {m.output(tflite::TensorType::INT8, {1, 3})});
  const SourceModel model = m.opened();
  const auto packages = read_packages(model);
  ASSERT_TRUE(packages) << format(packages.error());
  ASSERT_EQ(packages->size(), 1u);
  EXPECT_EQ((*packages)[0].streamed_bytes(), 64u);
  EXPECT_EQ(check_placeable(model).error().what, "the model is compiled for the Edge TPU already");
}

TEST(Package, RefusesForgedOnes) {
  const std::string alone = executable(fbs::ExecutableType::STAND_ALONE, "beagle", 64);
  const auto refusal = [](const std::vector<uint8_t>& options) {
    const auto p = read_package(bytes_of(options));
    return p ? "no error" : p.error().what;
  };
  EXPECT_EQ(refusal(options_of({alone})), "no error");
  EXPECT_EQ(refusal(options_of({executable(fbs::ExecutableType::STAND_ALONE, "whippet", 64)})),
            "the package is made for the chip 'whippet', the Coral's is 'beagle'");
  EXPECT_EQ(refusal(options_of({alone}, -1)), "the package is made for several chips");
  EXPECT_EQ(refusal(options_of({alone, alone})), "the Edge TPU package is damaged: its 2 executables do not belong together");
  EXPECT_EQ(refusal(options_of({})), "the Edge TPU package is damaged: its 0 executables do not belong together");
  EXPECT_EQ(refusal(options_of({"no executable at all"})), "the Edge TPU package is damaged: its executable cannot be read");
  EXPECT_EQ(refusal({1, 2, 3, 4}), "the Edge TPU package is damaged: its options cannot be read");
}

// Every cut and every single flipped byte ends in a package or an error, never in a crash.
TEST(Package, SurvivesDamage) {
  const auto good = options_of({executable(fbs::ExecutableType::STAND_ALONE, "beagle", 64)});
  size_t refused = 0;
  for (size_t n = 0; n < good.size(); ++n) {
    refused += !read_package(bytes_of({good.begin(), good.begin() + ptrdiff_t(n)}));
    auto flipped = good;
    flipped[n] ^= 0xff;
    refused += !read_package(bytes_of(flipped));
  }
  EXPECT_GT(refused, good.size());
}

}  // namespace
}  // namespace atl::edgetpu
