// atoll compile, with the stand-in of edgetpu_compiler.
#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "command_line.h"
#include "stand_in/table_model.h"

namespace atl::cli {
namespace {

using edgetpu::SmallModel;
using nlohmann::json;
using tflite::BuiltinOperator;
using Type = tflite::TensorType;

// The log's counts are those of the compiled file (64 operators are in its package); the resizes' two statuses follow their
// order.
constexpr const char* kDeepLabLog =
    "Edge TPU Compiler version 16.0.384591198\nModel compiled successfully in 1500 ms.\n\n"
    "Input model: deeplabv3_mnv2_dm05_pascal_quant.tflite\nNumber of Edge TPU subgraphs: 1\nTotal number of operations: 72\n\n"
    "Operator                       Count      Status\n\n"
    "QUANTIZE                       1          More than one subgraph is not supported\n"
    "ARG_MAX                        1          Operation not supported\n"
    "CONCATENATION                  1          More than one subgraph is not supported\n"
    "DEPTHWISE_CONV_2D              17         Mapped to Edge TPU\n"
    "CONV_2D                        36         Mapped to Edge TPU\n"
    "CONV_2D                        2          More than one subgraph is not supported\n"
    "AVERAGE_POOL_2D                1          Mapped to Edge TPU\n"
    "ADD                            10         Mapped to Edge TPU\n"
    "RESIZE_BILINEAR                2          Operation is otherwise supported, but not mapped due to some unspecified "
    "limitation\n"
    "RESIZE_BILINEAR                1          More than one subgraph is not supported\n";

class CompileTest : public CommandLineTest {
 protected:
  // RELU and MAXIMUM map, LEAKY_RELU does not, and ADD lies behind it.
  void SetUp() override {
    CommandLineTest::SetUp();
    const Shape shape{1, 4, 6, 3};
    for (const bool compiled : {false, true}) {
      SmallModel m;
      const int x = m.input(Type::INT8, shape), relu = m.tensor(Type::INT8, shape), most = m.tensor(Type::INT8, shape),
                leaky = m.tensor(Type::INT8, shape), c = m.constant(Type::INT8, {1, 1, 1, 3});
      if (compiled) {
        m.custom("edgetpu-custom-op", edgetpu::table_package(std::vector<uint8_t>(256)), {x}, {most});
      } else {
        m.op(BuiltinOperator::RELU, 1, {x}, {relu});
        m.op(BuiltinOperator::MAXIMUM, 2, {relu, c}, {most});
      }
      tflite::LeakyReluOptionsT slope;
      slope.alpha = 0.25f;
      m.op(BuiltinOperator::LEAKY_RELU, 2, {most}, {leaky}, slope);
      m.op(BuiltinOperator::ADD, 2, {leaky, c}, {m.output(Type::INT8, shape)}, tflite::AddOptionsT());
      const auto bytes = m.bytes();
      write(compiled ? "compiled" : "net.tflite", std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }
    write(
        "log",
        "Edge TPU Compiler version 16.0.384591198\nStarted a compilation timeout timer of 180 seconds.\n\n"
        "Model compiled successfully in 12 ms.\n\nInput model: net.tflite\nInput size: 1.00KiB\nOutput model: "
        "net_edgetpu.tflite\n"
        "Output size: 4.38KiB\nOn-chip memory used for caching model parameters: 1.50KiB\n"
        "On-chip memory remaining for caching model parameters: 7.90MiB\n"
        "Off-chip memory used for streaming uncached model parameters: 256.00B\nNumber of Edge TPU subgraphs: 1\n"
        "Total number of operations: 4\nOperation log: net_edgetpu.log\n\nOperator                       Count      Status\n\n"
        "RELU                           1          Mapped to Edge TPU\n"
        "ADD                            1          More than one subgraph is not supported\n"
        "MAXIMUM                        1          Mapped to Edge TPU\n"
        "LEAKY_RELU                     1          Operation not supported\n"
        "Compilation child process completed within timeout period.\nCompilation succeeded! \n");
  }
  Answer compile(std::vector<std::string> options, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {"compile", "net.tflite"},
                             environment = {"ATOLL_EDGETPU_COMPILER=" + stand_in("edgetpu_compiler")};
    args.insert(args.end(), options.begin(), options.end());
    environment.insert(environment.end(), more.begin(), more.end());
    return run(args, environment);
  }
  std::vector<std::string> recorded() const {
    return {"STAND_IN_COMPILED=" + path("compiled").string(), "STAND_IN_LOG=" + path("log").string()};
  }
};

TEST_F(CompileTest, GivesEveryStatusItsLayers) {
  const Answer a = compile({"--json"}, recorded());
  ASSERT_EQ(a.exit_code, 0) << a.out << a.err;
  const json j = json::parse(a.out);
  EXPECT_EQ(j["succeeded"], true);
  EXPECT_EQ(j["version"], "16.0.384591198");
  EXPECT_EQ(j["attempts"], 1);
  EXPECT_EQ(j["outputs"], json::array({path("net_edgetpu.tflite").string()}));
  EXPECT_EQ(read("net_edgetpu.tflite"), read("compiled"));
  EXPECT_EQ(j["on_chip_bytes"], 1536);
  EXPECT_EQ(j["streamed_bytes"], 256);
  const json expected = json::parse(R"([
    {"op": "RELU", "count": 1, "status": "Mapped to Edge TPU", "operators": [0], "layers": ["t1"], "certain": true},
    {"op": "ADD", "count": 1, "status": "More than one subgraph is not supported", "operators": [3], "layers": ["out0"], "certain": true},
    {"op": "MAXIMUM", "count": 1, "status": "Mapped to Edge TPU", "operators": [1], "layers": ["t2"], "certain": true},
    {"op": "LEAKY_RELU", "count": 1, "status": "Operation not supported", "operators": [2], "layers": ["t3"], "certain": true}])");
  EXPECT_EQ(j["statuses"], expected);
  EXPECT_EQ(j["differences"], json::array());
  EXPECT_EQ(j["prediction"]["mapped"], 2);
  const Answer plain = compile({"-o", "."}, recorded());
  EXPECT_NE(plain.out.find("net.tflite -> ./net_edgetpu.tflite (compiler 16.0.384591198)"), std::string::npos) << plain.out;
  EXPECT_NE(plain.out.find("      1 LEAKY_RELU                 Operation not supported\n          t3 (operator 2)\n"),
            std::string::npos)
      << plain.out;
  EXPECT_NE(plain.out.find("every operator lies where it was predicted"), std::string::npos);
}

TEST_F(CompileTest, SaysWhatDiffersFromThePrediction) {
  // What was "compiled" is the source: nothing is on the Edge TPU.
  const json j = json::parse(compile({"--json"}, {"STAND_IN_LOG=" + path("log").string()}).out);
  ASSERT_EQ(j["differences"].size(), 2u);
  EXPECT_EQ(j["differences"][0]["op"], "RELU");
  EXPECT_EQ(j["differences"][0]["predicted"], true);
  EXPECT_EQ(j["differences"][0]["compiled"], false);
}

TEST_F(CompileTest, HandsOptionsOn) {
  const Answer a =
      compile({"--min-runtime", "13", "--search-delegate", "10", "--timeout", "60", "--intermediate-tensors", "t1,t2"},
              {"STAND_IN_ARGUMENTS=" + path("arguments").string()});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  EXPECT_EQ(read("arguments"), "-s -o -t 60 -m 13 -d -k 10 -i t1,t2 ");
  EXPECT_EQ(compile({"--segments", "2", "--multiple-subgraphs"}).exit_code, 2);
  EXPECT_EQ(compile({"--min-runtime", "15"}).exit_code, 2);
}

TEST_F(CompileTest, TriesAgain) {
  const std::vector<std::string> flaky = {"STAND_IN_COUNTER=" + path("runs").string(), "STAND_IN_GOOD_AT=3"};
  const json j = json::parse(compile({"--json"}, flaky).out);
  EXPECT_EQ(j["succeeded"], true);
  EXPECT_EQ(j["attempts"], 3);
  std::filesystem::remove(path("runs"));
  const Answer twice = compile({"--attempts", "2", "--no-bisect"}, flaky);
  EXPECT_EQ(twice.exit_code, 1);
  EXPECT_NE(twice.err.find("error[E508]: edgetpu_compiler 16.0.384591198 failed 2 times: Internal compiler error. Aborting!"),
            std::string::npos)
      << twice.err;
}

TEST_F(CompileTest, FindsTheOperatorThatFails) {
  const Answer a = compile({"--attempts", "1", "--json"}, {"STAND_IN_REFUSES=LEAKY_RELU"});
  EXPECT_EQ(a.exit_code, 1);
  const json j = json::parse(a.out);
  EXPECT_EQ(j["succeeded"], false);
  EXPECT_EQ(j["failing"]["first"], 2);
  EXPECT_EQ(j["failing"]["last"], 2);
  EXPECT_EQ(j["failing"]["operators"], json::array({"LEAKY_RELU [1,4,6,3] -> [1,4,6,3]  t3"}));
  const Answer two = compile({"--attempts", "1"}, {"STAND_IN_REFUSES=MAXIMUM,LEAKY_RELU"});
  EXPECT_EQ(two.exit_code, 1);
  EXPECT_NE(two.err.find("    MAXIMUM [1,4,6,3] x [1,1,1,3] -> [1,4,6,3]  t2\n    LEAKY_RELU [1,4,6,3] -> [1,4,6,3]  t3\n"),
            std::string::npos)
      << two.err;
  EXPECT_FALSE(std::filesystem::exists(path("net_edgetpu.tflite")));
}

TEST_F(CompileTest, KillsACompilerThatHangsWithItsChildren) {
  const auto start = std::chrono::steady_clock::now();
  const Answer a = compile({"--timeout", "1", "--attempts", "1", "--no-bisect"},
                           {"STAND_IN_COMPILER=hang", "STAND_IN_PROCESSES=" + path("processes").string()});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60));
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_NE(a.err.find("failed: it did not end within 1 s and was killed\n  hint: give it more time: --timeout 600"),
            std::string::npos)
      << a.err;
  std::istringstream ids(read("processes"));
  for (pid_t id = 0; ids >> id;) {
    // Init reaps the grandchild at its leisure.
    for (int i = 0; i < 100 && kill(id, 0) == 0; ++i) {
      std::ifstream stat("/proc/" + std::to_string(id) + "/stat");
      std::string text((std::istreambuf_iterator<char>(stat)), {});
      if (text.find(") Z ") != std::string::npos) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      EXPECT_LT(i, 99) << "process " << id << " lives on";
    }
  }
}

