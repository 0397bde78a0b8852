#include "run/image.h"

#include <cmath>
#include <cstring>
#include <map>

#include "run/preprocess.h"
#include "run/tensor_file.h"
#include "runtime.h"

namespace atl {
namespace {

/// Pillow's results, by name.
const std::map<std::string, NdArray>& expected() {
  static const std::map<std::string, NdArray> arrays = [] {
    std::map<std::string, NdArray> m;
    auto read = read_tensor_file(data_file("images.npz"));
    if (read) {
      for (NamedArray& a : *read) m[a.name] = std::move(a.array);
    }
    return m;
  }();
  return arrays;
}

int largest_difference(const Image& image, const NdArray& wanted) {
  EXPECT_EQ(wanted.shape, (std::vector<int64_t>{image.height, image.width, 3}));
  int largest = 0;
  for (size_t i = 0; i < std::min(image.pixels.size(), wanted.bytes.size()); ++i) {
    largest = std::max(largest, std::abs(image.pixels[i] - wanted.values<uint8_t>()[i]));
  }
  return largest;
}

TEST(Image, DecodesAsPillowDoes) {
  int files = 0;
  for (const auto& [name, wanted] : expected()) {
    if (name.find('.') == std::string::npos) continue;
    auto image = read_image(data_file(name));
    ASSERT_TRUE(image) << format(image.error());
    EXPECT_LE(largest_difference(*image, wanted), name.ends_with(".jpg") ? 1 : 0) << name;
    ++files;
  }
  EXPECT_EQ(files, 12);
}

TEST(Image, ResizesAsPillowDoes) {
  auto image = read_image(data_file("rgb.png"));
  ASSERT_TRUE(image);
  int sizes = 0;
  for (const auto& [name, wanted] : expected()) {
    if (!name.starts_with("resize_")) continue;
    auto resized = resize(*image, static_cast<int>(wanted.shape[1]), static_cast<int>(wanted.shape[0]));
    ASSERT_TRUE(resized);
    EXPECT_EQ(largest_difference(*resized, wanted), 0) << name;
    ++sizes;
  }
  EXPECT_EQ(sizes, 6);
  EXPECT_FALSE(resize(*image, 0, 5));
  EXPECT_FALSE(resize(*image, 1 << 20, 1 << 20));
}

TEST(Image, CropsAroundTheMiddle) {
  auto image = read_image(data_file("rgb.png"));  // 37x23
  auto part = center_crop(*image, 10, 6);         // 13.5 and 8.5 are rounded to the even 14 and 8
  ASSERT_TRUE(part);
  for (int c = 0; c < 3; ++c) EXPECT_EQ(part->at(2, 3, c), image->at(16, 11, c));
  auto larger = center_crop(*image, 38, 6);
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().what, "a part of 38x6 cannot be cut out of an image of 37x23");
  EXPECT_EQ(short_side_size(*image, 46), (std::pair{74, 46}));
}

TEST(Image, RefusesWhatItCannotDecode) {
  auto what = [](std::vector<std::byte> bytes) {
    auto image = decode_image(bytes, "f");
    return image ? "accepted" : image.error().what;
  };
  EXPECT_EQ(what({}), "f: not a JPEG, PNG or BMP image");
  EXPECT_EQ(read_image(data_file("cmyk.jpg")).error().code, Code::kImage);
  EXPECT_EQ(read_image(data_file("none.jpg")).error().code, Code::kFileMissing);
  auto bmp = bytes_of(data_file("rgb.bmp"));
  auto huge = bmp;
  for (size_t i : {18, 22}) huge[i + 2] = std::byte{0x7f};
  EXPECT_NE(what(huge).find("pixels cannot be decoded"), std::string::npos) << what(huge);
  auto wide = bmp;
  wide[19] = std::byte{1};  // 256 pixels wider than the file holds
  EXPECT_EQ(what(wide), "f: the file ends within its pixels");
  auto png = bytes_of(data_file("rgb.png"));
  png[16] = std::byte{0x7f};
  EXPECT_NE(what(png), "accepted");
}

TEST(Image, SurvivesDamagedFiles) {
  for (const char* name : {"rgb.png", "palette.png", "rgb.jpg", "rgb.bmp", "palette.bmp"}) {
    auto whole = bytes_of(data_file(name));
    for (size_t length = 0; length < whole.size(); length += 3) {
      auto cut = std::span(whole).first(length);
      bool decoded = decode_image(cut, "f").operator bool();
      EXPECT_FALSE(decoded && length + 16 < whole.size()) << name << " " << length;
    }
    uint32_t random = 1;
    for (size_t at = 0; at < whole.size(); ++at) {
      auto changed = whole;
      random = random * 1664525 + 1013904223;
      changed[at] ^= static_cast<std::byte>(1 + random % 255);
      (void)decode_image(changed, "f").operator bool();
    }
  }
}

TEST(Image, ReadsItsOwnPng) {
  const auto image = read_image(data_file("rgb.png"));
  ASSERT_TRUE(image);
  const auto png = encode_png(*image);
  ASSERT_TRUE(png) << format(png.error());
  const auto again = decode_image(*png, "memory");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->width, image->width);
  EXPECT_EQ(again->pixels, image->pixels);
}

