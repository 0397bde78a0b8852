// --device, --log-placement and doctor, with a fake system and the stand-in of libedgetpu.
#include <algorithm>

#include "../device/fake_system.h"
#include "command_line.h"
#include "stand_in/table_model.h"

namespace atl::cli {
namespace {

using nlohmann::json;

constexpr const char *kUsb = "/sys/bus/usb/devices/2-1", *kPcie = "/dev/apex_0";

class DeviceTest : public CommandLineTest {
 protected:
  void SetUp() override {
    CommandLineTest::SetUp();
    system_.usb("2-1", true, 5000);
    system_.apex(0, "0000:01:00.0");
    const auto bytes = edgetpu::table_model();
    write("table_edgetpu.tflite", std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  // What `more` says of a variable holds, not what is said here. Each is given once: a shell would take the last.
  std::vector<std::string> environment(std::vector<std::string> more) const {
    for (const std::string& v : {"ATOLL_SYSTEM_ROOT=" + system_.root().string(), "ATOLL_EDGETPU=" + stand_in("libedgetpu.so"),
                                 std::string("STAND_IN_DEVICES=usb:") + kUsb + ",pci:" + kPcie}) {
      const std::string name = v.substr(0, v.find('=') + 1);
      if (std::ranges::none_of(more, [&](const std::string& m) { return m.starts_with(name); })) more.push_back(v);
    }
    return more;
  }
  Answer on_device(std::vector<std::string> args, const std::vector<std::string>& more = {}) const {
    return run(std::move(args), environment(more));
  }
  Answer run_table(std::vector<std::string> options, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> args = {"run", "table_edgetpu.tflite", "--random", "1"};
    args.insert(args.end(), options.begin(), options.end());
    return on_device(std::move(args), more);
  }
  static json finding(const json& report, const std::string& name) {
    for (const json& f : report["findings"])
      if (f["name"] == name) return f;
    return {};
  }
  FakeSystem system_;
};

TEST_F(DeviceTest, RunsACompiledModelAndSaysWhere) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  const Answer a = run_table({"--log-placement", "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.out << a.err;
  const json j = json::parse(a.out);
  EXPECT_EQ(j["device"], "Edge TPU 0 (PCIe 0000:01:00.0)");
  const json expected = json::parse(R"json([
    {"index": 0, "op": "QUANTIZE", "place": "CPU (XNNPACK)", "output": "t1"},
    {"index": 1, "op": "edgetpu-custom-op", "place": "Edge TPU 0 (PCIe 0000:01:00.0)", "output": "t2"},
    {"index": 2, "op": "DEQUANTIZE", "place": "CPU (XNNPACK)", "output": "out0"}])json");
  EXPECT_EQ(j["placement"], expected);
  const Answer plain = run_table({"--log-placement", "--device", "edgetpu:1", "--kernels", "builtin"});
  EXPECT_NE(plain.out.find("on Edge TPU 1 (USB 2-1)"), std::string::npos) << plain.out;
  EXPECT_NE(plain.out.find("       2  CPU (LiteRT's kernel)\n       1  Edge TPU 1 (USB 2-1)\n"), std::string::npos)
      << plain.out;
}

TEST_F(DeviceTest, HandsOptionsOn) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  const Answer a =
      run_table({"--device", "edgetpu:1", "--edgetpu-option", "Performance=Low", "--edgetpu-option", "Usb.AlwaysDfu=False"},
                {"STAND_IN_LOG=" + path("log").string()});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  EXPECT_EQ(read("log"), std::string(kUsb) + " Performance=Low Usb.AlwaysDfu=False\n");
  EXPECT_EQ(run_table({"--edgetpu-option", "Performance=Fast"}).exit_code, 2);
  EXPECT_EQ(run_table({"--edgetpu-option", "Performance"}).exit_code, 2);
}

TEST_F(DeviceTest, TakesTheNextOneWhenOneIsInUse) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  const Answer a = run_table({"--json"}, {"STAND_IN_BUSY=" + std::string(kPcie)});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json j = json::parse(a.out);
  EXPECT_EQ(j["device"], "Edge TPU 1 (USB 2-1)");
  EXPECT_EQ(
      j["notes"][0],
      "not on Edge TPU 0 (PCIe 0000:01:00.0): libedgetpu does not open Edge TPU 0 (PCIe 0000:01:00.0): it is in use, or it is "
      "not permitted");
  EXPECT_EQ(j["notes"][1], "running on Edge TPU 1 (USB 2-1)");
  const Answer strict = run_table({"--device", "edgetpu:0"}, {"STAND_IN_BUSY=" + std::string(kPcie)});
  EXPECT_EQ(strict.exit_code, 1);
  EXPECT_NE(strict.err.find("error[E506]: libedgetpu does not open Edge TPU 0"), std::string::npos) << strict.err;
}

TEST_F(DeviceTest, SaysWhyNot) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  const Answer cpu = run_table({"--device", "cpu"});
  EXPECT_EQ(cpu.exit_code, 1);
  EXPECT_EQ(cpu.err,
            "error[E302]: 'table_edgetpu.tflite' is compiled for the Edge TPU and runs nowhere else\n"
            "  hint: run the .tflite file that it was compiled from\n");
  EXPECT_EQ(run_table({"--device", "edgetpu:2"}).err,
            "error[E506]: there is no Edge TPU 2: 2 are attached\n  hint: they count from 0; atoll doctor lists them\n");
  EXPECT_EQ(run_table({"--device", "npu"}).exit_code, 2);
  EXPECT_EQ(run_table({"--device", "edgetpu:x"}).exit_code, 2);
  const Answer plain =
      on_device({"run", source_file("tests/run/data/quantized.tflite"), "--random", "1", "--device", "edgetpu"});
  EXPECT_EQ(plain.exit_code, 1);
  EXPECT_NE(plain.err.find("is not compiled for the Edge TPU"), std::string::npos) << plain.err;
  const Answer absent = run_table({}, {"ATOLL_EDGETPU=/nowhere"});
  EXPECT_NE(absent.err.find("error[E507]: ATOLL_EDGETPU names '/nowhere', which is not there"), std::string::npos)
      << absent.err;
}

TEST_F(DeviceTest, NamesWhatKeepsADeviceFromBeingUsed) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  std::filesystem::remove(system_.at(kPcie));
  const Answer a = run_table({}, {"STAND_IN_DEVICES="});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_NE(
      a.err.find("error[E506]: the Edge TPU at PCIe 0000:01:00.0 (/dev/apex_0) cannot be used: its device node /dev/apex_0 is "
                 "missing"),
      std::string::npos)
      << a.err;
  const Answer none = run_table({}, {"STAND_IN_DEVICES=", "ATOLL_SYSTEM_ROOT=" + path("empty").string()});
  EXPECT_NE(none.err.find("error[E506]: no Edge TPU is attached"), std::string::npos) << none.err;
}

