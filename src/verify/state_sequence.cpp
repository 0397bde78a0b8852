#include "verify/state_sequence.h"

#include <algorithm>

#include "verify/comparison.h"
#include "verify/evaluate.h"

namespace atl {
namespace {

Tensors tensors_of(const std::vector<NdArray>& arrays) {
  Tensors out;
  for (const NdArray& a : arrays) out.push_back(tensor_of(a));
  return out;
}

Result<WrittenModel> opened(const Graph& g, const std::shared_ptr<const LiteRtLibrary>& library,
                            const WrittenModelOptions& options) {
  TRY(const WrittenFileSource file, written_in_memory(g));
  return WrittenModel::load(library, file, g, {}, options);
}

}  // namespace

Result<std::map<size_t, std::vector<NdArray>>> states_before(const Graph& g, std::span<const State> states,
                                                             const SampleSource& samples, std::span<const size_t> which,
                                                             const std::shared_ptr<const LiteRtLibrary>& library,
                                                             const WrittenModelOptions& options) {
  std::map<size_t, std::vector<NdArray>> out;
  std::vector<State> sorted(states.begin(), states.end());
  std::ranges::sort(sorted, {}, &State::input);
  std::optional<WrittenModel> model;
  if (library) {
    TRY(model, opened(g, library, options));
  }
  Tensors now;
  for (const State& s : sorted) {
    TRY(Tensor t, s.initial->materialize());
    now.push_back(std::move(t));
  }
  for (size_t i = 0, next = 0; next < which.size(); ++i) {
    const auto arrays = samples.get(i);
    if (!arrays && i < which[next]) continue;
    if (!arrays) return arrays.error();
    if (i == which[next]) {
      for (const Tensor& t : now) out[i].push_back(array_of(t));
      if (++next == which.size()) break;
    }
    Tensors inputs = tensors_of(*arrays), outputs;
    inputs.insert(inputs.end(), now.begin(), now.end());
    if (model) {
      TRY(outputs, model->run(inputs));
    } else {
      TRY(Evaluation e, evaluate(g, inputs));
      outputs = std::move(e.outputs);
    }
    for (size_t k = 0; k < now.size(); ++k) now[k] = outputs[sorted[k].output];
  }
  return out;
}

Result<std::vector<double>> sequence_snr(const Graph& g, const Graph& integers, const SampleSource& samples, size_t last,
                                         const std::shared_ptr<const LiteRtLibrary>& library,
                                         const WrittenModelOptions& options) {
  TRY(WrittenModel real, opened(g, library, options));
  TRY(const WrittenFileSource file, written_in_memory(integers));
  TRY(WrittenModel made, WrittenModel::load(library, file, g, {}, options));
  std::vector<Comparison> sums(g.outputs().size() - g.states().size());
  for (size_t i = 0; i <= last; ++i) {
    const auto arrays = samples.get(i);
    if (!arrays) continue;
    const Tensors inputs = tensors_of(*arrays);
    TRY(const Tensors want, real.run(inputs));
    TRY(const Tensors got, made.run(inputs));
    for (size_t k = 0; k < sums.size(); ++k) {
      const Comparison c = compare(want[k], got[k], {});
      sums[k].signal += c.signal;
      sums[k].noise += c.noise;
    }
  }
  std::vector<double> out;
  for (const Comparison& c : sums) out.push_back(c.snr_db());
  return out;
}

}  // namespace atl
