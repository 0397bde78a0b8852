#include "read/pickle.h"

#include <gtest/gtest.h>

#include <cstring>

#include "zip_builder.h"

namespace atl {
namespace {

Blob fixture_blob(const std::string& name) { return make_blob(read_whole_file(fixture(name))); }

/// A torch.save file with this pickle and eight bytes of storage.
Result<Pickle> read_code(const std::string& code) {
  return read_torch_save(make_blob(build_zip({{.name = "archive/data.pkl", .contents = code},
                                              {.name = "archive/data/0", .contents = "abcdefgh"},
                                              {.name = "archive/version", .contents = "3\n"}})),
                         "x.pth");
}

void expect_error(const std::string& code, Code expected, const std::string& what) {
  const auto pickle = read_code(code);
  ASSERT_FALSE(pickle) << what;
  EXPECT_EQ(pickle.error().code, expected);
  EXPECT_EQ(pickle.error().what, what);
}

std::string text(const std::string& s) {
  std::string code = "X";
  put(code, s.size(), 4);
  return code + s;
}

/// A float32 tensor of these sizes, strides and offset over the storage "0" of `count` elements.
std::string tensor(const std::string& sizes, const std::string& strides, const std::string& offset, int count = 2) {
  std::string code =
      "\x80\x02"
      "ctorch._utils\n_rebuild_tensor_v2\n((" +
      text("storage") + "ctorch\nFloatStorage\n" + text("0") + text("cpu");
  return code + "K" + static_cast<char>(count) + "tQ" + offset + sizes + strides +
         "\x89"
         "ccollections\nOrderedDict\n)RtR.";
}

template <class T>
T element(const StoredTensor& t, size_t index) {
  T value;
  std::memcpy(&value, t.bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

TEST(Pickle, StateDict) {
  const auto pickle = read_torch_save(fixture_blob("state_dict.pth"), "state_dict.pth");
  ASSERT_TRUE(pickle) << pickle.error().what;
  const auto* dict = (*pickle)[pickle->root].get<PickleDict>();
  ASSERT_TRUE(dict);
  EXPECT_EQ(dict->items.size(), 2u);
  const auto weight = pickle->item(pickle->root, "fc.weight");
  ASSERT_TRUE(weight);
  const auto* t = (*pickle)[*weight].get<StoredTensor>();
  ASSERT_TRUE(t);
  EXPECT_EQ(t->dtype, ScalarType::kFloat32);
  EXPECT_EQ(t->sizes, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(t->bytes.size(), 24u);
  EXPECT_FALSE(pickle->item(pickle->root, "fc"));
}

TEST(Pickle, EveryKindOfValue) {
  const auto pickle = read_torch_save(fixture_blob("tensors.pth"), "tensors.pth");
  ASSERT_TRUE(pickle) << pickle.error().what;
  const auto* items = pickle->sequence(pickle->root);
  ASSERT_TRUE(items);
  ASSERT_EQ(items->size(), 5u);
  const auto* turned = (*pickle)[(*items)[0]].get<StoredTensor>();
  ASSERT_TRUE(turned);
  EXPECT_EQ(turned->sizes, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(turned->strides, (std::vector<int64_t>{1, 3}));
  EXPECT_FALSE(turned->is_contiguous());
  EXPECT_EQ(element<float>(*turned, 4), 4.0f);
  const PickleRef dict = (*items)[1];
  EXPECT_EQ(*(*pickle)[*pickle->item(dict, "n")].get<int64_t>(), 3);
  EXPECT_EQ(*(*pickle)[*pickle->item(dict, "f")].get<double>(), -1.5);
  EXPECT_EQ(*(*pickle)[*pickle->item(dict, "s")].get<std::string>(), "text");
  EXPECT_TRUE((*pickle)[*pickle->item(dict, "none")].get<PickleNone>());
  EXPECT_EQ(*(*pickle)[*pickle->item(dict, "yes")].get<bool>(), true);
  const auto* small = (*pickle)[(*items)[2]].get<StoredTensor>();
  ASSERT_TRUE(small);
  EXPECT_EQ(small->dtype, ScalarType::kUInt16);
  EXPECT_EQ(element<uint16_t>(*small, 2), 65535);
  const auto* parameter = (*pickle)[(*items)[3]].get<StoredTensor>();
  ASSERT_TRUE(parameter);
  EXPECT_EQ(parameter->dtype, ScalarType::kBFloat16);
  EXPECT_EQ(element<uint16_t>(*parameter, 1), 0x3F80);
  std::vector<int64_t> numbers;
  for (PickleRef ref : *pickle->sequence((*items)[4])) numbers.push_back(*(*pickle)[ref].get<int64_t>());
  EXPECT_EQ(numbers, (std::vector<int64_t>{-1, 70000, -(int64_t{1} << 40)}));
}

TEST(Pickle, NewerProtocol) {
  // Protocol 4: FRAME, SHORT_BINUNICODE, MEMOIZE, STACK_GLOBAL, and a list that is shared.
  std::string code = "\x80\x04\x95";
  put(code, 5, 8);
  code += std::string(
      "\x8c\x0b"
      "collections\x94\x8c\x0b"
      "OrderedDict\x94\x93)R\x94(\x8c\x01"
      "a]\x94K\x07"
      "a\x8c\x01"
      "bh\x03u.");
  const auto pickle = read_code(code);
  ASSERT_TRUE(pickle) << pickle.error().what;
  const auto a = pickle->item(pickle->root, "a"), b = pickle->item(pickle->root, "b");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(*a, *b);
  ASSERT_EQ(pickle->sequence(*a)->size(), 1u);
  EXPECT_EQ(*(*pickle)[pickle->sequence(*a)->at(0)].get<int64_t>(), 7);
}

TEST(Pickle, ValuesMayContainThemselves) {
  const auto pickle =
      read_code(std::string("\x80\x02]q\x00h\x00"
                            "a.",
                            9));
  ASSERT_TRUE(pickle) << pickle.error().what;
  EXPECT_EQ(pickle->sequence(pickle->root)->at(0), pickle->root);
}

TEST(Pickle, ForeignGlobals) {
  expect_error(
      "\x80\x02"
      "cos\nsystem\nX\x02",
      Code::kPickle, "'x.pth' holds a Python object, 'os.system'");
  expect_error(
      "\x80\x02"
      "cbuiltins\neval\n.",
      Code::kPickle, "'x.pth' holds a Python object, 'builtins.eval'");
  expect_error("\x80\x04\x8c\x05posix\x8c\x06system\x93.", Code::kPickle, "'x.pth' holds a Python object, 'posix.system'");
  expect_error(
      "\x80\x02"
      "ctorch\nload\n.",
      Code::kPickle, "'x.pth' holds a Python object, 'torch.load'");
  const auto module = read_torch_save(fixture_blob("module.pth"), "module.pth");
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, Code::kPickle);
  EXPECT_EQ(module.error().what, "'module.pth' holds a Python object, 'net.Small'");
}

TEST(Pickle, KnownNamesAreNotCalledOtherwise) {
  expect_error(
      "\x80\x02"
      "ccollections\nOrderedDict\n(K\x01tR.",
      Code::kPickle, "'x.pth' holds a call of 'collections.OrderedDict' that is not read here");
  expect_error(
      "\x80\x02"
      "ctorch\nFloatStorage\n)R.",
      Code::kPickle, "'x.pth' holds a call of 'torch.FloatStorage' that is not read here");
  expect_error("\x80\x02K\x01}b.", Code::kPickle, "'x.pth' holds an object with attributes");
}

TEST(Pickle, DamagedPickles) {
  expect_error("", Code::kPickle, "'x.pth' is a damaged pickle: it ends at byte 0");
  expect_error("\x80\x02X\xff\xff\xff\x7f", Code::kPickle, "'x.pth' is a damaged pickle: it ends at byte 7");
  expect_error("\x80\x02.", Code::kPickle, "'x.pth' is a damaged pickle: it stops too early at byte 3");
  expect_error(
      "\x80\x02"
      "a.",
      Code::kPickle, "'x.pth' is a damaged pickle: its stack is empty at byte 3");
  expect_error("\x80\x02t.", Code::kPickle, "'x.pth' is a damaged pickle: a mark is missing at byte 3");
  expect_error("\x80\x02Nh\x05.", Code::kPickle, "'x.pth' is a damaged pickle: memo 5 is empty at byte 5");
  expect_error(
      "\x80\x02NK\x01"
      "a.",
      Code::kPickle, "'x.pth' is a damaged pickle: something is appended to what is no list at byte 6");
  expect_error(
      "\x80\x02(K\x01K\x02K\x03"
      "d.",
      Code::kPickle, "'x.pth' is a damaged pickle: something is set in what is no dictionary at byte 10");
  expect_error("\x80\x02I1\n.", Code::kPickle, "'x.pth' is a damaged pickle: opcode 0x49 is not read here at byte 2");
  expect_error("\x80\x09.", Code::kPickle, "'x.pth' holds a pickle of protocol 9");
  expect_error(
      "\x80\x02\x8a\x09"
      "123456789.",
      Code::kPickle, "'x.pth' holds an integer of more than 64 bits");
}

TEST(Pickle, TooManyValues) {
  expect_error("\x80\x02" + std::string((1 << 20) + 1, ']') + ".", Code::kPickle, "'x.pth' holds more than 1048576 values");
}

TEST(Pickle, Tensors) {
  const auto good = read_code(tensor("K\x02K\x01\x86", "K\x01K\x01\x86", std::string("K\0", 2)));
  ASSERT_TRUE(good) << good.error().what;
  const auto* t = (*good)[good->root].get<StoredTensor>();
  ASSERT_TRUE(t);
  EXPECT_EQ(t->sizes, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(std::memcmp(t->contiguous_bytes().data(), "abcdefgh", 8), 0);
  expect_error(tensor("K\x03\x85", "K\x01\x85", std::string("K\0", 2)), Code::kWeight,
               "tensor 'x.pth' needs 12 bytes (type float32, sizes [3], strides [1], offset 0, 8 bytes stored)");
  expect_error(tensor("K\x02\x85", "K\x01\x85", "K\x01"), Code::kWeight,
               "tensor 'x.pth' needs 12 bytes (type float32, sizes [2], strides [1], offset 1, 8 bytes stored)");
  expect_error(tensor("J\xff\xff\xff\xff\x85", "K\x01\x85", std::string("K\0", 2)), Code::kWeight,
               "tensor 'x.pth' has a negative size (type float32, sizes [-1], strides [1], offset 0, 8 bytes stored)");
  expect_error(tensor("K\x02\x85", "K\x01\x85", std::string("K\0", 2), 3), Code::kWeight,
               "storage 'data/0' of 'x.pth' has 8 bytes, too few for 3 elements of 4 bytes");
}

TEST(Pickle, OtherArchives) {
  const auto other = read_torch_save(make_blob(build_zip({{.name = "a", .contents = "b"}})), "x.zip");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().what, "'x.zip' is no torch.save file: it has no entry 'data.pkl'");
  const auto big = read_torch_save(
      make_blob(build_zip({{.name = "a/data.pkl", .contents = "\x80\x02N."}, {.name = "a/byteorder", .contents = "big"}})),
      "x.pth");
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().what, "'x.pth' has its numbers in 'big' byte order");
}

TEST(Pickle, FindForeignGlobal) {
  const auto find = [](std::string_view code) { return find_foreign_global(std::as_bytes(std::span(code))); };
  EXPECT_EQ(find("\x80\x02"
                 "c__main__\nNet\n)\x81."),
            "__main__.Net");
  EXPECT_EQ(find("\x80\x02]."), std::nullopt);
  EXPECT_EQ(find(tensor("K\x02\x85", "K\x01\x85", "K\x01")), std::nullopt);
}

}  // namespace
}  // namespace atl
