#include <fstream>
#include <iterator>

#include "command_line.h"

namespace atl::cli {
namespace {

using nlohmann::json;

class PlaceTest : public CommandLineTest {};

TEST_F(PlaceTest, SaysWhatRunsWhere) {
  const Answer a = run({"place", source_file("tests/run/data/quantized.tflite"), "--json", "--require", "100%"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json j = json::parse(a.out);
  EXPECT_EQ(j["compiler"], "16");
  ASSERT_EQ(j["ops"].size(), 1u);
  EXPECT_EQ(j["ops"][0]["index"], 0);
  EXPECT_EQ(j["ops"][0]["op"], "MAXIMUM");
  EXPECT_EQ(j["ops"][0]["edgetpu"], true);
  EXPECT_EQ(j["ops"][0]["status"], "Mapped to Edge TPU");
  EXPECT_EQ(j["ops"][0]["outputs"], json::parse(R"(["y"])"));
  EXPECT_EQ(j["parameter_bytes"], 0);
  EXPECT_GT(j["latency_ms"]["usb3"], 0.0);
  const Answer plain = run({"place", source_file("tests/run/data/quantized.tflite"), "--ops"});
  EXPECT_NE(plain.out.find("1 of 1 operators on the Edge TPU (compiler 16)"), std::string::npos) << plain.out;
}

TEST_F(PlaceTest, RefusesWhatTheCompilerRefuses) {
  const Answer a = run({"place", source_file("tests/run/data/linear.tflite")});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_EQ(a.err,
            "error[E303]: the model is not quantized: tensor 'layer/y' is FLOAT32\n"
            "  hint: quantize it to int8 with calibration data; the Edge TPU takes 8-bit integers only\n");
  EXPECT_EQ(run({"place", "absent.tflite"}).exit_code, 1);
  EXPECT_EQ(run({"place", source_file("tests/run/data/quantized.tflite"), "--compiler", "17"}).exit_code, 2);
  EXPECT_EQ(run({"place", source_file("tests/run/data/quantized.tflite"), "--require", "most"}).exit_code, 2);
}

TEST_F(PlaceTest, ComparesWithACompiledModel) {
  // A file that is not compiled leaves every operator on the CPU.
  const std::string file = source_file("tests/run/data/quantized.tflite");
  const json j = json::parse(run({"place", file, "--against", file, "--json"}).out);
  ASSERT_EQ(j["against"]["differences"].size(), 1u);
  EXPECT_EQ(j["against"]["differences"][0]["predicted"], true);
  EXPECT_EQ(j["against"]["differences"][0]["compiled"], false);
}

TEST_F(PlaceTest, ComparesWithNothingElse) {
  const std::string file = source_file("tests/run/data/quantized.tflite");
  std::ifstream in(file, std::ios::binary);
  std::string renamed(std::istreambuf_iterator<char>(in), {});
  for (const char name : {'x', 'y'}) {
    const size_t at = renamed.find(std::string{1, 0, 0, 0, name, 0});
    ASSERT_NE(at, std::string::npos);
    renamed[at + 4] = 'z';
  }
  write("renamed.tflite", renamed);
  const Answer a = run({"place", file, "--against", "renamed.tflite"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_NE(a.err.find("1 of the 1 operators that it leaves to the CPU are not in it"), std::string::npos) << a.err;
}

}  // namespace
}  // namespace atl::cli
