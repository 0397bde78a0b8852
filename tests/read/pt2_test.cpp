#include "read/pt2.h"

#include <gtest/gtest.h>

#include <cstring>

#include "zip_builder.h"

namespace atl {
namespace {

Result<SourceProgram> read_parts(const std::vector<ZipPart>& parts, std::string_view model = {}) {
  TRY(const Archive archive, Archive::open(make_blob(build_zip(parts)), "x.pt2"));
  return read_pt2(archive, model);
}

Result<SourceProgram> read_fixture(const std::string& name) {
  TRY(const Archive archive, Archive::open(make_blob(read_whole_file(fixture(name))), name));
  return read_pt2(archive);
}

/// The small program with the first `from` in one entry replaced by `to`.
std::vector<ZipPart> patched(const std::string& entry, const std::string& from, const std::string& to,
                             const std::string& name = "small.pt2") {
  auto parts = take_apart(fixture(name));
  for (auto& part : parts) {
    if (part.name != entry) continue;
    const auto at = part.contents.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    part.contents.replace(at, from.size(), to);
    return parts;
  }
  ADD_FAILURE() << "no entry " << entry;
  return parts;
}

void expect_error(const std::vector<ZipPart>& parts, Code code, const std::string& what) {
  const auto program = read_parts(parts);
  ASSERT_FALSE(program) << what;
  EXPECT_EQ(program.error().code, code);
  EXPECT_EQ(program.error().what, what);
  EXPECT_FALSE(program.error().hint.empty());
  EXPECT_FALSE(program.error().is_bug());
}

constexpr const char* kModel = "models/model.json";
constexpr const char* kWeights = "data/weights/model_weights_config.json";

std::vector<float> values(const StoredTensor& t) {
  std::vector<float> v(static_cast<size_t>(t.elements()));
  std::memcpy(v.data(), t.contiguous_bytes().data(), v.size() * 4);
  return v;
}

TEST(Pt2, Small) {
  const auto p = read_fixture("small.pt2");
  ASSERT_TRUE(p) << p.error().what;
  EXPECT_EQ(p->path, "small.pt2");
  EXPECT_EQ(p->model_name, "model");
  EXPECT_EQ(p->torch_version.substr(0, 4), "2.13");
  EXPECT_EQ(p->archive_version, "0");
  EXPECT_EQ(p->schema_major, 8);
  ASSERT_EQ(p->graph.nodes.size(), 2u);
  const SourceNode& linear = p->graph.nodes[0];
  EXPECT_EQ(linear.target, "aten.linear.default");
  EXPECT_EQ(linear.origin.module_path, "fc");
  EXPECT_EQ(linear.origin.module_type, "torch.nn.modules.linear.Linear");
  EXPECT_EQ(linear.origin.source_op, "aten.linear.default");
  EXPECT_EQ(linear.origin.node, "linear");
  EXPECT_EQ(linear.origin.file, "make_read_fixtures.py");
  EXPECT_EQ(linear.origin.text, "return torch.relu(self.fc(x))");
  ASSERT_EQ(linear.inputs.size(), 3u);
  EXPECT_EQ(linear.inputs[1].name, "weight");
  EXPECT_EQ(linear.inputs[1].kind, ArgumentKind::kPositional);
  EXPECT_EQ(linear.inputs[1].value.get<TensorRef>()->name, "p_fc_weight");
  const TensorMeta* meta = p->graph.find("linear");
  ASSERT_TRUE(meta);
  EXPECT_EQ(meta->dtype, ScalarType::kFloat32);
  EXPECT_EQ(meta->shape(), (std::vector<int64_t>{1, 2}));
  EXPECT_TRUE(meta->is_static());
  ASSERT_EQ(p->outputs.size(), 1u);
  EXPECT_EQ(p->outputs[0].name, "output");
  EXPECT_EQ(p->outputs[0].value.get<TensorRef>()->name, "relu");
}

TEST(Pt2, NestedInputs) {
  const auto p = read_fixture("nested.pt2");
  ASSERT_TRUE(p) << p.error().what;
  std::vector<std::string> names;
  for (const auto& input : p->inputs) {
    if (!input.name.empty()) names.push_back(input.name);
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"x", "states_0", "states_1_0", "batch_bias_one", "batch_unused", "factor", "mask"}));
  ASSERT_EQ(p->inputs.size(), 13u);
  const SourceInput& factor = p->inputs[11];
  EXPECT_EQ(factor.kind, InputKind::kUserConstant);
  EXPECT_EQ(*factor.constant.get<double>(), 3.0);
  EXPECT_FALSE(factor.sample);
  const SourceInput& mask = p->inputs[12];
  EXPECT_EQ(mask.kind, InputKind::kUser);
  EXPECT_EQ(mask.value, "mask");
  ASSERT_TRUE(mask.sample);
  EXPECT_EQ(mask.sample->sizes, (std::vector<int64_t>{2, 7}));
  EXPECT_EQ(values(*mask.sample), std::vector<float>(14, 1.0f));
  EXPECT_EQ(p->inputs[8].sample->sizes, (std::vector<int64_t>{2, 5}));
  EXPECT_EQ(p->sample_problem, "");
}

