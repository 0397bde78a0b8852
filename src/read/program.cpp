#include "read/program.h"

#include <algorithm>

#include "read/archive.h"
#include "read/old_pt2.h"
#include "read/pickle.h"
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

/// The key under which a training checkpoint, {"epoch": 3, "model": {...}, ...}, keeps the weights; empty for a dictionary of
/// tensors.
std::string find_weights_key(const Archive& archive) {
  const auto pickle = read_torch_save(archive);
  const auto* items = pickle ? (*pickle)[pickle->root].get<PickleDict>() : nullptr;
  if (!items) return {};
  const auto is_tensor = [&](const auto& item) { return (*pickle)[item.second].template get<StoredTensor>() != nullptr; };
  if (std::any_of(items->items.begin(), items->items.end(), is_tensor)) return {};
  for (const auto& [key, value] : items->items) {
    const auto* name = (*pickle)[key].get<std::string>();
    const auto* inner = (*pickle)[value].get<PickleDict>();
    if (name && inner && std::any_of(inner->items.begin(), inner->items.end(), is_tensor)) return *name;
  }
  return {};
}

Error not_a_program(FileKind kind, const std::string& path, const std::string& weights_key) {
  const std::string file = base_name(path);
  std::string hint;
  switch (kind) {
    case FileKind::kStateDict:
    case FileKind::kLegacyStateDict:
    case FileKind::kTorchTensors:
      hint = export_lines(fmt::format("    model = MyModel()  # your model's class\n"
                                      "    model.load_state_dict(torch.load(\"{}\"){})\n",
                                      file, weights_key.empty() ? "" : fmt::format("[\"{}\"]", weights_key)),
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

/// What to do with a file that holds no PyTorch program and no weights of one.
std::string hint_for(FileKind kind, const std::string& path) {
  const std::string file = base_name(path);
  switch (kind) {
    case FileKind::kTflite:
      return fmt::format("it is converted already: atoll inspect {0}, atoll run {0}", path);
    case FileKind::kOnnx:
      return "convert the PyTorch model that it was made from: torch.export.save(torch.export.export(model, args), "
             "\"model.pt2\")";
    case FileKind::kSavedModel:
      return "LiteRT converts TensorFlow's models itself: tf.lite.TFLiteConverter.from_saved_model(folder).convert()";
    case FileKind::kHdf5:
    case FileKind::kKeras:
      return fmt::format(
          "LiteRT converts Keras models itself:\n"
          "    import tensorflow as tf\n"
          "    model = tf.keras.models.load_model(\"{}\")\n"
          "    open(\"{}.tflite\", \"wb\").write(tf.lite.TFLiteConverter.from_keras_model(model).convert())",
          file, stem(path));
    case FileKind::kExecuTorch:
      return "give the program that it was made from: torch.export.save(torch.export.export(model, args), \"model.pt2\")";
    case FileKind::kTar:
    case FileKind::kCompressed:
      return "unpack it, and give the .pt2 file inside";
    case FileKind::kLfsPointer:
      return fmt::format("fetch the file itself: git lfs pull --include \"{}\"", file);
    case FileKind::kHtml:
      return "a server gave a web page instead of the file; look at it in a browser, and download the file again";
    default:
      return "give a .pt2 file: torch.export.save(torch.export.export(model, args), \"model.pt2\")";
  }
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

}  // namespace

Result<SourceProgram> read_program(const std::shared_ptr<const MappedFile>& file, std::string_view model) {
  FileKind kind = FileKind::kOther;
  std::string weights_key;
  if (is_zip(*file)) {
    TRY(const Archive archive, Archive::open(blob_of(file), file->path()));
    TRY(kind, sniff(archive));
    if (kind == FileKind::kPt2) return read_pt2(archive, model);
    if (kind == FileKind::kPt2Old) return read_old_pt2(archive);
    if (kind == FileKind::kStateDict) weights_key = find_weights_key(archive);
  } else {
    TRY(kind, sniff(file));
  }
  if (holds_weights(kind)) return not_a_program(kind, file->path(), weights_key);
  return error(Code::kFileFormat, fmt::format("'{}' is {}, not an exported program", file->path(), kind_name(kind)),
               hint_for(kind, file->path()));
}

Result<SourceProgram> read_program(const std::string& path, std::string_view model) {
  TRY(const auto file, MappedFile::open(path));
  return read_program(file, model);
}

}  // namespace atl