TEST_F(CompileTest, SaysHowItFailed) {
  const auto err = [&](const std::string& mode) {
    return compile({"--attempts", "1", "--no-bisect"}, {"STAND_IN_COMPILER=" + mode}).err;
  };
  EXPECT_NE(err("crash").find("failed: it crashed (signal 6)"), std::string::npos) << err("crash");
  EXPECT_NE(err("silent").find("failed: it ended with status 1 and no word"), std::string::npos) << err("silent");
  const std::string large = err("activations");
  EXPECT_NE(large.find("Compilation failed due to large activation tensors in model."), std::string::npos) << large;
  EXPECT_NE(large.find("hint: make the input smaller"), std::string::npos) << large;
}

TEST_F(CompileTest, PredictsWithoutTheCompiler) {
  const Answer a = run({"compile", "net.tflite"}, {"PATH=/nowhere", "ATOLL_EDGETPU_COMPILER="});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_NE(a.out.find("predicted: 2 of 4 operators on the Edge TPU"), std::string::npos) << a.out;
  EXPECT_NE(a.out.find("the first operator on the CPU is 2 LEAKY_RELU (t3)"), std::string::npos) << a.out;
  EXPECT_EQ(a.err.find("error[E508]: Google's edgetpu_compiler is not installed\n  hint: it runs on x86-64 Linux only"), 0u)
      << a.err;
  const json j = json::parse(run({"compile", "net.tflite", "--json"}, {"PATH=/nowhere", "ATOLL_EDGETPU_COMPILER="}).out);
  EXPECT_EQ(j["succeeded"], false);
  EXPECT_EQ(j["compiler"], "");
  EXPECT_EQ(j["prediction"]["total"], 4);
}

