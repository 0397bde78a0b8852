// Sniff: what kind of file this is, from its contents. Names and endings do not matter, except to tell text from ONNX.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "read/archive.h"
#include "support/mapped_file.h"

namespace atl {

enum class FileKind : uint8_t {
  kPt2,              ///< torch.export.save, torch 2.8 and later
  kPt2Old,           ///< torch.export.save, torch 2.1 to 2.7
  kTflite,           ///< a LiteRT model
  kTorchScript,      ///< torch.jit.save
  kStateDict,        ///< torch.save(model.state_dict(), ...), or another dictionary
  kPickledModule,    ///< torch.save(model, ...), or another Python object
  kTorchTensors,     ///< torch.save of a tensor or a list of tensors
  kLegacyStateDict,  ///< a state_dict saved before torch 1.6
  kLegacyModule,     ///< a module saved before torch 1.6
  kPythonPickle,     ///< pickle.dump
  kSafetensors,      ///< weights only
  kOnnx,
  kSavedModel,  ///< saved_model.pb of TensorFlow
  kHdf5,        ///< Keras before version 3, or any other HDF5 file
  kKeras,       ///< model.save("x.keras")
  kExecuTorch,
  kGguf,  ///< weights only
  kNpy,
  kNpz,
  kZip,  ///< an archive of anything else
  kTar,
  kCompressed,  ///< gzip, xz, bzip2, zstd, 7z
  kLfsPointer,  ///< what git leaves in place of a large file
  kHtml,
  kText,
  kOther,
};

/// The kind in words, such as "a TorchScript archive".
std::string_view kind_name(FileKind kind);

/// True for the two archives that torch.export.save writes, which read_program reads.
bool is_program(FileKind kind);

/// Tells the kinds apart. Errors: those of Archive::open for a damaged zip file.
Result<FileKind> sniff(const std::shared_ptr<const MappedFile>& file);

/// The same for a zip archive whose directory was read already.
Result<FileKind> sniff(const Archive& archive);

/// True when the file starts like a zip archive.
bool is_zip(const MappedFile& file);

/// The file as bytes with their owner.
Blob blob_of(std::shared_ptr<const MappedFile> file);

}  // namespace atl
