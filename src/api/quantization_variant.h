// One way to quantize a graph: the float graph with its repairs, what calibration knows of it, and the plan.
#pragma once
#include "api/dataset_samples.h"
#include "atoll/quantize.h"
#include "quant/quantize_graph.h"
#include "run/litert_library.h"

namespace atl {

/// What all variants are made and judged with. References must outlive them.
struct QuantizationData {
  const DatasetSamples& samples;
  std::vector<size_t> calibration, judging;      ///< numbers of samples
  std::vector<size_t> scoring;                   ///< those that variants are compared on
  std::shared_ptr<const LiteRtLibrary> library;  ///< null: calibration by the ops' own eval, nothing is measured
  const QuantizeOptions& options;
};

struct QuantizationVariant {
  Graph graph;
  Calibration calibration;
  /// What the second half of the samples gave, for trials on the first; empty where they are too few to be halved.
  std::optional<Calibration> half;
  PlanOptions plan_options;
  QuantizeGraphOptions quantize_options;
  QuantPlan plan;
  /// Integers of weights that were learned, by node: plans take them while the weights' scales are those they were learned for.
  std::map<uint32_t, WeightRepair> learned;
  std::vector<std::string> repairs;  ///< one sentence each

  /// Runs data.calibration through the graph and plans. E: of calibration.
  Status calibrate(const QuantizationData& data);
  /// Plans, and corrects the biases for what rounding the weights adds. E: plan_quantization's.
  Status make_plan();
  /// Mean over the outputs of their SNR on at most `count` of data.scoring, in dB. E: LiteRT's.
  Result<double> score(const QuantizationData& data, size_t count) const;
  /// The same by output, states aside.
  Result<std::vector<double>> output_snr(const QuantizationData& data, size_t count) const;
};

/// Joins of unlike branches on the way to outputs get 16 bits, so that each branch keeps a scale of its own. E: of planning.
Status widen_mixed_joins(QuantizationVariant& variant);

/// Changes of the float graph that keep its function: equalized channels, and leaky activations computed with their layers.
/// Gives the variant with the best score, calibrated and planned; the graph as it is unless another is clearly better. All
/// have widen_mixed_joins. `plain` need not be calibrated. E: of calibration; LiteRT's.
Result<QuantizationVariant> choose_repairs(QuantizationVariant plain, const QuantizationData& data);

/// Takes the method that all ranges are chosen by, before single ones are: least square error unless another gives the outputs
/// clearly less noise, with ranges from one half of the samples and noise on the other. Large models keep it without best
/// effort, since trials would take long. E: LiteRT's.
Status choose_base_method(QuantizationVariant& variant, const QuantizationData& data);

/// Where range methods disagree on a tensor, takes the one that does least to the outputs, and plans anew: ranges from one half
/// of the samples are judged on the other half. E: LiteRT's.
Status choose_range_methods(QuantizationVariant& variant, const QuantizationData& data);

/// Lets the two logits of a softmax over two classes round at different places (offset_softmax_pairs()), once their scale is
/// chosen. E: of planning.
Status offset_logits(QuantizationVariant& variant);

/// Rounds the weights of each layer together, by what the layers' data looks like (learn_weights()); kept only where weights
/// learned from one half of the samples do not lose on the other. E: LiteRT's.
Status round_weights(QuantizationVariant& variant, const QuantizationData& data);

/// Moves biases by what the channels of the integer model are off by on average, layer by layer from the inputs on; kept only
/// where the score gains. E: LiteRT's.
Status correct_measured_means(QuantizationVariant& variant, const QuantizationData& data);

/// Gives 16 bits to as few layers as it takes for every output to reach options.min_snr_db on the calibration samples: those
/// around the tensors whose rounding does most to the outputs that miss it. E: kInput when it cannot be reached, with what is
/// reached; LiteRT's.
Status choose_int16_layers(QuantizationVariant& variant, const QuantizationData& data);

}  // namespace atl
