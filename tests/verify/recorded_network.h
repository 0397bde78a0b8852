// Networks with what torch recorded of them: converted, run in LiteRT, compared.
#pragma once
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "atoll/convert.h"
#include "run/tensor_file.h"
#include "verify/comparison.h"
#include "verify/sample_nets.h"
#include "verify/written_model.h"

namespace atl {

/// A file name that no other run uses; the file goes when the test ends.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name)
      : path_(std::filesystem::path(testing::TempDir()) / fmt::format("atoll_{}_{}.tflite", name, ::getpid())) {}
  ~TemporaryFile() {
    std::error_code e;
    std::filesystem::remove(path_, e);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline const NdArray* find_array(const std::vector<NamedArray>& arrays, const std::string& name) {
  const auto it = std::find_if(arrays.begin(), arrays.end(), [&](const NamedArray& a) { return a.name == name; });
  return it == arrays.end() ? nullptr : &it->array;
}

/// A file in LiteRT whose inputs and outputs may lie in another order of axes than the source's.
class ConvertedFile {
 public:
  static Result<ConvertedFile> load(std::shared_ptr<const LiteRtLibrary> library, const ConvertReport& report) {
    TRY(CompiledModel model, CompiledModel::load(std::move(library), std::filesystem::path(report.destination)));
    return ConvertedFile(std::move(model), report);
  }
  const TensorInfo& input() const { return model_.signatures()[0].inputs[0]; }
  /// Runs the file on an input as it lies in the file; outputs lie as in the source.
  Result<Tensors> run(NdArray input) {
    TRY(const auto arrays, model_.run(0, std::vector<NdArray>{std::move(input)}));
    Tensors out;
    for (size_t i = 0; i < arrays.size(); ++i) {
      const Tensor t = tensor_of(arrays[i]);
      const Perm p = perm_of(report_.outputs.at(i));
      out.push_back(p.empty() ? t : transpose(t, inverse(p)));
    }
    return out;
  }
  /// The same on an input as it lies in the source.
  Result<Tensors> run_source_input(const NdArray& input) {
    const Perm p = perm_of(report_.inputs.at(0));
    return run(p.empty() ? input : array_of(transpose(tensor_of(input), p)));
  }

 private:
  ConvertedFile(CompiledModel model, ConvertReport report) : model_(std::move(model)), report_(std::move(report)) {}
  static Perm perm_of(const PortReport& port) { return Perm(port.permutation.begin(), port.permutation.end()); }
  CompiledModel model_;
  ConvertReport report_;
};

/// Tests of files NAME.pt2 beside NAME.npz with in_0 and out_0, out_1, ...
class RecordedNetworkTest : public LiteRtTest {
 protected:
  static constexpr double kSnrDb = 100;

  void expect_equal_to_torch(const std::filesystem::path& stem, size_t output_count, bool nhwc) {
    expect_equal_to_torch(stem.string() + ".pt2", stem.string() + ".npz", output_count, nhwc);
  }
  /// Converts with proof, runs the file on the recorded in_0 and compares with the recorded out_0, out_1, ...
  void expect_equal_to_torch(const std::string& program, const std::string& record, size_t output_count, bool nhwc) {
    const TemporaryFile file(std::filesystem::path(record).stem().string() + (nhwc ? "_nhwc" : ""));
    ConvertOptions options;
    options.nhwc = nhwc;
    const auto report = convert(program, file.path(), options);
    ASSERT_TRUE(report) << format(report.error());
    EXPECT_EQ(report->proof.verdict, ProofReport::Verdict::kProven) << report->proof.reason;
    ASSERT_EQ(report->inputs.size(), 1u);
    EXPECT_EQ(report->inputs[0].permutation, (nhwc ? std::vector<int>{0, 2, 3, 1} : std::vector<int>{}));
    ASSERT_EQ(report->outputs.size(), output_count);

    const auto recorded = read_tensor_file(record);
    ASSERT_TRUE(recorded) << format(recorded.error());
    const NdArray* input = find_array(*recorded, "in_0");
    ASSERT_NE(input, nullptr);
    auto model = ConvertedFile::load(library_, *report);
    ASSERT_TRUE(model) << format(model.error());
    const auto got = model->run_source_input(*input);
    ASSERT_TRUE(got) << format(got.error());
    ASSERT_EQ(got->size(), output_count);
    for (size_t i = 0; i < output_count; ++i) {
      const NdArray* expected = find_array(*recorded, fmt::format("out_{}", i));
      ASSERT_NE(expected, nullptr) << i;
      const Comparison c = compare(tensor_of(*expected), (*got)[i], {.min_snr_db = kSnrDb});
      EXPECT_TRUE(c.passed) << "out_" << i << ": " << c.reason;
      EXPECT_GE(c.snr_db(), kSnrDb) << "out_" << i;
      RecordProperty(fmt::format("snr_db_out_{}{}", i, nhwc ? "_nhwc" : ""), fmt::format("{:.1f}", c.snr_db()));
    }
  }
};

}  // namespace atl
