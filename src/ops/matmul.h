// Matrix products and the recurrent cell.
#pragma once
#include "ops/activation.h"

namespace atl {

/// Operands x [..., I], weight [O, I], bias [O] (may be an invalid operand). Result [..., O].
struct FullyConnected : OpOf<OpCode::kFullyConnected> {
  Activation activation = Activation::kNone;
  static auto fields(auto& o) { return std::tuple{field("activation", o.activation)}; }
};
/// Operands x [..., M, K], y [..., K, N] (last two axes swapped where adj_x or adj_y); the leading axes broadcast.
struct BatchMatmul : OpOf<OpCode::kBatchMatmul> {
  bool adj_x = false, adj_y = false;
  BatchMatmul() = default;
  BatchMatmul(bool x, bool y) : adj_x(x), adj_y(y) {}
  static auto fields(auto& o) { return std::tuple{field("adj_x", o.adj_x), field("adj_y", o.adj_y)}; }
};

/// One layer of an LSTM over a whole sequence, one direction, LiteRT's UNIDIRECTIONAL_SEQUENCE_LSTM.
/// Operands: x ([T,B,I] when time_major, else [B,T,I]); weight_ii, weight_if, weight_ig, weight_io [H,I]; weight_hi, weight_hf,
/// weight_hg, weight_ho [H,R]; bias_i, bias_f, bias_g, bias_o [H]; projection [R,H] (may be invalid, then R = H);
/// h0 [B,R]; c0 [B,H]. Results: the sequence of h, [T,B,R] or [B,T,R]; with `last_h` h after the last step, [B,R]; with
/// `last_c` c after the last step, [B,H]. Gates as torch names them (g is LiteRT's cell gate).
///
/// c stays within `cell_clip` where that is not 0.
///
/// In a file h0 and c0 are variable tensors (ops/variable_operands.h): the op before the LSTM fills them on every run, the LSTM
/// overwrites them, and last_h and last_c are these very tensors. legalize arranges that and then sets `states_filled`.
///
/// In integers x, h and the weights have 8 bits, c has 16 bits and a power of two as scale, gates are computed in steps of
/// 2^-12. What a projection is applied to, of a magnitude below 1, has 8 bits in steps of 2^-7.
struct Lstm : OpOf<OpCode::kLstm> {
  bool time_major = false;
  bool last_h = false, last_c = false;
  bool states_filled = false;
  float cell_clip = 0;
  static auto fields(auto& o) {
    return std::tuple{field("time_major", o.time_major), field("last_h", o.last_h), field("last_c", o.last_c),
                      field("states_filled", o.states_filled), field("cell_clip", o.cell_clip)};
  }
};
/// Positions of Lstm's operands.
enum LstmOperand : int {
  kLstmX = 0,
  kLstmWeightIh = 1,
  kLstmWeightHh = 5,
  kLstmBias = 9,
  kLstmProjection = 13,
  kLstmH0 = 14,
  kLstmC0 = 15
};
inline constexpr size_t kLstmOperands = 16;

}  // namespace atl
