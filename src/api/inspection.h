// The parts of inspect(), one for each kind of model.
#pragma once
#include "atoll/inspect.h"
#include "read/source.h"
#include "support/mapped_file.h"

namespace atl {

/// Fills in what a .tflite file says. E: kTflite.
Status inspect_tflite(const std::shared_ptr<const MappedFile>& file, const InspectOptions& options, InspectReport& report);
/// Fills in what a program says. E: of importing, with InspectOptions::graph.
Status inspect_program(const SourceProgram& program, const InspectOptions& options, InspectReport& report);

/// The metadata entry that Atoll writes; nullopt when the text is not one.
std::optional<AtollEntry> parse_atoll_entry(std::string_view text);

}  // namespace atl
