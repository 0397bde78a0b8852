#include "run/compiled_model.h"

#include <fcntl.h>
#include <unistd.h>

#include "runtime.h"

namespace atl {
namespace {

class CompiledModelTest : public RuntimeTest {
 protected:
  CompiledModel load(const std::string& name, const RunOptions& options = {}) {
    auto model = CompiledModel::load(library_, data_file(name), options);
    if (!model) ADD_FAILURE() << format(model.error());
    return std::move(*model);
  }
  std::vector<float> run_one(CompiledModel& model, size_t signature, std::vector<NdArray> inputs) {
    auto outputs = model.run(signature, inputs);
    if (!outputs) {
      ADD_FAILURE() << format(outputs.error());
      return {};
    }
    return values_of<float>(outputs->back());
  }
};

NdArray floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  return array_of<float>(ElementType::kF32, std::move(shape), values);
}

TEST_F(CompiledModelTest, DescribesSignatures) {
  auto model = load("linear.tflite");
  ASSERT_EQ(model.signatures().size(), 1u);
  const SignatureInfo& s = model.signatures()[0];
  EXPECT_EQ(s.key, "serving_default");
  ASSERT_EQ(s.inputs.size(), 1u);
  EXPECT_EQ(s.inputs[0].name, "x");
  EXPECT_EQ(s.inputs[0].text(), "f32[2x3]");
  ASSERT_EQ(s.outputs.size(), 2u);
  EXPECT_EQ(s.outputs[0].name, "total");  // the graph's order, not the signature's
  EXPECT_EQ(s.outputs[1].name, "y");
  EXPECT_EQ(s.outputs[1].tensor_name, "layer/y");
  EXPECT_EQ(s.outputs[1].text(), "f32[2x5]");
}

TEST_F(CompiledModelTest, ComputesInEveryKernelMode) {
  NdArray x = floats({2, 3}, {1, 2, 3, -1, 0, 4});
  std::vector<float> expected;
  for (int row = 0; row < 2; ++row) {
    for (int unit = 0; unit < 5; ++unit) {
      double sum = unit + 1;
      for (int i = 0; i < 3; ++i) sum += x.values<float>()[static_cast<size_t>(row * 3 + i)] * (0.5 * (unit * 3 + i) - 3);
      expected.push_back(static_cast<float>(sum));
    }
  }
  for (KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin, KernelMode::kReference}) {
    auto model = load("linear.tflite", {.threads = 1, .kernel_mode = mode});
    EXPECT_EQ(run_one(model, 0, {x}), expected) << name(mode);
  }
}

TEST_F(CompiledModelTest, TakesInputsByName) {
  auto model = load("two_inputs.tflite");
  NdArray a = floats({2, 3}, {1, 2, 3, 4, 5, 6}), b = floats({2, 3}, {10, 20, 30, 40, 50, 60});
  std::vector<NamedArray> inputs = {{"b", b}, {"a", a}};
  auto outputs = model.run_named(*model.find_signature("subtract"), inputs);
  ASSERT_TRUE(outputs) << format(outputs.error());
  ASSERT_EQ(outputs->size(), 1u);
  EXPECT_EQ(outputs->front().name, "difference");
  EXPECT_EQ(values_of<float>(outputs->front().array), (std::vector<float>{-9, -18, -27, -36, -45, -54}));
}

TEST_F(CompiledModelTest, RunsFromMemory) {
  auto model = CompiledModel::load(library_, bytes_of(data_file("two_inputs.tflite")));
  ASSERT_TRUE(model) << format(model.error());
  NdArray a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(run_one(*model, 0, {a, a}), std::vector<float>(6, 0.f));
}

TEST_F(CompiledModelTest, GivesViewsOfTheBuffers) {
  auto model = load("two_inputs.tflite");
  for (size_t i = 0; i < 2; ++i) {
    auto view = model.input(0, i);
    ASSERT_TRUE(view) << format(view.error());
    ASSERT_EQ(view->values<float>().size(), 6u);
    for (size_t k = 0; k < 6; ++k) view->values<float>()[k] = static_cast<float>((i + 1) * k);
  }
  {
    auto open = model.input(0, 0);
    ASSERT_TRUE(open);
    auto refused = model.run(0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().what, "1 views of buffers are still open at run()");
  }
  ASSERT_TRUE(model.run(0));
  auto view = model.output(0, 0);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->values<float>()[4], -4.f);
}

