#include "tflite/writer.h"

#include <schema_tables.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tflite/sample_models.h"

namespace atl {
namespace {

const tflite::Model& verified(const std::vector<std::byte>& bytes) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  flatbuffers::Verifier verifier(data, bytes.size());
  EXPECT_TRUE(tflite::VerifyModelBuffer(verifier));
  return *tflite::GetModel(data);
}

std::vector<std::string> tensor_names(const tflite::Model& m, unsigned subgraph = 0) {
  std::vector<std::string> out;
  for (const auto* t : *m.subgraphs()->Get(subgraph)->tensors()) out.push_back(t->name()->str());
  return out;
}

TEST(Writer, NamesTensorsAfterModulesAndPorts) {
  const auto bytes = bytes_of(small_model());
  auto names = tensor_names(verified(bytes));
  std::sort(names.begin(), names.end());
  for (const char* name : {"x", "block.fc", "block.fc:1", "block.fc.weight", "y", "split", "first", "second"})
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), name)) << name;
}

TEST(Writer, WritesSignatureMetadataAndDescription) {
  const auto bytes = bytes_of(small_model());
  const auto& m = verified(bytes);
  EXPECT_EQ(m.version(), 3u);
  EXPECT_EQ(m.description()->str(), "a small model");
  ASSERT_EQ(m.signature_defs()->size(), 1u);
  const auto* s = m.signature_defs()->Get(0);
  EXPECT_EQ(s->signature_key()->str(), "serving_default");
  ASSERT_EQ(s->outputs()->size(), 3u);
  EXPECT_EQ(s->outputs()->Get(1)->name()->str(), "first");
  EXPECT_EQ(s->outputs()->Get(1)->tensor_index(), uint32_t(m.subgraphs()->Get(0)->outputs()->Get(1)));
  ASSERT_EQ(m.metadata()->size(), 1u);
  const auto* data = m.buffers()->Get(m.metadata()->Get(0)->buffer())->data();
  EXPECT_EQ(std::string(data->begin(), data->end()), "{\"version\": 1}");
}

TEST(Writer, WritesBothBuiltinCodesAndOneCodeAnOperator) {
  Graph g;
  Builder b(g);
  const Value x = g.add_input("x", f32({2, 3}));
  Value v = b.add(Unary(UnaryKind::kRelu), {x});
  v = b.add(Unary(UnaryKind::kSign), {b.add(Unary(UnaryKind::kRelu), {v})});
  g.add_output("y", v);
  const auto bytes = bytes_of(one_graph(std::move(g)));
  const auto& m = verified(bytes);
  ASSERT_EQ(m.operator_codes()->size(), 2u);
  EXPECT_EQ(m.operator_codes()->Get(0)->builtin_code(), tflite::BuiltinOperator::RELU);
  EXPECT_EQ(m.operator_codes()->Get(0)->deprecated_builtin_code(), 19);
  EXPECT_EQ(m.operator_codes()->Get(1)->builtin_code(), tflite::BuiltinOperator::SIGN);
  EXPECT_EQ(m.operator_codes()->Get(1)->deprecated_builtin_code(), 127);
}

TEST(Writer, KeepsTheOrderOfTheSource) {
  Graph g;
  const Value x = g.add_input("x", f32({2, 3}));
  Builder b(g);
  const OriginId first = origin(g, "a", "1"), second = origin(g, "b", "2"), third = origin(g, "c", "3");
  b.set_origin(third);
  const Value c = b.add(Unary(UnaryKind::kTanh), {x});
  b.set_origin(first);
  const Value a = b.add(Unary(UnaryKind::kRelu), {x});
  b.set_origin(second);
  const Value s = b.add(Unary(UnaryKind::kSqrt), {a});
  g.add_output("c", c);
  g.add_output("s", s);
  const auto bytes = bytes_of(one_graph(std::move(g)));
  const auto& m = verified(bytes);
  std::vector<tflite::BuiltinOperator> order;
  for (const auto* op : *m.subgraphs()->Get(0)->operators())
    order.push_back(m.operator_codes()->Get(op->opcode_index())->builtin_code());
  EXPECT_EQ(order, (std::vector{tflite::BuiltinOperator::RELU, tflite::BuiltinOperator::SQRT, tflite::BuiltinOperator::TANH}));
}

