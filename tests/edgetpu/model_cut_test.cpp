#include "edgetpu/model_cut.h"

#include <gtest/gtest.h>

#include "edgetpu/small_model.h"

namespace atl::edgetpu {
namespace {

using tflite::BuiltinOperator;
using Type = tflite::TensorType;

// in0 -> RELU -> t1 -> ADD c -> t3 ----> MUL(t3, t1) -> out0
std::vector<std::byte> chain() {
  SmallModel m;
  const Shape shape{1, 4, 6, 3};
  const int x = m.input(Type::INT8, shape), relu = m.tensor(Type::INT8, shape), c = m.constant(Type::INT8, {1, 1, 1, 3}, 7),
            sum = m.tensor(Type::INT8, shape);
  m.op(BuiltinOperator::RELU, 1, {x}, {relu});
  m.op(BuiltinOperator::ADD, 2, {relu, c}, {sum});
  m.op(BuiltinOperator::MUL, 2, {sum, relu}, {m.output(Type::INT8, shape)});
  return m.bytes();
}

SourceModel cut(size_t first, size_t last) {
  auto bytes = std::make_shared<std::vector<std::byte>>(chain());
  const auto view = FileView::open(*bytes, bytes);
  EXPECT_TRUE(view);
  auto part = cut_operators(*view, first, last);
  EXPECT_TRUE(part) << (part ? "" : format(part.error()));
  auto owner = std::make_shared<std::vector<std::byte>>(std::move(*part));
  auto model = read_source_model(*owner, owner);
  EXPECT_TRUE(model) << (model ? "" : format(model.error()));
  return std::move(*model);
}

std::vector<std::string> names(const SourceModel& m, const std::vector<int>& tensors) {
  std::vector<std::string> out;
  for (const int t : tensors) out.push_back(m.tensors[size_t(t)].name);
  std::ranges::sort(out);
  return out;
}

using Names = std::vector<std::string>;

TEST(ModelCut, KeepsNamesConstantsAndBorders) {
  const auto middle = cut(1, 2);
  ASSERT_EQ(middle.ops.size(), 1u);
  EXPECT_EQ(middle.ops[0].name, "ADD");
  EXPECT_EQ(middle.ops[0].version, 2);
  EXPECT_EQ(names(middle, middle.inputs), Names{"t1"});
  EXPECT_EQ(names(middle, middle.outputs), Names{"t3"});
  const auto* c = middle.input(middle.ops[0], 1);
  ASSERT_TRUE(c && c->constant);
  EXPECT_EQ(c->content.size(), 3u);
  EXPECT_EQ(int(c->content[0]), 7);
  EXPECT_EQ(middle.tensors.size(), 3u);
}

TEST(ModelCut, GivesWhatLaterOperatorsRead) {
  const auto head = cut(0, 2);
  EXPECT_EQ(names(head, head.outputs), (Names{"t1", "t3"}));
  const auto tail = cut(1, 3);
  EXPECT_EQ(names(tail, tail.inputs), Names{"t1"});
  EXPECT_EQ(names(tail, tail.outputs), Names{"out0"});
  const auto whole = cut(0, 3);
  EXPECT_EQ(names(whole, whole.inputs), Names{"in0"});
  EXPECT_EQ(names(whole, whole.outputs), Names{"out0"});
}

TEST(ModelCut, SegmentsAreNamedForEachOther) {
  auto bytes = std::make_shared<std::vector<std::byte>>(chain());
  const auto whole = FileView::open(*bytes, bytes);
  ASSERT_TRUE(whole);
  const auto ports = [](const auto* list) {
    Names out;
    for (const auto* t : *list) out.push_back(t->name()->str());
    std::ranges::sort(out);
    return out;
  };
  auto first = cut_segment(*whole, 0, 2, 0, 2), second = cut_segment(*whole, 2, 3, 1, 2);
  ASSERT_TRUE(first && second);
  auto a = std::make_shared<std::vector<std::byte>>(std::move(*first)),
       b = std::make_shared<std::vector<std::byte>>(std::move(*second));
  const auto head = FileView::open(*a, a), tail = FileView::open(*b, b);
  ASSERT_TRUE(head && tail);
  ASSERT_EQ(size_of(head->model().signature_defs()), 1u);
  const auto* from = head->model().signature_defs()->Get(0);
  const auto* to = tail->model().signature_defs()->Get(0);
  EXPECT_EQ(ports(from->inputs()), Names{"in0"});
  EXPECT_EQ(ports(from->outputs()), (Names{"t1", "t3"}));
  EXPECT_EQ(ports(to->inputs()), (Names{"t1", "t3"}));
  EXPECT_EQ(ports(to->outputs()), Names{"out0"});
  ASSERT_EQ(size_of(tail->model().metadata()), 1u);
  const auto entry = tail->buffer(tail->model().metadata()->Get(0)->buffer());
  ASSERT_TRUE(entry);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(entry->data()), entry->size()),
            R"({"index":1,"of":2,"outputs":["out0"]})");
}

TEST(ModelCut, RefusesWhatIsNotThere) {
  auto bytes = std::make_shared<std::vector<std::byte>>(chain());
  const auto view = FileView::open(*bytes, bytes);
  ASSERT_TRUE(view);
  EXPECT_FALSE(cut_operators(*view, 2, 2));
  EXPECT_FALSE(cut_operators(*view, 0, 4));
}

}  // namespace
}  // namespace atl::edgetpu
