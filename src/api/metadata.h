// The metadata entry that Atoll puts into a file: its version, the source's digest and the proof.
#pragma once
#include <string>

#include "atoll/convert.h"

namespace atl {

/// Name of the entry in the .tflite's metadata.
inline constexpr const char* kMetadataName = "atoll";
/// The entry has this many bytes whatever it says, so that the proof can be filled in after the file was run.
inline constexpr size_t kMetadataBytes = 1024;

/// The entry as JSON, padded with spaces to kMetadataBytes.
std::string metadata_text(const std::string& sha256, const ConvertReport& report);

/// Overwrites the entry of a written file with another text of the same size. E: kWrite, kTflite.
Status replace_metadata(const std::string& path, const std::string& text);

}  // namespace atl
