#include "quant/weight_rounding.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/gemm.h"

namespace atl {
namespace {

// Symmetric integers: LiteRT's weights leave -128 out.
constexpr double kLargest = 127;
// Of the mean variance, added to every variance: a share of it, and more where few vectors tell of many elements.
constexpr double kDamping = 0.02, kDampingOfFew = 0.5;
// Columns whose corrections of those behind them are applied together.
constexpr Eigen::Index kPanel = 64;

double nearest(double v) { return std::clamp(std::nearbyint(v), -kLargest, kLargest); }

// The upper factor U of h^-1 = U^T U; nothing where h is not positive definite.
std::optional<Eigen::MatrixXd> inverse_factor(const Eigen::MatrixXd& h) {
  const Eigen::LLT<Eigen::MatrixXd> lower(h);
  if (lower.info() != Eigen::Success) return std::nullopt;
  const Eigen::LLT<Eigen::MatrixXd> second(lower.solve(Eigen::MatrixXd::Identity(h.rows(), h.cols())));
  if (second.info() != Eigen::Success) return std::nullopt;
  return Eigen::MatrixXd(second.matrixU());
}

// Columns of w (results by elements, in steps) in turn: each is rounded and its error handed to those behind it.
Eigen::MatrixXd round_in_turns(Eigen::MatrixXd w, const Eigen::MatrixXd& factor) {
  const Eigen::Index n = w.cols();
  Eigen::MatrixXd q(w.rows(), n), errors(w.rows(), kPanel);
  for (Eigen::Index begin = 0; begin < n; begin += kPanel) {
    const Eigen::Index end = std::min(n, begin + kPanel);
    for (Eigen::Index i = begin; i < end; ++i) {
      q.col(i) = w.col(i).unaryExpr(&nearest);
      errors.col(i - begin) = (w.col(i) - q.col(i)) / factor(i, i);
      const Eigen::Index rest = end - i - 1;
      w.middleCols(i + 1, rest).noalias() -= errors.col(i - begin) * factor.row(i).segment(i + 1, rest);
    }
    w.rightCols(n - end).noalias() -= errors.leftCols(end - begin) * factor.block(begin, end, end - begin, n - end);
  }
  return q;
}

Eigen::VectorXd errors_of(const Eigen::MatrixXd& difference, const Eigen::MatrixXd& h) {
  return (difference * h).cwiseProduct(difference).rowwise().sum();
}

// w: results by elements, in steps.
Eigen::MatrixXd rounded(const Eigen::MatrixXd& w, Eigen::MatrixXd h, int64_t rows) {
  Eigen::MatrixXd plain = w.unaryExpr(&nearest);
  const Eigen::Index n = h.rows();
  const double variance = h.trace() / double(n);
  if (!(variance > 0)) return plain;
  h.diagonal().array() += variance * (kDamping + kDampingOfFew * double(n) / double(std::max<int64_t>(rows, 1)));
  // Elements of much weight go first: their errors meet the most others that can take them off.
  std::vector<Eigen::Index> order(size_t(n), 0);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](Eigen::Index a, Eigen::Index b) { return h(a, a) > h(b, b); });
  const auto factor = inverse_factor(h(order, order));
  if (!factor) return plain;
  const Eigen::MatrixXd ordered = round_in_turns(w(Eigen::all, order), *factor);
  Eigen::MatrixXd q(w.rows(), n);
  for (Eigen::Index i = 0; i < n; ++i) q.col(order[size_t(i)]) = ordered.col(i);
  const Eigen::VectorXd before = errors_of(w - plain, h), after = errors_of(w - q, h);
  for (Eigen::Index r = 0; r < w.rows(); ++r)
    if (!(after[r] < before[r])) q.row(r) = plain.row(r);
  return q;
}

}  // namespace

DataMoments::DataMoments(const ConvSizes& sizes) : sizes_(sizes) {
  length_ = sizes.channels / sizes.groups * sizes.kernel[0] * sizes.kernel[1] * sizes.kernel[2];
  const int64_t count = (length_ + kBlock - 1) / kBlock;
  block_ = (length_ + count - 1) / count;
  for (int64_t g = 0; g < sizes.groups; ++g) {
    for (int64_t b = 0; b < blocks(); ++b) squares_.push_back(Eigen::MatrixXd::Zero(block_length(b), block_length(b)));
    sums_.push_back(Eigen::VectorXd::Zero(length_));
  }
}

std::optional<DataMoments> DataMoments::of(const Graph& g, uint32_t id) {
  const Types types = g.types(g[id].in);
  const auto sizes = convolution_sizes(*g[id].op, types);
  if (!sizes || sizes->groups < 1) return std::nullopt;
  return DataMoments(*sizes);
}