TEST_F(CompiledModelTest, SignaturesShareVariables) {
  auto model = load("counter.tflite");
  ASSERT_EQ(model.signatures().size(), 2u);
  size_t add = *model.find_signature("add"), read = *model.find_signature("read");
  EXPECT_EQ(run_one(model, add, {floats({2}, {1, 10})}), (std::vector<float>{1, 10}));
  EXPECT_EQ(run_one(model, add, {floats({2}, {2, 20})}), (std::vector<float>{3, 30}));
  EXPECT_EQ(run_one(model, read, {}), (std::vector<float>{3, 30}));
  auto other = load("counter.tflite");
  EXPECT_EQ(run_one(other, add, {floats({2}, {5, 5})}), (std::vector<float>{5, 5}));
}

TEST_F(CompiledModelTest, VariableTensorsKeepTheirStateUntilReset) {
  auto model = load("recurrent.tflite");
  NdArray x = floats({1, 2}, {1, 10});
  EXPECT_EQ(run_one(model, 0, {x}), (std::vector<float>{1, 10}));
  EXPECT_EQ(run_one(model, 0, {x}), (std::vector<float>{2, 20}));
  ASSERT_TRUE(model.reset_variables(0));
  EXPECT_EQ(run_one(model, 0, {x}), (std::vector<float>{1, 10}));
}

