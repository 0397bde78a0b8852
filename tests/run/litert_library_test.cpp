#include "run/litert_library.h"

#include <algorithm>

#include "run/probe.h"
#include "run/python.h"
#include "runtime.h"

namespace atl {
namespace {

/// Sets an environment variable for one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (old_) {
      setenv(name_, old_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST(LiteRtLibrary, SaysWhereItLooked) {
  TemporaryFolder folder;
  Variable variable("ATOLL_LITERT", folder.path().string());
  auto library = LiteRtLibrary::find();
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, Code::kRuntimeMissing);
  EXPECT_EQ(library.error().what, "ATOLL_LITERT names '" + folder.path().string() + "' where no libLiteRt.so is");
  EXPECT_EQ(library.error().hint,
            "install it with `pip install ai-edge-litert==2.3.0`, or set ATOLL_LITERT to libLiteRt.so or to its folder");
  library = LiteRtLibrary::find(folder.path());
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().what, "there is no LiteRT at '" + folder.path().string() + "' (no libLiteRt.so)");
}

TEST(LiteRtLibrary, RefusesOtherLibraries) {
  TemporaryFolder folder;
  std::ofstream(folder / "libLiteRt.so") << "not a library";
  auto library = LiteRtLibrary::find(folder.path());
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, Code::kRuntimeMissing);
  EXPECT_NE(library.error().what.find("cannot be opened"), std::string::npos);

  library = LiteRtLibrary::open("libm.so.6");
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, Code::kRuntimeAbi);
  EXPECT_NE(library.error().what.find("'libm.so.6' is not LiteRT 2.3.0: it lacks "), std::string::npos) << library.error().what;
}

TEST(LiteRtLibrary, RefusesOtherVersionsBeforeOpeningThem) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder / "ai_edge_litert");
  std::filesystem::create_directory(folder / "ai_edge_litert-2.1.2.dist-info");
  std::ofstream(folder / "ai_edge_litert/libLiteRt.so") << "never read";
  auto library = LiteRtLibrary::find(folder.path());
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, Code::kRuntimeAbi);
  EXPECT_NE(library.error().what.find("is LiteRT 2.1.2, but LiteRT 2.3.0 is needed"), std::string::npos)
      << library.error().what;
}

TEST_F(RuntimeTest, TakesAFileAndItsFolders) {
  std::filesystem::path file = library_->file(), package = file.parent_path();
  for (const auto& path : {file, package}) {
    auto library = LiteRtLibrary::find(path);
    ASSERT_TRUE(library) << format(library.error());
    EXPECT_EQ((*library)->file(), file);
    EXPECT_EQ((*library)->found_by(), "as given");
    EXPECT_EQ((*library)->version(), library_->version());
  }
  Variable variable("ATOLL_LITERT", package.string());
  EXPECT_EQ((*LiteRtLibrary::find())->found_by(), "ATOLL_LITERT");
}

TEST(Python, AnswersOrSaysWhyNot) {
  std::string python = find_python();
  if (python.empty()) GTEST_SKIP() << "no Python";
  EXPECT_EQ(*run_python(python, "print(6 * 7)"), "42\n");
  auto failed = run_python(python, "import sys; sys.exit(3)");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().what, "'" + python + "' failed with status 3");
  auto slow = run_python(python, "import time; time.sleep(60)", std::chrono::milliseconds(200));
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().what, "'" + python + "' did not answer within 200 ms");
  EXPECT_FALSE(run_python(python, "print('x' * 2000000)"));
  EXPECT_FALSE(run_python("/no/such/python", "1"));

  const std::string names[] = {"json", "no_such_package_at_all"};
  auto packages = find_python_packages(python, names);
  ASSERT_TRUE(packages) << format(packages.error());
  EXPECT_FALSE((*packages)[0].folder.empty());
  EXPECT_TRUE((*packages)[1].folder.empty());
}

TEST(Probe, ListsWhatIsInstalled) {
  TemporaryFolder folder;
  Variable variable("ATOLL_LITERT", folder.path().string());
  auto findings = probe();
  ASSERT_GE(findings.size(), 3u);
  EXPECT_EQ(findings[0].name, "LiteRT");
  EXPECT_EQ(name(findings[0].status), "missing");
  EXPECT_NE(findings[0].mend.find("pip install"), std::string::npos);
  EXPECT_EQ(findings[1].name, "CPU");
  EXPECT_TRUE(findings[2].name.starts_with("Edge TPU")) << findings[2].name;
  EXPECT_NE(std::ranges::find(findings, "Python", &Finding::name), findings.end());
}

TEST_F(RuntimeTest, ProbeFindsLiteRt) {
  auto findings = probe();
  EXPECT_EQ(findings[0].name, "LiteRT");
  EXPECT_NE(findings[0].status, Finding::Status::kMissing);
  EXPECT_NE(findings[0].detail.find(library_->file().string()), std::string::npos);
}

}  // namespace
}  // namespace atl
