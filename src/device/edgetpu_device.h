// Edge TPUs that are attached, found through sysfs, and what keeps a user from using them.
#pragma once
#include <string>
#include <vector>

#include "device/system_tree.h"

namespace atl {

struct EdgeTpuDevice {
  enum class Bus { kPcie, kUsb };
  Bus bus = Bus::kPcie;
  std::string path;      ///< as libedgetpu names it: "/dev/apex_0", "/sys/bus/usb/devices/2-1"
  std::string node;      ///< what has to be opened: "/dev/apex_0", "/dev/bus/usb/002/003"
  std::string address;   ///< on its bus: "0000:01:00.0", "2-1"
  int usb_mbits = 0;     ///< the port's speed in Mbit/s; 0 for PCIe
  bool firmware = true;  ///< USB: loaded; libedgetpu does it at the first use
  std::string problem;   ///< what keeps it from being used, or slows it down; empty when nothing does
  std::string mend;      ///< the command, or what to do by hand
  bool usable = true;    ///< false where `problem` prevents every use
  /// "PCIe 0000:01:00.0 (/dev/apex_0)", "USB 2-1 (480 Mbit/s)".
  std::string text() const;
};

/// All Edge TPUs: PCIe ones first, each kind in the order of its paths; `edgetpu:N` counts so. A PCIe card without its driver
/// is among them, with no path. Needs no privileges, opens no device.
std::vector<EdgeTpuDevice> find_edgetpus(const SystemTree& tree);

}  // namespace atl
