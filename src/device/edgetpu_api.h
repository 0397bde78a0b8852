// libedgetpu's C interface, declared here because the library is opened at run time where the user has it.
#pragma once
#include <cstddef>

#include "device/tflite_abi.h"

namespace atl::edgetpu_api {

enum DeviceType : int { kPci = 0, kUsb = 1 };

struct Device {
  int type;  ///< a DeviceType
  const char* path;
};

struct Option {
  const char* name;
  const char* value;
};

/// The functions, resolved by name: X(member, exported name, result, parameters...).
#define ATOLL_EDGETPU_FUNCTIONS(X)                                                                            \
  X(list_devices, edgetpu_list_devices, Device*, size_t*)                                                     \
  X(free_devices, edgetpu_free_devices, void, Device*)                                                        \
  X(create_delegate, edgetpu_create_delegate, tflite_abi::Delegate*, int, const char*, const Option*, size_t) \
  X(free_delegate, edgetpu_free_delegate, void, tflite_abi::Delegate*)                                        \
  X(verbosity, edgetpu_verbosity, void, int)                                                                  \
  X(version, edgetpu_version, const char*)

/// Typed pointers to the functions above.
struct Api {
#define ATOLL_DECLARE(member, symbol, result, ...) result (*member)(__VA_ARGS__) = nullptr;
  ATOLL_EDGETPU_FUNCTIONS(ATOLL_DECLARE)
#undef ATOLL_DECLARE
};

}  // namespace atl::edgetpu_api
