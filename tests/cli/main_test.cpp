#include "command_line.h"

namespace atl::cli {
namespace {

using nlohmann::json;

const std::vector<std::string> kCommands = {"convert", "quantize", "inspect", "run",      "bench",  "verify", "eval",
                                            "place",   "compile",  "split",   "export-c", "doctor", "ops",    "errors"};

TEST_F(CommandLineTest, HelpOfEveryCommandHasAnExample) {
  const Answer all = run({"--help"});
  EXPECT_EQ(all.exit_code, 0);
  for (const std::string& command : kCommands) {
    EXPECT_NE(all.out.find("\n  " + command), std::string::npos) << command;
    const Answer help = run({command, "--help"});
    EXPECT_EQ(help.exit_code, 0) << command;
    EXPECT_NE(help.out.find("Examples:\n  atoll " + command), std::string::npos) << help.out;
    EXPECT_NE(help.out.find("--json"), std::string::npos) << command;
    EXPECT_EQ(help.err, "") << command;
  }
}

TEST_F(CommandLineTest, PrintsItsVersion) {
  const Answer a = run({"--version"});
  EXPECT_EQ(a.exit_code, 0);
  EXPECT_TRUE(a.out.starts_with("atoll ")) << a.out;
}

TEST_F(CommandLineTest, PagesOfTheDocumentationAreWhatTheToolPrints) {
  for (const std::string command : {"ops", "errors"}) {
    const Answer a = run({command, "--markdown"});
    EXPECT_EQ(a.exit_code, 0);
    EXPECT_EQ(a.out, read(source_file("docs/" + command + ".md"))) << command;
  }
}

TEST_F(CommandLineTest, ErrorsAreListedWithTheirExitCodes) {
  const json list = json::parse(run({"errors", "--json"}).out, nullptr, false)["errors"];
  std::map<std::string, int> exits;
  for (const json& e : list) exits[e["code"]] = e["exit_code"];
  EXPECT_EQ(exits.at("E101"), 1);
  EXPECT_EQ(exits.at("E504"), 3);
  EXPECT_EQ(exits.at("E601"), 2);
  EXPECT_EQ(exits.at("E901"), 70);
}

TEST_F(CommandLineTest, UsageErrorsExitWith2) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"refine"},
      {"convert", "a.pt2"},
      {"convert", "a.pt2", "-o", "b.tflite", "--layout", "sideways"},
      {"convert", "a.pt2", "-o", "b.tflite", "--rewrite-limit", "-5"},
      {"run", "a.tflite", "--kernels", "fast"},
      {"bench", "a.tflite", "--runs", "0"},
      {"verify", "a.pt2", "b.tflite", "--reference", "onnx"},
      {"inspect", "--nothing", "x"},
  };
  for (const auto& args : wrong) {
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, 2) << (args.empty() ? "no arguments" : args[0]);
    EXPECT_EQ(a.out, "");
    EXPECT_TRUE(a.err.starts_with("error[E601]: ")) << a.err;
    EXPECT_NE(a.err.find("\n  hint: atoll "), std::string::npos) << a.err;
  }
}

TEST_F(CommandLineTest, MissingFilesExitWith1) {
  const std::string message = "error[E101]: there is no file 'none.pt2'\n  hint: check the path\n";
  for (const auto& args : std::vector<std::vector<std::string>>{{"convert", "none.pt2", "-o", "out.tflite"},
                                                                {"inspect", "none.pt2"},
                                                                {"run", "none.pt2"},
                                                                {"bench", "none.pt2"},
                                                                {"verify", "none.pt2", "none.tflite"}}) {
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, 1) << args[0];
    EXPECT_EQ(a.out, "") << args[0];
    EXPECT_EQ(a.err, message) << args[0];
  }
  EXPECT_TRUE(names().empty());
}

TEST_F(CommandLineTest, ErrorsAreJsonWhenAsked) {
  for (const auto& args : std::vector<std::vector<std::string>>{{"convert", "none.pt2", "-o", "out.tflite", "--json"},
                                                                {"inspect", "none.pt2", "--json"},
                                                                {"run", "none.pt2", "--json"},
                                                                {"bench", "none.pt2", "--json"},
                                                                {"verify", "none.pt2", "none.tflite", "--json"}}) {
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, 1) << args[0];
    EXPECT_EQ(a.err, "") << args[0];
    const json j = json::parse(a.out, nullptr, false);
    ASSERT_TRUE(j.is_object()) << a.out;
    EXPECT_EQ(j["error"]["code"], "E101");
    EXPECT_EQ(j["error"]["what"], "there is no file 'none.pt2'");
  }
}

TEST_F(CommandLineTest, NoControlCodesInAPipe) {
  for (const auto& environment : std::vector<std::vector<std::string>>{{}, {"NO_COLOR=1"}, {"TERM=xterm-256color"}}) {
    for (const auto& args :
         std::vector<std::vector<std::string>>{{"doctor"},
                                               {"ops"},
                                               {"inspect", source_file("demo/digits.pt2")},
                                               {"inspect", "none.pt2"},
                                               {"--help"},
                                               {"convert", source_file("demo/digits.pt2"), "-o", "d.tflite"}}) {
      const Answer a = run(args, environment);
      EXPECT_EQ(a.out.find('\x1b'), std::string::npos) << args[0];
      EXPECT_EQ(a.err.find('\x1b'), std::string::npos) << args[0];
      EXPECT_EQ(a.out.find('\r'), std::string::npos) << args[0];
      EXPECT_EQ(a.err.find('\r'), std::string::npos) << args[0];
    }
  }
}

// A short answer fails when it is flushed, a long one while it is printed.
TEST_F(CommandLineTest, AStandardOutputThatIsFull) {
  for (const std::string args : {"--version", "doctor", "ops --json"}) {
    const std::string command =
        std::string("'") + ATOLL_BINARY + "' " + args + " > /dev/full 2> '" + path("err").string() + "'";
    const int status = std::system(command.c_str());
    ASSERT_TRUE(WIFEXITED(status)) << args;
    EXPECT_EQ(WEXITSTATUS(status), 1) << args;
    EXPECT_EQ(read("err"), "error[E109]: the standard output cannot be written\n") << args;
  }
}

TEST_F(CommandLineTest, DoctorSaysWhatToDo) {
  const Answer a = run({"doctor", "--json"}, {"ATOLL_LITERT=" + path("nothing").string()});
  EXPECT_EQ(a.exit_code, 1);
  const json j = json::parse(a.out, nullptr, false);
  ASSERT_TRUE(j.is_object()) << a.out;
  EXPECT_FALSE(j["good"]);
  EXPECT_EQ(j["findings"][0]["name"], "LiteRT");
  EXPECT_EQ(j["findings"][0]["status"], "missing");
  EXPECT_TRUE(j["findings"][0]["needed"]);
  EXPECT_NE(j["findings"][0]["mend"].get<std::string>(), "");
}

}  // namespace
}  // namespace atl::cli
