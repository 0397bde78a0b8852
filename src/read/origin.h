// Where a node of an exported program comes from: module, file, line. Read from the texts that torch.export leaves on each
// node.
#pragma once
#include <string_view>

#include "support/error.h"

namespace atl {

/// Fills module_path and module_type from the last entry of "key,path,type;key,path,type" ("L__self__rnn,rnn,torch.nn.LSTM").
/// A text of another form changes nothing.
void read_module_stack(std::string_view nn_module_stack, Origin& origin);

/// Fills file, line and text from a Python traceback: the innermost frame of the user's own code, else the innermost outside
/// torch's own library, else the innermost. A text of another form changes nothing.
void read_stack_trace(std::string_view stack_trace, Origin& origin);

/// "aten.conv2d.default" from "torch.ops.aten.conv2d.default"; other targets as they are.
std::string_view short_target(std::string_view target);

}  // namespace atl
