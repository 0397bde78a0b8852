#include "import/recurrent.h"

#include <cstring>

namespace atl {
namespace {

int64_t last_axis(Builder& b, Value v) { return int64_t(b.rank(v)) - 1; }

/// `count` equal parts of the last axis.
Values parts_of(Builder& b, Value v, size_t count) {
  const int64_t size = b.failed() ? 0 : b.shape(v).back() / int64_t(count);
  return b.add_multi(Split(last_axis(b, v), std::vector<int64_t>(count, size)), {v}, count);
}

/// Gates [begin, begin + size) of one step, by one slice.
Value gates_of(Builder& b, const StepGates& input, int64_t begin, int64_t size) {
  if (b.failed()) return {};
  Shape sizes = b.shape(input.gates);
  std::vector<int64_t> begins(sizes.size(), 0);
  begins.back() = begin;
  sizes.back() = size;
  if (input.time_axis >= 0) {
    begins[size_t(input.time_axis)] = input.step;
    sizes[size_t(input.time_axis)] = 1;
  }
  return sizes == b.shape(input.gates) ? input.gates : b.add(Slice(std::move(begins), std::move(sizes)), {input.gates});
}
Value gates_of(Builder& b, const StepGates& input) {
  return b.failed() ? Value{} : gates_of(b, input, 0, b.shape(input.gates).back());
}

Value zeros(Builder& b, DType t, int64_t n) {
  Tensor v = Tensor::make(Type{t, {n}, {}});
  std::memset(v.mutable_bytes(), 0, v.byte_count());
  return b.constant(std::move(v));
}

}  // namespace

Value bias_sum(Builder& b, Value x, Value y) { return !x.valid() ? y : !y.valid() ? x : add(b, x, y); }

Value input_gates(Builder& b, RecurrentCell cell, Value x, RecurrentWeights& w) {
  if (b.failed()) return {};
  if (cell != RecurrentCell::kGru || !w.b_hh.valid()) return fully_connected(b, x, w.w_ih, bias_sum(b, w.b_ih, w.b_hh));
  // The new gate's recurrent bias is multiplied by the reset gate: it stays with the recurrent product.
  const int64_t h = b.shape(w.b_hh)[0] / 3;
  w.b_step = b.add(Concat(0), {zeros(b, b.dtype(w.b_hh), 2 * h), slice(b, w.b_hh, 0, 2 * h, h)});
  const Value rz = add(b, slice(b, w.b_ih, 0, 0, 2 * h), slice(b, w.b_hh, 0, 0, 2 * h));
  return fully_connected(b, x, w.w_ih, b.add(Concat(0), {rz, slice(b, w.b_ih, 0, 2 * h, h)}));
}

LstmState lstm_step(Builder& b, const StepGates& input, LstmState state, const RecurrentWeights& w) {
  const Values gate = parts_of(b, add(b, gates_of(b, input), fully_connected(b, state.h, w.w_hh)), 4);
  const Value kept = mul(b, unary(b, UnaryKind::kLogistic, gate[1]), state.c);
  const Value fresh = mul(b, unary(b, UnaryKind::kLogistic, gate[0]), unary(b, UnaryKind::kTanh, gate[2]));
  const Value c = add(b, kept, fresh);
  Value h = mul(b, unary(b, UnaryKind::kLogistic, gate[3]), unary(b, UnaryKind::kTanh, c));
  if (w.w_hr.valid()) h = fully_connected(b, h, w.w_hr);
  return {h, c};
}

// h' = n + z (h - n) with one product for all three gates and one LOGISTIC for two: the fastest of the forms measured in
// LiteRT.
Value gru_step(Builder& b, const StepGates& input, Value h, const RecurrentWeights& w) {
  if (b.failed()) return {};
  const int64_t size = b.shape(h).back(), axis = last_axis(b, h);
  const Value product = fully_connected(b, h, w.w_hh, w.b_step);
  const Value rz = add(b, gates_of(b, input, 0, 2 * size), slice(b, product, axis, 0, 2 * size));
  const Values gate = parts_of(b, unary(b, UnaryKind::kLogistic, rz), 2);
  const Value recurrent = mul(b, gate[0], slice(b, product, axis, 2 * size, size));
  const Value n = unary(b, UnaryKind::kTanh, add(b, gates_of(b, input, 2 * size, size), recurrent));
  return add(b, n, mul(b, gate[1], sub(b, h, n)));
}

Value rnn_step(Builder& b, const StepGates& input, Value h, const RecurrentWeights& w, bool relu) {
  const Value product = fully_connected(b, h, w.w_hh);
  if (relu) return b.add(Binary(BinaryKind::kAdd, Activation::kRelu), {gates_of(b, input), product});
  return unary(b, UnaryKind::kTanh, add(b, gates_of(b, input), product));
}

}  // namespace atl
