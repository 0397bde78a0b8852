// export-c and convert --target tflm. The models of tests/micro/data and TensorFlow Lite Micro's answers are of
// scripts/fixtures/micro_models.py.
#include "command_line.h"
#include "support/process.h"

namespace atl::cli {
namespace {

using nlohmann::json;

std::string model(const std::string& name) { return source_file("tests/micro/data/" + name); }

std::string bytes_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class ExportCTest : public CommandLineTest {
 protected:
  // A compiler or a program that it made, in the test's folder.
  void succeeds(const std::vector<std::string>& argv) const {
    ProcessOptions options;
    options.folder = folder_.string();
    options.limit = std::chrono::minutes(2);
    const auto done = run_process(argv, options);
    ASSERT_TRUE(done) << argv[0];
    EXPECT_TRUE(done->succeeded()) << done->err << done->out;
  }
  // A program that holds the source against the file, and a resolver that only counts.
  void write_program(const std::string& name, const std::string& header) const {
    write("resolver.h", R"(#pragma once
#include <set>
#include <string>
template <unsigned Count>
struct MicroMutableOpResolver {
  std::set<std::string> added;
  int add(const char* name) { return added.insert(name).second && added.size() <= Count ? 0 : 1; }
#define ADDER(NAME) int NAME() { return add(#NAME); }
  ADDER(AddAdd) ADDER(AddConv2D) ADDER(AddFullyConnected) ADDER(AddMaxPool2D) ADDER(AddPad) ADDER(AddReshape)
  ADDER(AddSoftmax) ADDER(AddTranspose)
};
)");
    write("main.cc", "#include \"" + header + R"("
#include "resolver.h"
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
int main(int, char** argv) {
  std::ifstream in(argv[1], std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  const std::string array(reinterpret_cast<const char*>()" +
                         name + "), " + name + R"(_size);
  if (file != array) return 1;
  if (reinterpret_cast<std::uintptr_t>()" +
                         name + R"() % 16 != 0) return 2;
  MicroMutableOpResolver<)" +
                         name + R"(_operator_count> resolver;
  if ()" + name + R"(_add_operators(resolver) != 0) return 3;
  return resolver.added.size() == 8 ? 0 : 4;
}
)");
  }
};

const std::vector<std::string> kCpp = {"g++", "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"};

std::vector<std::string> with(std::vector<std::string> command, const std::vector<std::string>& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

TEST_F(ExportCTest, SourceAndHeaderCompileAndHoldTheModel) {
  const Answer a = run({"export-c", model("residual.tflite"), "-o", "face.cc", "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json j = json::parse(a.out);
  EXPECT_EQ(j["name"], "face");
  EXPECT_EQ(j["files"], json({"face.h", "face.cc"}));
  EXPECT_EQ(j["operators"][1], json({{"op", "CONV_2D"}, {"function", "AddConv2D"}, {"count", 3}}));
  EXPECT_EQ(j["operators"].size(), 8u);
  EXPECT_NE(read("face.h").find(fmt::format("face_arena_size = {}\n", j["arena_bytes"].get<int>())), std::string::npos);
  write_program("face", "face.h");
  // The source needs nothing but its own header; the header nothing at all, in C as well.
  succeeds(with(kCpp, {"-fsyntax-only", "face.cc"}));
  write("use.c", "#include \"face.h\"\nint main(void) { return face[0] != 0 && face_size > face_arena_size; }\n");
  succeeds({"gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "use.c"});
  succeeds(with(kCpp, {"-o", "program", "main.cc", "face.cc"}));
  succeeds({path("program").string(), model("residual.tflite")});
}

TEST_F(ExportCTest, AHeaderHoldsEverything) {
  ASSERT_EQ(run({"export-c", model("residual.tflite"), "-o", "3-in.h", "--name", "net"}).exit_code, 0);
  write_program("net", "3-in.h");
  succeeds(with(kCpp, {"-o", "program", "main.cc"}));
  succeeds({path("program").string(), model("residual.tflite")});
}

TEST_F(ExportCTest, CSourceIsC) {
  const Answer a = run({"export-c", model("residual.tflite"), "-o", "7 faces.c", "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  EXPECT_EQ(json::parse(a.out)["name"], "_7_faces");
  succeeds({"gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "7 faces.c"});
}

TEST_F(ExportCTest, NamesAllThatTensorFlowLiteMicroDoesNotRun) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  const Answer a = run(
      {"convert", model("refused.pt2"), "-o", "out.tflite", "--target", "tflm", "--calibrate", model("refused.npz"), "--json"});
  EXPECT_EQ(a.exit_code, 1);
  const json e = json::parse(a.out)["error"];
  EXPECT_EQ(e["what"], "TensorFlow Lite Micro has no GELU");
  EXPECT_EQ(e["count"], 2);
  EXPECT_EQ(e["module"], "act");
  EXPECT_EQ(e["hint"], "use nn.GELU(approximate='tanh'), or --allow-approximate");
  EXPECT_EQ(e["others"][0]["what"], "the kernel of EXP takes f32, not i8");
  EXPECT_EQ(e["others"][0]["op"], "aten.exp.default");
  EXPECT_FALSE(std::filesystem::exists(path("out.tflite")));
}

TEST_F(ExportCTest, RefusesOtherFiles) {
  const Answer where = run({"export-c", source_file("tests/run/data/where.tflite"), "-o", "w.cc"});
  EXPECT_EQ(where.exit_code, 1);
  EXPECT_EQ(where.err.find("error[E301]: TensorFlow Lite Micro has no WHERE"), 0u) << where.err;
  EXPECT_EQ(run({"export-c", model("residual.tflite"), "-o", "w.txt"}).exit_code, 2);
  EXPECT_EQ(run({"export-c", model("residual.tflite"), "-o", "w.cc", "--name", "a-b"}).exit_code, 2);
  EXPECT_EQ(run({"export-c", "absent.tflite", "-o", "w.cc"}).exit_code, 1);
  EXPECT_TRUE(names().empty());
}

TEST_F(ExportCTest, TakesAnOpenBatchAsOne) {
  EXPECT_EQ(run({"export-c", source_file("tests/run/data/open_batch.tflite"), "-o", "w.cc"}).exit_code, 0);
}

// LiteRT's reference kernels give the integers that TensorFlow Lite Micro gave. In its library for aarch64 they round a few
// results to the next integer.
TEST_F(ExportCTest, TensorFlowLiteMicroComputesTheSame) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  const bool is_aarch64 = std::getenv("ATOLL_TESTED") != nullptr;
  const json facts = json::parse(bytes_of(model("models.json")));
  for (const auto& [name, recorded] : facts.items()) {
    std::string input;
    for (const int v : recorded["input"]) input += char(v);
    write("in.raw", input);
    const Answer a =
        run({"run", model(name + ".tflite"), "--input", "in.raw", "--output", "out.npy", "--kernels", "reference"});
    ASSERT_EQ(a.exit_code, 0) << a.err;
    const std::vector<int> expected = recorded["output"];
    const std::string npy = read("out.npy");
    ASSERT_GT(npy.size(), expected.size());
    size_t off_by_one = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      const int difference = static_cast<signed char>(npy[npy.size() - expected.size() + i]) - expected[i];
      EXPECT_LE(std::abs(difference), is_aarch64 ? 1 : 0) << name << " " << i;
      off_by_one += difference != 0;
    }
    EXPECT_LE(off_by_one, expected.size() / 100) << name;
  }
}

}  // namespace
}  // namespace atl::cli