TEST(Image, ReadsTopDownBitmaps) {
  auto bytes = bytes_of(data_file("rgb.bmp"));
  auto upright = decode_image(bytes, "f");
  int32_t height = -23;
  std::memcpy(bytes.data() + 22, &height, sizeof height);
  auto flipped = decode_image(bytes, "f");
  ASSERT_TRUE(flipped) << format(flipped.error());
  for (int c = 0; c < 3; ++c) EXPECT_EQ(flipped->at(5, 2, c), upright->at(5, 20, c));
}

// ---------------------------------------------------------------- preprocess

TensorInfo image_input(ElementType dtype, std::vector<int64_t> shape) {
  TensorInfo info;
  info.name = "x";
  info.dtype = dtype;
  info.shape = std::move(shape);
  return info;
}

Result<NdArray> prepared(const std::string& spec, const TensorInfo& input) {
  TRY(auto image, read_image(data_file("rgb.png")));
  TRY(auto parsed, parse_preprocess(spec));
  return preprocess(image, parsed, input);
}

TEST(Preprocess, AnInputThatNormalizesItselfTakesPixels) {
  TensorInfo info = image_input(ElementType::kU8, {1, 5, 7, 3});
  info.quant = TensorQuantization{{1}, {0}, 0};
  const auto pixels = prepared("", info);
  ASSERT_TRUE(pixels) << format(pixels.error());
  info.normalization = PixelNormalization{{123.675, 116.28, 103.53}, {58.395, 57.12, 57.375}};
  for (const char* text :
       {"", "mean=0.485,0.456,0.406 std=0.229,0.224,0.225", "mean=123.675,116.28,103.53 std=58.395,57.12,57.375"}) {
    const auto got = prepared(text, info);
    ASSERT_TRUE(got) << format(got.error());
    EXPECT_EQ(got->bytes, pixels->bytes) << text;
  }
  for (const char* text : {"mean=127 std=128", "scale=1/255"}) {
    const auto other = prepared(text, info);
    ASSERT_FALSE(other) << text;
    EXPECT_EQ(other.error().code, Code::kInput);
    EXPECT_NE(other.error().what.find("normalizes itself by mean=123.675,116.28,103.53 std=58.395,57.12,57.375"),
              std::string::npos)
        << other.error().what;
  }
}

