#include "api/quantization_as_stated.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "api/dataset_samples.h"
#include "api/entry_point.h"
#include "api/layer_choice.h"
#include "api/quantization_report.h"
#include "api/quantization_settings.h"
#include "import/aten_quantization.h"
#include "import/specialize.h"
#include "ops/elementwise.h"
#include "ops/fixed_point.h"
#include "ops/quantized.h"
#include "quant/plan_stated.h"
#include "tflite/writer.h"
#include "verify/evaluate.h"
#include "verify/written_model.h"

namespace atl {
namespace {

// Inputs that judge, of those that there are; the eval of the ops is slower than a runtime.
constexpr size_t kJudgingInputs = 2;
// What a report shows for "no difference at all".
constexpr double kEqualSnr = 999;

class AsStated {
 public:
  AsStated(const StatedQuantization& stated, const Graph& rounding, std::span<const Perm> permutations,
           const QuantizeOptions& options)
      : stated_(stated), rounding_(rounding), permutations_(permutations), options_(options) {}

  Result<QuantizedModel> run();

 private:
  Status calibrate_rest();
  Status judge(const Graph& integers);
  double step_of(const Graph& integers, size_t output) const;

  const StatedQuantization& stated_;
  const Graph& rounding_;
  const std::span<const Perm> permutations_;
  const QuantizeOptions& options_;
  std::shared_ptr<QuantizeReport> report_ = std::make_shared<QuantizeReport>();
  std::shared_ptr<const LiteRtLibrary> library_;
  std::optional<DatasetSamples> samples_;
  std::vector<size_t> which_;
  Calibration calibration_;
  StatedPlan plan_;
};

Result<QuantizedModel> AsStated::run() {
  const auto start = std::chrono::steady_clock::now();
  report_->mode = name(options_.mode);
  if (options_.mode != QuantizeMode::kInt8 && options_.mode != QuantizeMode::kInt16x8)
    return error(Code::kInput, fmt::format("the program is quantized already, which {} does not go with", name(options_.mode)),
                 "convert it without --quantize for its own integers, or export the float model");
  if (auto library = LiteRtLibrary::find(options_.litert))
    library_ = *library;
  else
    report_->warnings.push_back("not judged: " + library.error().what);
  if (!options_.data.empty()) TRY_STATUS(calibrate_rest());
  const Graph& g = stated_.graph;
  PlanOptions o;
  o.data = options_.mode == QuantizeMode::kInt16x8 ? DType::kI16 : DType::kI8;
  o.per_channel = options_.per_channel;
  TRY(o.method, range_method(options_.ranges));
  TRY(o.node_data, choose_layers(g, options_.keep_float, {}));
  TRY(plan_, plan_stated_quantization(stated_, calibration_, o));
  QuantizeGraphOptions q;
  TRY(q.inputs, interface_type(options_.inputs, "inputs"));
  TRY(q.outputs, interface_type(options_.outputs, "outputs"));
  q.per_channel = options_.per_channel;
  q.per_channel_dense = options_.per_channel_dense;
  q.repairs = plan_.weights;
  TRY(QuantizedGraph quantized, quantize_graph(g, plan_.plan, q));
  const bool narrow = std::ranges::any_of(stated_.made, [](const auto& m) { return m.second.dtype == DType::kI8; });
  report_->mode = name(narrow ? QuantizeMode::kInt8 : QuantizeMode::kInt16x8);
  report_->stated_tensors = plan_.tensors;
  report_->derived_tensors = plan_.derived;
  if (library_) TRY_STATUS(judge(quantized.graph));
  report_->exceptions = float_exceptions(g, plan_.plan);
  report_->interface = interface_lines(quantized.graph);
  report_->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return QuantizedModel{std::move(quantized.graph), report_, {}};
}

Status AsStated::calibrate_rest() {
  TRY(samples_, DatasetSamples::open(stated_.graph, permutations_, options_.data, options_.preprocess));
  TRY(which_, samples_->choose(options_.max_samples, options_.strict, report_->warnings));
  CalibrateOptions o;
  o.threads = options_.threads;
  o.progress = [&](size_t done, size_t total) {
    if (options_.progress) options_.progress("calibration", double(done), double(total));
  };
  TRY(calibration_, calibrate(stated_.graph, *samples_, which_, library_, o));
  report_->calibration_samples = which_.size();
  return {};
}

// What one step of an output is worth; 0 where it is no integer.
double AsStated::step_of(const Graph& integers, size_t output) const {
  const Type& type = integers.type(integers.outputs()[output].value);
  if (type.quant) return scale_of(type);
  const auto read = plan_.plan.read.find({kGraphOutput, uint32_t(output)});
  return read == plan_.plan.read.end() ? 0 : scale_of(read->second);
}

// Beside the program itself, which rounds in float what the file holds as integers.
Status AsStated::judge(const Graph& integers) {
  Model model;
  model.graphs.push_back(integers);
  model.signatures.push_back({"serving_default", 0});
  TRY(std::vector<std::byte> bytes, serialize_tflite(model));
  WrittenModelOptions run;
  run.threads = options_.threads;
  TRY(WrittenModel file, WrittenModel::load(library_, {.path = {}, .bytes = std::move(bytes)}, rounding_, {}, run));
  const RandomSamples random(rounding_, options_.seed);
  const SampleSource& samples = samples_ ? static_cast<const SampleSource&>(*samples_) : random;
  const size_t count = std::min(kJudgingInputs, samples_ ? which_.size() : random.size());
  struct Sums {
    double signal = 0, noise = 0, largest = 0;
  };
  std::vector<Sums> sums(rounding_.outputs().size());
  for (size_t k = 0; k < count; ++k) {
    if (options_.progress) options_.progress("judging", double(k), double(count));
    TRY(const std::vector<NdArray> arrays, samples.get(samples_ ? which_[k] : k));
    Tensors inputs;
    for (const NdArray& a : arrays) inputs.push_back(tensor_of(a));
    for (size_t i = inputs.size(); i < rounding_.inputs().size(); ++i)
      for (const State& s : rounding_.states())
        if (s.input == i) {
          TRY(Tensor initial, s.initial->materialize());
          inputs.push_back(std::move(initial));
        }
    TRY(const Evaluation want, evaluate(rounding_, inputs));
    TRY(const Tensors got, file.run(inputs));
    for (size_t i = 0; i < got.size() && i < want.outputs.size(); ++i) {
      const Tensor wanted = real_values(want.outputs[i]), given = real_values(got[i]);
      for (int64_t e = 0; e < wanted.count(); ++e) {
        const double a = element_as_double(wanted, e), d = element_as_double(given, e) - a;
        sums[i].signal += a * a;
        sums[i].noise += d * d;
        sums[i].largest = std::max(sums[i].largest, std::fabs(d));
      }
    }
  }
  report_->judging_samples = count;
  for (size_t i = 0; i < rounding_.outputs().size(); ++i) {
    if (rounding_.is_state_output(i)) continue;
    const Sums& s = sums[i];
    QuantizedOutput o{rounding_.outputs()[i].name, to_string(integers.type(integers.outputs()[i].value)), kEqualSnr, s.largest,
                      std::nullopt};
    if (s.noise > 0) o.snr_db = s.signal > 0 ? 10 * std::log10(s.signal / s.noise) : -kEqualSnr;
    if (const double step = step_of(integers, i); step > 0) o.max_steps = s.largest / step;
    report_->outputs.push_back(std::move(o));
  }
  return {};
}

}  // namespace

Result<bool> states_quantization(const SourceProgram& program) {
  const auto rounds = [](const SourceNode& n) {
    return std::ranges::any_of(aten_quantization(), [&](const Import& i) { return i.name == n.target; });
  };
  if (std::ranges::none_of(program.graph.nodes, rounds)) return false;
  TRY(ImportedProgram imported, import_at(program, exported_sizes(program)));
  TRY(const StatedQuantization stated, take_stated_quantization(std::move(imported.graph)));
  return !stated.made.empty();
}

Result<OwnQuantization> take_quantization(Graph& graph, Graph& imported) {
  TRY(StatedQuantization plain, take_stated_quantization(std::move(imported)));
  imported = std::move(plain.graph);
  OwnQuantization own{{}, graph};
  TRY(own.stated, take_stated_quantization(std::move(graph)));
  own.stated.weights = std::move(plain.weights);
  graph = own.stated.graph;
  return own;
}

Result<QuantizedModel> quantize_as_stated(const OwnQuantization& own, std::span<const Perm> input_permutations,
                                          const QuantizeOptions& options) {
  return AsStated(own.stated, own.rounding, input_permutations, options).run();
}

}  // namespace atl
