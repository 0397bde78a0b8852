// Pt2: a program from the archive that torch.export.save writes (torch 2.8 and later).
#pragma once
#include <string>
#include <string_view>

#include "read/archive.h"
#include "read/source.h"

namespace atl {

/// Reads one program of the archive. `model` names it where there are several (empty: the only one). Weights are views into the
/// archive's bytes. Errors: kArchive, kArchiveVersion, kJson, kGraph, kWeight, kPickle; kNotAProgram when the archive holds
/// none.
Result<SourceProgram> read_pt2(const Archive& archive, std::string_view model = {});

/// The names of the programs in the archive, sorted.
std::vector<std::string> list_models(const Archive& archive);

}  // namespace atl
