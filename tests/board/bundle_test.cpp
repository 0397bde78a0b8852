// The bundle for aarch64 in a root that holds nothing else: no C library, no shell, no Python; then on a board with a
// libedgetpu of its own and a C library that must not be touched.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "board_files.h"
#include "stand_in/table_model.h"

namespace atl::board {
namespace {

using nlohmann::json;

constexpr const char* kHome = "/opt/atoll";

class BundleTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto scratch = ScratchFolder::create();
    ASSERT_TRUE(scratch);
    scratch_ = std::make_unique<ScratchFolder>(std::move(*scratch));
    fs::create_directories(at("/opt"));
    fs::create_directories(at("/tmp"));
    const std::string archive = package("-aarch64.tar.gz").string();
    ASSERT_TRUE(execute({"tar", "-C", at("/opt"), "-xzf", archive}).succeeded());
    for (const auto& entry : fs::directory_iterator(at("/opt"))) fs::rename(entry.path(), at(kHome));
    for (const char* list : {"possible", "present", "online"}) write(std::string("/sys/devices/system/cpu/") + list, "0-3\n");
  }
  static void TearDownTestSuite() { scratch_.reset(); }
  static std::string at(const std::string& path) { return scratch_->path() + path; }
  static void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(at(path)).parent_path());
    std::ofstream(at(path), std::ios::binary) << text;
  }
  static void copy(const std::string& from, const std::string& to) {
    fs::copy_file(std::string(ATOLL_SOURCE_DIR) + "/" + from, at(to), fs::copy_options::overwrite_existing);
  }
  /// Runs in the root; `variables` are the whole environment.
  static ProcessResult in_root(std::vector<std::string> command, const std::vector<std::string>& variables = {}) {
    std::vector<std::string> argv = {std::string(ATOLL_SOURCE_DIR) + "/scripts/aarch64/in_root.sh", arm_root().string(),
                                     at("")};
    argv.insert(argv.end(), variables.begin(), variables.end());
    argv.insert(argv.end(), command.begin(), command.end());
    return execute(argv);
  }
  static ProcessResult atoll(std::vector<std::string> args, const std::vector<std::string>& variables = {}) {
    args.insert(args.begin(), std::string(kHome) + "/atoll");
    return in_root(std::move(args), variables);
  }
  static json finding(const json& report, const std::string& name) {
    for (const json& f : report["findings"])
      if (f["name"] == name) return f;
    return {};
  }
  static inline std::unique_ptr<ScratchFolder> scratch_;
};

TEST_F(BundleTest, RunsWhereThereIsNothingElse) {
  EXPECT_EQ(atoll({"--version"}).out, "atoll 0.1.0\n");
  fs::create_directories(at("/usr/bin"));
  if (!fs::exists(at("/usr/bin/atoll"))) fs::create_symlink(std::string(kHome) + "/atoll", at("/usr/bin/atoll"));
  EXPECT_EQ(in_root({"/usr/bin/atoll", "--version"}).out, "atoll 0.1.0\n");
  const ProcessResult doctor = atoll({"doctor", "--json"});
  ASSERT_TRUE(doctor.succeeded()) << doctor.out << doctor.err;
  const json report = json::parse(doctor.out);
  EXPECT_EQ(finding(report, "LiteRT")["status"], "ok") << doctor.out;
  EXPECT_NE(finding(report, "LiteRT")["detail"].get<std::string>().find("/opt/atoll/lib/libLiteRt.so"), std::string::npos)
      << doctor.out;
}

TEST_F(BundleTest, ConvertsProvesAndRuns) {
  copy("tests/verify/fixtures/net.pt2", "/tmp/net.pt2");
  const ProcessResult converted = atoll({"convert", "/tmp/net.pt2", "-o", "/tmp/net.tflite", "--json"});
  ASSERT_TRUE(converted.succeeded()) << converted.out << converted.err;
  EXPECT_EQ(json::parse(converted.out)["proof"]["verdict"], "proven") << converted.out;
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"run", "/tmp/net.tflite", "--random", "1"},
                                             {"bench", "/tmp/net.tflite", "--runs", "2"},
                                             {"inspect", "/tmp/net.tflite"}}) {
    const ProcessResult r = atoll(command);
    EXPECT_TRUE(r.succeeded()) << command[0] << ": " << r.out << r.err;
  }
}

TEST_F(BundleTest, OpensTheBoardsLibedgetpu) {
  const std::string board = "/usr/lib/aarch64-linux-gnu/";
  fs::create_directories(at(board));
  fs::copy_file(arm_stand_ins() / "libedgetpu.so", at(board + "libedgetpu.so.1"), fs::copy_options::overwrite_existing);
  // Were one of these taken, nothing would start: the board's C library does not fit the bundle's loader.
  for (const char* own : {"libc.so.6", "libpthread.so.0", "libstdc++.so.6", "libm.so.6"})
    write(board + own, "not for the bundle");
  const std::string usb = "/sys/bus/usb/devices/2-1/";
  for (const auto& [file, text] :
       {std::pair{"idVendor", "18d1"}, {"idProduct", "9302"}, {"speed", "5000"}, {"busnum", "2"}, {"devnum", "3"}})
    write(usb + file, std::string(text) + "\n");
  write("/dev/bus/usb/002/003", "");
  fs::permissions(at("/dev/bus/usb/002/003"), fs::perms(0666));
  const std::vector<std::string> devices = {"STAND_IN_DEVICES=usb:/sys/bus/usb/devices/2-1"};

  const json report = json::parse(atoll({"doctor", "--json"}, devices).out);
  EXPECT_EQ(finding(report, "Edge TPU 0")["status"], "ok") << report;
  EXPECT_EQ(finding(report, "libedgetpu")["status"], "ok") << report;

  const auto bytes = edgetpu::table_model();
  write("/tmp/table_edgetpu.tflite", std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  std::string input;
  std::vector<float> values;
  for (int i = 0; i < edgetpu::kTableElements; ++i) values.push_back(float(i) * 0.5f - 17);
  write("/tmp/in.raw", std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
  const ProcessResult ran =
      atoll({"run", "/tmp/table_edgetpu.tflite", "--input", "/tmp/in.raw", "--output", "/tmp/out.npy", "--json"}, devices);
  ASSERT_TRUE(ran.succeeded()) << ran.out << ran.err;
  EXPECT_EQ(json::parse(ran.out)["device"], "Edge TPU 0 (USB 2-1)");
  const std::string npy = text_of(at("/tmp/out.npy"));
  ASSERT_GT(npy.size(), values.size() * sizeof(float));
  const char* data = npy.data() + npy.size() - values.size() * sizeof(float);
  for (size_t i = 0; i < values.size(); ++i) {
    float value;
    std::memcpy(&value, data + i * sizeof value, sizeof value);
    EXPECT_EQ(value, edgetpu::table_value(values[i])) << i;
  }
}

TEST_F(BundleTest, BringsTheLicencesOfWhatItBrings) {
  EXPECT_NE(text_of(at(std::string(kHome) + "/licences/libc6")).find("LGPL"), std::string::npos);
  for (const char* file : {"/licences/libusb-1.0-0", "/licences/atoll", "/lib/ai_edge_litert-2.3.0.dist-info/licenses/LICENSE",
                           "/60-edgetpu.rules", "/README.md", "/man/man1/atoll-run.1"})
    EXPECT_TRUE(fs::exists(at(kHome + std::string(file)))) << file;
}

}  // namespace
}  // namespace atl::board