TEST(Pt2, NestedOutputs) {
  const auto p = read_fixture("nested.pt2");
  ASSERT_TRUE(p) << p.error().what;
  std::vector<std::string> names;
  for (const auto& output : p->outputs) names.push_back(output.name);
  EXPECT_EQ(names, (std::vector<std::string>{"logits", "extra_0", "extra_1_0", "extra_1_1"}));
  EXPECT_TRUE(p->outputs[3].value.is_none());
  EXPECT_EQ(p->outputs[0].kind, OutputKind::kUser);
}

TEST(Pt2, StoredTensors) {
  const auto p = read_fixture("nested.pt2");
  ASSERT_TRUE(p) << p.error().what;
  const SourceTensor* turned = p->find_tensor("p_turned");
  ASSERT_TRUE(turned);
  EXPECT_EQ(turned->fqn, "turned");
  EXPECT_EQ(turned->kind, TensorKind::kParameter);
  EXPECT_EQ(turned->data.sizes, (std::vector<int64_t>{5, 7}));
  EXPECT_EQ(turned->data.strides, (std::vector<int64_t>{1, 5}));
  EXPECT_FALSE(turned->data.is_contiguous());
  float third = 0;
  std::memcpy(&third, turned->data.bytes.data() + 3 * 4, 4);
  EXPECT_EQ(third, 3.0f);
  const SourceTensor *fc = p->find_tensor("p_fc_weight"), *tied = p->find_tensor("p_tied_weight");
  ASSERT_TRUE(fc && tied);
  EXPECT_EQ(fc->fqn, "fc.weight");
  EXPECT_EQ(tied->fqn, "tied.weight");
  EXPECT_EQ(fc->data.bytes.data(), tied->data.bytes.data());
  const SourceTensor* scale = p->find_tensor("b_scale");
  ASSERT_TRUE(scale);
  EXPECT_EQ(scale->kind, TensorKind::kBuffer);
  EXPECT_EQ(values(scale->data), std::vector<float>(5, 0.5f));
  const SourceTensor* shift = p->find_tensor("b_shift");
  ASSERT_TRUE(shift);
  EXPECT_EQ(shift->kind, TensorKind::kNonPersistentBuffer);
  EXPECT_EQ(values(shift->data), (std::vector<float>{0, 1, 2, 3, 4, 5, 6}));
  const SourceTensor* lifted = p->find_tensor("c_lifted_tensor_0");
  ASSERT_TRUE(lifted);
  EXPECT_EQ(lifted->kind, TensorKind::kConstant);
  EXPECT_EQ(values(lifted->data), (std::vector<float>{1, 2, 3, 4, 5, 6, 7}));
}

TEST(Pt2, NothingIsCopied) {
  const Blob file = make_blob(read_whole_file(fixture("nested.pt2")));
  const auto archive = Archive::open(file, "nested.pt2");
  ASSERT_TRUE(archive);
  const auto p = read_pt2(*archive);
  ASSERT_TRUE(p);
  const auto inside_file = [&](const StoredTensor& t) {
    return t.bytes.data() >= file.bytes.data() && t.bytes.data() + t.bytes.size() <= file.bytes.data() + file.bytes.size();
  };
  for (const auto& tensor : p->tensors) EXPECT_TRUE(inside_file(tensor.data)) << tensor.name;
  int samples = 0;
  for (const auto& input : p->inputs) {
    if (!input.sample) continue;
    EXPECT_TRUE(inside_file(*input.sample)) << input.name;
    ++samples;
  }
  EXPECT_EQ(samples, 6);
}

