#include "read/sniff.h"

#include <algorithm>
#include <array>

#include "read/bytes.h"
#include "read/old_pt2.h"
#include "read/pickle.h"

namespace atl {
namespace {

using Bytes = std::span<const std::byte>;

bool has_entry_under(const Archive& archive, std::string_view folder) {
  return std::any_of(archive.entries().begin(), archive.entries().end(),
                     [&](const auto& e) { return e.name.starts_with(folder); });
}

/// A torch.save archive: what does its pickle hold?
Result<FileKind> sniff_torch_save(const Archive& archive) {
  constexpr uint64_t kMaxPickle = uint64_t{64} << 20;
  const ArchiveEntry* entry = archive.find("data.pkl");
  if (entry->size > kMaxPickle) return FileKind::kPickledModule;
  TRY(const Blob code, archive.read(*entry));
  if (find_foreign_global(code.bytes)) return FileKind::kPickledModule;
  TRY(const Pickle pickle, read_torch_save(archive));
  if (pickle[pickle.root].get<PickleDict>()) return FileKind::kStateDict;
  return FileKind::kTorchTensors;
}

/// Before torch 1.6 a file was a sequence of pickles: magic number, protocol, machine, the object.
FileKind sniff_legacy(Bytes bytes) {
  constexpr size_t kMagicSize = 15;
  bytes = bytes.subspan(std::min(bytes.size(), kMagicSize));
  for (int i = 0; i < 2; ++i) {
    const auto size = first_pickle_size(bytes);
    if (!size) return FileKind::kLegacyModule;
    bytes = bytes.subspan(*size);
  }
  return find_foreign_global(bytes) ? FileKind::kLegacyModule : FileKind::kLegacyStateDict;
}

/// A protocol buffer that starts like an ONNX model: ir_version (3 or later), then another field of ModelProto.
bool is_onnx(Bytes bytes) {
  constexpr std::string_view kNext = "\x12\x1a\x22\x28\x32\x3a\x42\x72";
  return bytes.size() > 4 && bytes[0] == std::byte{8} && bytes[1] < std::byte{32} && bytes[1] >= std::byte{3} &&
         kNext.find(static_cast<char>(bytes[2])) != kNext.npos;
}

/// Kinds that a few bytes at a fixed place tell.
struct Magic {
  size_t offset;
  std::string_view bytes;
  FileKind kind;
};
constexpr Magic kMagics[] = {
    {4, "TFL3", FileKind::kTflite},
    {4, "ET12", FileKind::kExecuTorch},
    {0, "\x93NUMPY", FileKind::kNpy},
    {0, "\x89HDF\r\n\x1a\n", FileKind::kHdf5},
    {0, "GGUF", FileKind::kGguf},
    {0, "\x08\x01\x12", FileKind::kSavedModel},
    {0, "\x1f\x8b\x08", FileKind::kCompressed},
    {0, {"\xfd\x37zXZ\0", 6}, FileKind::kCompressed},
    {0, "BZh", FileKind::kCompressed},
    {0, "\x28\xb5\x2f\xfd", FileKind::kCompressed},
    {0, "7z\xbc\xaf\x27\x1c", FileKind::kCompressed},
    {257, "ustar", FileKind::kTar},
    {0, "version https://git-lfs.github.com/spec/", FileKind::kLfsPointer},
};

/// Eight bytes of header length, then a JSON object.
bool is_safetensors(Bytes bytes) {
  if (bytes.size() < 10 || bytes[8] != std::byte{'{'}) return false;
  return inside(8, load<uint64_t>(bytes, 0), bytes.size());
}

bool is_text(Bytes bytes) {
  const auto head = bytes.first(std::min<size_t>(bytes.size(), 4096));
  return std::all_of(head.begin(), head.end(), [](std::byte b) {
    const auto c = static_cast<unsigned char>(b);
    return c >= 32 || c == '\n' || c == '\r' || c == '\t';
  });
}

bool is_html(Bytes bytes) {
  std::string head;
  for (std::byte b : bytes.first(std::min<size_t>(bytes.size(), 256))) {
    const auto c = static_cast<char>(b);
    head += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const size_t begin = std::min(head.find_first_not_of(" \t\r\n"), head.size());
  return head.compare(begin, 14, "<!doctype html") == 0 || head.compare(begin, 5, "<html") == 0;
}

}  // namespace

bool is_program(FileKind kind) { return kind == FileKind::kPt2 || kind == FileKind::kPt2Old; }

std::string_view kind_name(FileKind kind) {
  switch (kind) {
    case FileKind::kPt2:
      return "an exported PyTorch program";
    case FileKind::kPt2Old:
      return "an exported PyTorch program of torch 2.7 or earlier";
    case FileKind::kTflite:
      return "a LiteRT model";
    case FileKind::kTorchScript:
      return "a TorchScript archive";
    case FileKind::kStateDict:
      return "a dictionary of weights (state_dict)";
    case FileKind::kPickledModule:
      return "a pickled Python object (torch.save of a whole module)";
    case FileKind::kTorchTensors:
      return "saved tensors (torch.save)";
    case FileKind::kLegacyStateDict:
      return "a dictionary of weights (state_dict) in the format before torch 1.6";
    case FileKind::kLegacyModule:
      return "a pickled Python object (torch.save of a whole module) in the format before torch 1.6";
    case FileKind::kPythonPickle:
      return "a Python pickle";
    case FileKind::kSafetensors:
      return "a safetensors file of weights";
    case FileKind::kOnnx:
      return "an ONNX model";
    case FileKind::kSavedModel:
      return "a TensorFlow SavedModel";
    case FileKind::kHdf5:
      return "an HDF5 file, as Keras writes them";
    case FileKind::kKeras:
      return "a Keras model";
    case FileKind::kExecuTorch:
      return "an ExecuTorch program";
    case FileKind::kGguf:
      return "a GGUF file of weights";
    case FileKind::kNpy:
      return "a NumPy array";
    case FileKind::kNpz:
      return "a NumPy archive";
    case FileKind::kZip:
      return "a zip archive";
    case FileKind::kTar:
      return "a tar archive";
    case FileKind::kCompressed:
      return "a compressed file";
    case FileKind::kLfsPointer:
      return "a pointer of git-lfs in place of the file";
    case FileKind::kHtml:
      return "an HTML page";
    case FileKind::kText:
      return "a text file";
    case FileKind::kOther:
      return "a file of unknown format";
  }
  return "a file of unknown format";
}

Blob blob_of(std::shared_ptr<const MappedFile> file) {
  const Bytes bytes = file->bytes();
  return {.bytes = bytes, .owner = std::move(file), .slack = 0};
}

bool is_zip(const MappedFile& file) {
  return has_magic(file.bytes(), 0, "PK\x03\x04") || has_magic(file.bytes(), 0, "PK\x05\x06");
}

Result<FileKind> sniff(const Archive& archive) {
  if (archive.find("archive_format") && archive.find("archive_version")) return FileKind::kPt2;
  if (archive.find(kOldPt2Document)) return FileKind::kPt2Old;
  if (archive.find("constants.pkl") || has_entry_under(archive, "code/")) return FileKind::kTorchScript;
  if (archive.find("data.pkl")) return sniff_torch_save(archive);
  if (archive.find("config.json") && archive.find("model.weights.h5")) return FileKind::kKeras;
  const auto is_npy = [](const auto& e) { return e.name.ends_with(".npy"); };
  const auto& entries = archive.entries();
  if (!entries.empty() && std::all_of(entries.begin(), entries.end(), is_npy)) return FileKind::kNpz;
  return FileKind::kZip;
}

Result<FileKind> sniff(const std::shared_ptr<const MappedFile>& file) {
  const Bytes bytes = file->bytes();
  constexpr std::string_view kLegacyMagic =
      "\x8a\x0al\xfc\x9c"
      "F\xf9 j\xa8P\x19";
  for (const Magic& m : kMagics) {
    if (has_magic(bytes, m.offset, m.bytes)) return m.kind;
  }
  if (is_zip(*file)) {
    TRY(const Archive archive, Archive::open(blob_of(file), file->path()));
    return sniff(archive);
  }
  if (has_magic(bytes, 2, kLegacyMagic)) return sniff_legacy(bytes);
  if (bytes.size() > 2 && bytes[0] == std::byte{0x80} && bytes[1] >= std::byte{2} && bytes[1] <= std::byte{5}) {
    return FileKind::kPythonPickle;
  }
  if (is_safetensors(bytes)) return FileKind::kSafetensors;
  if (is_onnx(bytes)) return FileKind::kOnnx;
  if (is_html(bytes)) return FileKind::kHtml;
  return is_text(bytes) ? FileKind::kText : FileKind::kOther;
}

}  // namespace atl