TEST_F(DeviceTest, AutoFallsBackAndSaysSo) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  const std::string file = source_file("tests/run/data/quantized.tflite");
  const json j = json::parse(on_device({"run", file, "--random", "1", "--device", "auto", "--json"}).out);
  EXPECT_NE(j["notes"][0].get<std::string>().find("not on the Edge TPU: the file is not compiled for it"), std::string::npos);
  EXPECT_EQ(j["notes"].back(), "running on the " + j["device"].get<std::string>());
  // With LiteRT's library alone there is no GPU accelerator.
  std::filesystem::create_directory(path("alone"));
  const json doctor = json::parse(on_device({"doctor", "--json"}).out);
  const std::string detail = finding(doctor, "LiteRT")["detail"];
  const size_t at = detail.find(" in ") + 4;
  std::filesystem::create_symlink(detail.substr(at, detail.find(" (", at) - at), path("alone/libLiteRt.so"));
  const Answer gpu = on_device({"run", file, "--random", "1", "--device", "gpu", "--litert", path("alone").string()});
  EXPECT_EQ(gpu.exit_code, 1);
  EXPECT_NE(gpu.err.find("error[E506]: LiteRT has no accelerator for GPUs in '"), std::string::npos) << gpu.err;
  const Answer bench = on_device({"bench", file, "--device", "auto", "--runs", "2"});
  EXPECT_EQ(bench.exit_code, 0);
  EXPECT_NE(bench.err.find("note: not on the Edge TPU"), std::string::npos) << bench.err;
}

