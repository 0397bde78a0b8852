#include "read/program.h"

#include "read/archive.h"
#include "read/pt2.h"
#include "read/sniff.h"

namespace atl {
namespace {

std::string base_name(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

std::string stem(const std::string& path) {
  const std::string name = base_name(path);
  const auto dot = name.find('.', 1);
  return dot == name.npos ? name : name.substr(0, dot);
}

/// The lines that export a program, after the lines that make `model`.
std::string export_lines(std::string_view load, const std::string& path) {
  return fmt::format(
      "export the program in Python:\n"
      "    import torch\n"
      "{}"
      "    args = (torch.randn(1, 3, 224, 224),)  # example inputs of your model\n"
      "    torch.export.save(torch.export.export(model.eval(), args), \"{}.pt2\")",
      load, stem(path));
}

Error not_a_program(FileKind kind, const std::string& path) {
  const std::string file = base_name(path);
  std::string hint;
  switch (kind) {
    case FileKind::kStateDict:
    case FileKind::kLegacyStateDict:
    case FileKind::kTorchTensors:
      hint = export_lines(fmt::format("    model = MyModel()  # your model's class\n"
                                      "    model.load_state_dict(torch.load(\"{}\"))\n",
                                      file),
                          path);
      break;
    case FileKind::kSafetensors:
      hint = export_lines(fmt::format("    from safetensors.torch import load_file\n"
                                      "    model = MyModel()  # your model's class\n"
                                      "    model.load_state_dict(load_file(\"{}\"))\n",
                                      file),
                          path);
      break;
    case FileKind::kTorchScript:
      hint = export_lines(fmt::format("    # torch.export needs the Python module that \"{}\" was scripted or traced from\n"
                                      "    model = MyModel()  # your model's class\n"
                                      "    model.load_state_dict(torch.jit.load(\"{}\").state_dict())\n",
                                      file, file),
                          path);
      break;
    default:
      hint = export_lines(
          fmt::format("    model = torch.load(\"{}\", weights_only=False)  # runs code of the file: trust it first\n", file),
          path);
      break;
  }
  return error(Code::kNotAProgram, fmt::format("'{}' is {}, not an exported program", path, kind_name(kind)), std::move(hint));
}

/// Kinds that hold the weights or the module of which a program can be made.
bool holds_weights(FileKind kind) {
  switch (kind) {
    case FileKind::kStateDict:
    case FileKind::kTorchTensors:
    case FileKind::kSafetensors:
    case FileKind::kTorchScript:
    case FileKind::kPickledModule:
    case FileKind::kLegacyStateDict:
    case FileKind::kLegacyModule:
      return true;
    default:
      return false;
  }
}

Result<SourceProgram> refuse_old(const Archive& archive) {
  std::string version = "unknown";
  if (const ArchiveEntry* entry = archive.find("version"); entry && entry->size < 16) {
    TRY(const Blob text, archive.read(*entry));
    version = text.text();
  }
  const std::string file = base_name(archive.name());
  const bool upgradable = version.starts_with("8.");
  return error(Code::kArchiveVersion,
               fmt::format("'{}' was written by torch 2.7 or earlier (schema version {}), which is not read yet",
                           archive.name(), version),
               upgradable ? fmt::format("write it again with torch 2.8 or later:\n"
                                        "    import torch\n"
                                        "    torch.export.save(torch.export.load(\"{}\"), \"{}\")",
                                        file, file)
                          : "export the model again with torch 2.8 or later (it cannot load this file either)");
}

}  // namespace

Result<SourceProgram> read_program(const std::shared_ptr<const MappedFile>& file, std::string_view model) {
  FileKind kind = FileKind::kOther;
  if (is_zip(*file)) {
    TRY(const Archive archive, Archive::open(blob_of(file), file->path()));
    TRY(kind, sniff(archive));
    if (kind == FileKind::kPt2) return read_pt2(archive, model);
    if (kind == FileKind::kPt2Old) return refuse_old(archive);
  } else {
    TRY(kind, sniff(file));
  }
  if (holds_weights(kind)) return not_a_program(kind, file->path());
  return error(Code::kFileFormat, fmt::format("'{}' is {}, not an exported program", file->path(), kind_name(kind)),
               "give a .pt2 file: torch.export.save(torch.export.export(model, args), \"model.pt2\")");
}

Result<SourceProgram> read_program(const std::string& path, std::string_view model) {
  TRY(const auto file, MappedFile::open(path));
  return read_program(file, model);
}

}  // namespace atl