Model sum_of_constants(const std::vector<ConstantPtr>& constants) {
  Graph g;
  Builder b(g);
  Value v = g.add_input("x", constants[0]->type());
  for (const ConstantPtr& c : constants) v = b.add(Binary(BinaryKind::kAdd), {v, b.constant(c)});
  g.add_output("y", v);
  return one_graph(std::move(g));
}

size_t buffers_with_data(const std::vector<std::byte>& bytes) {
  size_t n = 0;
  for (const auto* b : *verified(bytes).buffers()) n += b->data() != nullptr || b->offset() > 1;
  return n;
}

TEST(Writer, WritesEqualSmallConstantsOnce) {
  const auto bytes = bytes_of(sum_of_constants({Constant::of(ramp({3, 5}), "a"), Constant::of(ramp({3, 5}), "b"),
                                                Constant::of(ramp({3, 5}, 1), "c"), Constant::of(ramp({3, 5}))}));
  EXPECT_EQ(buffers_with_data(bytes), 2u);
  // The unnamed one shares a's tensor, too.
  EXPECT_EQ(verified(bytes).subgraphs()->Get(0)->tensors()->size(), 1u + 3u + 4u);
}

TEST(Writer, WritesEqualLargeConstantsOnce) {
  const Tensor weights = ramp({40, 50}), copy = ramp({40, 50}), other = ramp({40, 50}, 1);
  const auto permuted = Constant::of(ramp({50, 40}), "p")->permuted({1, 0});
  const auto permuted_copy = Constant::of(ramp({50, 40}), "q")->permuted({1, 0});
  const auto recipe = [](const Tensor& t) {
    return Constant::lazy(make_op(Unary(UnaryKind::kSquare)), {Constant::of(t)}, t.type(), "recipe");
  };
  const auto bytes = bytes_of(sum_of_constants({Constant::of(weights, "w"), Constant::of(copy, "v"), Constant::of(other, "o"),
                                                permuted, permuted_copy, recipe(weights), recipe(copy), recipe(other)}));
  EXPECT_EQ(buffers_with_data(bytes), 5u);
  EXPECT_LT(bytes.size(), 5 * 8000u + 4000u);
  EXPECT_GT(bytes.size(), 5 * 8000u);
}

TEST(Writer, AlignsLargeConstants) {
  const auto bytes = bytes_of(sum_of_constants({Constant::of(ramp({37, 53}), "a"), Constant::of(ramp({37, 53}, 1), "b")}));
  for (const auto* b : *verified(bytes).buffers()) {
    if (!b->data() || b->data()->size() < 4096) continue;
    EXPECT_EQ((reinterpret_cast<const std::byte*>(b->data()->data()) - bytes.data()) % 64, 0);
    EXPECT_FLOAT_EQ(reinterpret_cast<const float*>(b->data()->data())[1] - reinterpret_cast<const float*>(b->data()->data())[0],
                    1);
  }
}

TEST(Writer, PutsConstantsBeyondTheFlatbufferWhenTheyDoNotFit) {
  const Model m = sum_of_constants({Constant::of(ramp({37, 53}), "a"), Constant::of(ramp({37, 53}, 1), "b")});
  const auto bytes = bytes_of(m, {.max_flatbuffer = 10000});
  size_t ranges = 0;
  for (const auto* b : *verified(bytes).buffers()) {
    if (b->offset() == 0) continue;
    ++ranges;
    EXPECT_EQ(b->size(), 37u * 53 * 4);
    EXPECT_EQ(b->offset() % 64, 0u);
    ASSERT_LE(b->offset() + b->size(), bytes.size());
    EXPECT_EQ(b->data(), nullptr);
  }
  EXPECT_EQ(ranges, 2u);
  const Model back = value_of(read(bytes));
  EXPECT_EQ(bytes_of(back, {.max_flatbuffer = 10000}), bytes);
}

