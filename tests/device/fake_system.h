// Trees of /sys, /dev and /etc for tests: a machine with Edge TPUs, without root and without hardware.
#pragma once
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace atl {

class FakeSystem {
 public:
  FakeSystem() {
    std::string name = (std::filesystem::temp_directory_path() / "atoll_system_XXXXXX").string();
    root_ = mkdtemp(name.data());
    write("/etc/group", "root:x:0:\nplugdev:x:" + std::to_string(getgid() == 0 ? 46 : getgid()) + ":\n");
    write("/proc/sys/kernel/osrelease", "6.1.0-18-amd64");
  }
  ~FakeSystem() { std::filesystem::remove_all(root_); }
  FakeSystem(const FakeSystem&) = delete;
  FakeSystem& operator=(const FakeSystem&) = delete;

  std::filesystem::path root() const { return root_; }
  std::filesystem::path at(const std::string& path) const { return root_ / path.substr(1); }
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(at(path).parent_path());
    std::ofstream(at(path)) << text << '\n';
  }
  void link(const std::string& path, const std::string& target) const {
    std::filesystem::create_directories(at(path).parent_path());
    std::filesystem::create_symlink(target, at(path));
  }
  /// A file of /dev with mode bits.
  void node(const std::string& path, mode_t mode) const {
    write(path, "");
    chmod(at(path).c_str(), mode);
  }
  /// An accelerator at a USB address, "2-1" for example, as device 3 of its bus.
  void usb(const std::string& address, bool firmware, int mbits, mode_t mode = 0666) const {
    const std::string folder = "/sys/bus/usb/devices/" + address + "/", bus = address.substr(0, 1);
    write(folder + "idVendor", firmware ? "18d1" : "1a6e");
    write(folder + "idProduct", firmware ? "9302" : "089a");
    write(folder + "speed", std::to_string(mbits));
    write(folder + "busnum", bus);
    write(folder + "devnum", "3");
    node("/dev/bus/usb/00" + bus + "/003", mode);
  }
  /// A card in a PCIe slot, without a driver.
  void card(const std::string& address) const {
    write("/sys/bus/pci/devices/" + address + "/vendor", "0x1ac1");
    write("/sys/bus/pci/devices/" + address + "/device", "0x089a");
  }
  /// The same with its driver, which made /dev/apex_N.
  void apex(int n, const std::string& address, mode_t mode = 0666) const {
    card(address);
    const std::string name = "apex_" + std::to_string(n);
    link("/sys/class/apex/" + name + "/device", "../../../" + address);
    write("/sys/module/apex/initstate", "live");
    node("/dev/" + name, mode);
  }

 private:
  std::filesystem::path root_;
};

}  // namespace atl