void DataMoments::read(const float* data, int64_t row, int64_t group, int64_t begin, int64_t count, double* out) const {
  const ConvSizes& s = sizes_;
  const int64_t channels = s.channels / s.groups;
  const std::array<int64_t, 3> at{row / s.out[2] / s.out[1] % s.out[0], row / s.out[2] % s.out[1], row % s.out[2]};
  const int64_t picture = row / (s.out[0] * s.out[1] * s.out[2]);
  while (count > 0) {
    const int64_t position = begin / channels, channel = begin % channels, run = std::min(count, channels - channel);
    const std::array<int64_t, 3> k{position / s.kernel[2] / s.kernel[1], position / s.kernel[2] % s.kernel[1],
                                   position % s.kernel[2]};
    int64_t offset = picture;
    bool inside = true;
    for (size_t a = 0; a < 3; ++a) {
      const int64_t i = at[a] * s.stride[a] + k[a] * s.dilation[a] - s.before[a];
      inside &= i >= 0 && i < s.in[a];
      offset = offset * s.in[a] + i;
    }
    const float* from = data + offset * s.channels + group * channels + channel;
    for (int64_t c = 0; c < run; ++c) out[c] = inside ? double(from[c]) : 0.0;
    out += run;
    begin += run;
    count -= run;
  }
}

void DataMoments::observe(std::span<const float> data) {
  const int64_t all = sizes_.batch * sizes_.out[0] * sizes_.out[1] * sizes_.out[2], count = std::min(all, kRows);
  const auto row = [&](int64_t p) { return p * all / count; };
  std::vector<double> vector(size_t(length_), 0.0);
  for (int64_t g = 0; g < groups(); ++g) {
    for (int64_t p = 0; p < count; ++p) {
      read(data.data(), row(p), g, 0, length_, vector.data());
      sums_[size_t(g)] += Eigen::Map<const Eigen::VectorXd>(vector.data(), length_);
    }
    for (int64_t b = 0; b < blocks(); ++b) {
      Eigen::MatrixXd& sum = squares_[size_t(g * blocks() + b)];
      const auto elements = [&](int64_t p, int64_t begin, int64_t n, double* out) {
        read(data.data(), row(p), g, block_begin(b) + begin, n, out);
      };
      // Of a symmetric matrix, row i is column i.
      gemm_rows(sum.rows(), sum.rows(), count, elements, elements, [&](int64_t i, int64_t begin, int64_t n, const double* v) {
        sum.col(i).segment(begin, n) += Eigen::Map<const Eigen::VectorXd>(v, n);
      });
    }
  }
  rows_ += count;
}

Eigen::MatrixXd DataMoments::covariance(int64_t group, int64_t block) const {
  const double n = double(std::max<int64_t>(rows_, 1));
  const Eigen::VectorXd mean = sums_[size_t(group)].segment(block_begin(block), block_length(block)) / n;
  return squares_[size_t(group * blocks() + block)] / n - mean * mean.transpose();
}

Result<Tensor> round_weight(const Tensor& weight, std::span<const float> scales, int axis, const DataMoments& moments) {
  const int64_t results = moments.results(), length = moments.length();
  const bool last = axis != 0;
  if (weight.count() != results * length || (scales.size() != 1 && int64_t(scales.size()) != results))
    return error(Code::kInternal, "a weight does not fit what was observed of its data");
  const auto at = [&](int64_t result, int64_t element) {
    return last ? element * results + result : result * length + element;
  };
  Tensor integers = Tensor::make(Type{DType::kI8, weight.shape(), {}});
  const float* x = weight.data<float>();
  int8_t* q = integers.mutable_data<int8_t>();
  const int64_t share = results / moments.groups();
  const int64_t jobs = moments.groups() * moments.blocks();
  const double work = double(results) * double(length) * double(moments.block_length(0)) * 2;
  parallel_for(jobs, work, [&](int64_t job) {
    const int64_t group = job / moments.blocks(), block = job % moments.blocks();
    const int64_t begin = moments.block_begin(block), n = moments.block_length(block);
    Eigen::MatrixXd w(share, n);
    for (int64_t r = 0; r < share; ++r) {
      const int64_t result = group * share + r;
      const double scale = double(scales[scales.size() == 1 ? 0 : size_t(result)]);
      for (int64_t i = 0; i < n; ++i) w(r, i) = double(x[at(result, begin + i)]) / scale;
    }
    const Eigen::MatrixXd done = rounded(w, moments.covariance(group, block), moments.rows());
    for (int64_t r = 0; r < share; ++r)
      for (int64_t i = 0; i < n; ++i) q[at(group * share + r, begin + i)] = int8_t(done(r, i));
  });
  return integers;
}

}  // namespace atl
