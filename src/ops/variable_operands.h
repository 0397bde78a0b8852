// Variable operands: tensors that an operator reads and overwrites (TfliteOperand::variable), such as the states of an LSTM. A
// file must fill them before every run, and a value that stays in one after the run (TfliteOp::updated) must be read behind the
// operator. Here is how a graph says so, and how that is taken out of it again for passes that look at the values alone.
#pragma once
#include <map>

#include "ir/rewrite.h"

namespace atl {

/// Fills the variable operands of every node whose types LiteRT takes, by UNPACK, which no delegate takes and which never
/// shares memory with its operand: one for all constants of a type, one for those that are one computed value. An operand that
/// only an UNPACK fills already, or that is a variable of the file itself, stays. Nodes keep their ids. E: of evaluating
/// constants.
Status fill_variable_operands(Graph& g);

/// `state`, which stays in a variable operand of the node that computes `sequence`, for readers elsewhere: a SELECT whose other
/// branch comes from the sequence makes them wait for the node, since the runtime orders nodes by the first writer of a tensor.
Value guarded_state(Builder& b, Value state, Value sequence);

/// Puts guarded_state() in place of every such value in the graph. E: of building.
Status guard_states(Graph& g);

/// The inverse of both: variable operands are the values that they are filled with, readers of states read the states. Nodes
/// keep their ids. Gives, by state, the guarded value that was read. E: of evaluating constants.
Result<std::map<Value, Value>> bypass_variables(Graph& g);

/// A copy of the graph after bypass_variables(), or nothing where no node has such operands. E: of evaluating constants.
Result<std::optional<Graph>> without_variables(const Graph& g);

/// True for a variable of the file itself, which nothing fills.
bool is_variable_of_file(const Graph& g, Value v);

/// Variable operands that constants of zeros fill become variables of the file, which are zeros when it is loaded and stay as a
/// run leaves them. Gives the number of nodes that now keep what they end with. E: of evaluating constants.
Result<size_t> keep_states_between_runs(Graph& g);

}  // namespace atl
