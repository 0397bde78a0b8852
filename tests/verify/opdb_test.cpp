// PyTorch's own operator samples (scripts/opdb, fixtures/opdb.zip) and what these do not show
// (scripts/fixtures/operator_cases.py, fixtures/operators.zip): each program is converted and run in LiteRT, and must give what
// PyTorch recorded; or it is refused, with this error.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "atoll/convert.h"
#include "read/archive.h"
#include "run/compiled_model.h"
#include "run/tensor_file.h"
#include "support/mapped_file.h"

namespace atl {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// A zip of programs, with what must happen to each of them.
struct Programs {
  explicit Programs(const std::string& name)
      : archive([&] {
          auto file = MappedFile::open(ATOLL_SOURCE_DIR "/tests/verify/fixtures/" + name);
          Blob blob{(*file)->bytes(), *file};
          return *Archive::open(std::move(blob), name);
        }()),
        cases(json::parse(entry("cases.json").text()).get<std::vector<json>>()) {}
  Blob entry(const std::string& name) const {
    auto blob = archive.read(name);
    if (!blob) ADD_FAILURE() << format(blob.error());
    return blob ? *std::move(blob) : Blob{};
  }
  Archive archive;
  std::vector<json> cases;
};

const Programs& samples() {
  static const Programs kPrograms("opdb.zip");
  return kPrograms;
}
const Programs& others() {
  static const Programs kPrograms("operators.zip");
  return kPrograms;
}
/// Case i of both, one behind the other.
const Programs& programs(size_t i) { return i < samples().cases.size() ? samples() : others(); }
const json& case_of(size_t i) {
  const size_t first = samples().cases.size();
  return i < first ? samples().cases[i] : others().cases[i - first];
}

class OpdbTest : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    folder_ = (fs::temp_directory_path() / "atoll_opdb_XXXXXX").string();
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override { fs::remove_all(folder_); }

  Blob entry(const std::string& name) const { return programs(GetParam()).entry(name); }
  Result<ConvertReport> convert_program(const std::string& name) const {
    const Blob program = entry(name + ".pt2");
    std::ofstream(folder_ + "/program.pt2", std::ios::binary) << program.text();
    ConvertOptions options;
    options.verify = false;  // PyTorch's results are the judge
    options.verify_graph = true;
    return convert(folder_ + "/program.pt2", folder_ + "/program.tflite", options);
  }
  std::string folder_;
};

template <class T>
void expect_close(const NdArray& got, const NdArray& want) {
  const auto a = got.values<T>(), b = want.values<T>();
  for (size_t i = 0; i < b.size(); ++i) {
    const double x = double(a[i]), y = double(b[i]);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    ASSERT_TRUE(std::isfinite(x) && std::isfinite(y)) << "element " << i << ": " << x << " instead of " << y;
    ASSERT_LE(std::fabs(x - y), 1e-5 + 1e-4 * std::fabs(y)) << "element " << i << ": " << x << " instead of " << y;
  }
}

void expect_equal(const NdArray& got, const NdArray& want) {
  ASSERT_EQ(tensor_text(got.dtype, got.shape), tensor_text(want.dtype, want.shape));
  if (want.dtype == ElementType::kF32) return expect_close<float>(got, want);
  if (want.dtype == ElementType::kF64) return expect_close<double>(got, want);
  EXPECT_EQ(got.bytes, want.bytes);
}

TEST_P(OpdbTest, GivesTorchsResults) {
  const json& c = case_of(GetParam());
  const std::string name = c["program"];
  SCOPED_TRACE(name);
  const auto report = convert_program(name);
  if (c.contains("refused")) {
    ASSERT_FALSE(report) << name << " is converted now: move it to the others (scripts/opdb/pack.py)";
    EXPECT_NE(format(report.error()).find(c["refused"].get<std::string>()), std::string::npos) << format(report.error());
    if (!c.value("alone", false)) return;
    EXPECT_EQ("E" + std::to_string(int(report.error().code)), c["code"].get<std::string>());
    EXPECT_EQ(report.error().what, c["refused"].get<std::string>());
    EXPECT_TRUE(report.error().others.empty()) << format(report.error());
    return;
  }
  ASSERT_TRUE(report) << format(report.error());
  const auto library = LiteRtLibrary::find();
  if (!library) GTEST_SKIP() << library.error().what;
  auto model = CompiledModel::load(*library, folder_ + "/program.tflite");
  ASSERT_TRUE(model) << format(model.error());
  const auto arrays = parse_npz(entry(name + ".npz").bytes, name);
  ASSERT_TRUE(arrays) << format(arrays.error());
  std::vector<NdArray> inputs, wanted;
  for (const NamedArray& a : *arrays) (a.name.starts_with("in_") ? inputs : wanted).push_back(a.array);
  const auto got = model->run(0, inputs);
  ASSERT_TRUE(got) << format(got.error());
  ASSERT_EQ(got->size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) expect_equal((*got)[i], wanted[i]);
}

std::string name_of(const testing::TestParamInfo<size_t>& info) {
  std::string name = case_of(info.param)["program"];
  for (char& ch : name)
    if (!std::isalnum(static_cast<unsigned char>(ch))) ch = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Torch, OpdbTest, testing::Range(size_t(0), samples().cases.size() + others().cases.size()), name_of);

}  // namespace
}  // namespace atl
