// The activation inside a LiteRT kernel: its value, and its number in the file.
#pragma once
#include "ir/tflite_op.h"
#include "ops/activation.h"

namespace atl {

/// The activation of one element.
inline double activate(Activation a, double v) {
  switch (a) {
    case Activation::kRelu:
      return v < 0 ? 0 : v;
    case Activation::kReluN1To1:
      return v < -1 ? -1 : v > 1 ? 1 : v;
    case Activation::kRelu6:
      return v < 0 ? 0 : v > 6 ? 6 : v;
    case Activation::kNone:
      break;
  }
  return v;
}

inline tflite::ActivationFunctionType tflite_activation(Activation a) { return tflite::ActivationFunctionType(a); }

/// E: not_decoded() for TANH and SIGN_BIT, which kernels ignore.
inline Result<Activation> activation_from(tflite::ActivationFunctionType t) {
  if (t < tflite::ActivationFunctionType::NONE || t > tflite::ActivationFunctionType::RELU6) return not_decoded();
  return Activation(t);
}

}  // namespace atl