TEST_F(CompiledModelTest, OpenAxesFollowTheInput) {
  auto model = load("open_batch.tflite");
  EXPECT_EQ(run_one(model, 0, {floats({1, 3}, {1, 2, 3})}), (std::vector<float>{2, 3, 4}));
  auto outputs = model.run(0, std::vector{floats({2, 3}, {1, 2, 3, 4, 5, 6})});
  ASSERT_TRUE(outputs) << format(outputs.error());
  EXPECT_EQ(outputs->front().text(), "f32[2x3]");
  EXPECT_EQ(values_of<float>(outputs->front()), (std::vector<float>{2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(run_one(model, 0, {floats({1, 3}, {7, 8, 9})}), (std::vector<float>{8, 9, 10}));
  auto refused = model.run(0, std::vector{floats({2, 4}, std::vector<float>(8))});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "input 'x' is f32[1x3], f32[2x4] is given");
}

TEST_F(CompiledModelTest, OutputsMayShareTensors) {
  for (KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin}) {
    auto model = load("shared_outputs.tflite", {.kernel_mode = mode});
    std::vector<NamedArray> inputs = {{"x", floats({2, 3}, {1, 2, 3, 4, 5, 6})}};
    auto outputs = model.run_named(0, inputs);
    ASSERT_TRUE(outputs) << format(outputs.error());
    std::string names;
    for (const NamedArray& o : *outputs) {
      names += o.name + " ";
      float more = o.name == "same" ? 0 : 1;
      EXPECT_EQ(values_of<float>(o.array), (std::vector<float>{1 + more, 2 + more, 3 + more, 4 + more, 5 + more, 6 + more}))
          << o.name;
    }
    EXPECT_EQ(names, "first same second ");
  }
}

TEST_F(CompiledModelTest, ReadsQuantization) {
  auto model = load("quantized.tflite");
  const SignatureInfo& s = model.signatures()[*model.find_signature()];
  ASSERT_TRUE(s.inputs[0].quant);
  EXPECT_EQ(s.inputs[0].quant->scale, std::vector<float>{0.5f});
  EXPECT_EQ(s.inputs[0].quant->zero_point, std::vector<int64_t>{10});
  NdArray x = array_of<uint8_t>(ElementType::kU8, {1, 2, 3}, {0, 10, 20, 30, 200, 255});
  auto outputs = model.run(0, std::vector{x});
  ASSERT_TRUE(outputs) << format(outputs.error());
  EXPECT_EQ(values_of<uint8_t>(outputs->front()), (std::vector<uint8_t>{20, 20, 20, 30, 200, 255}));
}

TEST_F(CompiledModelTest, TimesEachOp) {
  auto model = load("linear.tflite", {.kernel_mode = KernelMode::kBuiltin, .profile = true});
  run_one(model, 0, {floats({2, 3}, std::vector<float>(6))});
  auto times = model.op_times();
  ASSERT_TRUE(times) << format(times.error());
  ASSERT_EQ(times->size(), 2u);
  EXPECT_EQ((*times)[0].op, "FULLY_CONNECTED");
  EXPECT_EQ((*times)[0].node, 0);
  EXPECT_EQ((*times)[1].op, "SUM");
  EXPECT_FALSE((*times)[1].in_delegate);

  auto delegated = load("linear.tflite", {.threads = 1, .profile = true});
  run_one(delegated, 0, {floats({2, 3}, std::vector<float>(6))});
  times = delegated.op_times();
  ASSERT_TRUE(times) << format(times.error());
  EXPECT_TRUE(std::any_of(times->begin(), times->end(), [](const OpTime& t) { return t.in_delegate; }));

  auto plain = load("linear.tflite");
  EXPECT_EQ(plain.op_times().error().code, Code::kInput);
}

TEST_F(CompiledModelTest, StatesBothSidesOfAWrongInput) {
  auto model = load("two_inputs.tflite");
  NdArray a = floats({2, 3}, std::vector<float>(6)), wide = floats({3, 2}, std::vector<float>(6));
  NdArray integers = *NdArray::zeros(ElementType::kI32, {2, 3});
  auto what = [&](std::vector<NdArray> inputs) { return model.run(0, inputs).error().what; };
  EXPECT_EQ(what({a}), "signature 'subtract' takes 2 inputs, 1 are given");
  EXPECT_EQ(what({a, wide}), "input 'b' is f32[2x3], f32[3x2] is given");
  EXPECT_EQ(what({integers, a}), "input 'a' is f32[2x3], i32[2x3] is given");
  NdArray cut = a;
  cut.bytes.resize(20);
  EXPECT_EQ(what({cut, a}), "input 'a' is given as f32[2x3] with 20 bytes");

  auto named = [&](std::vector<NamedArray> inputs) { return model.run_named(0, inputs).error(); };
  EXPECT_EQ(named({{"c", a}}).what, "signature 'subtract' has no input 'c'");
  EXPECT_EQ(named({{"c", a}}).hint, "its inputs: 'a', 'b'");
  EXPECT_EQ(named({{"a", a}}).what, "input 'b' (f32[2x3]) is not given");
  EXPECT_EQ(named({{"a", a}, {"a", a}}).what, "input 'a' is given twice");
  EXPECT_EQ(named({{"", a}, {"b", a}}).code, Code::kInput);
}

TEST_F(CompiledModelTest, NamesTheSignaturesThereAre) {
  auto model = load("counter.tflite");
  auto missing = model.find_signature("train");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kInput);
  EXPECT_EQ(missing.error().hint, "its signatures: 'add', 'read'");
  EXPECT_NE(model.find_signature().error().what.find("2 signatures: choose one"), std::string::npos);
}

TEST_F(CompiledModelTest, PassesOnWhatLiteRtSays) {
  auto custom = load("custom.tflite");
  auto run = custom.run(0, std::vector{floats({2, 3}, std::vector<float>(6))});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Code::kRuntimeFailure);
  EXPECT_NE(run.error().what.find("Encountered unresolved custom op: AtollTestOp."), std::string::npos) << run.error().what;

  auto gather = load("gather.tflite");
  run = gather.run(0, std::vector{array_of<int32_t>(ElementType::kI32, {2}, {1, 9})});
  ASSERT_FALSE(run);
  EXPECT_NE(run.error().what.find("gather index out of bounds"), std::string::npos) << run.error().what;
  run = gather.run(0, std::vector{array_of<int32_t>(ElementType::kI32, {2}, {1, 3})});
  ASSERT_TRUE(run) << format(run.error());
  EXPECT_EQ(values_of<float>(run->front()), (std::vector<float>{3, 4, 5, 9, 10, 11}));
}

