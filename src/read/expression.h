// Expressions over named sizes, from the form in which torch.export saves them to the form in which people write them.
#pragma once
#include <string>
#include <string_view>

namespace atl {

/// "3*s77 + 1" from "Add(Mul(Integer(3), Symbol('s77', positive=True, integer=True)), Integer(1))". A text of another form, or
/// one that nests too deeply, comes back as it is.
std::string readable_expression(std::string_view srepr);

}  // namespace atl
