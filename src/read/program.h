// The one way into src/read: a program from a file of any kind, or why not.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "read/source.h"
#include "support/mapped_file.h"

namespace atl {

/// Reads an exported program (.pt2). `model` names one where the file holds several. Weights are views that keep the mapping
/// alive. Errors: kNotAProgram for weights, modules and TorchScript, with the lines of Python that export the program as hint;
/// kFileFormat for other files, kArchiveVersion for programs of another release; those of MappedFile::open and read_pt2.
Result<SourceProgram> read_program(const std::string& path, std::string_view model = {});
/// The same over a file that is mapped already.
Result<SourceProgram> read_program(const std::shared_ptr<const MappedFile>& file, std::string_view model = {});

}  // namespace atl
