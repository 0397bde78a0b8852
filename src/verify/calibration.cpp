#include "verify/calibration.h"

#include "ir/evaluator.h"
#include "tflite/writer.h"

namespace atl {
namespace {

std::span<const float> floats(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

bool is_data(const Type& t) { return t.dtype == DType::kF32 && !t.quant; }

// Calls f with the arrays of every sample that can be read.
template <class F>
Status for_each_sample(const SampleSource& samples, std::vector<size_t>& which, const CalibrateOptions& options, F&& f) {
  std::vector<size_t> kept;
  for (size_t i = 0; i < which.size(); ++i) {
    if (options.progress) options.progress(i, which.size());
    auto arrays = samples.get(which[i]);
    if (!arrays) {
      if (!options.skip) return std::move(arrays.error());
      options.skip(which[i], std::move(arrays.error()));
      continue;
    }
    TRY_STATUS(f(*arrays));
    kept.push_back(which[i]);
  }
  which = std::move(kept);
  return {};
}

Status evaluate_samples(const Graph& g, const SampleSource& samples, std::vector<size_t>& which,
                        const CalibrateOptions& options, Calibration& out) {
  Evaluator evaluator(g, Evaluator::Constants::kKeep);
  return for_each_sample(samples, which, options, [&](const std::vector<NdArray>& arrays) -> Status {
    Tensors inputs, results;
    for (const NdArray& a : arrays) inputs.push_back(tensor_of(a));
    for (size_t k = 0; k < g.inputs().size() && k < inputs.size(); ++k)
      if (is_data(g.type(g.inputs()[k].value))) out.values[g.inputs()[k].value].observe(inputs[k].values<float>());
    TRY(const bool complete, evaluator.run(inputs, results, [&](const Evaluator::Step& step) {
      for (uint32_t k = 0; k < step.results.size(); ++k)
        if (is_data(step.results[k].type())) out.values[{step.id, k}].observe(step.results[k].values<float>());
      return true;
    }));
    if (!complete) return error(Code::kInternal, "an evaluation ended early");
    return {};
  });
}

Status run_samples(const Graph& g, const SampleSource& samples, std::vector<size_t>& which,
                   std::shared_ptr<const LiteRtLibrary> library, const CalibrateOptions& options, Calibration& out) {
  TRY(const WrittenFileSource file, written_in_memory(g));
  const std::vector<Value> wanted = float_values(g);
  WrittenModelOptions run_options;
  run_options.threads = options.threads;
  TRY(ExposedModel model, ExposedModel::open(std::move(library), g, file, wanted, run_options));
  std::vector<Statistics*> statistics;
  for (Value v : model.values()) statistics.push_back(&out.values[v]);
  return for_each_sample(samples, which, options, [&](const std::vector<NdArray>& arrays) -> Status {
    return model.run(arrays, [&](size_t index, std::span<const std::byte> bytes) -> Status {
      statistics[index]->observe(floats(bytes));
      return {};
    });
  });
}

}  // namespace

std::vector<Value> float_values(const Graph& g) {
  std::vector<Value> out;
  for (uint32_t id : g.topological_order()) {
    if (g[id].constant) continue;
    for (uint32_t k = 0; k < g[id].out.size(); ++k)
      if (is_data(g[id].out[k])) out.push_back({id, k});
  }
  return out;
}

Result<WrittenFileSource> written_in_memory(const Graph& g) {
  Model model;
  model.graphs.push_back(g);
  model.signatures.push_back({"serving_default", 0});
  WrittenFileSource file;
  TRY(file.bytes, serialize_tflite(model));
  return file;
}

Result<Calibration> calibrate(const Graph& g, const SampleSource& samples, std::vector<size_t>& which,
                              std::shared_ptr<const LiteRtLibrary> library, const CalibrateOptions& options) {
  Calibration out;
  TRY_STATUS(library ? run_samples(g, samples, which, std::move(library), options, out)
                     : evaluate_samples(g, samples, which, options, out));
  out.samples = which.size();
  if (which.empty())
    return error(Code::kInput, "there are no samples to calibrate with", "give a folder or file with samples that can be read");
  return out;
}

}  // namespace atl
