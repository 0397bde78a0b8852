#include "api/metadata.h"

#include <fcntl.h>
#include <schema_tables.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "atoll/quantize.h"
#include "support/mapped_file.h"

namespace atl {

std::string_view name(ProofReport::Verdict v) {
  switch (v) {
    case ProofReport::Verdict::kProven:
      return "proven";
    case ProofReport::Verdict::kPartial:
      return "partial";
    case ProofReport::Verdict::kFailed:
      return "failed";
    case ProofReport::Verdict::kNotRun:
      return "not run";
  }
  return "not run";
}

std::string metadata_text(const std::string& sha256, const ConvertReport& report) {
  const ProofReport& proof = report.proof;
  nlohmann::ordered_json j;
  j["atoll"] = ATOLL_VERSION;
  j["source_sha256"] = sha256;
  j["proof"] = name(proof.verdict);
  if (proof.inputs_compared > 0) {
    double least = 999;
    for (const OutputProof& o : proof.outputs) least = std::min(least, o.snr_db);
    j["proof_inputs"] = proof.inputs_compared;
    j["proof_min_snr_db"] = int(std::floor(least));
  }
  if (report.quantization) {
    const QuantizeReport& q = *report.quantization;
    j["quantized"] = q.mode;
    for (const QuantizedOutput& o : q.outputs) j["snr_db"].push_back(std::round(10 * o.snr_db) / 10);
    if (!q.pixel_mean.empty()) j["pixels"] = {{"mean", q.pixel_mean}, {"std", q.pixel_std}};
    // The entry has a fixed size: interfaces of many ports are told by their tensors alone.
    nlohmann::ordered_json with = j;
    for (const std::string& line : q.interface) with["interface"].push_back(line);
    if (with.dump().size() <= kMetadataBytes) j = std::move(with);
  }
  std::string text = j.dump();
  if (text.size() > kMetadataBytes) {
    j.erase("snr_db");
    text = j.dump();
  }
  text.resize(kMetadataBytes, ' ');
  return text;
}

Status replace_metadata(const std::string& path, const std::string& text) {
  uint64_t offset = 0;
  {
    TRY(const auto file, MappedFile::open(path));
    const auto* base = reinterpret_cast<const uint8_t*>(file->bytes().data());
    const tflite::Model* model = tflite::GetModel(base);
    for (const tflite::Metadata* m : *model->metadata()) {
      if (m->name()->str() != kMetadataName) continue;
      const auto* data = model->buffers()->Get(m->buffer())->data();
      if (data->size() == text.size()) offset = uint64_t(data->data() - base);
    }
  }
  if (offset == 0) return error(Code::kInternal, "the written file has no metadata entry to fill in");
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return error(Code::kWrite, fmt::format("cannot write '{}': {}", path, std::strerror(errno)));
  const ssize_t n = ::pwrite(fd, text.data(), text.size(), off_t(offset));
  const bool closed = ::close(fd) == 0;
  if (n != ssize_t(text.size()) || !closed) return error(Code::kWrite, fmt::format("cannot write '{}'", path));
  return {};
}

}  // namespace atl
