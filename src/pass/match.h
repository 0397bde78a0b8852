// Combinators that match the shape of a piece of graph; conditions on values are written as early returns behind the match.
//   Value x, c;
//   if (!match(g, v, binary(BinaryKind::kAdd, any(&x), constant(&c)))) return false;
#pragma once
#include <tuple>

#include "ir/graph.h"
#include "ops/binary.h"

namespace atl {

struct AnyValue {
  Value* out;
  bool operator()(const Graph&, Value v) const {
    if (out) *out = v;
    return v.valid();
  }
};
/// Any value; stored in `out`.
inline AnyValue any(Value* out = nullptr) { return {out}; }

struct AnyConstant {
  Value* out;
  bool operator()(const Graph& g, Value v) const {
    if (!g.constant(v)) return false;
    if (out) *out = v;
    return true;
  }
};
/// A constant; stored in `out`.
inline AnyConstant constant(Value* out = nullptr) { return {out}; }

template <class M>
struct OneUse {
  M m;
  bool operator()(const Graph& g, Value v) const { return v.valid() && g.uses(v).size() == 1 && m(g, v); }
};
/// A value that is used once.
template <class M>
OneUse<M> one_use(M m) {
  return {m};
}

template <class A, class B>
struct BinaryMatch {
  BinaryKind kind;
  A a;
  B b;
  bool commutes;
  bool operator()(const Graph& g, Value v) const {
    const auto* op = g.as<Binary>(v);
    if (!op || op->kind != kind || op->activation != Activation::kNone) return false;
    const Values& in = g[v].in;
    return (a(g, in[0]) && b(g, in[1])) || (commutes && a(g, in[1]) && b(g, in[0]));
  }
};
/// A commutative binary op without activation, in either operand order.
template <class A, class B>
BinaryMatch<A, B> binary(BinaryKind kind, A a, B b) {
  return {kind, a, b, true};
}
/// A binary op without activation, operands in this order.
template <class A, class B>
BinaryMatch<A, B> ordered(BinaryKind kind, A a, B b) {
  return {kind, a, b, false};
}

template <class A, class B>
struct CompareMatch {
  A a;
  B b;
  bool operator()(const Graph& g, Value v) const { return g.as<Compare>(v) && a(g, g[v].in[0]) && b(g, g[v].in[1]); }
};
/// A comparison, operands in this order.
template <class A, class B>
CompareMatch<A, B> compare(A a, B b) {
  return {a, b};
}

template <class M>
bool match(const Graph& g, Value v, const M& m) {
  return v.valid() && m(g, v);
}

}  // namespace atl