TEST(Pt2, Mutations) {
  const auto p = read_fixture("mutation.pt2");
  ASSERT_TRUE(p) << p.error().what;
  ASSERT_EQ(p->outputs.size(), 3u);
  EXPECT_EQ(p->outputs[0].kind, OutputKind::kBufferMutation);
  EXPECT_EQ(p->outputs[0].target, "count");
  EXPECT_EQ(p->outputs[0].name, "");
  EXPECT_EQ(p->outputs[1].kind, OutputKind::kInputMutation);
  EXPECT_EQ(p->outputs[1].target, "memory");
  EXPECT_EQ(p->outputs[2].kind, OutputKind::kUser);
  EXPECT_EQ(p->outputs[2].name, "output");
}

TEST(Pt2, NestedGraphsAndDynamicSizes) {
  const auto p = read_fixture("branch.pt2");
  ASSERT_TRUE(p) << p.error().what;
  ASSERT_EQ(p->range_constraints.size(), 1u);
  const std::string symbol = p->range_constraints[0].symbol;
  EXPECT_EQ(p->range_constraints[0].min, 2);
  EXPECT_EQ(p->range_constraints[0].max, 16);
  const TensorMeta* x = p->graph.find("x");
  ASSERT_TRUE(x);
  EXPECT_FALSE(x->is_static());
  EXPECT_EQ(x->sizes[0].expr, symbol);
  EXPECT_EQ(x->sizes[0].value, 4);
  EXPECT_EQ(x->sizes[1].value, 3);
  EXPECT_TRUE(x->sizes[1].is_static());
  const SourceNode* cond = nullptr;
  for (const auto& node : p->graph.nodes) {
    if (node.target == "higher_order.cond") cond = &node;
  }
  ASSERT_TRUE(cond);
  ASSERT_EQ(cond->inputs.size(), 4u);
  const auto* when_true = cond->inputs[1].value.get<GraphRef>();
  ASSERT_TRUE(when_true);
  ASSERT_EQ(when_true->graph->nodes.size(), 1u);
  EXPECT_EQ(when_true->graph->nodes[0].target, "aten.add.Tensor");
  EXPECT_EQ(when_true->graph->inputs.size(), 1u);
  ASSERT_TRUE(cond->inputs[3].value.get<TensorRefs>());
  EXPECT_EQ(p->graph.sym_ints.at("mul").expr, "3*" + symbol);
  EXPECT_EQ(p->graph.sym_ints.at("mul").value, 12);
}

