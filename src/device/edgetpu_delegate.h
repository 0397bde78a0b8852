// A delegate of libedgetpu's in a form that LiteRT can take, whatever TensorFlow the library was built with.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "device/edgetpu_library.h"

namespace atl {

/// An Edge TPU to run on.
struct EdgeTpuTarget {
  std::shared_ptr<const EdgeTpuLibrary> library;
  EdgeTpuLibrary::Listed device;
  std::string name;                                          ///< for people: "Edge TPU 0, USB 2-1"
  std::vector<std::pair<std::string, std::string>> options;  ///< as libedgetpu names them
};

/// The options that libedgetpu knows: Performance, Usb.AlwaysDfu, Usb.MaxBulkInQueueLength.
/// E: kUsage for an unknown name or a value that it does not take, with those it does.
Status check_edgetpu_option(const std::string& name, const std::string& value);

/// Opens the device and makes a delegate for it, to be freed with free_edgetpu_delegate(); nullptr when libedgetpu refuses (the
/// device is in use, or gone). May take seconds (the firmware is loaded), or for ever where the device hangs.
///
/// libedgetpu hands structures of its TensorFlow's to LiteRT, and those have grown since Google's last build of 2021: LiteRT
/// would read what is behind them. So the delegate is one of Atoll's own, which asks libedgetpu's and hands on what every
/// version has.
tflite_abi::Delegate* make_edgetpu_delegate(const EdgeTpuTarget& target);
void free_edgetpu_delegate(tflite_abi::Delegate* delegate);

}  // namespace atl
