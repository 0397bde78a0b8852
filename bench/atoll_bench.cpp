// What conversion costs, beside a plain copy of the same bytes in the same run. `make bench` prints it.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "atoll/convert.h"
#include "import/importer.h"
#include "ir/rewrite.h"
#include "ops/conv.h"
#include "ops/unary.h"
#include "pass/pipeline.h"
#include "read/program.h"
#include "tflite/writer.h"

namespace atl {
namespace {

namespace fs = std::filesystem;

const std::string kDigits = ATOLL_SOURCE_DIR "/demo/digits.pt2";

std::string scratch_file(const std::string& name) { return (fs::temp_directory_path() / ("atoll_bench_" + name)).string(); }

// convolution - relu, `layers` times, channels-first as imported.
Graph chain(int64_t layers) {
  Graph g;
  Value x = g.add_input("x", Type{DType::kF32, {1, 4, 6, 5}, {}});
  Builder b(g);
  const Value w = b.constant(Tensor::of<float>(DType::kF32, {4, 4, 1, 1}, std::vector<float>(16, 0.25f)));
  for (int64_t i = 0; i < layers; ++i) x = b.add(Unary(UnaryKind::kRelu), {b.add(Conv2d{}, {x, w, Value{}})});
  g.add_output("y", x);
  return g;
}

void copy_file(benchmark::State& state) {
  const std::string from = scratch_file("copy_from"), to = scratch_file("copy_to");
  const size_t bytes = size_t(state.range(0)) << 20;
  std::ofstream(from, std::ios::binary) << std::string(bytes, 'x');
  for (auto _ : state) fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  state.SetBytesProcessed(int64_t(state.iterations() * bytes));
  fs::remove(from);
  fs::remove(to);
}
BENCHMARK(copy_file)->Arg(100)->Unit(benchmark::kMillisecond);

// A model of `MB` in 3x3 convolutions whose weights are transposed on the way, and one in which nothing has to be moved.
void write_weights(benchmark::State& state) {
  const bool transposed = state.range(1) != 0;
  const int64_t channels = 512, layers = state.range(0) * (1 << 20) / (channels * channels * 9 * 4);
  Model model;
  Graph& g = model.graphs.emplace_back();
  Builder b(g);
  Value x = g.add_input("x", Type{DType::kF32, {1, channels, 6, 5}, {}});
  std::mt19937 random(1);
  for (int64_t i = 0; i < layers; ++i) {
    Tensor w = Tensor::make(Type{DType::kF32, {channels, channels, 3, 3}, {}});
    for (int64_t k = 0; k < w.count(); ++k) w.mutable_data<float>()[k] = float(random()) * 0x1p-32f;
    ConstantPtr c = Constant::of(std::move(w), fmt::format("w{}", i));
    if (!transposed) c = c->permuted({0, 2, 3, 1})->permuted({0, 3, 1, 2});
    Conv2d conv;
    conv.padding = {1, 1, 1, 1};
    x = b.add(conv, {x, b.constant(c), Value{}});
  }
  g.add_output("y", x);
  model.signatures.push_back({"serving_default", 0});
  if (auto s = run_pipeline(g, {}); !s) return state.SkipWithError(s.error().what.c_str());
  const std::string to = scratch_file("weights.tflite");
  uint64_t bytes = 0;
  for (auto _ : state) {
    auto written = write_tflite(model, to);
    if (!written) return state.SkipWithError(written.error().what.c_str());
    bytes = written->bytes;
  }
  state.SetBytesProcessed(int64_t(state.iterations() * bytes));
  fs::remove(to);
}
BENCHMARK(write_weights)->ArgNames({"MB", "transposed"})->Args({100, 1})->Unit(benchmark::kMillisecond);

void read_program_digits(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(read_program(kDigits));
}
BENCHMARK(read_program_digits)->Unit(benchmark::kMillisecond);

void convert_digits(benchmark::State& state) {
  ConvertOptions options;
  options.verify = false;
  const std::string to = scratch_file("digits.tflite");
  for (auto _ : state)
    if (auto r = convert(kDigits, to, options); !r) return state.SkipWithError(r.error().what.c_str());
  fs::remove(to);
}
BENCHMARK(convert_digits)->Unit(benchmark::kMillisecond);

// The passes grow linearly with the number of layers: the complexity line shows the fit.
void run_pipeline_chain(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    Graph g = chain(state.range(0));
    state.ResumeTiming();
    if (auto s = run_pipeline(g, {}); !s) return state.SkipWithError(s.error().what.c_str());
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK(run_pipeline_chain)->Arg(100)->Arg(1000)->Arg(10000)->Complexity(benchmark::oN)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace atl

BENCHMARK_MAIN();