TEST(Preprocess, NormalizesInTheModelsLayout) {
  const NdArray& small = expected().at("resize_16x9");
  auto planes = prepared("size=16x9 mean=127 std=128", image_input(ElementType::kF32, {1, 3, 9, 16}));
  auto pixels = prepared("size=16x9 mean=127 std=128", image_input(ElementType::kF32, {1, 9, 16, 3}));
  ASSERT_TRUE(planes) << format(planes.error());
  ASSERT_TRUE(pixels) << format(pixels.error());
  EXPECT_EQ(planes->text(), "f32[1x3x9x16]");
  EXPECT_EQ(pixels->text(), "f32[1x9x16x3]");
  for (size_t c = 0; c < 3; ++c) {
    for (size_t i = 0; i < 9 * 16; ++i) {
      float wanted = (static_cast<float>(small.values<uint8_t>()[i * 3 + c]) - 127.f) / 128.f;
      EXPECT_FLOAT_EQ(planes->values<float>()[c * 9 * 16 + i], wanted);
      EXPECT_FLOAT_EQ(pixels->values<float>()[i * 3 + c], wanted);
    }
  }
}

TEST(Preprocess, TakesSmallMeansAsTorchvisionDoes) {
  const NdArray& whole = expected().at("rgb.png");
  auto x = prepared("mean=0.485,0.456,0.406 std=0.229,0.224,0.225", image_input(ElementType::kF32, {1, 3, 23, 37}));
  ASSERT_TRUE(x) << format(x.error());
  double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
  for (size_t c = 0; c < 3; ++c) {
    double pixel = whole.values<uint8_t>()[100 * 3 + c];
    EXPECT_FLOAT_EQ(x->values<float>()[c * 23 * 37 + 100], static_cast<float>((pixel / 255 - mean[c]) / deviation[c]));
  }
  auto plain = prepared("", image_input(ElementType::kF32, {3, 23, 37}));
  EXPECT_EQ(plain->values<float>()[100], static_cast<float>(whole.values<uint8_t>()[300]));
  auto scaled = prepared("scale=1/255", image_input(ElementType::kF32, {3, 23, 37}));
  EXPECT_FLOAT_EQ(scaled->values<float>()[100], static_cast<float>(whole.values<uint8_t>()[300]) / 255.f);
}

TEST(Preprocess, ResizesTheShortSideAndCrops) {
  auto image = read_image(data_file("rgb.png"));
  auto wanted = *center_crop(*resize(*image, 25, 16), 14, 12);  // 16 * 37 / 23 = 25.7
  auto x = prepared("resize=16 crop=14x12 bgr", image_input(ElementType::kF32, {1, 12, 14, 3}));
  ASSERT_TRUE(x) << format(x.error());
  for (int c = 0; c < 3; ++c) EXPECT_EQ(x->values<float>()[static_cast<size_t>((5 * 14 + 3) * 3 + c)], wanted.at(3, 5, 2 - c));
}

TEST(Preprocess, SaysWhatTheModelSees) {
  const auto seen = [](const std::string& words, std::vector<int64_t> shape) {
    const auto part = seen_part(640, 480, *parse_preprocess(words), image_input(ElementType::kF32, std::move(shape)));
    EXPECT_TRUE(part);
    return *part;
  };
  const SeenPart whole = seen("", {1, 3, 24, 32});
  EXPECT_EQ(whole.x(0.25), 160);
  EXPECT_EQ(whole.y(1), 480);
  EXPECT_EQ(whole.model_width, 32);
  EXPECT_EQ(whole.model_height, 24);
  // 640x480 becomes 320x240, of which the middle 200x100 stays.
  const SeenPart cropped = seen("resize=240 crop=200x100", {1, 100, 200, 3});
  EXPECT_EQ(cropped.x(0), 120);
  EXPECT_EQ(cropped.x(1), 520);
  EXPECT_EQ(cropped.y(0), 140);
  EXPECT_EQ(cropped.y(0.5), 240);
  // Sides that are stretched apart.
  const SeenPart stretched = seen("size=100x200 crop=50", {1, 50, 50, 3});
  EXPECT_EQ(stretched.x(0), 160);
  EXPECT_EQ(stretched.width, 320);
  EXPECT_EQ(stretched.top, 180);
  EXPECT_EQ(stretched.height, 120);
}

