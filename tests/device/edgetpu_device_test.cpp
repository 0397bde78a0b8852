#include "device/edgetpu_device.h"

#include <gtest/gtest.h>

#include "fake_system.h"

namespace atl {
namespace {

class EdgeTpuDeviceTest : public testing::Test {
 protected:
  // As user 1000, who is in the groups given.
  std::vector<EdgeTpuDevice> find(const std::vector<gid_t>& groups = {1000}) const {
    return find_edgetpus(SystemTree(system_.root(), SystemTree::Identity{1000, groups}));
  }
  EdgeTpuDevice only(const std::vector<gid_t>& groups = {1000}) const {
    const auto all = find(groups);
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? EdgeTpuDevice{} : all.front();
  }
  // The files of the tree belong to whoever runs the test.
  gid_t node_group(const std::string& path) const {
    struct stat s {};
    stat(system_.at(path).c_str(), &s);
    return s.st_gid;
  }
  FakeSystem system_;
};

TEST_F(EdgeTpuDeviceTest, FindsNothingWithoutOne) {
  EXPECT_TRUE(find().empty());
  system_.write("/sys/bus/usb/devices/1-4/idVendor", "046d");
  system_.write("/sys/bus/usb/devices/1-4/idProduct", "c52b");
  system_.write("/sys/bus/pci/devices/0000:00:1f.0/vendor", "0x8086");
  system_.write("/sys/bus/pci/devices/0000:00:1f.0/device", "0x089a");
  EXPECT_TRUE(find().empty());
}

TEST_F(EdgeTpuDeviceTest, FindsUsbBeforeAndAfterItsFirmware) {
  system_.usb("2-1.4", true, 5000);
  system_.usb("1-2", false, 480);
  system_.apex(1, "0000:02:00.0");
  system_.apex(0, "0000:01:00.0");
  const auto all = find();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].path, "/dev/apex_0");
  EXPECT_EQ(all[0].text(), "PCIe 0000:01:00.0 (/dev/apex_0)");
  EXPECT_EQ(all[1].path, "/dev/apex_1");
  EXPECT_EQ(all[2].path, "/sys/bus/usb/devices/1-2");
  EXPECT_FALSE(all[2].firmware);
  EXPECT_EQ(all[3].path, "/sys/bus/usb/devices/2-1.4");
  EXPECT_EQ(all[3].node, "/dev/bus/usb/002/003");
  EXPECT_EQ(all[3].text(), "USB 2-1.4 (5000 Mbit/s)");
  for (const EdgeTpuDevice& d : all) {
    EXPECT_EQ(d.problem, "") << d.text();  // one without firmware answers at USB 2 speed on any port
    EXPECT_TRUE(d.usable);
  }
}

TEST_F(EdgeTpuDeviceTest, NamesASlowPort) {
  system_.usb("1-2", true, 480);
  const auto d = only();
  EXPECT_TRUE(d.usable);
  EXPECT_EQ(d.problem, "it is on a USB 2 port: inferences take up to ten times as long");
  EXPECT_EQ(d.mend, "plug it into a USB 3 port, with a USB 3 cable");
}

TEST_F(EdgeTpuDeviceTest, NamesAMissingRule) {
  system_.usb("2-1", true, 5000, 0600);
  const auto d = only();
  EXPECT_FALSE(d.usable);
  EXPECT_EQ(d.problem, "you may not use /dev/bus/usb/002/003: no udev rule gives it to a group");
  EXPECT_NE(d.mend.find("| sudo tee /etc/udev/rules.d/60-edgetpu.rules && sudo udevadm control --reload-rules"),
            std::string::npos);
  EXPECT_NE(d.mend.find(R"(ATTR{idVendor}=="1a6e")"), std::string::npos);
  EXPECT_NE(d.mend.find(R"(ATTR{idVendor}=="18d1")"), std::string::npos);
}