TEST_F(CompileTest, RefusesWhatTheCompilerRefuses) {
  const Answer a = run({"compile", source_file("tests/run/data/linear.tflite")});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_EQ(a.err.find("error[E303]: the model is not quantized"), 0u) << a.err;
  EXPECT_EQ(run({"compile", "absent.tflite"}).exit_code, 1);
}

// A real model, what Google's compiler made of it, and the log that belongs to it.
TEST_F(CompileTest, ReadsTheLogOfARealModel) {
  const std::string folder = source_file("../shared/edgetpu/pairs/compiler-16/"), name = "deeplabv3_mnv2_dm05_pascal_quant";
  if (!std::filesystem::exists(folder + name + ".tflite")) GTEST_SKIP() << "no " << folder;
  std::ofstream(path("deeplab")) << kDeepLabLog;
  const Answer a = run({"compile", folder + name + ".tflite", "-o", ".", "--json"},
                       {"ATOLL_EDGETPU_COMPILER=" + stand_in("edgetpu_compiler"),
                        "STAND_IN_COMPILED=" + folder + name + "_edgetpu.tflite", "STAND_IN_LOG=" + path("deeplab").string()});
  ASSERT_EQ(a.exit_code, 0) << a.out << a.err;
  const json j = json::parse(a.out);
  EXPECT_EQ(j["differences"], json::array());
  const auto operators = [&](const std::string& op, const std::string& status) {
    for (const json& s : j["statuses"])
      if (s["op"] == op && s["status"].get<std::string>().starts_with(status)) return s["operators"];
    return json();
  };
  EXPECT_EQ(operators("QUANTIZE", "More"), json::array({65}));
  EXPECT_EQ(operators("CONV_2D", "More"), (json::array({67, 68})));
  EXPECT_EQ(operators("CONV_2D", "Mapped").size(), 36u);
  EXPECT_EQ(operators("ARG_MAX", "Operation"), json::array({71}));
  EXPECT_EQ(operators("RESIZE_BILINEAR", "Operation").size() + operators("RESIZE_BILINEAR", "More").size(), 3u);
}

}  // namespace
}  // namespace atl::cli
