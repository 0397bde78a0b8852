#include "tflite/reader.h"

#include <schema_tables.h>

#include <filesystem>

#include "ir/text.h"
#include "ops/opaque.h"
#include "tflite/sample_models.h"

namespace atl {
namespace {

TEST(Reader, GivesTheSameModelBack) {
  const Model m = small_model();
  const auto bytes = bytes_of(m);
  const Model back = value_of(read(bytes));
  ASSERT_EQ(back.graphs.size(), 1u);
  const Graph& g = back.graphs[0];
  EXPECT_EQ(g.count(OpCode::kOpaque), 0u);
  EXPECT_EQ(g.count(OpCode::kReshape), 1u);
  EXPECT_EQ(g.count(OpCode::kBinary), 1u);
  EXPECT_EQ(g.count(OpCode::kUnary), 2u);
  EXPECT_EQ(g.count(OpCode::kSplit), 1u);
  EXPECT_EQ(g.count(OpCode::kConst), 1u) << print(g);  // shapes and sizes became fields
  EXPECT_EQ(g.outputs()[2].name, "second");
  EXPECT_EQ(g.type(g.outputs()[2].value).shape, (Shape{4, 4}));
  EXPECT_EQ(g.origin_of(g.outputs()[1].value).module_path, "first");
  EXPECT_EQ(back.description, m.description);
  EXPECT_EQ(back.metadata, m.metadata);
  ASSERT_EQ(back.signatures.size(), 1u);
  EXPECT_EQ(back.signatures[0].key, "serving_default");
}

TEST(Reader, WritingWhatWasReadGivesTheSameBytes) {
  const auto bytes = bytes_of(small_model());
  EXPECT_EQ(bytes_of(value_of(read(bytes))), bytes);
}

TEST(Reader, KeepsNamesWhenOnlySomeResultsAreOutputs) {
  Graph g;
  Builder b(g, origin(g, "block.split", "split"));
  const Values parts = b.add_multi(Split(0, {1, 2, 3}), {g.add_input("x", f32({6, 4}))}, 3);
  b.set_origin(origin(g, "block.sum", "sum"));
  g.add_output("first", parts[0]);
  g.add_output("y", b.add(Unary(UnaryKind::kRelu), {parts[2]}));
  const auto bytes = bytes_of(one_graph(std::move(g)));
  EXPECT_EQ(bytes_of(value_of(read(bytes))), bytes);
}

TEST(Reader, KeepsOpenAxesAndQuantization) {
  Graph g;
  Builder b(g);
  g.add_output("y", b.add(Unary(UnaryKind::kRelu), {g.add_input("x", f32({kDynamic, 3}))}));
  g.add_output("z", g.add_input("z", Type{DType::kI8, {2, 3}, QuantParams{{0.5f, 0.25f}, {1, 2}, 0}}));
  const auto bytes = bytes_of(one_graph(std::move(g)));
  const Model back = value_of(read(bytes));
  const Graph& r = back.graphs[0];
  EXPECT_EQ(r.type(r.outputs()[0].value).shape, (Shape{kDynamic, 3}));
  EXPECT_EQ(r.type(r.inputs()[1].value).quant->scale, (std::vector<float>{0.5f, 0.25f}));
  EXPECT_EQ(bytes_of(back), bytes);
}

TEST(Reader, ReadsSeveralGraphsAndSignatures) {
  Model m = small_model();
  Graph g;
  Builder b(g);
  g.name = "second";
  g.add_output("y", b.add(Unary(UnaryKind::kTanh), {g.add_input("x", f32({2, 3}))}));
  m.graphs.push_back(std::move(g));
  m.signatures.push_back({"other", 1});
  const auto bytes = bytes_of(m);
  const Model back = value_of(read(bytes));
  ASSERT_EQ(back.graphs.size(), 2u);
  EXPECT_EQ(back.graphs[1].name, "second");
  EXPECT_EQ(back.signatures[1].graph, 1u);
  EXPECT_EQ(bytes_of(back), bytes);
}

TEST(Reader, KeepsPackedFourBitConstants) {
  Graph g;
  Tensor t = Tensor::make(Type{DType::kI4, {3, 5}, QuantParams{{0.5f}, {0}, 0}});
  for (size_t i = 0; i < t.byte_count(); ++i) t.mutable_bytes()[i] = std::byte(0x21 + 17 * i);
  ASSERT_EQ(t.byte_count(), 8u);
  Builder b(g);
  g.add_output("w", b.constant(t, "w"));
  const auto bytes = bytes_of(one_graph(std::move(g)));
  const Model back = value_of(read(bytes));
  const Tensor w = value_of(back.graphs[0].constant(back.graphs[0].outputs()[0].value)->materialize());
  EXPECT_EQ(w.type(), t.type());
  EXPECT_EQ(std::memcmp(w.bytes(), t.bytes(), 8), 0);
}

/// A model of one operator made by hand.
std::vector<std::byte> pack(tflite::ModelT& m) {
  m.version = 3;
  flatbuffers::FlatBufferBuilder fbb;
  tflite::FinishModelBuffer(fbb, tflite::CreateModel(fbb, &m));
  const auto* p = reinterpret_cast<const std::byte*>(fbb.GetBufferPointer());
  return {p, p + fbb.GetSize()};
}

std::unique_ptr<tflite::TensorT> tensor_t(std::vector<int32_t> shape, std::string name, uint32_t buffer = 0) {
  auto t = std::make_unique<tflite::TensorT>();
  t->shape = std::move(shape);
  t->name = std::move(name);
  t->buffer = buffer;
  return t;
}

tflite::ModelT custom_model() {
  tflite::ModelT m;
  m.buffers.push_back(std::make_unique<tflite::BufferT>());
  m.buffers.push_back(std::make_unique<tflite::BufferT>());
  m.buffers[1]->data.assign(24, 7);
  auto code = std::make_unique<tflite::OperatorCodeT>();
  code->builtin_code = tflite::BuiltinOperator::CUSTOM;
  code->deprecated_builtin_code = 32;
  code->custom_code = "MyOp";
  m.operator_codes.push_back(std::move(code));
  auto s = std::make_unique<tflite::SubGraphT>();
  s->tensors.push_back(tensor_t({2, 3}, "x"));
  s->tensors.push_back(tensor_t({2, 3}, "k", 1));
  s->tensors.push_back(tensor_t({2, 3}, "state"));
  s->tensors.push_back(tensor_t({2, 3}, "y"));
  s->tensors[2]->is_variable = true;
  s->inputs = {0};
  s->outputs = {3};
  auto op = std::make_unique<tflite::OperatorT>();
  op->inputs = {0, -1, 1, 2};
  op->outputs = {3};
  op->custom_options = {1, 2, 3};
  s->operators.push_back(std::move(op));
  m.subgraphs.push_back(std::move(s));
  return m;
}

TEST(Reader, KeepsUnknownOperatorsAsTheyAre) {
  tflite::ModelT m = custom_model();
  const Model back = value_of(read(pack(m)));
  const Graph& g = back.graphs[0];
  EXPECT_EQ(g.count(OpCode::kOpaque), 2u);  // the operator and its variable
  const auto again = bytes_of(back);
  std::unique_ptr<tflite::ModelT> w(tflite::UnPackModel(again.data()));
  const auto& op = *w->subgraphs[0]->operators[0];
  EXPECT_EQ(w->operator_codes[0]->custom_code, "MyOp");
  EXPECT_EQ(op.custom_options, (std::vector<uint8_t>{1, 2, 3}));
  ASSERT_EQ(op.inputs.size(), 4u);
  EXPECT_EQ(op.inputs[1], -1);
  EXPECT_TRUE(w->subgraphs[0]->tensors[size_t(op.inputs[3])]->is_variable);
  EXPECT_EQ(w->subgraphs[0]->tensors[size_t(op.inputs[2])]->name, "k");
  EXPECT_EQ(bytes_of(value_of(read(again))), again);
}

TEST(Reader, KeepsTheOrderOfReadsAndUpdatesOfAVariable) {
  // MyOp changes the state; RELU reads it afterwards.
  tflite::ModelT m = custom_model();
  auto& s = *m.subgraphs[0];
  auto code = std::make_unique<tflite::OperatorCodeT>();
  code->builtin_code = tflite::BuiltinOperator::RELU;
  code->deprecated_builtin_code = 19;
  m.operator_codes.push_back(std::move(code));
  s.tensors.push_back(tensor_t({2, 3}, "z"));
  auto op = std::make_unique<tflite::OperatorT>();
  op->opcode_index = 1;
  op->inputs = {2};
  op->outputs = {4};
  s.operators.push_back(std::move(op));
  s.outputs = {4};
  const Model back = value_of(read(pack(m)));
  EXPECT_EQ(back.graphs[0].count(OpCode::kUnary), 1u);
  const auto again = bytes_of(back);
  std::unique_ptr<tflite::ModelT> w(tflite::UnPackModel(again.data()));
  ASSERT_EQ(w->subgraphs[0]->operators.size(), 2u);
  EXPECT_EQ(w->subgraphs[0]->operators[0]->inputs[3], w->subgraphs[0]->operators[1]->inputs[0]);
  EXPECT_EQ(bytes_of(value_of(read(again))), again);
}

struct Damage {
  const char* message;
  void (*change)(tflite::ModelT&);
  Code code = Code::kTflite;
};
const Damage kDamages[] = {
    {"there is no buffer 9", [](tflite::ModelT& m) { m.subgraphs[0]->tensors[1]->buffer = 9; }},
    {"23 bytes for f32[2,3], which has 24", [](tflite::ModelT& m) { m.buffers[1]->data.resize(23); }},
    {"operand 0 is tensor 77 of 4", [](tflite::ModelT& m) { m.subgraphs[0]->operators[0]->inputs[0] = 77; }},
    {"operand 2 is tensor -5 of 4", [](tflite::ModelT& m) { m.subgraphs[0]->operators[0]->inputs[2] = -5; }},
    {"result 0 is tensor -1 of 4", [](tflite::ModelT& m) { m.subgraphs[0]->operators[0]->outputs[0] = -1; }},
    {"input 0 is tensor 4 of 4", [](tflite::ModelT& m) { m.subgraphs[0]->inputs[0] = 4; }},
    {"output 0 is tensor 4 of 4", [](tflite::ModelT& m) { m.subgraphs[0]->outputs[0] = 4; }},
    {"tensor 'x' is an input twice",
     [](tflite::ModelT& m) {
       m.subgraphs[0]->inputs = {0, 0};
     }},
    {"tensor 'x' is written twice", [](tflite::ModelT& m) { m.subgraphs[0]->operators[0]->outputs[0] = 0; }},
    {"nothing writes tensor 'y', which is read", [](tflite::ModelT& m) { m.subgraphs[0]->operators.clear(); }},
    {"there is no operator code 3", [](tflite::ModelT& m) { m.subgraphs[0]->operators[0]->opcode_index = 3; }},
    {"a tensor's size overflows: f32[2147483647,2147483647,2147483647]",
     [](tflite::ModelT& m) { m.subgraphs[0]->tensors[0]->shape.assign(3, 2147483647); }, Code::kTooLarge},
    {"an axis of size -2", [](tflite::ModelT& m) { m.subgraphs[0]->tensors[0]->shape[0] = -2; }},
    {"2 scales along an axis of 3",
     [](tflite::ModelT& m) {
       auto q = std::make_unique<tflite::QuantizationParametersT>();
       q->scale = {1, 2};
       q->zero_point = {0, 0};
       q->quantized_dimension = 1;
       m.subgraphs[0]->tensors[0]->quantization = std::move(q);
     }},
    {"a value for f32[?], whose size is open", [](tflite::ModelT& m) { m.subgraphs[0]->tensors[1]->shape = {-1}; }},
    {"a zero point of -9223372036854775798",
     [](tflite::ModelT& m) {
       auto q = std::make_unique<tflite::QuantizationParametersT>();
       q->scale = {1};
       q->zero_point = {-9223372036854775798};
       m.subgraphs[0]->tensors[0]->quantization = std::move(q);
     }},
    {"it has no subgraph", [](tflite::ModelT& m) { m.subgraphs.clear(); }},
};

TEST(Reader, SaysWhatIsDamaged) {
  for (const Damage& d : kDamages) {
    tflite::ModelT m = custom_model();
    d.change(m);
    const auto r = read(pack(m));
    ASSERT_FALSE(r) << d.message;
    EXPECT_EQ(int(r.error().code), int(d.code));
    EXPECT_EQ(r.error().what, d.message);
  }
}

TEST(Reader, RefusesBuffersOutsideTheFile) {
  tflite::ModelT m = custom_model();
  m.buffers[1]->data.clear();
  m.buffers[1]->offset = 100;
  m.buffers[1]->size = ~uint64_t(0) - 50;
  const auto r = read(pack(m));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().what, "buffer 1 lies outside the file");
}

TEST(Reader, SurvivesUnionsWithoutValue) {
  tflite::ModelT m = custom_model();
  auto q = std::make_unique<tflite::QuantizationParametersT>();
  q->details.Set(tflite::CustomQuantizationT{});
  m.subgraphs[0]->tensors[1]->quantization = std::move(q);
  auto bytes = pack(m);
  const auto* table = reinterpret_cast<const flatbuffers::Table*>(
      tflite::GetModel(bytes.data())->subgraphs()->Get(0)->tensors()->Get(1)->quantization());
  auto* field = const_cast<uint8_t*>(table->GetVTable()) + tflite::QuantizationParameters::VT_DETAILS;
  ASSERT_NE(flatbuffers::ReadScalar<uint16_t>(field), 0);
  flatbuffers::WriteScalar<uint16_t>(field, 0);
  const Model back = value_of(read(bytes));
  EXPECT_EQ(back.graphs[0].count(OpCode::kConst), 1u);
  EXPECT_FALSE(bytes_of(back).empty());
}

TEST(Reader, RefusesMisalignedVectors) {
  const auto file = value_of(MappedFile::open(ATOLL_SOURCE_DIR "/tests/tflite/data/misaligned_zero_points.tflite"));
  const auto r = read_tflite(file);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().what, "zero points are not aligned");
}

