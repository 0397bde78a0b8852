// The rules for ATen operators that are compositions of core ops, by topic. Operators that are one core op are listed in that
// op's file.
#pragma once
#include "ir/source_call.h"

namespace atl {

std::span<const Import> aten_elementwise();
std::span<const Import> aten_spatial();
std::span<const Import> aten_shape();
std::span<const Import> aten_rearrange();
std::span<const Import> aten_index();
std::span<const Import> aten_embedding();
std::span<const Import> aten_unknown_size();
std::span<const Import> aten_reduce();
std::span<const Import> aten_statistics();
std::span<const Import> aten_histogram();
std::span<const Import> aten_norm();
std::span<const Import> aten_loss();
std::span<const Import> aten_matmul();
std::span<const Import> aten_matrix_functions();
std::span<const Import> aten_attention();
std::span<const Import> aten_recurrent();
std::span<const Import> aten_create();
std::span<const Import> aten_windows();
std::span<const Import> aten_experts();
std::span<const Import> torchvision_ops();
std::span<const Import> aten_fourier();
/// Rules for complex arguments or results; see complex.h.
std::span<const Import> aten_complex();

}  // namespace atl
