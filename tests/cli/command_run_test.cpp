#include "command_line.h"

namespace atl::cli {
namespace {

using nlohmann::json;

const std::string kTest = source_file("demo/digits_test.npz");

class RunTest : public CommandLineTest {
 protected:
  void SetUp() override {
    CommandLineTest::SetUp();
    if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
    ASSERT_EQ(run({"convert", source_file("demo/digits.pt2"), "-o", "d.tflite", "-q"}).exit_code, 0);
  }
  json run_json(std::vector<std::string> args, int exit_code = 0) const {
    args.push_back("--json");
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, exit_code) << a.out << a.err;
    return json::parse(a.out, nullptr, false);
  }
};

TEST_F(RunTest, AllTestDigits) {
  const json j = run_json({"run", "d.tflite", "--each", "--input", "x=" + kTest, "--expect", kTest, "-o", "out.npz"});
  EXPECT_EQ(j["runs"], 540);
  EXPECT_EQ(j["outputs"][0]["type"], "f32[540,10]");
  EXPECT_GT(j["comparisons"][0]["snr_db"], 100);
  EXPECT_EQ(j["accuracy"]["items"], 540);
  EXPECT_EQ(j["accuracy"]["correct"], j["accuracy"]["recorded_correct"]);
  EXPECT_GT(j["accuracy"]["correct"], 500);
  const json again = run_json({"run", "d.tflite", "--each", "--input", kTest, "--expect", "out.npz", "--min-snr", "998"});
  EXPECT_EQ(again["comparisons"][0]["snr_db"], 999);
}

TEST_F(RunTest, AMissedMinimumExitsWith3) {
  const json j = run_json({"run", "d.tflite", "--each", "--input", kTest, "--expect", kTest, "--min-snr", "400"}, 3);
  EXPECT_FALSE(j["comparisons"][0]["passed"]);
}

TEST_F(RunTest, OnePicture) {
  for (const std::string digit : {"0", "4", "7"}) {
    const json j = run_json({"run", "d.tflite", "--input", source_file("demo/images/" + digit + ".png"), "--preprocess",
                             "scale=1/255", "--top", "1"});
    EXPECT_EQ(std::to_string(j["outputs"][0]["top"][0]["index"].get<int>()), digit);
  }
  const json wrong = run_json({"run", "d.tflite", "--input", kTest, "--preprocess", "shrink=2"}, 1);
  EXPECT_EQ(wrong["error"]["code"], "E602");
}

TEST_F(RunTest, MissingInputsAreListed) {
  const Answer a = run({"run", source_file("tests/run/data/two_inputs.tflite"), "--input", "a=" + kTest});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_NE(a.err.find("has no array 'a'"), std::string::npos) << a.err;
  const Answer none = run({"run", source_file("tests/run/data/two_inputs.tflite")});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(none.err,
            "error[E602]: no values are given for 'a', 'b'\n"
            "  hint: --input [NAME=]FILE (.npy, .npz, an image or raw values), or --random SEED; the inputs: "
            "a f32[2,3], b f32[2,3]\n");
  const Answer unknown = run({"run", "d.tflite", "--input", "y=" + kTest});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.err, "error[E602]: signature 'serving_default' has no input 'y'\n  hint: its inputs: x f32[1,1,8,8]\n");
}

TEST_F(RunTest, RandomInputsAreTheSameForASeed) {
  const json a = run_json({"run", "d.tflite", "--random", "3"}), b = run_json({"run", "d.tflite", "--random", "3"});
  const json c = run_json({"run", "d.tflite", "--random", "4"});
  EXPECT_EQ(a["outputs"], b["outputs"]);
  EXPECT_NE(a["outputs"], c["outputs"]);
}

TEST_F(RunTest, ShapesThatDiffer) {
  const Answer a = run({"run", "d.tflite", "--input", "x=" + kTest});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_TRUE(a.err.starts_with("error[E602]: input 'x' is ")) << a.err;
  const Answer b = run({"run", "d.tflite", "--random", "1", "--expect", kTest});
  EXPECT_EQ(b.exit_code, 1);
  EXPECT_TRUE(b.err.starts_with("error[E602]: output 'output' is f32[1,10], '")) << b.err;
}

TEST_F(RunTest, StateIsResetBetweenItems) {
  // x is 1x2; two items of the same values give the same outputs only from the same state.
  const std::string values("\0\0\x80\x3f\0\0\x20\x41\0\0\x80\x3f\0\0\x20\x41", 16);
  write("x.raw", values);
  const json j = run_json({"run", source_file("tests/run/data/recurrent.tflite"), "--each", "--input", "x=x.raw"});
  EXPECT_EQ(j["runs"], 2);
  EXPECT_EQ(j["outputs"][0]["first"], json::parse("[1.0, 10.0, 1.0, 10.0]"));
}

TEST_F(RunTest, ASourceProgramIsNoFileToRun) {
  const Answer a = run({"run", source_file("demo/digits.pt2"), "--random", "1"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_NE(a.err.find("is an exported PyTorch program, not a .tflite file\n  hint: convert it first: atoll convert "),
            std::string::npos)
      << a.err;
}

TEST_F(RunTest, BenchMeasures) {
  const json j = run_json({"bench", "d.tflite", "--runs", "7", "--profile"});
  EXPECT_EQ(j["runs"], 7);
  EXPECT_LE(j["min_seconds"], j["median_seconds"]);
  EXPECT_LE(j["median_seconds"], j["p90_seconds"]);
  EXPECT_LE(j["p90_seconds"], j["max_seconds"]);
  EXPECT_GT(j["min_seconds"], 0);
  EXPECT_FALSE(j["profile"]["op_types"].empty());
  EXPECT_GT(j["profile"]["delegate_share"], 0.5);
  const json builtin = run_json({"bench", "d.tflite", "--runs", "3", "--profile", "--kernels", "builtin"});
  EXPECT_EQ(builtin["profile"]["delegate_share"], 0);
}

TEST_F(RunTest, VerifyProves) {
  const json j = run_json({"verify", source_file("demo/digits.pt2"), "d.tflite", "--random", "2"});
  EXPECT_EQ(j["verdict"], "proven");
  EXPECT_EQ(j["layout"], "keep");
  ASSERT_EQ(j["outputs"].size(), 3u);
  EXPECT_EQ(j["outputs"][0]["inputs"], "stored example");
  EXPECT_EQ(run_json({"verify", source_file("demo/digits.pt2"), "d.tflite", "--min-snr", "500"}, 3)["verdict"], "failed");
  const json other = run_json({"verify", source_file("demo/digits.pt2"), source_file("tests/run/data/linear.tflite")}, 1);
  EXPECT_EQ(other["error"]["code"], "E602");
}

TEST_F(RunTest, VerifyNamesTheLayerThatDeparts) {
  // One large constant of the file is changed: some convolution's weights.
  std::string bytes = read("d.tflite");
  const json tensors = run_json({"inspect", "d.tflite", "--tensors"})["tensors"];
  ASSERT_TRUE(tensors.is_array());
  const size_t middle = bytes.size() - 20'000;
  for (size_t i = middle; i < middle + 400; ++i) bytes[i] = char(i % 7);
  write("d.tflite", bytes);
  const json j = run_json({"verify", source_file("demo/digits.pt2"), "d.tflite"}, 3);
  EXPECT_EQ(j["verdict"], "failed");
  ASSERT_TRUE(j.contains("departure")) << j;
  EXPECT_TRUE(j["departure"].contains("module")) << j["departure"];
}

}  // namespace
}  // namespace atl::cli
