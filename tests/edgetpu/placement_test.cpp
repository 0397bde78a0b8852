#include "edgetpu/placement.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "edgetpu/cost.h"
#include "edgetpu/layer.h"
#include "edgetpu/package.h"
#include "support/mapped_file.h"

namespace atl::edgetpu {
namespace {
namespace fs = std::filesystem;

// Google's own compiled models, beside the repository on the machines where it is developed.
const fs::path kPairs = fs::path(ATOLL_SOURCE_DIR) / "../shared/edgetpu";

SourceModel opened(const fs::path& path) {
  const auto file = MappedFile::open(path.string());
  EXPECT_TRUE(file) << format(file.error());
  auto model = read_source_model((*file)->bytes(), *file);
  EXPECT_TRUE(model) << format(model.error());
  return std::move(*model);
}

struct Pair {
  fs::path source, compiled;
  Compiler compiler;
  nlohmann::json truth;
};

std::vector<Pair> pairs() {
  std::vector<Pair> out;
  std::error_code e;
  for (const auto& entry : fs::directory_iterator(kPairs / "truth", e)) {
    const auto truth = nlohmann::json::parse(std::ifstream(entry.path()));
    const std::string folder = truth["folder"], model = truth["model"];
    out.push_back({kPairs / "pairs" / folder / (model + ".tflite"), kPairs / "pairs" / folder / (model + "_edgetpu.tflite"),
                   *compiler_from_name(folder.substr(folder.find('-') + 1)), truth});
  }
  return out;
}

TEST(Placement, EqualsGooglesCompiler) {
  const auto all = pairs();
  if (all.empty()) GTEST_SKIP() << "the pairs are not on this machine";
  for (const Pair& p : all) {
    const SourceModel m = opened(p.source);
    ASSERT_TRUE(check_placeable(m)) << p.source;
    const Placement placement = place(m, p.compiler);
    ASSERT_EQ(m.ops.size(), p.truth["ops"].size());
    for (const auto& op : p.truth["ops"]) {
      if (op["dead"]) continue;
      const size_t i = op["index"];
      EXPECT_EQ(placement.is_mapped(i), op["mapped"].get<bool>())
          << p.source << " " << i << " " << m.ops[i].name << ": " << placement.verdicts[i].reason;
      if (m.ops[i].code != tflite::BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM) {
        EXPECT_EQ(macs_of(m, m.ops[i]), op["macs"].get<uint64_t>()) << p.source << " " << i << " " << m.ops[i].name;
      }
    }
  }
}

TEST(Placement, ParameterBytesEqualGooglesPackages) {
  const auto all = pairs();
  if (all.empty()) GTEST_SKIP() << "the pairs are not on this machine";
  for (const Pair& p : all) {
    const SourceModel m = opened(p.source);
    const MemoryCost cost = cost_of(m, place(m, p.compiler), p.compiler).memory;
    const double real =
        p.truth["totals"]["cached_parameter_bytes"].get<double>() + p.truth["totals"]["streamed_parameter_bytes"].get<double>();
    const double bound = p.compiler == Compiler::k16 ? 0.01 : 0;
    EXPECT_LE(std::abs(double(cost.parameter_bytes) - real), bound * real)
        << p.source << ": " << cost.parameter_bytes << ", real " << real;
  }
}

TEST(CompiledPairs, HoldWhatTheTruthSays) {
  const auto all = pairs();
  if (all.empty()) GTEST_SKIP() << "the pairs are not on this machine";
  for (const Pair& p : all) {
    const auto packages = read_packages(opened(p.compiled));
    ASSERT_TRUE(packages) << format(packages.error());
    ASSERT_EQ(packages->size(), p.truth["tpu"].size());
    for (size_t i = 0; i < packages->size(); ++i) {
      const Package& is = (*packages)[i];
      const auto& want = p.truth["tpu"][i]["package"];
      EXPECT_EQ(is.bytes, want["bytes"].get<uint64_t>());
      EXPECT_EQ(is.compiler_release, name(p.compiler));
      EXPECT_EQ(is.min_runtime_version, want["min_runtime_version"].get<int>());
      EXPECT_EQ(is.compiler, want["compiler_version"].get<std::string>());
      ASSERT_EQ(is.executables.size(), want["executables"].size());
      for (size_t k = 0; k < is.executables.size(); ++k) {
        const Executable& e = is.executables[k];
        const auto& w = want["executables"][k];
        EXPECT_EQ(name(e.kind), w["type"].get<std::string>());
        EXPECT_EQ(e.parameter_bytes, w["parameter_bytes"].get<uint64_t>());
        EXPECT_EQ(e.instruction_bytes, w["instruction_bytes"].get<uint64_t>());
        EXPECT_EQ(e.scratch_bytes, w["scratch_bytes"].get<uint64_t>());
        EXPECT_EQ(e.narrow_bytes_per_tile, w["narrow_bytes_per_tile"].get<uint64_t>());
        EXPECT_EQ(e.transfers.input, w["dma"]["input"].get<uint64_t>());
        EXPECT_EQ(e.transfers.output, w["dma"]["output"].get<uint64_t>());
        EXPECT_EQ(e.transfers.parameter, w["dma"]["parameter"].get<uint64_t>());
        EXPECT_EQ(e.transfers.scratch_in, w["dma"]["scratch_in"].get<uint64_t>());
        EXPECT_EQ(fmt::format("{:x}", e.caching_token), w["caching_token"].get<std::string>());
        ASSERT_EQ(e.inputs.size(), w["inputs"].size());
        for (size_t l = 0; l < e.inputs.size(); ++l) {
          EXPECT_EQ(e.inputs[l].name, w["inputs"][l]["name"].get<std::string>());
          EXPECT_EQ(e.inputs[l].bytes, w["inputs"][l]["size_bytes"].get<uint64_t>());
          EXPECT_EQ(e.inputs[l].z, w["inputs"][l]["z"].get<int>());
          EXPECT_GT(e.inputs[l].scale, 0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace atl::edgetpu
