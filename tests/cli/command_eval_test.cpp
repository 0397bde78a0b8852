#include "command_line.h"

namespace atl::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const std::string kDigits = source_file("demo/digits.pt2"), kTest = source_file("demo/digits_test.npz");

class EvalTest : public CommandLineTest {
 protected:
  void SetUp() override {
    CommandLineTest::SetUp();
    if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
    ASSERT_EQ(run({"convert", kDigits, "-o", "d.tflite", "-q"}).exit_code, 0);
  }
  json run_json(std::vector<std::string> args, int exit_code = 0) const {
    args.insert(args.begin(), "eval");
    args.push_back("--json");
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, exit_code) << a.out << a.err;
    return json::parse(a.out, nullptr, false);
  }
  std::string refusal(std::vector<std::string> args, int exit_code = 1) const {
    args.insert(args.begin(), "eval");
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, exit_code) << a.out << a.err;
    return a.err;
  }
  /// A folder a class with its picture.
  void put_digits(const std::string& folder, const std::string& digits, const std::string& prefix = "") const {
    for (const char d : digits) {
      fs::create_directories(path(folder) / (prefix + d));
      fs::copy_file(source_file(std::string("demo/images/") + d + ".png"), path(folder) / (prefix + d) / "picture.png");
    }
  }
};

size_t count(const json& classification, bool right) {
  size_t n = 0;
  for (const json& e : classification["confusion"])
    if (!right || e["label"] == e["found"]) n += e["count"].get<size_t>();
  return n;
}

TEST_F(EvalTest, SourceFloatAndIntegerFileSideBySide) {
  ASSERT_EQ(run({"quantize", "d.tflite", "-o", "d8.tflite", "--calibrate", kTest, "--io", "int8", "-q"}).exit_code, 0);
  const json j = run_json({kDigits, "d.tflite", "d8.tflite", "--data", kTest});
  EXPECT_EQ(j["examples"], 540);
  ASSERT_EQ(j["models"].size(), 3u);
  // What torch answered, counted by another command.
  const json recorded = json::parse(run({"run", "d.tflite", "--each", "--input", kTest, "--expect", kTest, "--json"}).out);
  for (size_t i : {0, 1}) {
    const json& c = j["models"][i]["classification"];
    EXPECT_EQ(c["top1_correct"], recorded["accuracy"]["recorded_correct"]);
    EXPECT_EQ(c["classes"], 10);
    EXPECT_GE(c["top5_correct"], c["top1_correct"]);
    EXPECT_EQ(count(c, true), c["top1_correct"].get<size_t>());
    EXPECT_EQ(count(c, false), 540u);
  }
  EXPECT_TRUE(j["models"][0]["outputs"].empty());
  EXPECT_EQ(j["models"][1]["outputs"][0]["snr_db"], 999);
  const json& integer = j["models"][2];
  EXPECT_EQ(integer["inputs"][0], "i8[1,1,8,8]");
  EXPECT_GT(integer["outputs"][0]["snr_db"], 25);
  EXPECT_LT(integer["outputs"][0]["snr_db"], 60);
  EXPECT_GT(integer["outputs"][0]["cosine"], 0.99);
  EXPECT_GT(integer["classification"]["top1"], 0.98);
  EXPECT_GT(integer["classification"]["same_as_first"], 0.98);
}

TEST_F(EvalTest, ASourceByItsOwnEval) {
  const json j = run_json({kDigits, "d.tflite", "--data", kTest, "--source", "eval", "--max-samples", "20"});
  EXPECT_EQ(j["examples"], 20);
  EXPECT_EQ(j["models"][0]["computed_by"], "eval");
  EXPECT_EQ(j["models"][1]["computed_by"], "LiteRT");
  EXPECT_GT(j["models"][1]["outputs"][0]["snr_db"], 100);
  EXPECT_LT(j["models"][1]["outputs"][0]["snr_db"], 999);
}

TEST_F(EvalTest, ArraysAreMovedToAFilesLayout) {
  const std::string rgb = source_file("tests/quant/data/digits_mobilenet.pt2");
  const std::string data = source_file("tests/quant/data/digits_judging.npz");
  ASSERT_EQ(run({"convert", rgb, "-o", "last.tflite", "--layout", "nhwc", "-q"}).exit_code, 0);
  const json j = run_json({rgb, "last.tflite", "--data", data});
  EXPECT_EQ(j["models"][0]["inputs"][0], "f32[1,3,32,32]");
  EXPECT_EQ(j["models"][1]["inputs"][0], "f32[1,32,32,3]");
  EXPECT_GT(j["models"][1]["classification"]["top1_correct"], 90);
  EXPECT_GT(j["models"][1]["outputs"][0]["snr_db"], 90);
}

TEST_F(EvalTest, FoldersAreClasses) {
  put_digits("all", "0123456789");
  const json j = run_json({"d.tflite", "--data", "all", "--preprocess", "scale=1/255"});
  EXPECT_EQ(j["classes"].size(), 10u);
  EXPECT_EQ(j["models"][0]["classification"]["top1_correct"], 10);
  put_digits("some", "379", "digit ");
  EXPECT_EQ(refusal({"d.tflite", "--data", "some", "--preprocess", "scale=1/255"}),
            "error[E602]: output 'output' of 'd.tflite' has 10 scores, 'some' has 3 classes\n"
            "  hint: a folder with some of the classes: --labels FILE names all of them, one a line, as the folders\n");
  std::string names;
  for (int i = 0; i < 10; ++i) names += "digit " + std::to_string(i) + "\n";
  write("names.txt", names);
  const json some = run_json({"d.tflite", "--data", "some", "--preprocess", "scale=1/255", "--labels", "names.txt"});
  EXPECT_EQ(some["models"][0]["classification"]["top1_correct"], 3);
  EXPECT_EQ(
      some["models"][0]["classification"]["confusion"],
      json::parse(R"([{"label":3,"found":3,"count":1},{"label":7,"found":7,"count":1},{"label":9,"found":9,"count":1}])"));
  write("fewer.txt", "digit 3\ndigit 7\ndigit 9\n");
  EXPECT_EQ(refusal({"d.tflite", "--data", "some", "--labels", "fewer.txt"}),
            "error[E602]: output 'output' of 'd.tflite' has 10 scores, 'fewer.txt' names 3 classes\n");
  write("others.txt", "cat\ndog\n");
  EXPECT_EQ(refusal({"d.tflite", "--data", "some", "--labels", "others.txt"}),
            "error[E602]: 'others.txt' names no class 'digit 3', as a folder of 'some' is called\n");
}

