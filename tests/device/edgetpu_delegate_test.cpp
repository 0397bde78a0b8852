// Compiled models in LiteRT, on the stand-in of libedgetpu.
#include "device/edgetpu_delegate.h"

#include "../run/runtime.h"
#include "device/device_thread.h"
#include "fake_system.h"
#include "stand_in/table_model.h"

namespace atl {
namespace {

using std::chrono::milliseconds;

constexpr const char* kUsbPath = "/sys/bus/usb/devices/2-1";

class EdgeTpuRunTest : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    system_.usb("2-1", true, 5000);
    variable("STAND_IN_DEVICES", std::string("usb:") + kUsbPath + ",pci:/dev/apex_0");
  }
  void TearDown() override {
    for (const std::string& name : set_) unsetenv(name.c_str());
  }
  void variable(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }
  static std::shared_ptr<const EdgeTpuLibrary> stand_in(const std::string& file = "libedgetpu.so") {
    auto library = EdgeTpuLibrary::find(std::string(ATOLL_STAND_INS) + "/" + file);
    EXPECT_TRUE(library) << format(library.error());
    return *library;
  }
  RunOptions options(const std::string& file = "libedgetpu.so") const {
    RunOptions o;
    o.edgetpu = EdgeTpuTarget{stand_in(file), {edgetpu_api::kUsb, kUsbPath}, "Edge TPU 0 (USB 2-1)", {}};
    o.tree = SystemTree(system_.root());
    return o;
  }
  Result<CompiledModel> load(const RunOptions& o, int min_runtime = 14) const {
    return CompiledModel::load(library_, edgetpu::table_model(min_runtime), o);
  }
  static NdArray input() {
    std::vector<float> values(edgetpu::kTableElements);
    for (size_t i = 0; i < values.size(); ++i) values[i] = float(i) * 0.75f - 20;
    return array_of<float>(ElementType::kF32, {1, 4, 6, 3}, values);
  }
  static void expect_right(const Result<std::vector<NdArray>>& outputs) {
    ASSERT_TRUE(outputs) << format(outputs.error());
    const auto in = values_of<float>(input()), out = values_of<float>(outputs->at(0));
    for (size_t i = 0; i < in.size(); ++i) EXPECT_EQ(out[i], edgetpu::table_value(in[i])) << i;
  }
  FakeSystem system_;
  std::vector<std::string> set_;
};

TEST_F(EdgeTpuRunTest, RunsCompiledOperatorsThere) {
  auto o = options();
  o.profile = true;
  auto model = load(o);
  ASSERT_TRUE(model) << format(model.error());
  for (int i = 0; i < 3; ++i) expect_right(model->run(0, std::vector{input()}));
  const auto times = model->op_times();
  ASSERT_TRUE(times);
  size_t there = 0;
  for (const OpTime& t : *times) there += t.op == kEdgeTpuKernel;
  EXPECT_EQ(there, 1u);
}

TEST_F(EdgeTpuRunTest, TakesLibrariesOfThePast) {
  auto model = load(options("libedgetpu_old.so"));
  ASSERT_TRUE(model) << format(model.error());
  expect_right(model->run(0, std::vector{input()}));
}

TEST_F(EdgeTpuRunTest, HandsOnDeviceAndOptions) {
  TemporaryFolder folder;
  variable("STAND_IN_LOG", (folder / "log").string());
  auto o = options();
  o.edgetpu->device = {edgetpu_api::kPci, "/dev/apex_0"};
  o.edgetpu->options = {{"Performance", "High"}, {"Usb.MaxBulkInQueueLength", "8"}};
  ASSERT_TRUE(load(o));
  std::ifstream log(folder / "log");
  std::string line;
  std::getline(log, line);
  EXPECT_EQ(line, "/dev/apex_0 Performance=High Usb.MaxBulkInQueueLength=8");
}

TEST_F(EdgeTpuRunTest, NamesADeviceInUse) {
  variable("STAND_IN_FAULT", "busy");
  const auto model = load(options());
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, Code::kDevice);
  EXPECT_EQ(model.error().what, "libedgetpu does not open Edge TPU 0 (USB 2-1): it is in use, or it is not permitted");
}

