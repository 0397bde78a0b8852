// The part of LiteRT's C interface that Atoll calls, declared here because the wheel carries no headers. Struct layouts and
// signatures are facts of LiteRT 2.3; LiteRtLibrary opens no other version.
#pragma once
#include <cstddef>
#include <cstdint>

namespace atl::litert {

using StatusCode = int;  // 0 is success
inline constexpr StatusCode kOk = 0;

struct EnvironmentT;
struct ModelT;
struct OptionsT;
struct OpaqueOptionsT;
struct CompiledModelT;
struct SignatureT;
struct TensorT;
struct TensorBufferT;
struct RequirementsT;
struct ProfilerT;
struct AcceleratorT;
struct DelegateWrapperT;
using Environment = EnvironmentT*;
using Model = ModelT*;
using Options = OptionsT*;
using OpaqueOptions = OpaqueOptionsT*;
using Compiled = CompiledModelT*;
using Signature = SignatureT*;
using Tensor = TensorT*;
using TensorBuffer = TensorBufferT*;
using Requirements = RequirementsT*;
using Profiler = ProfilerT*;
using Accelerator = AcceleratorT*;
using DelegateWrapper = DelegateWrapperT*;

struct Version {
  int major, minor, patch;
};
// What an accelerator answers. Its delegate is TensorFlow Lite's, taken with the function that frees it.
using GetName = StatusCode (*)(Accelerator, const char**);
using GetVersion = StatusCode (*)(Accelerator, Version*);
using GetHardware = StatusCode (*)(Accelerator, int*);
using CompilesAtLoad = StatusCode (*)(Accelerator, bool*);
using CreateDelegate = StatusCode (*)(void* context, Environment, Accelerator, Options, DelegateWrapper*);

inline constexpr int kAnyInt = 2;
inline constexpr int kAnyString = 8;
struct Any {
  int type;
  union {
    int64_t integer;
    const char* string;
  };
};
inline constexpr int kOptionRuntimeFolder = 22;
inline constexpr int kOptionAccelerators = 24;
inline constexpr int kOptionLogSeverity = 25;
struct EnvironmentOption {
  int tag;
  Any value;
};
static_assert(sizeof(void*) != 8 || sizeof(EnvironmentOption) == 24);

inline constexpr int kMaxRank = 8;
struct Layout {
  unsigned rank : 7;
  unsigned has_strides : 1;
  int32_t dimensions[kMaxRank];
  uint32_t strides[kMaxRank];
};
struct RankedTensorType {
  int element_type;
  Layout layout;
};
static_assert(sizeof(RankedTensorType) == 72);

enum QuantizationKind : int { kNotQuantized = 0, kPerTensor = 1, kPerChannel = 2, kBlockwise = 3 };
struct PerTensorQuantization {
  float scale;
  int64_t zero_point;
};
struct PerChannelQuantization {
  int32_t axis;
  uint64_t count;
  float* scales;
  int64_t* zero_points;
};

inline constexpr int kHostMemory = 1;
enum LockMode : int { kLockRead = 0, kLockWrite = 1, kLockReadWrite = 2 };

inline constexpr int kEventOp = 1 << 1;
inline constexpr int kEventDelegateOp = 1 << 2;
inline constexpr int kEventDelegateProfiledOp = 1 << 3;
struct MemoryUsage {
  size_t total, in_use, private_footprint;
};
struct ProfilerEvent {
  const char* tag;
  int type;
  uint64_t start_us;
  uint64_t elapsed_us;
  MemoryUsage before, after;
  uint64_t metadata1;  // index of the node
  uint64_t metadata2;  // index of the subgraph
  int source;
};

/// The functions, resolved by name: X(member, exported name, parameters...). All return a StatusCode unless listed as void.
#define ATOLL_LITERT_FUNCTIONS(X)                                                                                          \
  X(create_environment, LiteRtCreateEnvironment, int, const EnvironmentOption*, Environment*)                              \
  X(create_model_from_buffer, LiteRtCreateModelFromBuffer, Environment, const void*, size_t, Model*)                       \
  X(create_options, LiteRtCreateOptions, Options*)                                                                         \
  X(set_accelerators, LiteRtSetOptionsHardwareAccelerators, Options, int)                                                  \
  X(create_opaque_options, LiteRtCreateOpaqueOptions, const char*, void*, void (*)(void*), OpaqueOptions*)                 \
  X(add_opaque_options, LiteRtAddOpaqueOptions, Options, OpaqueOptions)                                                    \
  X(create_compiled_model, LiteRtCreateCompiledModel, Environment, Model, Options, Compiled*)                              \
  X(run, LiteRtRunCompiledModel, Compiled, size_t, size_t, TensorBuffer*, size_t, TensorBuffer*)                           \
  X(resize_input, LiteRtCompiledModelResizeInputTensor, Compiled, size_t, size_t, const int*, size_t)                      \
  X(resize_input_to_any, LiteRtCompiledModelResizeInputTensorNonStrict, Compiled, size_t, size_t, const int*, size_t)      \
  X(error_messages, LiteRtCompiledModelGetErrorMessages, Compiled, char**)                                                 \
  X(output_layouts, LiteRtGetCompiledModelOutputTensorLayouts, Compiled, size_t, size_t, Layout*, bool)                    \
  X(input_requirements, LiteRtGetCompiledModelInputBufferRequirements, Compiled, size_t, size_t, Requirements*)            \
  X(output_requirements, LiteRtGetCompiledModelOutputBufferRequirements, Compiled, size_t, size_t, Requirements*)          \
  X(non_cpu_fully_accelerated, LiteRtCompiledModelIsNonCpuFullyAccelerated, Compiled, bool*) /* new in 2.3 */              \
  X(signature_count, LiteRtGetNumModelSignatures, Model, size_t*)                                                          \
  X(signature, LiteRtGetModelSignature, Model, size_t, Signature*)                                                         \
  X(signature_key, LiteRtGetSignatureKey, Signature, const char**)                                                         \
  X(signature_input_count, LiteRtGetNumSignatureInputs, Signature, size_t*)                                                \
  X(signature_input_name, LiteRtGetSignatureInputName, Signature, size_t, const char**)                                    \
  X(signature_input, LiteRtGetSignatureInputTensorByIndex, Signature, size_t, Tensor*)                                     \
  X(signature_output_count, LiteRtGetNumSignatureOutputs, Signature, size_t*)                                              \
  X(signature_output_name, LiteRtGetSignatureOutputName, Signature, size_t, const char**)                                  \
  X(signature_output, LiteRtGetSignatureOutputTensorByIndex, Signature, size_t, Tensor*)                                   \
  X(tensor_name, LiteRtGetTensorName, Tensor, const char**)                                                                \
  X(tensor_index, LiteRtGetTensorIndex, Tensor, uint32_t*)                                                                 \
  X(tensor_type, LiteRtGetRankedTensorType, Tensor, RankedTensorType*)                                                     \
  X(quantization_kind, LiteRtGetQuantizationTypeId, Tensor, int*)                                                          \
  X(per_tensor_quantization, LiteRtGetPerTensorQuantization, Tensor, PerTensorQuantization*)                               \
  X(per_channel_quantization, LiteRtGetPerChannelQuantization, Tensor, PerChannelQuantization*)                            \
  X(create_buffer, LiteRtCreateManagedTensorBufferFromRequirements, Environment, const RankedTensorType*, Requirements,    \
    TensorBuffer*)                                                                                                         \
  X(create_host_buffer, LiteRtCreateManagedTensorBuffer, Environment, int, const RankedTensorType*, size_t, TensorBuffer*) \
  X(buffer_size, LiteRtGetTensorBufferSize, TensorBuffer, size_t*)                                                         \
  X(lock_buffer, LiteRtLockTensorBuffer, TensorBuffer, void**, int)                                                        \
  X(unlock_buffer, LiteRtUnlockTensorBuffer, TensorBuffer)                                                                 \
  X(accelerator_count, LiteRtGetNumAccelerators, Environment, size_t*)                                                     \
  X(create_accelerator, LiteRtCreateAccelerator, Accelerator*)                                                             \
  X(set_accelerator_name, LiteRtSetAcceleratorGetName, Accelerator, GetName)                                               \
  X(set_accelerator_version, LiteRtSetAcceleratorGetVersion, Accelerator, GetVersion)                                      \
  X(set_accelerator_hardware, LiteRtSetAcceleratorGetHardwareSupport, Accelerator, GetHardware)                            \
  X(set_accelerator_compiles, LiteRtSetIsAcceleratorDelegateResponsibleForJitCompilation, Accelerator, CompilesAtLoad)     \
  X(set_accelerator_delegate, LiteRtSetDelegateFunction, Accelerator, CreateDelegate)                                      \
  X(register_accelerator, LiteRtRegisterAccelerator, Environment, Accelerator, void*, void (*)(void*))                     \
  X(wrap_delegate, LiteRtWrapDelegate, void*, void (*)(void*), DelegateWrapper*)                                           \
  X(get_profiler, LiteRtCompiledModelGetProfiler, Compiled, Profiler*)                                                     \
  X(start_profiler, LiteRtStartProfiler, Profiler)                                                                         \
  X(stop_profiler, LiteRtStopProfiler, Profiler)                                                                           \
  X(profiler_event_count, LiteRtGetNumProfilerEvents, Profiler, int*)                                                      \
  X(profiler_events, LiteRtGetProfilerEvents, Profiler, int, ProfilerEvent*)
#define ATOLL_LITERT_VOID_FUNCTIONS(X)                            \
  X(destroy_environment, LiteRtDestroyEnvironment, Environment)   \
  X(destroy_model, LiteRtDestroyModel, Model)                     \
  X(destroy_options, LiteRtDestroyOptions, Options)               \
  X(destroy_compiled_model, LiteRtDestroyCompiledModel, Compiled) \
  X(destroy_buffer, LiteRtDestroyTensorBuffer, TensorBuffer)

/// Typed pointers to the functions above.
struct Api {
#define ATOLL_DECLARE(member, symbol, ...) StatusCode (*member)(__VA_ARGS__) = nullptr;
  ATOLL_LITERT_FUNCTIONS(ATOLL_DECLARE)
#undef ATOLL_DECLARE
#define ATOLL_DECLARE(member, symbol, ...) void (*member)(__VA_ARGS__) = nullptr;
  ATOLL_LITERT_VOID_FUNCTIONS(ATOLL_DECLARE)
#undef ATOLL_DECLARE
};

}  // namespace atl::litert
