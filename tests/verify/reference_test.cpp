#include "verify/reference.h"

#include <filesystem>
#include <fstream>

#include "import/importer.h"
#include "read/program.h"
#include "run/python.h"
#include "support/process.h"
#include "verify/sample_nets.h"
#include "verify/torch_run.h"

namespace atl {
namespace {

const std::string kNet = ATOLL_SOURCE_DIR "/tests/verify/fixtures/net.pt2";

// Tests that need torch in the user's Python (ATOLL_PYTHON) and LiteRT.
class ReferenceTest : public LiteRtTest {
 protected:
  void SetUp() override {
    LiteRtTest::SetUp();
    if (IsSkipped()) return;
    const std::vector<std::string> names{"torch"};
    auto packages = find_python_packages(find_python(), names);
    if (!packages || (*packages)[0].folder.empty()) GTEST_SKIP() << "the Python here has no torch (ATOLL_PYTHON names another)";
    auto program = read_program(kNet);
    ASSERT_TRUE(program) << format(program.error());
    program_.emplace(*std::move(program));
    auto imported = import_program(*program_);
    ASSERT_TRUE(imported) << format(imported.error());
    imported_.emplace(*std::move(imported));
  }
  ReferenceReport run(const Graph& written, const WrittenFileSource& file, std::shared_ptr<const LiteRtLibrary> library) {
    const InterfaceLayouts layouts;
    const ReferenceSubject s{*program_, imported_->graph, imported_->samples, written, file, layouts};
    auto r = compare_with_torch(s, std::move(library));
    if (!r) {
      ADD_FAILURE() << format(r.error());
      return {};
    }
    return *std::move(r);
  }
  std::optional<SourceProgram> program_;
  std::optional<ImportedProgram> imported_;
};

TEST_F(ReferenceTest, EveryLayerAgrees) {
  const Graph written = after_passes(imported_->graph);
  const WrittenFileSource file{{}, file_of(written)};
  const ReferenceReport r = run(written, file, library_);
  EXPECT_TRUE(r.passed);
  EXPECT_TRUE(r.sample);
  EXPECT_FALSE(r.source_departs);
  EXPECT_FALSE(r.file_departs);
  EXPECT_EQ(r.torch_version.substr(0, 2), "2.");
  size_t in_source = 0, in_file = 0;
  for (const LayerCheck& l : r.layers) {
    in_source += l.source && l.source->passed;
    in_file += l.file && l.file->passed;
    if (l.value == "conv2d_1") {
      EXPECT_EQ(l.origin.module_path, "features.3");
      ASSERT_TRUE(l.source);
      EXPECT_GT(l.source->snr_db(), 100);
    }
  }
  EXPECT_EQ(r.layers.size(), in_source);
  EXPECT_GE(in_file, 8u);
  ASSERT_EQ(r.outputs.size(), 2u);
  EXPECT_GT(r.outputs[0].comparison.snr_db(), 100);
}

TEST_F(ReferenceTest, AWrongWeightIsFoundInItsLayer) {
  const Graph written = after_passes(imported_->graph);
  // The same file but for one byte of a weight: the gate's first weight, as the archive has it.
  auto bytes = file_of(written);
  const SourceTensor* weight = program_->find_tensor("p_gate_weight");
  ASSERT_TRUE(weight);
  const auto wanted = weight->data.contiguous_bytes();
  const auto at = std::search(bytes.begin(), bytes.end(), wanted.begin(), wanted.end());
  ASSERT_NE(at, bytes.end());
  const float value = 3;
  std::memcpy(&*at, &value, sizeof value);
  const ReferenceReport r = run(written, {{}, bytes}, library_);
  EXPECT_FALSE(r.passed);
  EXPECT_FALSE(r.source_departs);
  ASSERT_TRUE(r.file_departs);
  const LayerCheck& l = r.layers[*r.file_departs];
  EXPECT_TRUE(l.origin.module_path == "gate") << l.value << " in " << l.origin.module_path;
}

TEST_F(ReferenceTest, WithoutLiteRtTheImportIsCompared) {
  const Graph written = after_passes(imported_->graph);
  const ReferenceReport r = run(written, {}, nullptr);
  EXPECT_TRUE(r.passed);
  ASSERT_EQ(r.outputs.size(), 2u);
  ASSERT_EQ(r.notes.size(), 1u);
  EXPECT_EQ(r.notes[0], "LiteRT is not at hand: the file was not run");
}

// A stand-in for Python that behaves in one way.
class FakePython {
 public:
  explicit FakePython(const std::string& script) : folder_(*ScratchFolder::create()) {
    std::ofstream(path()) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(path(), std::filesystem::perms::owner_all);
  }
  std::string path() const { return folder_.file("python"); }

 private:
  ScratchFolder folder_;
};

Error torch_error(const std::string& python, double seconds = 20) {
  const Tensors in{noise({1, 2}, 1)};
  TorchRunOptions options;
  options.python = python;
  options.timeout_seconds = seconds;
  auto r = run_torch("net.pt2", in, {}, "2.13.0+cpu", options);
  EXPECT_FALSE(r);
  return r ? Error{} : std::move(r.error());
}

TEST(RunTorch, SaysHowToInstallTorch) {
  const FakePython python("echo MISSING torch; exit 3");
  const Error e = torch_error(python.path());
  EXPECT_EQ(e.code, Code::kReference);
  EXPECT_EQ(e.what, fmt::format("'{}' has no package 'torch'", python.path()));
  EXPECT_EQ(e.hint, "install it with: pip install torch==2.13.0 numpy; or set ATOLL_PYTHON to a Python that has it");
}

TEST(RunTorch, QuotesWhatPythonSaid) {
  const FakePython python("echo 'RuntimeError: no such op' >&2; exit 1");
  const Error e = torch_error(python.path());
  EXPECT_EQ(e.code, Code::kReference);
  EXPECT_NE(e.what.find("status 1\nRuntimeError: no such op"), std::string::npos) << e.what;
}

TEST(RunTorch, EndsAfterTheTimeLimit) {
  const FakePython python("exec sleep 30");
  const Error e = torch_error(python.path(), 0.2);
  EXPECT_NE(e.what.find("no answer within the time limit"), std::string::npos) << e.what;
}

TEST(RunTorch, APythonThatIsNotThereIsAnError) {
  EXPECT_EQ(torch_error("/nowhere/python").what, "cannot start '/nowhere/python': No such file or directory");
}

TEST(RunTorch, APythonThatWritesNothingIsAnError) {
  const FakePython python("exit 0");
  EXPECT_EQ(torch_error(python.path()).code, Code::kFileMissing);
}

}  // namespace
}  // namespace atl
