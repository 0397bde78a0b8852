#include "api/verify_on_data.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "api/dataset_samples.h"
#include "api/normalized_input.h"
#include "api/rebuilt_source.h"
#include "read/program.h"
#include "run/litert_library.h"
#include "tflite/reader.h"
#include "verify/file_damage.h"

namespace atl {
namespace {

/// A float graph as it would be written, and how its inputs lie relative to the source's.
struct FloatModel {
  Graph graph;
  std::vector<Perm> inputs;
  std::string layout;
};

Result<FloatModel> float_model(const std::string& source, const std::string& written, const Graph& in_file) {
  TRY(const auto file, MappedFile::open(source));
  const auto bytes = file->bytes();
  if (bytes.size() > 8 && std::memcmp(bytes.data() + 4, "TFL3", 4) == 0) {
    TRY(Model model, read_tflite(file));
    return FloatModel{std::move(model.graphs[0]), {}, "keep"};
  }
  TRY(const SourceProgram program, read_program(file));
  TRY(RebuiltSource rebuilt, rebuild_source(program, in_file, source, written));
  if (!rebuilt.entry.plan.open.empty())
    return error(Code::kInput, fmt::format("'{}' has open axes; files of fixed sizes are compared on data", written),
                 "convert with " + shape_option(program, rebuilt.entry.plan));
  return FloatModel{std::move(rebuilt.entry.graph), std::move(rebuilt.entry.layouts.inputs), std::move(rebuilt.layout)};
}

std::vector<QuantizedLayer> layers_of(const Graph& g, const FileDamage& damage) {
  std::vector<QuantizedLayer> out;
  for (const FileLayer& l : damage.layers) {
    const Origin& o = g.origin_of(l.value);
    out.push_back({o.module_path,
                   o.source_op.empty() ? std::string(def_of(*g[l.value].op).name) : o.source_op,
                   o.node,
                   o.file,
                   o.line,
                   std::string(name(l.type.dtype)),
                   l.snr_db,
                   l.saturated,
                   l.used,
                   {}});
  }
  return out;
}

}  // namespace

Result<VerifyReport> verify_on_data(const std::string& source, const std::string& file, const VerifyOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  VerifyReport report;
  report.source = source;
  report.file = file;
  report.reference = "the float model in LiteRT";
  TRY(const auto written, MappedFile::open(file));
  TRY(const Model model, read_tflite(written));
  TRY(FloatModel real, float_model(source, file, model.graphs[0]));
  report.layout = real.layout;
  TRY(auto library, LiteRtLibrary::find(options.litert));
  TRY(DatasetSamples samples, DatasetSamples::open(real.graph, real.inputs, options.data, options.preprocess));
  if (const auto normalization = stated_normalization(model.metadata))
    TRY_STATUS(take_pixels(real.graph, samples, *normalization));
  TRY(const std::vector<size_t> which, samples.choose(options.max_samples, options.strict, report.notes));
  DamageOptions o;
  o.run.threads = options.threads;
  o.run.signature = options.signature;
  if (options.progress)
    o.progress = [&](size_t done, size_t total) { options.progress("samples", double(done), double(total)); };
  WrittenFileSource source_file;
  source_file.path = file;
  TRY(const FileDamage damage, measure_file_damage(real.graph, source_file, samples, which, std::move(library), o));
  report.samples = which.size();
  report.damage = layers_of(real.graph, damage);
  report.verdict = ProofReport::Verdict::kProven;
  size_t k = 0;
  for (size_t i = 0; i < real.graph.outputs().size(); ++i) {
    if (real.graph.is_state_output(i)) continue;
    const ValueDamage& d = damage.outputs[k++];
    if (d.count == 0) continue;
    const bool passed = !options.min_snr_db || d.mean_snr_db() >= *options.min_snr_db;
    report.checks.push_back({"data", {real.graph.outputs()[i].name, d.mean_snr_db(), d.max_error, passed}});
    if (!passed) {
      report.verdict = ProofReport::Verdict::kFailed;
      report.reason = fmt::format("output '{}' has {:.1f} dB, {} are asked for", real.graph.outputs()[i].name, d.mean_snr_db(),
                                  *options.min_snr_db);
    }
  }
  if (damage.unmatched)
    report.notes.push_back(
        fmt::format("{} layers of the float model have no tensor of their own in the file", damage.unmatched));
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace atl
