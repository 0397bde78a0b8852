#include "command_line.h"

namespace atl::cli {
namespace {

using nlohmann::json;

class InspectTest : public CommandLineTest {
 protected:
  json inspect(const std::string& file, std::vector<std::string> more = {}) const {
    std::vector<std::string> args = {"inspect", file, "--json"};
    args.insert(args.end(), more.begin(), more.end());
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, 0) << a.out;
    return json::parse(a.out, nullptr, false);
  }
};

TEST_F(InspectTest, AProgram) {
  const json j = inspect(source_file("demo/digits.pt2"), {"--ops", "--tensors", "--graph"});
  EXPECT_EQ(j["kind"], "pt2");
  EXPECT_EQ(j["program"]["parameters"], 15034);
  EXPECT_EQ(j["program"]["parameter_tensors"], 20);
  EXPECT_EQ(j["signatures"][0]["inputs"], json::parse(R"([{"name": "x", "type": "f32[1,1,8,8]"}])"));
  EXPECT_EQ(j["operator_count"], j["operators"].size());
  for (const json& op : j["operator_counts"]) EXPECT_TRUE(op["supported"]) << op;
  size_t counted = 0;
  for (const json& op : j["operator_counts"]) counted += op["count"].get<size_t>();
  EXPECT_EQ(j["operator_count"], counted);
  EXPECT_EQ(j["tensors"].size(), 38u);
  EXPECT_EQ(j["operators"][0]["name"], "aten.conv2d.default");
  EXPECT_TRUE(j["graph"].get<std::string>().starts_with("graph main\n"));
}

TEST_F(InspectTest, AProgramThatKeepsStates) {
  const json j = inspect(source_file("tests/verify/fixtures/control_flow/counter_functional.pt2"), {});
  EXPECT_EQ(j["program"]["states"], json::parse(R"(["calls", "history"])"));
  EXPECT_FALSE(j["program"].contains("mutations"));
}

TEST_F(InspectTest, AFileOfItsOwn) {
  ASSERT_EQ(run({"convert", source_file("demo/digits.pt2"), "-o", "d.tflite", "-q"}).exit_code, 0);
  const json j = inspect("d.tflite", {"--ops", "--tensors"});
  EXPECT_EQ(j["kind"], "tflite");
  EXPECT_EQ(j["tflite"]["atoll"]["source_sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(j["signatures"][0]["key"], "serving_default");
  EXPECT_EQ(j["signatures"][0]["outputs"], json::parse(R"([{"name": "output", "type": "f32[1,10]"}])"));
  EXPECT_EQ(j["operators"].size(), j["operator_count"]);
  uint64_t constants = 0;
  for (const json& t : j["tensors"])
    if (t["role"] == "constant") constants += t["bytes"].get<uint64_t>();
  EXPECT_GE(constants, j["tflite"]["constant_bytes"].get<uint64_t>());
  EXPECT_GT(j["tflite"]["constant_bytes"], 50'000);
}

TEST_F(InspectTest, AForeignFile) {
  const json j = inspect(source_file("tests/run/data/two_inputs.tflite"), {"--ops", "--graph"});
  EXPECT_EQ(j["signatures"][0]["key"], "subtract");
  EXPECT_EQ(j["signatures"][0]["inputs"].size(), 2u);
  EXPECT_EQ(j["operator_counts"], json::parse(R"([{"name": "SUB", "count": 1, "version": 1}])"));
  const json custom = inspect(source_file("tests/run/data/custom.tflite"));
  EXPECT_TRUE(custom["operator_counts"][0]["custom"]) << custom;
}

TEST_F(InspectTest, ArraysAndImages) {
  const json npz = inspect(source_file("demo/digits_test.npz"));
  EXPECT_EQ(npz["kind"], "npz");
  EXPECT_EQ(npz["arrays"][0], json::parse(R"({"name": "x", "type": "f32[540,1,8,8]", "bytes": 138240})"));
  const json npy = inspect(source_file("tests/run/data/fortran.npy"));
  EXPECT_EQ(npy["kind"], "npy");
  const json png = inspect(source_file("demo/images/7.png"));
  EXPECT_EQ(png["summary"], "a PNG image");
  EXPECT_EQ(png["arrays"][0]["type"], "u8[8,8,3]");
}

TEST_F(InspectTest, SomethingElse) {
  write("notes.txt", "hello\n");
  const json j = inspect("notes.txt");
  EXPECT_EQ(j["kind"], "other");
  EXPECT_EQ(j["summary"], "a text file");
  EXPECT_NE(j["hint"].get<std::string>(), "");
  write("begun.tflite", std::string("\x20\0\0", 3));
  const Answer a = run({"inspect", "begun.tflite"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_EQ(a.err,
            "error[E102]: 'begun.tflite' is a file of unknown format\n"
            "  hint: if it was a model, copy or download it again\n");
}

TEST_F(InspectTest, DamagedFiles) {
  write("cut.tflite", std::string("\x1c\0\0\0TFL3\0\0\0\0\0\0", 14));
  Answer a = run({"inspect", "cut.tflite"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_EQ(a.err,
            "error[E111]: its structure is damaged or cut off\n  in: while reading 'cut.tflite'\n"
            "  hint: fetch or convert the file again\n");
  write("empty", "");
  a = run({"inspect", "empty"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_TRUE(a.err.starts_with("error[E102]: ")) << a.err;
  a = run({"inspect", "."});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_TRUE(a.err.starts_with("error[E102]: ")) << a.err;
}

TEST_F(InspectTest, NamesCannotDriveTheTerminal) {
  std::ifstream file(source_file("tests/run/data/two_inputs.tflite"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const size_t at = bytes.find("subtract");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 4, "\x1b[2J");
  write("hostile.tflite", bytes);
  const Answer a = run({"inspect", "hostile.tflite"});
  EXPECT_EQ(a.exit_code, 0);
  EXPECT_EQ(a.out.find('\x1b'), std::string::npos) << a.out;
  EXPECT_NE(a.out.find("?[2Jract"), std::string::npos) << a.out;
}

}  // namespace
}  // namespace atl::cli