TEST_F(EdgeTpuRunTest, PassesOnWhatTheDriverSays) {
  variable("STAND_IN_FAULT", "fail");
  variable("STAND_IN_FAULT_AT", "2");
  auto model = load(options());
  ASSERT_TRUE(model);
  expect_right(model->run(0, std::vector{input()}));
  const auto second = model->run(0, std::vector{input()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kRuntimeFailure);
  EXPECT_NE(second.error().what.find("USB transfer error 5"), std::string::npos) << second.error().what;
  EXPECT_NE(second.error().what.find("(Edge TPU 0 (USB 2-1))"), std::string::npos) << second.error().what;
  expect_right(model->run(0, std::vector{input()}));
}

TEST_F(EdgeTpuRunTest, NamesARemovedDevice) {
  variable("STAND_IN_FAULT", "vanish");
  variable("STAND_IN_FAULT_AT", "2");
  variable("STAND_IN_VANISHES", system_.at(kUsbPath).string());
  auto model = load(options());
  ASSERT_TRUE(model);
  expect_right(model->run(0, std::vector{input()}));
  const auto second = model->run(0, std::vector{input()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kDevice);
  EXPECT_EQ(second.error().what, "Edge TPU 0 (USB 2-1) was removed when it was to run the model in memory");
}

TEST_F(EdgeTpuRunTest, GivesUpADeviceThatHangs) {
  variable("STAND_IN_FAULT", "hang");
  variable("STAND_IN_FAULT_AT", "2");
  auto o = options();
  o.device_limit = milliseconds(400);
  auto model = load(o);
  ASSERT_TRUE(model);
  expect_right(model->run(0, std::vector{input()}));
  EXPECT_FALSE(device_thread_was_given_up());
  for (int i = 0; i < 2; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto failed = model->run(0, std::vector{input()});
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Code::kDevice);
    EXPECT_EQ(failed.error().what,
              "Edge TPU 0 (USB 2-1) has not answered within 0.4 s, when it was to run the model in memory");
  }
  EXPECT_TRUE(device_thread_was_given_up());
}

TEST_F(EdgeTpuRunTest, NamesAnOldRuntime) {
  auto model = load(options(), 15);
  ASSERT_TRUE(model) << format(model.error());  // the kernel is prepared at the first run
  const auto failed = model->run(0, std::vector{input()});
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().what.find("Package requires runtime version (15)"), std::string::npos) << failed.error().what;
  EXPECT_NE(failed.error().hint.find("update libedgetpu"), std::string::npos);
}

TEST_F(EdgeTpuRunTest, ListsPcieDevicesFirst) {
  const auto devices = stand_in()->devices();
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[0].path, "/dev/apex_0");
  EXPECT_EQ(devices[1].path, kUsbPath);
  EXPECT_EQ(stand_in()->runtime_version(), 14);
}

// The last of those that load a model: LiteRT holds a lock while the device is opened.
TEST_F(EdgeTpuRunTest, GivesUpADeviceThatHangsWhenOpened) {
  variable("STAND_IN_FAULT", "slow");
  auto o = options();
  o.device_limit = milliseconds(200);
  const auto model = load(o);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().what,
            "Edge TPU 0 (USB 2-1) has not answered within 0.2 s, when it was to prepare the model in memory");
}

TEST(EdgeTpuOptions, AreThoseOfTheLibrary) {
  EXPECT_TRUE(check_edgetpu_option("Performance", "Max"));
  EXPECT_TRUE(check_edgetpu_option("Usb.AlwaysDfu", "True"));
  EXPECT_TRUE(check_edgetpu_option("Usb.MaxBulkInQueueLength", "255"));
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"Performance", "max"},
                                                                                    {"Usb.AlwaysDfu", "1"},
                                                                                    {"Usb.MaxBulkInQueueLength", "256"},
                                                                                    {"Usb.MaxBulkInQueueLength", ""}}) {
    const auto refused = check_edgetpu_option(name, value);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().what, name + " cannot be '" + value + "'");
  }
  EXPECT_EQ(check_edgetpu_option("Speed", "Max").error().what, "libedgetpu has no option 'Speed'");
}

TEST(EdgeTpuLibrary, SaysWhatIsMissing) {
  const auto absent = EdgeTpuLibrary::find("/nowhere/libedgetpu.so.1");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Code::kDeviceLibrary);
  EXPECT_EQ(absent.error().what, "there is no libedgetpu at '/nowhere/libedgetpu.so.1'");
  const auto other = EdgeTpuLibrary::find("/proc/self/exe");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().what.find("cannot be opened"), std::string::npos) << other.error().what;
}

}  // namespace
}  // namespace atl
