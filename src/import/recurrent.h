// Recurrent cells as import rules build them.
#pragma once
#include "import/product.h"

namespace atl {

/// The parameters of one layer and direction, as torch lays them out: gates are blocks of rows. Biases and the projection may
/// be invalid.
struct RecurrentWeights {
  Value w_ih, w_hh, b_ih, b_hh, w_hr;
  Value b_step;  ///< bias of the recurrent product, which input_gates fills in
};

/// A state of an LSTM.
struct LstmState {
  Value h, c;
};

/// What input_gates made of one step's x: index `step` of axis `time_axis` of `gates` (-1: all of it).
struct StepGates {
  Value gates;
  int64_t time_axis = -1, step = 0;
};

/// One step. States are [..., H]; an axis of time has size 1 in them.
LstmState lstm_step(Builder& b, const StepGates& input, LstmState state, const RecurrentWeights& w);
Value gru_step(Builder& b, const StepGates& input, Value h, const RecurrentWeights& w);
Value rnn_step(Builder& b, const StepGates& input, Value h, const RecurrentWeights& w, bool relu);

enum class RecurrentCell { kLstm, kGru, kRnn };
/// What a step adds to the recurrent products: x times w_ih, plus all biases that are not multiplied by a gate. x [..., I] may
/// hold many steps. Call it before the steps: it sets w.b_step.
Value input_gates(Builder& b, RecurrentCell cell, Value x, RecurrentWeights& w);
/// The sum of two biases, either of which may be invalid.
Value bias_sum(Builder& b, Value x, Value y);

}  // namespace atl
