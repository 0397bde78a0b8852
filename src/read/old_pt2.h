// OldPt2: a program from the archive that torch.export.save wrote until torch 2.7: five files, the weights in pickles.
#pragma once
#include <string_view>

#include "read/archive.h"
#include "read/source.h"

namespace atl {

/// The entry by which such an archive is told apart.
constexpr std::string_view kOldPt2Document = "serialized_exported_program.json";

/// Reads the program. Its weights and constants are torch.save files inside the archive; they are views into the archive's
/// bytes where both are stored without compression, as torch does. Nothing in a pickle is run. Errors: those of
/// read_program_json; kArchive for an archive that is damaged, kPickle for weights that are no plain tensors.
Result<SourceProgram> read_old_pt2(const Archive& archive);

}  // namespace atl