TEST_F(CompiledModelTest, RefusesOutputsSizedByTheData) {
  auto model = load("where.tflite");
  auto run = model.run(0, std::vector{*NdArray::zeros(ElementType::kBool, {5})});
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, Code::kRuntimeFailure);
  EXPECT_EQ(run.error().hint, "an output's shape follows from the data: let the model give outputs of fixed shapes");
}

TEST_F(CompiledModelTest, RefusesDamagedFiles) {
  auto code = [&](std::vector<std::byte> bytes) {
    auto model = CompiledModel::load(library_, std::move(bytes));
    return model ? Code::kInternal : model.error().code;
  };
  EXPECT_EQ(CompiledModel::load(library_, data_file("no_such_file")).error().code, Code::kFileMissing);
  EXPECT_EQ(CompiledModel::load(library_, data_file("")).error().code, Code::kFileMissing);
  EXPECT_EQ(CompiledModel::load(library_, data_file("rgb.png")).error().code, Code::kTflite);
  EXPECT_EQ(code({}), Code::kTflite);
  auto whole = bytes_of(data_file("linear.tflite"));
  for (size_t length = 0; length < whole.size(); length += 7) {
    auto model = CompiledModel::load(library_, std::vector(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length)));
    if (!model) {
      EXPECT_EQ(model.error().code, Code::kTflite) << length;
    }
  }
}

TEST_F(CompiledModelTest, WritesNothingToStderr) {
  if (!library_->is_quiet()) GTEST_SKIP() << "LiteRT's stderr cannot be redirected here";
  TemporaryFolder folder;
  std::fflush(stderr);
  int saved = dup(2), file = open((folder / "stderr").c_str(), O_CREAT | O_WRONLY, 0600);
  dup2(file, 2);
  std::vector<std::string> lines;
  for (const char* name : {"linear.tflite", "custom.tflite", "where.tflite", "recurrent.tflite"}) {
    auto model = CompiledModel::load(library_, data_file(name), {.log = [&](std::string_view l) { lines.emplace_back(l); }});
    if (!model) continue;
    std::vector<NdArray> inputs;
    for (const TensorInfo& i : model->signatures()[0].inputs) inputs.push_back(*NdArray::zeros(i.dtype, i.shape));
    (void)!model->run(0, inputs);
  }
  std::fflush(stderr);
  dup2(saved, 2);
  close(saved);
  close(file);
  EXPECT_EQ(bytes_of(folder / "stderr").size(), 0u);
  EXPECT_FALSE(lines.empty());
  EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [](const std::string& l) { return l.starts_with("INFO: "); }));
}

TEST_F(CompiledModelTest, RunsForeignQuantizedModels) {
  auto file = shared_file("edgetpu/pairs/compiler-16/mobilenet_v1_0.25_128_quant.tflite");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";
  std::vector<std::vector<uint8_t>> results;
  for (KernelMode mode : {KernelMode::kDelegate, KernelMode::kBuiltin}) {
    auto model = CompiledModel::load(library_, file, {.kernel_mode = mode});
    ASSERT_TRUE(model) << format(model.error());
    NdArray x = *NdArray::zeros(ElementType::kU8, {1, 128, 128, 3});
    for (size_t i = 0; i < x.bytes.size(); ++i) x.bytes[i] = static_cast<std::byte>(i * 2654435761u >> 24);
    auto outputs = model->run(0, std::vector{x});
    ASSERT_TRUE(outputs) << format(outputs.error());
    results.push_back(values_of<uint8_t>(outputs->front()));
  }
  ASSERT_EQ(results[0].size(), 1001u);
  for (size_t i = 0; i < results[0].size(); ++i) EXPECT_NEAR(results[0][i], results[1][i], 2) << i;
}

}  // namespace
}  // namespace atl
