// Every operator that moves, picks or places elements against what PyTorch answered (scripts/fixtures/movement_cases.py): as
// imported, after the whole pipeline, and as a file in LiteRT.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "import/importer.h"
#include "ir/source_call.h"
#include "pass/pipeline.h"
#include "run/litert_library.h"
#include "tflite/writer.h"
#include "verify/evaluate.h"
#include "verify/written_model.h"

namespace atl {
namespace {

using nlohmann::json;

Tensor tensor_of_json(const json& j) {
  const std::pair<const char*, DType> names[] = {{"float32", DType::kF32}, {"int64", DType::kI64}, {"int32", DType::kI32},
                                                 {"bool", DType::kBool},   {"uint8", DType::kU8},  {"float64", DType::kF64}};
  DType t = DType::kUnknown;
  for (const auto& [name, dtype] : names)
    if (j["dtype"] == name) t = dtype;
  Tensor wide = Tensor::make(Type{DType::kF64, j["shape"].get<Shape>(), {}});
  for (size_t i = 0; i < j["data"].size(); ++i)
    wide.mutable_data<double>()[i] = j["data"][i].is_boolean() ? double(j["data"][i].get<bool>()) : j["data"][i].get<double>();
  return cast(wide, t);
}

// A case as a graph, and the values of its inputs.
struct Program {
  Graph graph;
  Tensors inputs;
  Status status;
};

Value add_tensor(Program& p, SourceCall& call, const std::string& name, const json& j) {
  if (j.is_null()) return {};
  const Tensor t = tensor_of_json(j);
  if (j["constant"].get<bool>()) return call.constant(t);
  p.inputs.push_back(t);
  return p.graph.add_input(name + "_" + std::to_string(p.inputs.size()), t.type());
}

SourceArg argument(Program& p, SourceCall& call, const std::string& name, const json& j) {
  if (j.contains("data")) return add_tensor(p, call, name, j);
  if (j.contains("tensors")) {
    Values list;
    for (const json& t : j["tensors"]) list.push_back(add_tensor(p, call, name, t));
    return list;
  }
  if (j.contains("ints")) return j["ints"].get<std::vector<int64_t>>();
  const json& v = j["value"];
  if (v.is_boolean()) return v.get<bool>();
  if (v.is_number_integer()) return v.get<int64_t>();
  if (v.is_number()) return v.get<double>();
  return v.get<std::string>();
}

Program import_case(const json& c) {
  Program p;
  const std::string name = c["op"];
  const Import* rule = find_import(name);
  if (!rule) {
    p.status = error(Code::kUnsupportedOp, name + " has no rule");
    return p;
  }
  SourceCall call(p.graph, 0, rule->name);
  for (const auto& [arg, value] : c["args"].items()) call.set_arg(arg, argument(p, call, arg, value));
  Types types;
  if (!c["results"].is_null())
    for (const json& r : c["results"]) types.push_back(tensor_of_json(r).type());
  call.set_result_types(types);
  rule->build(call);
  p.status = call.take_status();
  if (!p.status) return p;
  for (size_t i = 0; i < call.results().size(); ++i)
    if (call.results()[i].valid()) p.graph.add_output("result_" + std::to_string(i), call.results()[i]);
  return p;
}

void expect_equal(const Tensor& got, const Tensor& want, const std::string& what) {
  ASSERT_EQ(to_string(got.type()), to_string(want.type())) << what;
  for (int64_t i = 0; i < want.count(); ++i) {
    const double g = element_as_double(got, i), w = element_as_double(want, i);
    ASSERT_NEAR(g, w, 1e-6 * std::max(1.0, std::fabs(w))) << what << " element " << i;
  }
}

std::string describe(const json& c, size_t index) {
  return "case " + std::to_string(index) + " " + c["op"].get<std::string>() + " " + c["args"].dump().substr(0, 300);
}

std::vector<json> all_cases() {
  std::ifstream file(ATOLL_SOURCE_DIR "/tests/ops/data/movement_cases.json");
  json j;
  file >> j;
  return j.get<std::vector<json>>();
}

TEST(MovementCases, Import) {
  const auto cases = all_cases();
  ASSERT_GT(cases.size(), 200u);
  for (size_t k = 0; k < cases.size(); ++k) {
    const json& c = cases[k];
    const std::string what = describe(c, k);
    Program p = import_case(c);
    if (c["results"].is_null()) {
      EXPECT_FALSE(p.status) << what << ": is not refused";
      if (!p.status) {
        EXPECT_EQ(p.status.error().code, Code::kUnsupportedForm) << what;
      }
      continue;
    }
    ASSERT_TRUE(p.status) << what << "\n" << format(p.status.error());
    auto got = evaluate(p.graph, p.inputs);
    ASSERT_TRUE(got) << what << "\n" << format(got.error());
    for (size_t i = 0; i < got->outputs.size(); ++i)
      expect_equal(got->outputs[i], tensor_of_json(c["results"][i]), what + " as imported");
  }
}

TEST(MovementCases, PipelineAndLiteRt) {
  const auto library = LiteRtLibrary::find();
  const auto cases = all_cases();
  for (size_t k = 0; k < cases.size(); ++k) {
    const json& c = cases[k];
    if (c["results"].is_null()) continue;
    const std::string what = describe(c, k);
    Program p = import_case(c);
    ASSERT_TRUE(p.status) << what;
    p.graph.remove_dead_nodes();
    const Graph source = p.graph;
    PipelineOptions options;
    options.verify_each = true;
    const Status passed = run_pipeline(p.graph, options);
    ASSERT_TRUE(passed) << what << "\n" << format(passed.error());
    auto got = evaluate(p.graph, p.inputs);
    ASSERT_TRUE(got) << what << "\n" << format(got.error());
    for (size_t i = 0; i < got->outputs.size(); ++i)
      expect_equal(got->outputs[i], tensor_of_json(c["results"][i]), what + " after the passes");
    bool empty = p.inputs.empty();
    for (const Port& o : p.graph.outputs()) empty |= element_count(p.graph.type(o.value).shape) == 0;
    if (!library || empty) continue;
    Model model;
    model.graphs.push_back(std::move(p.graph));
    model.signatures.push_back({"serving_default", 0});
    auto bytes = serialize_tflite(model);
    ASSERT_TRUE(bytes) << what << "\n" << format(bytes.error());
    auto written = WrittenModel::load(*library, {{}, *bytes}, source, {}, {});
    ASSERT_TRUE(written) << what << "\n" << format(written.error());
    auto results = written->run(p.inputs);
    ASSERT_TRUE(results) << what << "\n" << format(results.error());
    for (size_t i = 0; i < results->size(); ++i)
      expect_equal((*results)[i], tensor_of_json(c["results"][i]), what + " in LiteRT");
  }
  if (!library) GTEST_SKIP() << "the files were not run: " << library.error().what;
}

}  // namespace
}  // namespace atl
