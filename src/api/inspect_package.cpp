#include "api/inspect_package.h"

#include "edgetpu/package.h"

namespace atl {
namespace {

std::vector<ExecutableReport::Layer> layers_of(const std::vector<edgetpu::PackageLayer>& layers) {
  std::vector<ExecutableReport::Layer> out;
  for (const auto& l : layers) out.push_back({l.name, l.data_type, l.y, l.x, l.z, double(l.scale), l.zero_point});
  return out;
}

}  // namespace

Result<std::vector<PackageReport>> inspect_packages(const FileView& file) {
  TRY(const auto model, edgetpu::read_source_model(file));
  TRY(const auto packages, edgetpu::read_packages(model));
  std::vector<PackageReport> out;
  for (const edgetpu::Package& p : packages) {
    PackageReport r;
    r.op = p.op;
    r.compiler = p.compiler;
    r.compiler_release = p.compiler_release;
    r.min_runtime_version = p.min_runtime_version;
    r.bytes = p.bytes;
    r.cached_bytes = p.cached_bytes();
    r.streamed_bytes = p.streamed_bytes();
    r.scratch_bytes = p.scratch_bytes();
    r.instruction_bytes = p.instruction_bytes();
    for (const edgetpu::Executable& e : p.executables) {
      r.chip = e.chip;
      r.executables.push_back({std::string(name(e.kind)), e.parameter_bytes, e.instruction_bytes, e.scratch_bytes,
                               e.narrow_bytes_per_tile, e.transfers.input, e.transfers.output,
                               fmt::format("{:x}", e.caching_token), layers_of(e.inputs), layers_of(e.outputs)});
    }
    out.push_back(std::move(r));
  }
  return out;
}

}  // namespace atl