TEST(Pt2, DeflatedArchive) {
  auto parts = take_apart(fixture("nested.pt2"));
  for (auto& part : parts) part.deflate = true;
  const auto p = read_parts(parts);
  ASSERT_TRUE(p) << p.error().what;
  EXPECT_EQ(values(p->find_tensor("b_shift")->data), (std::vector<float>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(p->find_tensor("p_fc_weight")->data.bytes.data(), p->find_tensor("p_tied_weight")->data.bytes.data());
}

TEST(Pt2, WeightsInOnePickle) {
  // torch 2.8 wrote data/weights/model.pt instead of a config and one file a weight.
  auto parts = take_apart(fixture("small.pt2"));
  std::erase_if(parts, [](const auto& part) { return part.name.starts_with("data/weights/"); });
  parts.push_back({.name = "data/weights/model.pt", .contents = read_whole_file(fixture("state_dict.pth"))});
  const auto p = read_parts(parts);
  ASSERT_TRUE(p) << p.error().what;
  const auto original = read_fixture("small.pt2");
  EXPECT_EQ(values(p->find_tensor("p_fc_weight")->data), values(original->find_tensor("p_fc_weight")->data));
}

TEST(Pt2, PickledWeight) {
  auto parts = patched(kWeights, "\"use_pickle\": false", "\"use_pickle\": true");
  for (auto& part : parts) {
    if (part.name == "data/weights/weight_0") part.contents = read_whole_file(fixture("state_dict.pth"));
  }
  expect_error(parts, Code::kPickle, "'data/weights/weight_0' holds no tensor for 'fc.weight'");
}

TEST(Pt2, SeveralPrograms) {
  auto parts = take_apart(fixture("small.pt2"));
  const auto model = parts;
  for (const auto& part : model) {
    auto copy = part;
    const auto at = copy.name.find("model");
    if (at == std::string::npos || copy.name.find("archive") != std::string::npos) continue;
    copy.name.replace(copy.name.rfind("model"), 5, "other");
    parts.push_back(copy);
  }
  expect_error(parts, Code::kArchive, "the archive 'x.pt2' holds 2 programs: model, other");
  const auto other = read_parts(parts, "other");
  ASSERT_TRUE(other) << other.error().what;
  EXPECT_EQ(other->model_name, "other");
  EXPECT_EQ(read_parts(parts, "third").error().what, "the archive 'x.pt2' holds no program 'third', but model, other");
}

TEST(Pt2, Versions) {
  expect_error(patched("archive_version", "0", "1"), Code::kArchiveVersion,
               "the archive 'x.pt2' has version '1'; only version '0' is known");
  expect_error(patched("archive_format", "pt2", "pt3"), Code::kArchiveVersion,
               "the archive 'x.pt2' says that its format is 'pt3', not 'pt2'");
  expect_error(patched("byteorder", "little", "big"), Code::kArchiveVersion,
               "the archive 'x.pt2' has its numbers in 'big' byte order");
}

TEST(Pt2, NewerSchemas) {
  const std::string torch_version = read_fixture("small.pt2")->torch_version;
  auto parts = patched(kModel, "\"major\": 8", "\"major\": 9");
  auto p = read_parts(parts);
  ASSERT_TRUE(p) << p.error().what;  // nothing in it differs from version 8
  EXPECT_EQ(p->schema_major, 9);
  const auto with = [&](const std::string& from, const std::string& to) {
    auto changed = parts;
    for (auto& part : changed) {
      const auto at = part.name == kModel ? part.contents.find(from) : std::string::npos;
      if (at != std::string::npos) part.contents.replace(at, from.size(), to);
    }
    return changed;
  };
  p = read_parts(with("\"is_hop_single_tensor_return\"", "\"a_field_of_the_future\""));
  EXPECT_TRUE(p) << p.error().what;
  const std::string version =
      "the program follows version 9.20 of torch's export schema (torch " + torch_version + "), newer than 8.20; ";
  expect_error(with("\"as_tensor\"", "\"as_sensor\""), Code::kArchiveVersion,
               version + "models/model.json: graph_module.graph.inputs[0]: a value of kind 'as_sensor' is not known");
  expect_error(with("\"input_specs\": [{\"parameter\"", "\"input_specs\": [{\"perimeter\""), Code::kArchiveVersion,
               version + "models/model.json: graph_module.signature.input_specs[0]: an input of kind 'perimeter' is not known");
  expect_error(
      with("\"output_specs\": [{\"user_output\"", "\"output_specs\": [{\"other_output\""), Code::kArchiveVersion,
      version + "models/model.json: graph_module.signature.output_specs[0]: an output of kind 'other_output' is not known");
  expect_error(with("\"dtype\": 7", "\"dtype\": 77"), Code::kArchiveVersion,
               version + "models/model.json: graph_module.graph.tensor_values.p_fc_weight.dtype: element type 77 is not known");
}

TEST(Pt2, MissingParts) {
  auto without = [](const std::string& name) {
    auto parts = take_apart(fixture("small.pt2"));
    std::erase_if(parts, [&](const auto& part) { return part.name == name; });
    return parts;
  };
  expect_error(without(kModel), Code::kNotAProgram, "the archive 'x.pt2' holds no exported program (models/*.json)");
  expect_error(without(kWeights), Code::kArchive, "the archive 'x.pt2' has no entry 'data/weights/model_weights_config.json'");
  expect_error(without("data/weights/weight_1"), Code::kArchive,
               "the archive 'x.pt2' has no entry 'data/weights/weight_1' with the bytes of 'fc.bias'");
  EXPECT_TRUE(read_parts(without("data/sample_inputs/model.pt")));
  EXPECT_TRUE(read_parts(without("byteorder")));
}

TEST(Pt2, JsonThatIsNotTheSchemas) {
  expect_error(patched(kModel, "{\"graph_module\"", "{\"graph_modul\""), Code::kJson,
               "models/model.json: the field 'graph_module' is missing");
  expect_error(patched(kModel, "\"as_tensor\"", "\"as_sensor\""), Code::kJson,
               "models/model.json: graph_module.graph.inputs[0]: a value of kind 'as_sensor' is not known");
  expect_error(patched(kModel, "\"nodes\": [", "\"nodes\": [7, "), Code::kJson,
               "models/model.json: graph_module.graph.nodes[0]: expected an object, found an integer");
  expect_error(patched(kModel, "\"kind\": 1", "\"kind\": 3"), Code::kJson,
               "models/model.json: graph_module.graph.nodes[0].inputs[0].kind: 3 is not in 0..2");
  expect_error(patched(kModel, "\"dtype\": 7", "\"dtype\": 77"), Code::kJson,
               "models/model.json: graph_module.graph.tensor_values.p_fc_weight.dtype: element type 77 is not known");
  expect_error(patched(kModel, "{\"as_int\": 2}", "{\"as_int\": -2}"), Code::kJson,
               "models/model.json: graph_module.graph.tensor_values.p_fc_weight.sizes: a size is negative");
  expect_error(patched(kModel, "\"p_fc_weight\": {\"dtype\"", "\"p_fc_bias\": {\"dtype\""), Code::kJson,
               "models/model.json: graph_module.graph.tensor_values.p_fc_bias: the name occurs twice");
  expect_error(patched(kModel, "\"input_specs\": [{\"parameter\"", "\"input_specs\": [{\"perimeter\""), Code::kJson,
               "models/model.json: graph_module.signature.input_specs[0]: an input of kind 'perimeter' is not known");
  expect_error(patched(kWeights, "\"path_name\"", "\"path\""), Code::kJson,
               "data/weights/model_weights_config.json: config.fc.weight: the field 'path_name' is missing");
  const auto broken = read_parts(patched(kModel, "{\"graph_module\"", "{graph_module"));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::kJson);
  EXPECT_EQ(broken.error().what.substr(0, 38), "models/model.json is not valid JSON: T");
}

TEST(Pt2, InconsistentGraphs) {
  expect_error(patched(kModel, "\"arg\": {\"as_tensor\": {\"name\": \"x\"}}", "\"arg\": {\"as_tensor\": {\"name\": \"relu\"}}"),
               Code::kGraph, "the value 'relu' is used before it is made");
  expect_error(patched(kModel, "\"outputs\": [{\"as_tensor\": {\"name\": \"linear\"}}]",
                       "\"outputs\": [{\"as_tensor\": {\"name\": \"x\"}}]"),
               Code::kGraph, "the value 'x' is made twice");
  expect_error(patched(kModel, "\"outputs\": [{\"as_tensor\": {\"name\": \"relu\"}}], \"nodes\"",
                       "\"outputs\": [{\"as_tensor\": {\"name\": \"gone\"}}], \"nodes\""),
               Code::kGraph, "the value 'gone' is used before it is made");
  expect_error(
      patched(kModel, "{\"user_input\": {\"arg\": {\"as_tensor\": {\"name\": \"x\"}}}}",
              "{\"user_input\": {\"arg\": {\"as_tensor\": {\"name\": \"p_fc_bias\"}}}}"),
      Code::kJson,
      "models/model.json: graph_module.signature.input_specs[2].user_input: the signature and the graph name different inputs");
  expect_error(patched(kModel, ", {\"user_input\": {\"arg\": {\"as_tensor\": {\"name\": \"x\"}}}}", ""), Code::kJson,
               "models/model.json: graph_module.signature.input_specs: the graph has more inputs");
  expect_error(patched(kModel, R"("out_spec": "[1, {\"type\": null, \"context\": null, \"children_spec\": []}]")",
                       R"("out_spec": "[1, {\"type\": \"builtins.tuple\", \"context\": \"null\", \"children_spec\": []}]")"),
               Code::kGraph, "the program's call has 0 outputs, but its graph has 1");
}

TEST(Pt2, TensorsWithoutType) {
  expect_error(patched(kModel, "\"linear\": {\"dtype\"", "\"nonlinear\": {\"dtype\""), Code::kGraph,
               "the tensor 'linear' has no type and shape");
}

TEST(Pt2, WeightsThatDoNotFit) {
  auto parts = take_apart(fixture("small.pt2"));
  for (auto& part : parts) {
    if (part.name == "data/weights/weight_0") part.contents.resize(23);
  }
  expect_error(parts, Code::kWeight,
               "tensor 'fc.weight' needs 24 bytes (type float32, sizes [2, 3], strides [3, 1], offset 0, 23 bytes stored)");
  expect_error(patched(kWeights, "\"storage_offset\": {\"as_int\": 0}", "\"storage_offset\": {\"as_int\": 1}"), Code::kWeight,
               "tensor 'fc.weight' needs 28 bytes (type float32, sizes [2, 3], strides [3, 1], offset 1, 24 bytes stored)");
  expect_error(
      patched(kWeights, "\"strides\": [{\"as_int\": 3}", "\"strides\": [{\"as_int\": 4611686018427387904}"), Code::kWeight,
      "tensor 'fc.weight' is larger than any memory (type float32, sizes [2, 3], strides [4611686018427387904, 1], offset 0, "
      "24 bytes stored)");
  expect_error(
      patched(kWeights, "\"sizes\": [{\"as_int\": 2}, {\"as_int\": 3}]", "\"sizes\": [{\"as_int\": 3}, {\"as_int\": 2}]"),
      Code::kWeight,
      "tensor 'fc.weight' needs 32 bytes (type float32, sizes [3, 2], strides [3, 1], offset 0, 24 bytes stored)");
  expect_error(
      patched(kWeights, "\"sizes\": [{\"as_int\": 2}, {\"as_int\": 3}]", "\"sizes\": [{\"as_int\": 1}, {\"as_int\": 3}]"),
      Code::kWeight, "tensor 'fc.weight' is stored as float32 [1, 3], but the graph uses it as float32 [2, 3]");
  expect_error(patched(kWeights, "\"dtype\": 7", "\"dtype\": 4"), Code::kWeight,
               "tensor 'fc.weight' is stored as int32 [2, 3], but the graph uses it as float32 [2, 3]");
  expect_error(patched(kWeights, "\"fc.bias\"", "\"fc.other\""), Code::kWeight, "the archive has no bytes for 'fc.bias'");
  expect_error(patched(kWeights, "\"fc.bias\"", "\"fc.weight\""), Code::kJson,
               "data/weights/model_weights_config.json: config.fc.weight: the name occurs twice");
  expect_error(patched(kWeights, "\"layout\": 7", "\"layout\": 2"), Code::kWeight,
               "tensor 'fc.weight' has the layout torch.sparse_csr");
}

TEST(Pt2, SamplesThatAreNotRead) {
  auto parts = take_apart(fixture("small.pt2"));
  for (auto& part : parts) {
    if (part.name == "data/sample_inputs/model.pt") part.contents = read_whole_file(fixture("module.pth"));
  }
  const auto p = read_parts(parts);
  ASSERT_TRUE(p) << p.error().what;
  EXPECT_EQ(p->sample_problem, "'data/sample_inputs' holds a Python object, 'net.Small'");
  EXPECT_FALSE(p->inputs.back().sample);
  for (auto& part : parts) {
    if (part.name == "data/sample_inputs/model.pt") part.contents = read_whole_file(fixture("state_dict.pth"));
  }
  EXPECT_EQ(read_parts(parts)->sample_problem, "the sample inputs do not nest like the program's inputs");
}

TEST(Pt2, EveryCutOfTheJsonIsAnError) {
  auto parts = take_apart(fixture("small.pt2"));
  for (auto& part : parts) {
    if (part.name != kModel) continue;
    const std::string whole = part.contents;
    for (size_t size = 0; size < whole.size(); size += 13) {
      part.contents = whole.substr(0, size);
      const auto program = read_parts(parts);
      ASSERT_FALSE(program) << size;
      EXPECT_EQ(program.error().code, Code::kJson) << size;
    }
  }
}

TEST(Pt2, EveryChangedByteIsReadOrRefused) {
  auto parts = take_apart(fixture("nested.pt2"));
  for (auto& part : parts) {
    const bool json = part.name.ends_with(".json");
    if (!json && !part.name.ends_with(".pt")) continue;
    const size_t step = json ? 7 : 3;
    for (size_t i = 0; i < part.contents.size(); i += step) {
      const char old = part.contents[i];
      part.contents[i] = static_cast<char>(old ^ (json ? 3 : 255));
      const auto program = read_parts(parts);
      EXPECT_TRUE(program || !program.error().is_bug()) << program.error().what;
      part.contents[i] = old;
    }
  }
}

}  // namespace
}  // namespace atl