TEST(Preprocess, MakesGray) {
  const NdArray& gray = expected().at("gray");
  auto x = prepared("", image_input(ElementType::kF32, {1, 1, 23, 37}));
  ASSERT_TRUE(x) << format(x.error());
  for (size_t i = 0; i < gray.bytes.size(); ++i)
    ASSERT_EQ(x->values<float>()[i], static_cast<float>(gray.values<uint8_t>()[i]));
}

TEST(Preprocess, GivesIntegersInTheModelsQuantization) {
  const NdArray& whole = expected().at("rgb.png");
  TensorInfo input = image_input(ElementType::kI8, {1, 23, 37, 3});
  input.quant = TensorQuantization{{0.02f}, {-5}, 0};
  auto pixels = prepared("", input);
  auto real = prepared("mean=127 std=128", input);
  ASSERT_TRUE(pixels && real);
  for (size_t i = 0; i < whole.bytes.size(); ++i) {
    int pixel = whole.values<uint8_t>()[i];
    ASSERT_EQ(pixels->values<int8_t>()[i], pixel - 128);
    ASSERT_EQ(real->values<int8_t>()[i], std::nearbyint((pixel - 127) / 128.0 / double{0.02f}) - 5);
  }
  auto half = prepared("scale=1/256", image_input(ElementType::kF16, {1, 23, 37, 3}));
  ASSERT_TRUE(half);
  int pixel = whole.values<uint8_t>()[0];
  uint16_t h = half->values<uint16_t>()[0];
  EXPECT_EQ(std::ldexp(1024 + (h & 0x3ff), (h >> 10) - 25), pixel / 256.0);
}

TEST(Preprocess, NamesTheWordThatIsWrong) {
  auto what = [](const char* text) {
    auto spec = parse_preprocess(text);
    return spec ? "accepted" : spec.error().what;
  };
  EXPECT_EQ(what("size=320x240 mean=127 std=128"), "accepted");
  EXPECT_EQ(what("  resize=256 crop=224 gray layout=nchw scale=1/255 "), "accepted");
  for (const char* word : {"size=320", "size=0x5", "mean=1,2", "std=0", "std=-1", "layout=chw", "resize=99999999999",
                           "scale=1/0", "x", "mean", "mean=nan", "color=1"}) {
    EXPECT_EQ(what(word), std::string("--preprocess: '") + word + "' is not understood");
  }
}

TEST(Preprocess, StatesBothSidesOfAWrongShape) {
  auto what = [](const std::string& spec, std::vector<int64_t> shape, ElementType t = ElementType::kF32) {
    auto x = prepared(spec, image_input(t, std::move(shape)));
    return x ? "accepted" : x.error().what;
  };
  EXPECT_EQ(what("size=20x10", {1, 3, 9, 16}),
            "input 'x' is f32[1x3x9x16], an image of 20x10 pixels after preprocessing is given");
  EXPECT_EQ(what("", {4, 3, 9, 16}), "input 'x' is f32[4x3x9x16]: it takes a batch of several images");
  EXPECT_EQ(what("", {1, 5, 9, 16}), "input 'x' is f32[1x5x9x16]: none of its axes has 1 or 3 channels");
  EXPECT_EQ(what("", {1, 3, 9, 3}), "input 'x' is f32[1x3x9x3]: its channels may be the first or the last axis");
  EXPECT_EQ(what("layout=nchw", {1, 3, 9, 3}), "accepted");
  EXPECT_EQ(what("", {7}), "input 'x' is f32[7]: that is not the shape of an image");
  EXPECT_EQ(what("", {1, 3, 9, 16}, ElementType::kI32), "input 'x' is i32[1x3x9x16]: an image cannot be given for it");
  EXPECT_EQ(what("gray", {1, 3, 9, 16}), "input 'x' is f32[1x3x9x16]: a gray image is given");
  EXPECT_EQ(what("mean=1,2,3", {1, 1, 9, 16}), "input 'x' is f32[1x1x9x16]: mean and std are given for 3 channels");
}

}  // namespace
}  // namespace atl
