// SHA-256 of bytes, as hexadecimal text.
#pragma once
#include <cstddef>
#include <span>
#include <string>

#include "support/result.h"

namespace atl {

/// 64 lower-case hexadecimal digits. About 2 GB/s with SHA instructions, so callers run it beside other work for large files.
/// E: kInternal when the crypto library refuses.
Result<std::string> sha256(std::span<const std::byte> bytes);

}  // namespace atl