TEST(Writer, GivesTheSameBytesForAnyNumberOfThreads) {
  std::vector<ConstantPtr> constants;
  for (int i = 0; i < 9; ++i) {
    const Tensor t = ramp({60, 80}, float(i));
    constants.push_back(i % 3 == 0 ? Constant::of(t, "dense")
                                   : Constant::lazy(make_op(Unary(UnaryKind::kNeg)), {Constant::of(t)}, t.type(), "recipe"));
  }
  const Model m = sum_of_constants(constants);
  const auto one = bytes_of(m, {.threads = 1});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(bytes_of(m, {.threads = 2}), one);
}

TEST(Writer, WritesOpenAxesAsSignature) {
  Graph g;
  Builder b(g);
  g.add_output("y", b.add(Unary(UnaryKind::kRelu), {g.add_input("x", f32({kDynamic, 3}))}));
  const auto bytes = bytes_of(one_graph(std::move(g)));
  const auto* t = verified(bytes).subgraphs()->Get(0)->tensors()->Get(0);
  EXPECT_EQ(t->shape()->Get(0), 1);
  ASSERT_NE(t->shape_signature(), nullptr);
  EXPECT_EQ(t->shape_signature()->Get(0), -1);
  EXPECT_EQ(t->shape_signature()->Get(1), 3);
}

TEST(Writer, WritesQuantization) {
  Graph g;
  Type t{DType::kI8, {2, 3}, QuantParams{{0.5f, 0.25f, 0.125f}, {1, 2, 3}, 1}};
  g.add_output("y", g.add_input("x", t));
  const auto bytes = bytes_of(one_graph(std::move(g)));
  const auto* q = verified(bytes).subgraphs()->Get(0)->tensors()->Get(0)->quantization();
  ASSERT_EQ(q->scale()->size(), 3u);
  EXPECT_EQ(q->scale()->Get(1), 0.25f);
  EXPECT_EQ(q->zero_point()->Get(2), 3);
  EXPECT_EQ(q->quantized_dimension(), 1);
}

TEST(Writer, WritesAFileWholeOrNotAtAll) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("atoll_writer_test_{}", getpid());
  std::filesystem::create_directory(folder);
  const std::string path = (folder / "m.tflite").string();
  const Model m = sum_of_constants({Constant::of(ramp({40, 50}), "w")});
  const WrittenFile w = value_of(write_tflite(m, path));
  EXPECT_EQ(w.bytes, std::filesystem::file_size(path));
  EXPECT_EQ(w.operators, 1u);
  EXPECT_EQ(w.constant_bytes, 8000u);
  std::ifstream in(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto expected = bytes_of(m);
  EXPECT_EQ(text, std::string(reinterpret_cast<const char*>(expected.data()), expected.size()));

  // A recipe that fails leaves the file as it was.
  const auto bad = Constant::lazy(make_op(Reshape({7})), {Constant::of(ramp({40, 50}))}, f32({40, 50}), "bad");
  EXPECT_FALSE(write_tflite(sum_of_constants({bad}), path));
  EXPECT_EQ(std::filesystem::file_size(path), w.bytes);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  std::filesystem::remove_all(folder);
}

TEST(Writer, RefusesAxesBeyondTheFormat) {
  Graph g;
  g.add_output("y", g.add_input("x", f32({int64_t(1) << 33})));
  const auto r = serialize_tflite(one_graph(std::move(g)));
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kTooLarge);
}

}  // namespace
}  // namespace atl
