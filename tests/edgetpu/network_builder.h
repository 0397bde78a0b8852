// Quantized networks of the literature, layer by layer, as .tflite files hold them: shapes are those of the originals, weights
// are of no account.
#pragma once
#include "edgetpu/small_model.h"

namespace atl::edgetpu {

/// Square or not, "same" or "valid", as TensorFlow counts.
struct Window {
  int64_t height = 1, width = 1, stride = 1;
  bool same = true;
};
inline Window square(int64_t k, int64_t stride = 1, bool same = true) { return {k, k, stride, same}; }

/// A value of the network: its tensor and its shape, 1 x height x width x channels or 1 x features.
struct Value {
  int tensor = 0;
  Shape shape;
};

class NetworkBuilder {
 public:
  Value input(const Shape& shape) { return {model_.input(kType, shape), shape}; }
  Value conv(const Value& x, int64_t outputs, Window w) {
    return layer(Op::CONV_2D, 1, x, {1, extent(x.shape[1], w.height, w), extent(x.shape[2], w.width, w), outputs},
                 {outputs, w.height, w.width, x.shape[3]}, convolution<tflite::Conv2DOptionsT>(w));
  }
  Value depthwise(const Value& x, Window w) {
    return layer(Op::DEPTHWISE_CONV_2D, 1, x, {1, extent(x.shape[1], w.height, w), extent(x.shape[2], w.width, w), x.shape[3]},
                 {1, w.height, w.width, x.shape[3]}, convolution<tflite::DepthwiseConv2DOptionsT>(w));
  }
  Value fully_connected(const Value& x, int64_t outputs) {
    return layer(Op::FULLY_CONNECTED, 1, x, {1, outputs}, {outputs, features(x)}, tflite::FullyConnectedOptionsT());
  }
  Value max_pool(const Value& x, Window w) { return pool(Op::MAX_POOL_2D, x, w); }
  Value average_pool(const Value& x, Window w) { return pool(Op::AVERAGE_POOL_2D, x, w); }
  Value global_average(const Value& x) { return average_pool(x, {x.shape[1], x.shape[2], 1, false}); }
  Value concat(const std::vector<Value>& parts) {
    std::vector<int> in;
    Shape shape = parts[0].shape;
    shape[3] = 0;
    for (const Value& p : parts) in.push_back(p.tensor), shape[3] += p.shape[3];
    const Value y = fresh(shape);
    tflite::ConcatenationOptionsT options;
    options.axis = 3;
    model_.op(Op::CONCATENATION, 1, in, {y.tensor}, options);
    return y;
  }
  /// Rows of several maps, each of `columns` numbers, below each other.
  Value rows(const std::vector<Value>& maps, int64_t columns) {
    std::vector<int> in;
    int64_t n = 0;
    for (const Value& m : maps) {
      in.push_back(reshaped(m, {1, features(m) / columns, columns}).tensor);
      n += features(m) / columns;
    }
    const Value y = fresh({1, n, columns});
    tflite::ConcatenationOptionsT options;
    options.axis = 1;
    model_.op(Op::CONCATENATION, 1, in, {y.tensor}, options);
    return y;
  }
  Value add(const Value& a, const Value& b) {
    const Value y = fresh(a.shape);
    model_.op(Op::ADD, 1, {a.tensor, b.tensor}, {y.tensor}, tflite::AddOptionsT());
    return y;
  }
  Value softmax(const Value& x) {
    const Value y = fresh(x.shape);
    model_.op(Op::SOFTMAX, 1, {x.tensor}, {y.tensor}, tflite::SoftmaxOptionsT());
    return y;
  }
  Value logistic(const Value& x) {
    const Value y = fresh(x.shape);
    model_.op(Op::LOGISTIC, 1, {x.tensor}, {y.tensor});
    return y;
  }
  Value pad(const Value& x, int64_t height, int64_t width) {
    const auto y = int32_t(height - x.shape[1]), w = int32_t(width - x.shape[2]);
    const int paddings = model_.ints({0, 0, y / 2, y - y / 2, w / 2, w - w / 2, 0, 0});
    const Value out = fresh({1, height, width, x.shape[3]});
    model_.op(Op::PAD, 1, {x.tensor, paddings}, {out.tensor});
    return out;
  }
  Value flat(const Value& x) { return reshaped(x, {1, features(x)}); }
  void output(const Value& x) { model_.mark_output(x.tensor); }
  SmallModel& model() { return model_; }

 private:
  using Op = tflite::BuiltinOperator;
  static constexpr tflite::TensorType kType = tflite::TensorType::UINT8;
  static int64_t extent(int64_t n, int64_t k, const Window& w) {
    return w.same ? (n + w.stride - 1) / w.stride : (n - k) / w.stride + 1;
  }
  static int64_t features(const Value& x) {
    return std::accumulate(x.shape.begin(), x.shape.end(), int64_t{1}, std::multiplies<>());
  }
  template <class Options>
  static Options convolution(const Window& w) {
    Options o;
    o.padding = w.same ? tflite::Padding::SAME : tflite::Padding::VALID;
    o.stride_h = o.stride_w = int(w.stride);
    return o;
  }
  Value fresh(const Shape& shape) { return {model_.tensor(kType, shape), shape}; }
  template <class Options>
  Value layer(Op code, int version, const Value& x, const Shape& shape, const Shape& weight, Options options) {
    const int w = model_.placeholder(kType, weight), bias = model_.placeholder(tflite::TensorType::INT32, {shape.back()});
    const Value y = fresh(shape);
    model_.op(code, version, {x.tensor, w, bias}, {y.tensor}, options);
    return y;
  }
  Value pool(Op code, const Value& x, const Window& w) {
    tflite::Pool2DOptionsT o;
    o.padding = w.same ? tflite::Padding::SAME : tflite::Padding::VALID;
    o.stride_h = o.stride_w = int(w.stride);
    o.filter_height = int(w.height), o.filter_width = int(w.width);
    const Value y = fresh({1, extent(x.shape[1], w.height, w), extent(x.shape[2], w.width, w), x.shape[3]});
    model_.op(code, 1, {x.tensor}, {y.tensor}, o);
    return y;
  }
  Value reshaped(const Value& x, const Shape& shape) {
    const Value y = fresh(shape);
    model_.op(Op::RESHAPE, 1, {x.tensor}, {y.tensor});
    return y;
  }
  SmallModel model_;
};

}  // namespace atl::edgetpu
