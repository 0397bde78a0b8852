#include "atoll/inspect.h"

#include "api/inspection.h"
#include "read/program.h"
#include "read/sniff.h"
#include "run/image.h"
#include "run/tensor_file.h"

namespace atl {
namespace {

std::string type_text(const NdArray& a) {
  std::string out = std::string(name(a.dtype)) + '[';
  for (size_t i = 0; i < a.shape.size(); ++i) out += fmt::format("{}{}", i ? "," : "", a.shape[i]);
  return out + ']';
}

Status inspect_arrays(FileKind kind, const MappedFile& file, InspectReport& report) {
  std::vector<NamedArray> arrays;
  if (kind == FileKind::kNpy) {
    TRY(NdArray array, parse_npy(file.bytes(), fmt::format("'{}'", file.path())));
    arrays.push_back({"", std::move(array)});
  } else {
    TRY(arrays, parse_npz(file.bytes(), fmt::format("'{}'", file.path())));
  }
  for (const NamedArray& a : arrays) report.arrays.push_back({a.name, type_text(a.array), a.array.bytes.size()});
  return {};
}

Status inspect_image(const MappedFile& file, InspectReport& report) {
  TRY(const Image image, decode_image(file.bytes(), fmt::format("'{}'", file.path())));
  report.kind = "image";
  const auto first = std::to_integer<int>(file.bytes()[0]);
  report.summary = first == 0xff ? "a JPEG image" : first == 0x89 ? "a PNG image" : "a BMP image";
  report.hint = fmt::format("give it to a model: atoll run MODEL.tflite --input {}", file.path());
  report.arrays.push_back({"", fmt::format("u8[{},{},3]", image.height, image.width), image.pixels.size()});
  return {};
}

}  // namespace

Result<InspectReport> inspect(const std::string& path, const InspectOptions& options) {
  TRY(const auto file, MappedFile::open(path));
  InspectReport report;
  report.path = path;
  report.bytes = file->bytes().size();
  if (is_image(file->bytes())) {
    TRY_STATUS(inspect_image(*file, report));
    return report;
  }
  TRY(const FileKind kind, sniff(file));
  report.summary = kind_name(kind);
  switch (kind) {
    case FileKind::kTflite: {
      report.kind = "tflite";
      TRY_STATUS(inspect_tflite(file, options, report));
      break;
    }
    case FileKind::kPt2:
    case FileKind::kPt2Old: {
      report.kind = "pt2";
      TRY(const SourceProgram program, read_program(file));
      TRY_STATUS(inspect_program(program, options, report));
      break;
    }
    case FileKind::kNpy:
    case FileKind::kNpz:
      report.kind = kind == FileKind::kNpy ? "npy" : "npz";
      TRY_STATUS(inspect_arrays(kind, *file, report));
      break;
    case FileKind::kOther:
      return error(Code::kFileFormat, fmt::format("'{}' is {}", path, kind_name(kind)),
                   "if it was a model, copy or download it again");
    default: {
      report.kind = "other";
      // The reader's refusal knows how such a file becomes a program.
      const auto program = read_program(file);
      if (!program) report.hint = program.error().hint;
      break;
    }
  }
  return report;
}

}  // namespace atl