TEST_F(DeviceTest, EndsWhenTheDeviceHangsOrGoes) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  const auto start = std::chrono::steady_clock::now();
  const Answer hang = run_table({"--device-timeout", "0.5"}, {"STAND_IN_FAULT=hang"});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_EQ(hang.exit_code, 1);
  EXPECT_EQ(
      hang.err,
      "error[E506]: Edge TPU 0 (PCIe 0000:01:00.0) has not answered within 0.5 s, when it was to run 'table_edgetpu.tflite'\n"
      "  hint: plug it out and in again; --device-timeout gives a slow model more time\n");
  const Answer gone =
      on_device({"bench", "table_edgetpu.tflite", "--device", "edgetpu:1"},
                {"STAND_IN_FAULT=vanish", "STAND_IN_FAULT_AT=4", "STAND_IN_VANISHES=" + system_.at(kUsb).string()});
  EXPECT_EQ(gone.exit_code, 1);
  EXPECT_NE(gone.err.find("error[E506]: Edge TPU 1 (USB 2-1) was removed when it was to run 'table_edgetpu.tflite'"),
            std::string::npos)
      << gone.err;
}

TEST_F(DeviceTest, RefusesARuntimeThatIsTooOld) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  const Answer a = run_table({}, {"STAND_IN_VERSION=BuildLabel(old), RuntimeVersion(13)"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_NE(a.err.find("error[E507]: the model is compiled for runtime 14, '"), std::string::npos) << a.err;
  EXPECT_NE(a.err.find("has runtime 13"), std::string::npos) << a.err;
}

TEST_F(DeviceTest, BenchMeasuresThere) {
  if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  const Answer a = on_device({"bench", "table_edgetpu.tflite", "--runs", "3", "--profile", "--log-placement", "--json"});
  ASSERT_EQ(a.exit_code, 0) << a.err;
  const json j = json::parse(a.out);
  EXPECT_EQ(j["device"], "Edge TPU 0 (PCIe 0000:01:00.0)");
  EXPECT_EQ(j["placement"].size(), 3u);
  size_t there = 0;
  for (const json& op : j["profile"]["op_types"]) there += op["on_edgetpu"] == true;
  EXPECT_EQ(there, 1u);
}

TEST_F(DeviceTest, DoctorNamesWhatIsWrong) {
  const json good = json::parse(on_device({"doctor", "--json"}).out);
  EXPECT_EQ(finding(good, "Edge TPU 0")["detail"], "PCIe 0000:01:00.0 (/dev/apex_0)");
  EXPECT_EQ(finding(good, "Edge TPU 1")["status"], "ok");
  EXPECT_EQ(finding(good, "libedgetpu")["status"], "ok");
  EXPECT_NE(finding(good, "libedgetpu")["detail"].get<std::string>().find("RuntimeVersion(14)"), std::string::npos);

  system_.usb("2-1", true, 480);
  system_.card("0000:05:00.0");
  const std::vector<std::string> old = {"STAND_IN_VERSION=RuntimeVersion(13)"};
  const json bad = json::parse(on_device({"doctor", "--json"}, old).out);
  EXPECT_EQ(finding(bad, "Edge TPU 1")["status"], "warning");  // the card without a driver has no number
  EXPECT_EQ(finding(bad, "Edge TPU 1")["mend"], "plug it into a USB 3 port, with a USB 3 cable");
  EXPECT_EQ(finding(bad, "Edge TPU")["status"], "missing");
  EXPECT_EQ(finding(bad, "Edge TPU")["detail"], "PCIe 0000:05:00.0: the driver 'apex' is loaded, but has not taken the card");
  EXPECT_EQ(finding(bad, "libedgetpu")["status"], "warning");
  const Answer text = on_device({"doctor"}, {"ATOLL_EDGETPU=/nowhere"});
  EXPECT_NE(text.out.find("missing  libedgetpu ATOLL_EDGETPU names '/nowhere', which is not there"), std::string::npos)
      << text.out;
  EXPECT_EQ(finding(json::parse(run({"doctor", "--json"}, {"ATOLL_SYSTEM_ROOT=" + path("empty").string()}).out),
                    "Edge TPU")["detail"],
            "none is attached");
}

}  // namespace
}  // namespace atl::cli
