// Weight rounding: the integers of a layer's weight chosen together, so that what rounding one of them adds to the results is
// taken off by others (Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers").
#pragma once
#include <Eigen/Core>
#include <optional>
#include <span>

#include "ir/graph.h"
#include "ops/convolution_sizes.h"

namespace atl {

/// Second moments of the vectors that a layer's weight is multiplied with: how their elements go together. The elements fall
/// into blocks of neighbours that are taken to have nothing to do with each other, so that memory and time grow with a vector's
/// length and not with its square. Nothing grows with the number of samples.
class DataMoments {
 public:
  static constexpr int64_t kBlock = 768;  ///< elements of a block, at most
  static constexpr int64_t kRows = 512;   ///< vectors of one sample that are looked at, evenly spread

  /// Of a node of g with weights, whose data is operand 0; nothing where that is no convolution (convolution_sizes()).
  static std::optional<DataMoments> of(const Graph& g, uint32_t id);
  /// Adds the data of one sample: values of operand 0's shape.
  void observe(std::span<const float> data);

  int64_t groups() const { return sizes_.groups; }
  int64_t results() const { return sizes_.filters; }
  int64_t length() const { return length_; }  ///< of a vector: what one result's slice of the weight holds
  int64_t blocks() const { return (length_ + block_ - 1) / block_; }
  int64_t block_begin(int64_t block) const { return block * block_; }
  int64_t block_length(int64_t block) const { return std::min(block_, length_ - block * block_); }
  /// Vectors observed, by group.
  int64_t rows() const { return rows_; }
  /// The covariance of one block's elements, from the vectors of one group.
  Eigen::MatrixXd covariance(int64_t group, int64_t block) const;
  size_t bytes() const { return size_t(groups() * blocks() * block_ * block_) * sizeof(double); }

 private:
  explicit DataMoments(const ConvSizes& sizes);
  void read(const float* data, int64_t row, int64_t group, int64_t begin, int64_t count, double* out) const;

  ConvSizes sizes_;
  int64_t length_ = 0, block_ = 0, rows_ = 0;
  std::vector<Eigen::MatrixXd> squares_;  // by group and block: sums of products
  std::vector<Eigen::VectorXd> sums_;     // by group
};

/// The integers, of the weight's shape, for `scales` (one for all, or one for each index of `axis`, the axis of results). A
/// result's integers are those of least error on the data observed, with a damping that holds them to the float weight; where
/// rounding to nearest is as good by that measure they are its. Deterministic.
/// E: kInternal when the weight does not fit the moments.
Result<Tensor> round_weight(const Tensor& weight, std::span<const float> scales, int axis, const DataMoments& moments);

}  // namespace atl
