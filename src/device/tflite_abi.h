// The part of TensorFlow Lite's C structures that a delegate and its host share, declared here because libedgetpu is built
// against TensorFlow's headers and LiteRT brings none. Structures grew over the years at their ends: what is named *Prefix is
// what every version since TensorFlow 2.1 has, the others are as LiteRT 2.3 reads them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace atl::tflite_abi {

using StatusCode = int;  // 0 is success, 1 an error
inline constexpr StatusCode kOk = 0, kError = 1;

struct Context;
struct Delegate;
struct Registration;

/// A counted list of ints; `data` goes on behind the structure.
struct IntArray {
  int size;
  int data[1];
};

struct Tensor {
  int type;
  void* data;
  IntArray* dims;
  float scale;
  int32_t zero_point;
  int allocation_type;
  size_t bytes;
  const void* allocation;
  const char* name;
  Delegate* delegate;
  int buffer_handle;
  bool data_is_stale;
  bool is_variable;
  int quantization_type;
  void* quantization;
  void* sparsity;
  const IntArray* dims_signature;
};
static_assert(sizeof(void*) != 8 || (offsetof(Tensor, bytes) == 40 && sizeof(Tensor) == 112));

struct Node {
  IntArray *inputs, *outputs, *intermediates, *temporaries;
  void* user_data;
  void* builtin_data;
  const void* custom_initial_data;
  int custom_initial_data_size;
  Delegate* delegate;
};

/// What the node of a delegate's kernel gets at its start.
struct DelegateParams {
  Delegate* delegate;
  IntArray *nodes_to_replace, *input_tensors, *output_tensors;
};

/// A kernel as every version since 2.1 knows it.
struct RegistrationPrefix {
  void* (*init)(Context*, const char*, size_t);
  void (*free)(Context*, void*);
  StatusCode (*prepare)(Context*, Node*);
  StatusCode (*invoke)(Context*, Node*);
  const char* (*profiling_string)(const Context*, const Node*);
  int32_t builtin_code;
  const char* custom_name;
  int version;
};
static_assert(sizeof(void*) != 8 || sizeof(RegistrationPrefix) == 64);

/// A kernel as LiteRT 2.3 takes it.
struct Registration : RegistrationPrefix {
  void* registration_external;
  void* async_kernel;
  uint64_t inplace_operator;
};
static_assert(sizeof(void*) != 8 || sizeof(Registration) == 88);

/// Takes the registration by value, as the member of Context of that name does.
using ReplaceNodes = StatusCode (*)(Context*, Registration, const IntArray*, Delegate*);

/// The beginning of the context; no further member is used here.
struct Context {
  size_t tensors_size;
  StatusCode (*get_execution_plan)(Context*, IntArray**);
  Tensor* tensors;
  void* impl;
  StatusCode (*resize_tensor)(Context*, Tensor*, IntArray*);
  void (*report_error)(Context*, const char*, ...);
  StatusCode (*add_tensors)(Context*, int, int*);
  StatusCode (*get_node_and_registration)(Context*, int, Node**, RegistrationPrefix**);
  ReplaceNodes replace_node_subsets_with_delegate_kernels;
};

/// A delegate as every version since 2.1 knows it.
struct DelegatePrefix {
  void* data;
  StatusCode (*prepare)(Context*, Delegate*);
  StatusCode (*copy_from_buffer_handle)(Context*, Delegate*, int, Tensor*);
  StatusCode (*copy_to_buffer_handle)(Context*, Delegate*, int, Tensor*);
  void (*free_buffer_handle)(Context*, Delegate*, int*);
  int64_t flags;
};

/// A delegate as LiteRT 2.3 reads it.
struct Delegate : DelegatePrefix {
  void* opaque_delegate_builder;
};
static_assert(sizeof(void*) != 8 || sizeof(Delegate) == 56);

}  // namespace atl::tflite_abi