TEST(Reader, RefusesOtherFiles) {
  const std::string text = "PK\3\4 this is a zip file, not a model, is it?";
  const auto r = read(std::as_bytes(std::span(text)));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().what, "not a .tflite file: the letters TFL3 are missing");
}

TEST(Reader, SurvivesTruncationAnywhere) {
  const auto bytes = bytes_of(small_model());
  for (size_t n = 0; n < bytes.size(); ++n) {
    const auto r = read(std::span(bytes).first(n));
    EXPECT_TRUE(!r || n + 64 > bytes.size()) << "read a file cut to " << n << " of " << bytes.size();
  }
}

TEST(Reader, SurvivesChangedBytes) {
  const auto bytes = bytes_of(small_model());
  for (size_t i = 0; i < bytes.size(); ++i)
    for (const int flip : {1, 0x80, 0xff}) {
      auto changed = bytes;
      changed[i] ^= std::byte(flip);
      const auto r = read(changed);
      if (r) (void)serialize_tflite(*r);
    }
}

class ForeignFile : public testing::TestWithParam<std::string> {};

TEST_P(ForeignFile, IsReadAndWrittenStably) {
  const auto path = std::filesystem::path(ATOLL_SOURCE_DIR) / ".." / "shared" / "edgetpu" / "pairs" / GetParam();
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "not here: " << GetParam();
  const auto file = value_of(MappedFile::open(path.string()));
  const Model m = value_of(read_tflite(file));
  const auto bytes = bytes_of(m);
  EXPECT_EQ(bytes_of(value_of(read(bytes))), bytes);
  const auto* original = tflite::GetModel(file->bytes().data());
  const auto* written = tflite::GetModel(bytes.data());
  EXPECT_EQ(written->subgraphs()->Get(0)->operators()->size(), original->subgraphs()->Get(0)->operators()->size());
  EXPECT_LE(bytes.size(), file->bytes().size() + 4096);
}

INSTANTIATE_TEST_SUITE_P(
    EdgeTpu, ForeignFile,
    testing::Values("model_invoking_error.tflite", "compiler-16/keras_lstm_mnist_ptq.tflite",
                    "compiler-16/keras_lstm_mnist_ptq_edgetpu.tflite", "compiler-16/deeplabv3_mnv2_dm05_pascal_quant.tflite",
                    "compiler-16/mobilenet_v1_0.25_128_quant.tflite", "compiler-16/mobilenet_v1_0.25_128_quant_edgetpu.tflite",
                    "compiler-16/mobilenet_v1_0.75_192_quant.tflite", "compiler-16/movenet_single_pose_lightning_ptq.tflite",
                    "compiler-16/movenet_single_pose_lightning_ptq_edgetpu.tflite",
                    "compiler-16/posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite",
                    "compiler-2.1/mobilenet_edgetpu_0.75_224_post_training_quant.tflite",
                    "compiler-2.1/mobilenet_v2_1.0_224_quant.tflite"),
    [](const auto& info) {
      std::string name = std::filesystem::path(info.param).stem().string();
      for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
      return name;
    });

}  // namespace
}  // namespace atl
