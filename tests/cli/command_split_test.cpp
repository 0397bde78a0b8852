#include <set>

#include "command_line.h"
#include "edgetpu/small_model.h"

namespace atl::cli {
namespace {

using nlohmann::json;

const std::string kDigits = source_file("demo/digits.pt2"), kImages = source_file("demo/digits_test.npz");

class SplitTest : public CommandLineTest {
 protected:
  void SetUp() override {
    CommandLineTest::SetUp();
    ASSERT_EQ(run({"convert", kDigits, "-o", "digits.tflite", "-q", "--no-verify"}).exit_code, 0);
  }
  void quantize() {
    std::filesystem::rename(path("digits.tflite"), path("float.tflite"));
    const Answer a = run({"quantize", "float.tflite", "-o", "digits.tflite", "--calibrate", kImages, "--max-samples", "8",
                          "--io", "float32", "-q"});
    ASSERT_EQ(a.exit_code, 0) << a.err;
  }
  json split(const std::vector<std::string>& args) {
    std::vector<std::string> all{"split", "digits.tflite", "--json"};
    all.insert(all.end(), args.begin(), args.end());
    const Answer a = run(all);
    EXPECT_EQ(a.exit_code, 0) << a.err << a.out;
    return json::parse(a.out);
  }
};

TEST_F(SplitTest, SegmentsBehindEachOtherEqualTheWhole) {
  if (!has_litert()) GTEST_SKIP() << "no LiteRT";
  quantize();
  const json j = split({"-n", "3"});
  EXPECT_EQ(j["proven"], 2);
  ASSERT_EQ(j["segments"].size(), 3u);
  std::vector<std::string> pipeline{"run", "--pipeline"};
  size_t next = 0;
  std::set<std::string> made;  // by the segments before: a value may pass one by
  for (size_t i = 0; i < 3; ++i) {
    const json& s = j["segments"][i];
    EXPECT_EQ(s["file"], "digits_segment_" + std::to_string(i) + "_of_3.tflite");
    EXPECT_EQ(s["first"], next);
    next = s["last"];
    EXPECT_GT(s["mapped"], 0);
    for (const std::string in : s["inputs"]) EXPECT_TRUE(i == 0 || made.contains(in)) << in;
    made.insert(s["outputs"].begin(), s["outputs"].end());
    pipeline.push_back(s["file"]);
  }
  // All images, several under way at a time, in their order.
  pipeline.insert(pipeline.end(), {"--each", "-i", kImages, "-o", "pipeline.npz", "--json"});
  const Answer chained = run(pipeline);
  ASSERT_EQ(chained.exit_code, 0) << chained.err;
  const json report = json::parse(chained.out);
  EXPECT_EQ(report["segments"].size(), 3u);
  EXPECT_GT(report["runs"], 100);
  const Answer whole = run({"run", "digits.tflite", "--each", "-i", kImages, "--expect", "pipeline.npz", "--json"});
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_EQ(json::parse(whole.out)["comparisons"][0]["max_error"], 0.0);
}

TEST_F(SplitTest, CutsWhereItIsTold) {
  if (!has_litert()) GTEST_SKIP() << "no LiteRT";
  const json halves = split({"-n", "2", "-o", "."});
  const std::string border = halves["segments"][0]["outputs"][0];
  const json told = split({"--at", border});
  EXPECT_EQ(told["segments"][0]["last"], halves["segments"][0]["last"]);
  EXPECT_EQ(told["quantized"], false);
  const Answer unknown = run({"split", "digits.tflite", "--at", "nothing"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_EQ(unknown.err, "error[E601]: --at: no operator makes a tensor 'nothing'\n  hint: atoll inspect --ops lists them\n");
}

// A recurrent layer keeps its result in a variable: the proof's second run would not equal the whole's with what the first
// left.
TEST_F(SplitTest, VariablesBeginAtZero) {
  if (!has_litert()) GTEST_SKIP() << "no LiteRT";
  using Type = tflite::TensorType;
  using Op = tflite::BuiltinOperator;
  edgetpu::SmallModel m;
  const int x = m.input(Type::FLOAT32, {1, 2}), h = m.tensor(Type::FLOAT32, {1, 3});
  tflite::RNNOptionsT tanh;
  tanh.fused_activation_function = tflite::ActivationFunctionType::TANH;
  m.op(Op::RNN, 1,
       {x, m.floats({3, 2}, {1, -2, 0.5f, 3, -1, 0.25f}), m.floats({3, 3}, {2, 0, 1, -1, 3, 0, 0.5f, 1, -2}),
        m.floats({3}, {0.5f, -0.5f, 1}), m.variable(Type::FLOAT32, {1, 3})},
       {h}, tanh);
  m.op(Op::NEG, 1, {h}, {m.output(Type::FLOAT32, {1, 3})});
  const auto bytes = m.bytes();
  write("rnn.tflite", std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  const Answer a = run({"split", "rnn.tflite", "-n", "2", "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err << a.out;
  EXPECT_EQ(json::parse(a.out)["proven"], 2);
}

TEST_F(SplitTest, SameInputGivesSameBytes) {
  split({"--no-verify"});
  const std::string first = read("digits_segment_1_of_2.tflite");
  split({"--no-verify"});
  EXPECT_EQ(first, read("digits_segment_1_of_2.tflite"));
  EXPECT_GT(first.size(), 100u);
}

TEST_F(SplitTest, RefusesWhatCannotBeCut) {
  const Answer many = run({"split", "digits.tflite", "-n", "1000"});
  EXPECT_EQ(many.exit_code, 2);
  EXPECT_NE(many.err.find("cannot be cut into 1000 segments"), std::string::npos) << many.err;
  EXPECT_EQ(run({"split", "absent.tflite"}).exit_code, 1);
  EXPECT_EQ(run({"split", "digits.tflite", "-o", "no/folder"}).exit_code, 1);
  EXPECT_EQ(names(), std::vector<std::string>{"digits.tflite"});
  EXPECT_EQ(run({"split", source_file("tests/run/data/counter.tflite"), "-n", "2"}).exit_code, 1);
}

TEST_F(SplitTest, RefusesFilesThatAreNoPipeline) {
  if (!has_litert()) GTEST_SKIP() << "no LiteRT";
  split({"-n", "2"});
  const std::string a = "digits_segment_0_of_2.tflite", b = "digits_segment_1_of_2.tflite";
  const Answer turned = run({"run", "--pipeline", b, a, "--random", "1"});
  EXPECT_EQ(turned.exit_code, 1);
  EXPECT_EQ(turned.err,
            "error[E602]: 'digits_segment_1_of_2.tflite' is segment 1 of 2, but file 0 of 2\n"
            "  hint: name all segments in the order of their numbers, which count from 0\n");
  const Answer foreign =
      run({"run", "--pipeline", "digits.tflite", source_file("tests/run/data/two_inputs.tflite"), "--random", "1"});
  EXPECT_EQ(foreign.exit_code, 1);
  EXPECT_NE(foreign.err.find("nothing behind 'digits.tflite' takes one of its outputs"), std::string::npos) << foreign.err;
  EXPECT_EQ(run({"run", "--random", "1"}).exit_code, 2);
  EXPECT_EQ(run({"run", "digits.tflite", "--pipeline", a, b, "--random", "1"}).exit_code, 2);
  const Answer devices = run({"run", "--pipeline", a, b, "--random", "1", "--device", "cpu,cpu,cpu"});
  EXPECT_EQ(devices.exit_code, 2);
  EXPECT_NE(devices.err.find("--device names 3 devices for 2 files"), std::string::npos) << devices.err;
}

TEST_F(SplitTest, ACutModelIsIntegersInFrontAndFloatBehind) {
  if (!has_litert()) GTEST_SKIP() << "no LiteRT";
  const Answer a = run({"quantize", kDigits, "-o", "net.tflite", "--calibrate", kImages, "--max-samples", "24", "--cut",
                        "head*", "--inputs", "float32", "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err << a.out;
  const json j = json::parse(a.out);
  EXPECT_EQ(j["tail"]["file"], "net_tail.tflite");
  EXPECT_EQ(j["tail"]["ops"], json::parse(R"({"DEQUANTIZE": 1, "FULLY_CONNECTED": 1})"));
  EXPECT_FALSE(j["ops"].contains("FULLY_CONNECTED"));
  const Answer both = run({"run", "--pipeline", "net.tflite", "net_tail.tflite", "--each", "-i", kImages, "--expect", kImages,
                           "--min-snr", "25", "--json"});
  ASSERT_EQ(both.exit_code, 0) << both.err << both.out;
  EXPECT_GE(json::parse(both.out)["accuracy"]["correct"], 340);
  const Answer unknown = run({"quantize", kDigits, "-o", "n.tflite", "--calibrate", kImages, "--cut", "nose*"});
  EXPECT_EQ(unknown.exit_code, 2);
  const Answer all = run({"quantize", kDigits, "-o", "n.tflite", "--calibrate", kImages, "--cut", "*"});
  EXPECT_EQ(all.exit_code, 2);
  EXPECT_NE(all.err.find("--cut leaves nothing in front of the cut"), std::string::npos) << all.err;
}

}  // namespace
}  // namespace atl::cli
