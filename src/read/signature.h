// Signature: what each input and output of a program's graph is (user input, parameter, buffer, mutation), and its name for
// users.
#pragma once
#include "read/json.h"
#include "read/payload.h"
#include "read/source.h"
#include "read/tree_spec.h"

namespace atl {

/// How a program is called, from the root entry of module_call_graph.
struct CallSpec {
  TreeSpec inputs;                     ///< a tuple (args tuple, kwargs mapping)
  TreeSpec outputs;                    ///< what forward returns
  std::vector<std::string> arguments;  ///< names of forward's parameters; may be shorter than args
};

/// Reads the root's entry; nothing when the program does not have one. Errors: kJson.
Result<std::optional<CallSpec>> read_call_spec(const JsonNode& graph_module);

/// Reads signature.input_specs and output_specs into program.inputs, tensors and outputs; program.graph is there already.
/// Errors: kJson, kGraph, kWeight; those of Payloads::read.
Status read_signature(const JsonNode& signature, Payloads& weights, Payloads& constants, SourceProgram& program);

/// Gives user inputs and outputs their names: the parameter of forward and the keys below it joined with '_' ("x", "states_0",
/// "batch_mask"); a lone output is "output", others have the keys of what forward returns ("logits"), or "output_0",
/// "output_1". Without a call spec, inputs have the names of their values. Names are unique. Errors: kGraph when the counts
/// differ.
Status name_signature(const std::optional<CallSpec>& call, SourceProgram& program);

}  // namespace atl
