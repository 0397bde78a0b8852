// Every spatial operator against what PyTorch answered (scripts/fixtures/spatial_cases.py): as imported, and after all passes.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "import/importer.h"
#include "ir/source_call.h"
#include "pass/pipeline.h"
#include "verify/evaluate.h"

namespace atl {
namespace {

using nlohmann::json;

DType dtype_of(const std::string& torch) {
  static const std::map<std::string, DType> kNames = {{"float32", DType::kF32},
                                                      {"float64", DType::kF64},
                                                      {"int16", DType::kI16},
                                                      {"uint8", DType::kU8},
                                                      {"int64", DType::kI64}};
  return kNames.at(torch);
}

Tensor wave(const json& j) {
  Tensor t = Tensor::make(Type{DType::kF32, j["wave"].get<Shape>(), {}});
  for (int64_t i = 0; i < t.count(); ++i)
    t.mutable_data<float>()[i] =
        float(std::sin(0.7 * double(i) + j["seed"].get<double>()) * j["factor"].get<double>() + j["shift"].get<double>());
  return cast(t, dtype_of(j["dtype"]));
}

SourceArg argument(const json& j) {
  if (j.contains("ints")) return j["ints"].get<std::vector<int64_t>>();
  if (j.contains("floats")) return j["floats"].get<std::vector<double>>();
  const json& v = j["value"];
  if (v.is_boolean()) return v.get<bool>();
  if (v.is_number_integer()) return v.get<int64_t>();
  if (v.is_number()) return v.get<double>();
  return v.get<std::string>();
}

class SpatialCase : public testing::TestWithParam<json> {};

std::vector<json> cases() {
  std::ifstream in(ATOLL_SOURCE_DIR "/tests/verify/data/spatial_cases.json");
  return json::parse(in).get<std::vector<json>>();
}

void expect_results(const Graph& g, const Tensors& inputs, const json& want) {
  const auto got = evaluate(g, inputs);
  ASSERT_TRUE(got) << format(got.error());
  ASSERT_EQ(got->outputs.size(), want.size());
  for (size_t r = 0; r < want.size(); ++r) {
    const Tensor& t = got->outputs[r];
    ASSERT_EQ(t.type(), (Type{dtype_of(want[r]["dtype"]), want[r]["shape"].get<Shape>(), {}}));
    for (int64_t i = 0; i < t.count(); ++i) {
      const double expected = want[r]["data"][size_t(i)];
      ASSERT_NEAR(element_as_double(t, i), expected, 4e-6 * std::max(1.0, std::fabs(expected))) << "element " << i;
    }
  }
}

TEST_P(SpatialCase, GivesTorchsResults) {
  const json& c = GetParam();
  SCOPED_TRACE(c["op"].get<std::string>() + c["args"].dump());
  const Import* rule = find_import(c["op"].get<std::string>());
  ASSERT_NE(rule, nullptr);
  Graph g;
  SourceCall call(g, 0, rule->name);
  Tensors inputs;
  for (const auto& [name, value] : c["args"].items()) {
    if (!value.contains("wave")) {
      call.set_arg(name, argument(value));
    } else if (value["constant"]) {
      call.set_arg(name, call.constant(wave(value)));
    } else {
      inputs.push_back(wave(value));
      call.set_arg(name, g.add_input(name, inputs.back().type()));
    }
  }
  Types types;
  for (const json& r : c["results"]) types.push_back({dtype_of(r["dtype"]), r["shape"].get<Shape>(), {}});
  call.set_result_types(types);
  rule->build(call);
  const Status built = call.take_status();
  ASSERT_TRUE(built) << format(built.error());
  for (size_t i = 0; i < types.size(); ++i) g.add_output(fmt::format("y{}", i), call.results()[i]);
  expect_results(g, inputs, c["results"]);
  PipelineOptions options;
  options.verify_each = true;
  const Status legal = run_pipeline(g, options);
  ASSERT_TRUE(legal) << format(legal.error());
  SCOPED_TRACE("after all passes");
  expect_results(g, inputs, c["results"]);
}

INSTANTIATE_TEST_SUITE_P(Torch, SpatialCase, testing::ValuesIn(cases()),
                         [](const auto& info) { return std::to_string(info.index); });

}  // namespace
}  // namespace atl
