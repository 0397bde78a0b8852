// Recurrent networks: LSTM layers as LiteRT's fused op, GRU and RNN layers as a loop over the steps.
#include <cstring>

#include "import/aten.h"
#include "import/recurrent.h"
#include "import/recurrent_loop.h"

namespace atl {
namespace {

/// What lstm, gru and rnn share.
struct Network {
  Value x;
  int64_t layers = 1, directions = 1;
  int64_t time_axis = 0;
  std::vector<RecurrentWeights> weights;  ///< by layer, then direction
  int64_t steps = 0, batch = 0;
};

bool read_network(SourceCall& c, Network& n, bool projected) {
  n.x = c.tensor("input");
  const Values params = c.tensors("params");
  const bool biases = c.boolean("has_biases", true);
  n.layers = c.integer("num_layers", 1);
  n.directions = c.boolean("bidirectional") ? 2 : 1;
  n.time_axis = c.boolean("batch_first") ? 1 : 0;
  if (c.failed()) return false;
  if (c.boolean("train") && c.number("dropout", 0) != 0 && n.layers > 1) {
    c.unsupported("dropout between layers", "call model.eval() before torch.export.export()");
    return false;
  }
  const size_t each = 2 + (biases ? 2 : 0) + (projected ? 1 : 0);
  if (c.rank(n.x) != 3 || n.layers < 1 || n.layers > 1000 || params.size() != each * size_t(n.layers * n.directions)) {
    c.fail(
        error(Code::kShape, fmt::format("{} parameters for {} layers on {}", params.size(), n.layers, to_string(c.type(n.x)))));
    return false;
  }
  n.steps = c.shape(n.x)[size_t(n.time_axis)];
  n.batch = c.shape(n.x)[size_t(1 - n.time_axis)];
  if (n.steps == 0 || n.batch == 0) {
    c.unsupported("an empty sequence");
    return false;
  }
  for (size_t i = 0; i < params.size(); i += each) {
    RecurrentWeights w{params[i], params[i + 1], {}, {}, {}, {}};
    if (biases) {
      w.b_ih = params[i + 2];
      w.b_hh = params[i + 3];
    }
    if (projected) w.w_hr = params[i + each - 1];
    if (c.rank(w.w_ih) != 2 || c.rank(w.w_hh) != 2 || (biases && (c.rank(w.b_ih) != 1 || c.rank(w.b_hh) != 1))) {
      c.fail(error(Code::kShape, "recurrent weights that are not matrices, or biases that are not vectors"));
      return false;
    }
    n.weights.push_back(w);
  }
  return true;
}

Value reversed(SourceCall& c, Value v, int64_t axis) { return c.add(Reverse({axis}), {v}); }

/// Values with B * X elements of every layer and direction as torch's [layers * directions, B, X].
Value stack_states(SourceCall& c, const Values& states, int64_t batch) {
  Values rows;
  for (Value v : states) {
    if (c.failed()) return {};
    rows.push_back(reshape(c, v, {1, batch, c.shape(v).back()}));
  }
  return rows.size() == 1 ? rows[0] : c.add(Concat(0), rows);
}

/// The four gates of a matrix or vector of rows.
Values gates(SourceCall& c, Value v) {
  const int64_t rows = c.failed() ? 0 : c.shape(v)[0] / 4;
  Values out;
  for (int64_t g = 0; g < 4; ++g) out.push_back(slice(c, v, 0, g * rows, rows));
  return out;
}

/// One layer and direction of an LSTM: the sequence, the last h and the last c.
Values lstm_layer(SourceCall& c, const Network& n, Value x, const RecurrentWeights& w, Value h0, Value c0) {
  Lstm op;
  op.time_major = n.time_axis == 0;
  op.last_c = true;
  Values in{x};
  for (Value m : {w.w_ih, w.w_hh})
    for (Value g : gates(c, m)) in.push_back(g);
  if (w.b_ih.valid()) {
    for (Value g : gates(c, bias_sum(c, w.b_ih, w.b_hh))) in.push_back(g);
  } else {
    Tensor zeros = Tensor::make(Type{c.dtype(x), {c.shape(w.w_hh)[0] / 4}, {}});
    std::memset(zeros.mutable_bytes(), 0, zeros.byte_count());
    in.insert(in.end(), 4, c.constant(std::move(zeros)));
  }
  in.insert(in.end(), {w.w_hr, h0, c0});
  const Values out = c.add_multi(op, std::move(in), 2);
  return {out[0], slice(c, out[0], n.time_axis, n.steps - 1, 1), out[1]};
}

void import_lstm(SourceCall& c) {
  const Values hx = c.tensors("hx");
  if (c.failed()) return;
  if (hx.size() != 2 || c.rank(hx[0]) != 3 || c.rank(hx[1]) != 3) return c.unsupported("states that are not (h0, c0)");
  Network n;
  if (!read_network(c, n, c.shape(hx[0])[2] != c.shape(hx[1])[2])) return;
  const size_t count = n.weights.size();
  auto states = [&](Value v) {
    const Shape shape = c.shape(v);
    return c.add_multi(Unpack(0), {reshape(c, v, {shape[0], 1, shape[1], shape[2]})}, count);
  };
  const Values h0 = states(hx[0]), c0 = states(hx[1]);
  Value x = n.x;
  Values h_n, c_n;
  for (int64_t layer = 0; layer < n.layers && !c.failed(); ++layer) {
    Values sequences;
    for (int64_t d = 0; d < n.directions; ++d) {
      const size_t i = size_t(layer * n.directions + d);
      const Value in = d == 1 ? reversed(c, x, n.time_axis) : x;
      const Values out = lstm_layer(c, n, in, n.weights[i], h0[i], c0[i]);
      sequences.push_back(d == 1 ? reversed(c, out[0], n.time_axis) : out[0]);
      h_n.push_back(out[1]);
      c_n.push_back(out[2]);
    }
    x = sequences.size() == 1 ? sequences[0] : c.add(Concat(2), sequences);
  }
  c.results({x, stack_states(c, h_n, n.batch), stack_states(c, c_n, n.batch)});
}

/// GRU and RNN: one layer and direction after another.
template <class Step>
void import_layers(SourceCall& c, RecurrentCell cell, const Step& step) {
  const Value hx = c.tensor("hx");
  Network n;
  if (!read_network(c, n, false)) return;
  if (c.rank(hx) != 3) return c.unsupported("a state that is not [layers, batch, features]");
  Value x = n.x;
  Values h_n;
  for (int64_t layer = 0; layer < n.layers && !c.failed(); ++layer) {
    Values sequences;
    for (int64_t d = 0; d < n.directions; ++d) {
      const size_t i = size_t(layer * n.directions + d);
      RecurrentWeights& w = n.weights[i];
      const Value gates = input_gates(c, cell, x, w);
      Shape state{n.batch, n.batch, c.shape(hx)[2]};
      state[size_t(n.time_axis)] = 1;
      const Value h0 = reshape(c, slice(c, hx, 0, int64_t(i), 1), state);
      const auto [sequence, h] = run_steps(c, {gates, n.time_axis, d == 1}, h0, w, step);
      if (c.failed()) return;
      sequences.push_back(sequence);
      h_n.push_back(h);
    }
    x = sequences.size() == 1 ? sequences[0] : c.add(Concat(2), sequences);
  }
  c.results({x, stack_states(c, h_n, n.batch)});
}

void import_gru(SourceCall& c) { import_layers(c, RecurrentCell::kGru, gru_step); }

template <bool kRelu>
void import_rnn(SourceCall& c) {
  import_layers(c, RecurrentCell::kRnn, [](Builder& b, const StepGates& gates, Value h, const RecurrentWeights& w) {
    return rnn_step(b, gates, h, w, kRelu);
  });
}

void import_packed(SourceCall& c) {
  c.unsupported("a packed sequence", "pass the padded tensor: pack_padded_sequence sorts and cuts by lengths that are data");
}

/// The weights of a cell that is called with x and one state.
RecurrentWeights cell_weights(SourceCall& c, Value x, Value state) {
  const RecurrentWeights w{c.tensor("w_ih"), c.tensor("w_hh"), c.optional_tensor("b_ih"), c.optional_tensor("b_hh"), {}, {}};
  const bool vectors = (!w.b_ih.valid() || c.rank(w.b_ih) == 1) && (!w.b_hh.valid() || c.rank(w.b_hh) == 1);
  if (!c.failed() && (!vectors || c.rank(x) == 0 || c.rank(state) == 0 || w.b_ih.valid() != w.b_hh.valid()))
    c.unsupported("biases that are not vectors, or a scalar");
  return w;
}

void import_lstm_cell(SourceCall& c) {
  const Value x = c.tensor("input");
  const Values hx = c.tensors("hx");
  if (hx.size() != 2) return c.unsupported("states that are not (h, c)");
  RecurrentWeights w = cell_weights(c, x, hx[0]);
  if (c.failed()) return;
  const LstmState s = lstm_step(c, {input_gates(c, RecurrentCell::kLstm, x, w)}, {hx[0], hx[1]}, w);
  c.results({s.h, s.c});
}

void import_gru_cell(SourceCall& c) {
  const Value x = c.tensor("input"), h = c.tensor("hx");
  RecurrentWeights w = cell_weights(c, x, h);
  if (c.failed()) return;
  c.result(gru_step(c, {input_gates(c, RecurrentCell::kGru, x, w)}, h, w));
}

template <bool kRelu>
void import_rnn_cell(SourceCall& c) {
  const Value x = c.tensor("input"), h = c.tensor("hx");
  RecurrentWeights w = cell_weights(c, x, h);
  if (c.failed()) return;
  c.result(rnn_step(c, {input_gates(c, RecurrentCell::kRnn, x, w)}, h, w, kRelu));
}

constexpr Import kImports[] = {
    {"aten.lstm.input", import_lstm},
    {"aten.lstm.data", import_packed},
    {"aten.gru.input", import_gru},
    {"aten.gru.data", import_packed},
    {"aten.rnn_tanh.input", import_rnn<false>},
    {"aten.rnn_tanh.data", import_packed},
    {"aten.rnn_relu.input", import_rnn<true>},
    {"aten.rnn_relu.data", import_packed},
    {"aten.lstm_cell.default", import_lstm_cell},
    {"aten.gru_cell.default", import_gru_cell},
    {"aten.rnn_tanh_cell.default", import_rnn_cell<false>},
    {"aten.rnn_relu_cell.default", import_rnn_cell<true>},
};

}  // namespace

std::span<const Import> aten_recurrent() { return kImports; }

}  // namespace atl
