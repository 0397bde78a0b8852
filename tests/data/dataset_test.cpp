#include "data/dataset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "run/tensor_file.h"

namespace atl {
namespace {
namespace fs = std::filesystem;

const fs::path kImages = fs::path(ATOLL_SOURCE_DIR) / "tests/run/data";

class DatasetTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("dataset_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path put_image(const std::string& from, const std::string& to) {
    fs::create_directories((folder_ / to).parent_path());
    fs::copy_file(kImages / from, folder_ / to);
    return folder_ / to;
  }
  fs::path put_text(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  static std::unique_ptr<Dataset> opened(const fs::path& path, const DatasetOptions& options = {}) {
    auto data = open_dataset(path, options);
    EXPECT_TRUE(data) << format(data.error());
    return data ? std::move(*data) : nullptr;
  }
  static Example example(const Dataset& data, size_t i) {
    auto e = data.get(i);
    EXPECT_TRUE(e) << format(e.error());
    return e ? std::move(*e) : Example{};
  }
  static std::string refusal(const fs::path& path, const DatasetOptions& options = {}) {
    const auto data = open_dataset(path, options);
    return data ? "no error" : data.error().what;
  }
  fs::path folder_;
};

NdArray floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  auto a = NdArray::zeros(ElementType::kF32, std::move(shape));
  if (!values.empty()) std::memcpy(a->bytes.data(), values.data(), a->bytes.size());
  return *a;
}

TensorInfo input_of(std::string name, ElementType dtype, std::vector<int64_t> shape) {
  TensorInfo t;
  t.name = std::move(name);
  t.dtype = dtype;
  t.shape = std::move(shape);
  return t;
}

TEST_F(DatasetTest, FoldersAreClassesInAlphabeticalOrder) {
  put_image("rgb.png", "zebra/a.png");
  put_image("rgb.jpg", "ant/b.jpg");
  put_image("rgb.bmp", "ant/deep/a.BMP");
  put_text("notes.txt", "no example");
  const auto data = opened(folder_);
  ASSERT_EQ(data->size(), 3u);
  EXPECT_EQ(data->classes(), (std::vector<std::string>{"ant", "zebra"}));
  EXPECT_EQ(example(*data, 0).name, "ant/b.jpg");
  EXPECT_EQ(example(*data, 1).name, "ant/deep/a.BMP");
  EXPECT_EQ(example(*data, 1).label, 0);
  EXPECT_EQ(example(*data, 2).label, 1);
  EXPECT_EQ(data->get(3).error().what, "example 3 of 3 is asked for");
}

TEST_F(DatasetTest, TransformsEqualTorchvisions) {
  const std::map<std::string, std::string> specs = {
      {"plain", ""},
      {"resize_crop_normalize", "resize=19 crop=16 mean=0.485,0.456,0.406 std=0.229,0.224,0.225"},
      {"size", "size=29x11"},
      {"gray", "resize=13 crop=12 gray mean=0.5 std=0.25"}};
  const auto wanted = read_tensor_file(fs::path(ATOLL_SOURCE_DIR) / "tests/data/data/transforms.npz");
  ASSERT_TRUE(wanted) << format(wanted.error());
  ASSERT_EQ(wanted->size(), 8u);
  for (const NamedArray& w : *wanted) {
    const std::string pipeline = w.name.substr(0, w.name.find('/')), file = w.name.substr(w.name.find('/') + 1);
    DatasetOptions options;
    options.preprocess = specs.at(pipeline);
    const Example e = example(*opened(kImages / file, options), 0);
    ASSERT_EQ(e.arrays[0].array.shape, w.array.shape) << w.name;
    // One grey level of 255, after the division by the smallest deviation.
    const float bound = 1.001f / 255 / (pipeline == "gray" ? 0.25f : pipeline == "resize_crop_normalize" ? 0.224f : 1.0f);
    const auto got = e.arrays[0].array.values<float>(), expected = w.array.values<float>();
    for (size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got[i], expected[i], file.ends_with("png") ? 1e-5f : bound) << w.name << " " << i;
  }
}

TEST_F(DatasetTest, ImagesTakeTheModelsSizeAndType) {
  put_image("rgb.png", "a.png");
  DatasetOptions options;
  options.inputs = {input_of("x", ElementType::kU8, {1, 7, 5, 3})};
  const Example e = example(*opened(folder_, options), 0);
  EXPECT_EQ(e.arrays[0].name, "x");
  EXPECT_EQ(e.arrays[0].array.text(), "u8[7x5x3]");
  options.inputs.push_back(input_of("y", ElementType::kF32, {1, 2}));
  EXPECT_EQ(refusal(folder_, options), "the model has 2 inputs, images are for one");
}

TEST_F(DatasetTest, ArraysCountExamplesOnAxisZero) {
  auto labels = NdArray::zeros(ElementType::kI64, {2});
  labels->mutable_values<int64_t>()[1] = 4;
  const std::vector<NamedArray> arrays = {
      {"b", floats({2, 3}, {1, 2, 3, 4, 5, 6})}, {"a", floats({2, 1, 2}, {7, 8, 9, 10})}, {"labels", *labels}};
  ASSERT_TRUE(write_npz(folder_ / "two.npz", arrays));
  const auto data = opened(folder_ / "two.npz");
  ASSERT_EQ(data->size(), 2u);
  const Example e = example(*data, 1);
  EXPECT_EQ(e.name, "two.npz[1]");
  EXPECT_EQ(e.label, 4);
  ASSERT_EQ(e.arrays.size(), 2u);
  EXPECT_EQ(e.arrays[0].array, floats({3}, {4, 5, 6}));

  DatasetOptions options;
  options.inputs = {input_of("a", ElementType::kF32, {1, 1, 2}), input_of("b", ElementType::kI32, {1, 3})};
  const Example fitted = example(*opened(folder_ / "two.npz", options), 0);
  EXPECT_EQ(fitted.arrays[0].name, "a");
  EXPECT_EQ(fitted.arrays[1].array.text(), "i32[3]");
  EXPECT_EQ(fitted.arrays[1].array.values<int32_t>()[2], 3);
  options.inputs[1].shape = {1, 4};
  EXPECT_EQ(refusal(folder_ / "two.npz", options), "two.npz: input 'b' takes i32[4] for one example, f32[3] is given");
  options.inputs = {input_of("c", ElementType::kF32, {1, 3})};
  EXPECT_EQ(refusal(folder_ / "two.npz", options), "two.npz has no array 'c'");
}

TEST_F(DatasetTest, ArraysOfDifferentLengthsAreRefused) {
  const std::vector<NamedArray> arrays = {{"b", floats({2, 1}, {1, 2})}, {"a", floats({3, 1}, {7, 8, 9})}};
  ASSERT_TRUE(write_npz(folder_ / "two.npz", arrays));
  EXPECT_EQ(refusal(folder_ / "two.npz"), "two.npz: array 'b' is f32[2x1], 'a' is f32[3x1]: axis 0 counts the examples");
  ASSERT_TRUE(write_npy(folder_ / "none.npy", floats({0, 3}, {})));
  EXPECT_EQ(refusal(folder_ / "none.npy"), "none.npy: array '' is f32[0x3]: it has no examples");
}

TEST_F(DatasetTest, FolderOfArraysHoldsOneExampleAFile) {
  ASSERT_TRUE(write_npy(folder_ / "1.npy", floats({1, 3}, {1, 2, 3})));
  ASSERT_TRUE(write_npy(folder_ / "2.npy", floats({3}, {4, 5, 6})));
  DatasetOptions options;
  options.inputs = {input_of("x", ElementType::kF32, {1, 3})};
  const auto data = opened(folder_, options);
  ASSERT_EQ(data->size(), 2u);
  EXPECT_EQ(example(*data, 0).arrays[0].array, floats({3}, {1, 2, 3}));
  EXPECT_EQ(example(*data, 1).arrays[0].array, floats({3}, {4, 5, 6}));
  EXPECT_EQ(example(*data, 1).name, "2.npy");
}

TEST_F(DatasetTest, CsvWithNamesAndLabels) {
  const auto file = put_text("iris.csv", "width, y ,height\r\n1.5,2,-3e1\n\n4,0,\"5\"\n");
  const auto data = opened(file);
  ASSERT_EQ(data->size(), 2u);
  const Example e = example(*data, 0);
  EXPECT_EQ(e.label, 2);
  EXPECT_EQ(e.arrays[0].array, floats({2}, {1.5f, -30}));
  EXPECT_EQ(example(*data, 1).arrays[0].array, floats({2}, {4, 5}));
  DatasetOptions options;
  options.inputs = {input_of("x", ElementType::kF32, {1, 2, 1})};
  EXPECT_EQ(example(*opened(file, options), 1).arrays[0].array, floats({2, 1}, {4, 5}));
  options.inputs[0].shape = {1, 3};
  EXPECT_EQ(refusal(file, options), "iris.csv: input 'x' takes f32[3] for one example, a line has 2 values");
  options = {};
  options.label = "colour";
  EXPECT_EQ(refusal(file, options), "iris.csv has no column 'colour' for the labels");
  EXPECT_EQ(refusal(put_text("short.csv", "1,2\n3\n")), "short.csv, line 2 has 1 values, 2 are expected");
  EXPECT_EQ(refusal(put_text("word.csv", "1,2\n3,four\n")), "word.csv, line 2, column 1: 'four' is no number");
  EXPECT_EQ(refusal(put_text("names.csv", "a,b\n")), "names.csv holds no examples");
}

TEST_F(DatasetTest, RawFilesNeedAModel) {
  const auto file = put_text("pixels.bin", std::string("\1\2\3\4\5\6", 6));
  EXPECT_EQ(refusal(file), "pixels.bin holds nothing but values: it is for a model with one input");
  DatasetOptions options;
  options.inputs = {input_of("x", ElementType::kU8, {1, 3})};
  const auto data = opened(file, options);
  ASSERT_EQ(data->size(), 2u);
  EXPECT_EQ(example(*data, 1).arrays[0].array.values<uint8_t>()[0], 4);
  options.inputs[0].shape = {1, 4};
  EXPECT_EQ(refusal(file, options), "pixels.bin has 6 bytes, an example of input 'x' (u8[4]) has 4");
}

TEST_F(DatasetTest, RefusesWhatHoldsNoExamples) {
  EXPECT_EQ(refusal(folder_ / "absent"), "'" + (folder_ / "absent").string() + "' does not exist");
  EXPECT_EQ(refusal(folder_), "'" + folder_.string() + "' is an empty folder");
  const auto text = put_text("a.txt", "no example");
  EXPECT_EQ(refusal(text), "'" + text.string() + "' is of no kind that is known");
  EXPECT_EQ(refusal(folder_), "'" + folder_.string() + "' holds no examples");
  put_image("rgb.png", "cat/a.png");
  put_image("rgb.png", "b.png");
  EXPECT_EQ(refusal(folder_),
            "'" + folder_.string() + "' holds images beside the subfolder 'cat': are the subfolders classes?");
}

}  // namespace
}  // namespace atl