TEST_F(EvalTest, ABrokenPictureIsLeftOutAndNamed) {
  put_digits("all", "0123456789");
  write("all/4/broken.jpg", "\xff\xd8\xff\xe0 and then nothing");
  const json j = run_json({"d.tflite", "--data", "all", "--preprocess", "scale=1/255"});
  EXPECT_EQ(j["examples"], 10);
  ASSERT_EQ(j["skipped"].size(), 1u);
  EXPECT_NE(j["skipped"][0].get<std::string>().find("all/4/broken.jpg"), std::string::npos) << j["skipped"];
  const Answer shown = run({"eval", "d.tflite", "--data", "all", "--preprocess", "scale=1/255"});
  EXPECT_NE(shown.out.find("warning: 1 of 11 examples were left out\n"), std::string::npos) << shown.out;
  const std::string strict = refusal({"d.tflite", "--data", "all", "--preprocess", "scale=1/255", "--strict"});
  EXPECT_TRUE(strict.starts_with("error[E113]: ")) << strict;
  EXPECT_NE(strict.find("all/4/broken.jpg"), std::string::npos) << strict;
  fs::create_directories(path("none/a"));
  fs::create_directories(path("none/b"));
  write("none/a/broken.jpg", "\xff\xd8\xff\xe0 and then nothing");
  write("none/b/broken.png", "\x89PNG\r\n");
  const std::string none = refusal({"d.tflite", "--data", "none"});
  EXPECT_TRUE(none.starts_with("error[E602]: none of the 2 examples of 'none' can be read\n")) << none;
}

TEST_F(EvalTest, WhatNothingCanBeSaidOfIsRefused) {
  fs::create_directories(path("flat"));
  fs::copy_file(source_file("demo/images/3.png"), path("flat/3.png"));
  EXPECT_EQ(
      refusal({"d.tflite", "--data", "flat"}),
      "error[E602]: 'flat' has no labels, and there is no second model to compare with\n"
      "  hint: labels: one subfolder a class, or an array 'labels' in the .npz (--label-name NAME); or name another model\n");
  const json j = run_json({kDigits, "d.tflite", "--data", "flat", "--preprocess", "scale=1/255"});
  EXPECT_FALSE(j["models"][0].contains("classification"));
  EXPECT_EQ(j["models"][1]["outputs"][0]["snr_db"], 999);
  EXPECT_EQ(refusal({"--data", "flat"}, 2).substr(0, 12), "error[E601]:");
}

TEST_F(EvalTest, AnUnknownOutputIsRefused) {
  put_digits("all", "012");
  const json j = run_json({"d.tflite", "d.tflite", "--data", "all", "--preprocess", "scale=1/255", "--output", "absent"}, 1);
  EXPECT_EQ(j["error"]["what"], "the data has labels, but 'd.tflite' has no output 'absent' of one score a class");
}

TEST_F(EvalTest, LabelsBeyondTheScoresAreRefused) {
  std::string line = "label";
  for (int i = 0; i < 64; ++i) line += ",p" + std::to_string(i);
  for (const std::string label : {"3", "12"}) {
    line += "\n" + label;
    for (int i = 0; i < 64; ++i) line += ",0.5";
  }
  write("digits.csv", line + "\n");
  EXPECT_EQ(refusal({"d.tflite", "--data", "digits.csv"}),
            "error[E602]: digits.csv[1] has label 12, output 'output' of 'd.tflite' has 10 scores\n"
            "  hint: labels count the classes from 0\n");
}

TEST_F(EvalTest, OtherShapesAreStated) {
  EXPECT_EQ(refusal({source_file("tests/run/data/linear.tflite"), "--data", kTest}),
            "error[E602]: digits_test.npz: input 'x' takes f32[2x3] for one example, f32[1x8x8] is given\n"
            "  hint: axis 0 of an array counts the examples; the other axes stand in the model's order\n");
  EXPECT_EQ(refusal({"d.tflite", "--data", source_file("tests/run/data/stored.npz")}).substr(0, 12), "error[E602]:");
  const std::string other = refusal({"d.tflite", source_file("tests/run/data/two_inputs.tflite"), "--data", kTest});
  EXPECT_TRUE(other.starts_with("error[E602]: ")) << other;
  EXPECT_NE(other.find("two_inputs.tflite"), std::string::npos) << other;
}

TEST_F(EvalTest, TheMatrixIsShown) {
  const Answer a = run({"eval", "d.tflite", "--data", kTest, "--confusion", "--max-samples", "50"});
  EXPECT_EQ(a.exit_code, 0) << a.err;
  EXPECT_NE(a.out.find("label \\ found         0      1"), std::string::npos) << a.out;
  EXPECT_NE(a.out.find("top-1"), std::string::npos) << a.out;
  EXPECT_EQ(a.err, "");
}

}  // namespace
}  // namespace atl::cli
