// A graph that is a field of an op (a part of a loop, a branch), and what changes one.
#pragma once
#include "ir/rewrite.h"

namespace atl {

/// A field that is a graph. Printed as "{" , the text form of the graph with large constants as {random N}, "}". Equal when the
/// graphs have equal ports and, node by node, equal ops on equal operands and constants of equal content.
struct Body {
  GraphPtr graph;
  bool operator==(const Body& o) const;
};
void print_value(std::string& out, const Body& v);
Status parse_value(FieldText& in, Body& v);

/// Length of the text up to the '}' that closes what a '{' before it opened; npos when there is none. Braces in quotes do not
/// count.
size_t closing_brace(std::string_view text);

/// The types of a graph's ports.
Types input_types(const Graph& g);
Types output_types(const Graph& g);

/// Which ports of a graph stay, and what takes the place of inputs that do not.
struct PortSelection {
  std::vector<bool> inputs, outputs;
  std::vector<ConstantPtr> bound;  ///< by input: the constant that an input which does not stay is from now on
};
/// The graph with the selected ports. An input that neither stays nor is bound must not be needed by an output that stays.
/// E: kInternal when it is.
Result<GraphPtr> select_ports(const Graph& g, const PortSelection& selection);

/// By input: whether it is needed for output `i`.
std::vector<bool> inputs_behind(const Graph& g, size_t i);

/// Adds the nodes of `g` to the builder's graph with `inputs` in the place of its inputs; the outputs' values.
Values inline_graph(Builder& b, const Graph& g, const Values& inputs);

}  // namespace atl
