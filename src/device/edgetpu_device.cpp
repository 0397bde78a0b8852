#include "device/edgetpu_device.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

namespace atl {
namespace {

constexpr const char* kApexClass = "/sys/class/apex";
constexpr const char* kUsbDevices = "/sys/bus/usb/devices";
constexpr const char* kPciDevices = "/sys/bus/pci/devices";
constexpr const char* kRuleFolders[] = {"/etc/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d", "/run/udev/rules.d"};
constexpr int kUsb2Mbits = 480;

// The ids of the chip on its buses; a USB one changes its id when it has got its firmware.
struct UsbId {
  const char *vendor, *product;
  bool firmware;
};
constexpr UsbId kUsbIds[] = {{"1a6e", "089a", false}, {"18d1", "9302", true}};
constexpr const char *kPciVendor = "0x1ac1", *kPciDevice = "0x089a";

constexpr const char* kUsbRules =
    R"(printf '%s\n' 'SUBSYSTEM=="usb", ATTR{idVendor}=="1a6e", ATTR{idProduct}=="089a", GROUP="plugdev", MODE="0664"' )"
    R"('SUBSYSTEM=="usb", ATTR{idVendor}=="18d1", ATTR{idProduct}=="9302", GROUP="plugdev", MODE="0664"' )"
    R"(| sudo tee /etc/udev/rules.d/60-edgetpu.rules && sudo udevadm control --reload-rules && sudo udevadm trigger)";
constexpr const char* kApexRule =
    R"(printf '%s\n' 'SUBSYSTEM=="apex", GROUP="apex", MODE="0660"' | sudo tee /etc/udev/rules.d/65-apex.rules && )"
    R"(sudo groupadd -f apex && sudo udevadm control --reload-rules && sudo udevadm trigger)";
constexpr const char* kTrigger = "sudo udevadm control --reload-rules && sudo udevadm trigger";

std::string joined(std::string_view folder, std::string_view name) { return fmt::format("{}/{}", folder, name); }

// True when an udev rule speaks of the device.
bool has_rule(const SystemTree& tree, EdgeTpuDevice::Bus bus) {
  for (const char* folder : kRuleFolders) {
    for (const std::string& name : tree.entries(folder)) {
      const std::string rules = tree.text(joined(folder, name));
      const bool usb = rules.find("1a6e") != rules.npos && rules.find("18d1") != rules.npos;
      if (bus == EdgeTpuDevice::Bus::kUsb ? usb : rules.find("apex") != rules.npos) return true;
    }
  }
  return false;
}

void judge_access(const SystemTree& tree, EdgeTpuDevice& d) {
  if (tree.may_use(d.node)) return;
  d.usable = false;
  const bool usb = d.bus == EdgeTpuDevice::Bus::kUsb;
  if (!tree.exists(d.node)) {
    d.problem = fmt::format("its device node {} is missing", d.node);
    d.mend = usb ? "plug it out and in again; in a container, give it /dev/bus/usb"
                 : "sudo modprobe -r apex && sudo modprobe apex; in a container, give it the device";
    return;
  }
  const std::string group = tree.group_of(d.node);
  if (!has_rule(tree, d.bus)) {
    d.problem = fmt::format("you may not use {}: no udev rule gives it to a group", d.node);
    d.mend = usb ? kUsbRules : kApexRule;
  } else if (group == "root" || group == "0") {
    d.problem = fmt::format("you may not use {}: its udev rule was not applied yet", d.node);
    d.mend = kTrigger;
  } else if (!tree.in_group_of(d.node)) {
    d.problem = fmt::format("you may not use {}: you are not in the group '{}'", d.node, group);
    d.mend = fmt::format("sudo usermod -aG {} $USER, then log in again", group);
  } else {
    d.problem = fmt::format("you may not use {}: its group '{}' may not read and write it", d.node, group);
    d.mend = fmt::format("give the group both in the udev rule (MODE=\"0660\"), then {}", kTrigger);
  }
}

std::vector<EdgeTpuDevice> find_usb(const SystemTree& tree) {
  std::vector<EdgeTpuDevice> found;
  for (const std::string& name : tree.entries(kUsbDevices)) {
    const std::string folder = joined(kUsbDevices, name);
    const std::string vendor = tree.text(folder + "/idVendor"), product = tree.text(folder + "/idProduct");
    for (const UsbId& id : kUsbIds) {
      if (vendor != id.vendor || product != id.product) continue;
      EdgeTpuDevice d;
      d.bus = EdgeTpuDevice::Bus::kUsb;
      d.path = folder;
      d.address = name;
      d.firmware = id.firmware;
      d.usb_mbits = std::atoi(tree.text(folder + "/speed").c_str());
      d.node = fmt::format("/dev/bus/usb/{:03}/{:03}", std::atoi(tree.text(folder + "/busnum").c_str()),
                           std::atoi(tree.text(folder + "/devnum").c_str()));
      judge_access(tree, d);
      // Without firmware it answers as a USB 2 device on any port.
      if (d.problem.empty() && d.firmware && d.usb_mbits > 0 && d.usb_mbits <= kUsb2Mbits) {
        d.problem = "it is on a USB 2 port: inferences take up to ten times as long";
        d.mend = "plug it into a USB 3 port, with a USB 3 cable";
      }
      found.push_back(std::move(d));
    }
  }
  return found;
}

// "6.12" of "6.12.43+deb13-amd64" as 6012.
int kernel_number(const std::string& release) {
  char* end = nullptr;
  const long major = std::strtol(release.c_str(), &end, 10);
  const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  return int(major * 1000 + minor);
}

// Is a module of that name built for the running kernel?
bool has_module(const SystemTree& tree, const std::string& release, std::string_view name) {
  std::error_code failed;
  namespace fs = std::filesystem;
  for (fs::recursive_directory_iterator it(tree.at("/lib/modules/" + release), failed), end; !failed && it != end;
       it.increment(failed)) {
    if (it->path().filename().string().starts_with(fmt::format("{}.ko", name))) return true;
  }
  return false;
}

void judge_driver(const SystemTree& tree, EdgeTpuDevice& d) {
  constexpr int kBrokenSince = 6005;  // Linux 6.5: Google's driver does not build any more
  const std::string release = tree.text("/proc/sys/kernel/osrelease");
  d.usable = false;
  if (tree.exists("/sys/module/apex")) {
    d.problem = "the driver 'apex' is loaded, but has not taken the card";
    d.mend = "sudo dmesg | grep -i apex says why; turn the machine off and on again after the driver was installed";
  } else if (has_module(tree, release, "apex")) {
    d.problem = "its driver 'apex' is not loaded";
    d.mend = "sudo modprobe apex";
  } else if (kernel_number(release) >= kBrokenSince) {
    d.problem = fmt::format("its driver (gasket, apex) is not installed, and Google's does not build for Linux {}", release);
    d.mend = "build gasket-dkms of feranick/gasket-driver: sudo dpkg -i gasket-dkms_*_all.deb && sudo modprobe apex";
  } else {
    d.problem = fmt::format("its driver (gasket, apex) is not installed for Linux {}", release);
    d.mend = "sudo apt install gasket-dkms && sudo modprobe apex";
  }
}

std::vector<EdgeTpuDevice> find_pcie(const SystemTree& tree) {
  std::vector<EdgeTpuDevice> found;
  std::vector<std::string> driven;
  for (const std::string& name : tree.entries(kApexClass)) {
    if (!name.starts_with("apex")) continue;
    EdgeTpuDevice d;
    d.path = d.node = "/dev/" + name;
    d.address = tree.link_name(fmt::format("{}/{}/device", kApexClass, name));
    driven.push_back(d.address);
    judge_access(tree, d);
    found.push_back(std::move(d));
  }
  for (const std::string& address : tree.entries(kPciDevices)) {
    const std::string folder = joined(kPciDevices, address);
    if (tree.text(folder + "/vendor") != kPciVendor || tree.text(folder + "/device") != kPciDevice) continue;
    if (std::ranges::find(driven, address) != driven.end()) continue;
    EdgeTpuDevice d;
    d.address = address;
    judge_driver(tree, d);
    found.push_back(std::move(d));
  }
  return found;
}

}  // namespace

std::string EdgeTpuDevice::text() const {
  if (bus == Bus::kPcie)
    return fmt::format("PCIe{}{}{}", address.empty() ? "" : " ", address, path.empty() ? "" : fmt::format(" ({})", path));
  return fmt::format("USB {}{}", address, usb_mbits > 0 ? fmt::format(" ({} Mbit/s)", usb_mbits) : "");
}

std::vector<EdgeTpuDevice> find_edgetpus(const SystemTree& tree) {
  std::vector<EdgeTpuDevice> all = find_pcie(tree);
  for (EdgeTpuDevice& d : find_usb(tree)) all.push_back(std::move(d));
  return all;
}

}  // namespace atl