TEST_F(EdgeTpuDeviceTest, NamesTheGroup) {
  system_.usb("2-1", true, 5000, 0660);
  system_.write("/usr/lib/udev/rules.d/60-libedgetpu1-std.rules",
                "SUBSYSTEM==\"usb\",ATTRS{idVendor}==\"1a6e\",GROUP=\"plugdev\"\n"
                "SUBSYSTEM==\"usb\",ATTRS{idVendor}==\"18d1\",GROUP=\"plugdev\"");
  const gid_t group = node_group("/dev/bus/usb/002/003");
  if (group == 0) {
    EXPECT_EQ(only().problem, "you may not use /dev/bus/usb/002/003: its udev rule was not applied yet");
    EXPECT_EQ(only().mend, "sudo udevadm control --reload-rules && sudo udevadm trigger");
    system_.write("/etc/group", "plugdev:x:0:");
  }
  EXPECT_EQ(only({group + 1}).problem, "you may not use /dev/bus/usb/002/003: you are not in the group 'plugdev'");
  EXPECT_EQ(only({group + 1}).mend, "sudo usermod -aG plugdev $USER, then log in again");
  EXPECT_EQ(only({group}).problem, "");
}

TEST_F(EdgeTpuDeviceTest, NamesAGroupWithoutRights) {
  system_.apex(0, "0000:01:00.0", 0640);
  system_.write("/etc/udev/rules.d/65-apex.rules", R"(SUBSYSTEM=="apex", MODE="0640", GROUP="apex")");
  const gid_t group = node_group("/dev/apex_0");
  system_.write("/etc/group", "apex:x:" + std::to_string(group) + ":");
  EXPECT_EQ(only({group}).problem, "you may not use /dev/apex_0: its group 'apex' may not read and write it");
}

TEST_F(EdgeTpuDeviceTest, NamesAMissingNode) {
  system_.apex(0, "0000:01:00.0");
  std::filesystem::remove(system_.at("/dev/apex_0"));
  EXPECT_EQ(only().problem, "its device node /dev/apex_0 is missing");
  EXPECT_FALSE(only().usable);
}

TEST_F(EdgeTpuDeviceTest, NamesAMissingDriver) {
  system_.card("0000:01:00.0");
  EXPECT_EQ(only().path, "");
  EXPECT_EQ(only().text(), "PCIe 0000:01:00.0");
  EXPECT_FALSE(only().usable);
  EXPECT_EQ(only().problem, "its driver (gasket, apex) is not installed for Linux 6.1.0-18-amd64");
  EXPECT_EQ(only().mend, "sudo apt install gasket-dkms && sudo modprobe apex");
  system_.write("/proc/sys/kernel/osrelease", "6.12.43+deb13-amd64");
  EXPECT_EQ(only().problem,
            "its driver (gasket, apex) is not installed, and Google's does not build for Linux 6.12.43+deb13-amd64");
  EXPECT_NE(only().mend.find("feranick/gasket-driver"), std::string::npos);
  system_.write("/lib/modules/6.12.43+deb13-amd64/updates/dkms/apex.ko.xz", "");
  EXPECT_EQ(only().problem, "its driver 'apex' is not loaded");
  EXPECT_EQ(only().mend, "sudo modprobe apex");
  system_.write("/sys/module/apex/initstate", "live");
  EXPECT_EQ(only().problem, "the driver 'apex' is loaded, but has not taken the card");
}

TEST_F(EdgeTpuDeviceTest, AsksTheSystemItself) {
  system_.usb("2-1", true, 5000);
  EXPECT_EQ(find_edgetpus(SystemTree(system_.root())).at(0).problem, "");
  setenv("ATOLL_SYSTEM_ROOT", system_.root().c_str(), 1);
  EXPECT_EQ(find_edgetpus(SystemTree::here()).size(), 1u);
  unsetenv("ATOLL_SYSTEM_ROOT");
}

}  // namespace
}  // namespace atl
