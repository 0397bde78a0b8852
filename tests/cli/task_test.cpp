// atoll run --task: on models that are made up here, and on real ones where they are there.
#include <cmath>

#include "command_line.h"
#include "stand_in/table_model.h"

namespace atl::cli {
namespace {

using edgetpu::SmallModel;
using nlohmann::json;
using tflite::BuiltinOperator;
using Type = tflite::TensorType;

class TaskTest : public CommandLineTest {
 protected:
  void SetUp() override {
    CommandLineTest::SetUp();
    if (!has_litert()) GTEST_SKIP() << "LiteRT is not installed";
  }
  void write_model(const std::string& name, SmallModel& m) const {
    const auto bytes = m.bytes();
    write(name, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  json task(std::vector<std::string> args) const {
    args.insert(args.begin(), "run");
    args.push_back("--json");
    const Answer a = run(args);
    EXPECT_EQ(a.exit_code, 0) << a.out << a.err;
    return a.exit_code == 0 ? json::parse(a.out)["task"] : json();
  }
  static std::string shared(const std::string& file) { return source_file("../shared/" + file); }
  // The tests on real models.
  static bool has_shared() {
    return std::filesystem::exists(shared("edgetpu/pairs")) && std::filesystem::exists(shared("data/images"));
  }
};

// ---------------------------------------------------------------- LiteRT's detection post-processing

std::vector<uint8_t> post_processing_options() {
  flexbuffers::Builder f;
  f.Map([&] {
    f.Int("max_detections", 3);
    f.Int("max_classes_per_detection", 1);
    f.Int("num_classes", 2);
    f.Float("nms_score_threshold", 0.1f);
    f.Float("nms_iou_threshold", 0.5f);
    for (const char* scale : {"y_scale", "x_scale"}) f.Float(scale, 10);
    for (const char* scale : {"h_scale", "w_scale"}) f.Float(scale, 5);
    f.Bool("use_regular_nms", false);
  });
  f.Finish();
  return f.GetBuffer();
}

// Boxes are given by anchors alone (the encodings are zero): two that overlap, and one apart.
TEST_F(TaskTest, ReadsLiteRtsDetectionPostProcessing) {
  SmallModel m;
  const int encodings = m.input(Type::FLOAT32, {1, 3, 4}), scores = m.input(Type::FLOAT32, {1, 3, 3});
  const std::vector<float> anchors = {0.25f, 0.5f, 0.5f, 0.5f, 0.25f, 0.52f, 0.5f, 0.5f, 0.8f, 0.2f, 0.2f, 0.1f};  // y, x, h, w
  const int a = m.floats({3, 4}, anchors);
  std::vector<int> outputs;
  for (const Shape& s : {Shape{1, 3, 4}, Shape{1, 3}, Shape{1, 3}, Shape{1}}) outputs.push_back(m.output(Type::FLOAT32, s));
  m.custom("TFLite_Detection_PostProcess", post_processing_options(), {encodings, scores, a}, outputs);
  write_model("ssd.tflite", m);
  const std::vector<float> zeros(12), values = {0.0f, 0.9f, 0.1f, 0.0f, 0.8f, 0.1f, 0.1f, 0.2f, 0.7f};  // the background first
  write("e.bin", std::string(reinterpret_cast<const char*>(zeros.data()), 48));
  write("s.bin", std::string(reinterpret_cast<const char*>(values.data()), 36));
  write("labels.txt", "cat\ndog\n");
  const json j =
      task({"ssd.tflite", "--input", "in0=e.bin", "--input", "in1=s.bin", "--task", "detect", "--labels", "labels.txt"});
  EXPECT_EQ(j["unit"], "relative");
  ASSERT_EQ(j["objects"].size(), 2u) << j;
  EXPECT_EQ(j["objects"][0]["label"], "cat");
  EXPECT_NEAR(j["objects"][0]["score"], 0.9, 1e-6);
  const std::vector<double> first = {0.25, 0.0, 0.75, 0.5}, second = {0.15, 0.7, 0.25, 0.9};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(j["objects"][0]["box"][i], first[i], 1e-5);
    EXPECT_NEAR(j["objects"][1]["box"][i], second[i], 1e-5);
  }
  EXPECT_EQ(j["objects"][1]["label"], "dog");
}

// ---------------------------------------------------------------- pictures

// A 16-colour BMP would do, but the simplest is 24 bits: blue on the left half, red on the right.
std::string bmp(int width, int height) {
  const int stride = (width * 3 + 3) / 4 * 4;
  std::string s = "BM";
  const auto u32 = [&](uint32_t v) { s.append(reinterpret_cast<const char*>(&v), 4); };
  u32(uint32_t(54 + stride * height));
  u32(0);
  u32(54);
  u32(40);
  u32(uint32_t(width));
  u32(uint32_t(height));
  u32(1 | 24u << 16);
  for (int i = 0; i < 6; ++i) u32(0);
  for (int y = 0; y < height; ++y) {
    std::string row;
    for (int x = 0; x < width; ++x) row += x < width / 2 ? std::string("\xff\0\0", 3) : std::string("\0\0\xff", 3);
    row.resize(size_t(stride));
    s += row;
  }
  return s;
}

// The model gives its picture back: as scores of three classes (red, green, blue) for each pixel.
TEST_F(TaskTest, SegmentsAndDraws) {
  SmallModel m;
  m.op(BuiltinOperator::RELU, 1, {m.input(Type::FLOAT32, {1, 8, 16, 3})}, {m.output(Type::FLOAT32, {1, 8, 16, 3})});
  write_model("echo.tflite", m);
  write("picture.bmp", bmp(320, 160));
  write("labels.txt", "red\ngreen\nblue\n");
  const json j =
      task({"echo.tflite", "--input", "picture.bmp", "--task", "segment", "--labels", "labels.txt", "--draw", "out.png"});
  EXPECT_EQ(j["unit"], "pixel");
  EXPECT_EQ(j["width"], 320);
  ASSERT_EQ(j["regions"].size(), 2u) << j;
  for (const json& r : j["regions"]) {
    EXPECT_NEAR(r["share"], 0.5, 0.07);
    const bool blue = r["label"] == "blue";
    EXPECT_NEAR(r["box"][blue ? 0 : 2], blue ? 0 : 320, 1e-6);
    EXPECT_NEAR(r["box"][blue ? 2 : 0], 160, 21);
  }
  EXPECT_EQ(j["drawn"], "out.png");
  EXPECT_EQ(read("out.png").substr(1, 3), "PNG");
  const json drawn = json::parse(run({"inspect", "out.png", "--json"}).out);
  EXPECT_EQ(drawn["kind"], "image");
  // The same bytes again.
  const std::string once = read("out.png");
  task({"echo.tflite", "--input", "picture.bmp", "--task", "segment", "--labels", "labels.txt", "--draw", "out.png"});
  EXPECT_EQ(read("out.png"), once);
}

TEST_F(TaskTest, SaysWhatDoesNotFit) {
  SmallModel m;
  m.op(BuiltinOperator::RELU, 1, {m.input(Type::FLOAT32, {1, 8, 16, 3})}, {m.output(Type::FLOAT32, {1, 8, 16, 3})});
  write_model("echo.tflite", m);
  write("picture.bmp", bmp(32, 16));
  const Answer a = run({"run", "echo.tflite", "--input", "picture.bmp", "--task", "detect"});
  EXPECT_EQ(a.exit_code, 1);
  EXPECT_NE(
      a.err.find("error[E602]: the outputs are neither those of LiteRT's detection post-processing nor boxes [N,4] and scores "
                 "[N,C]; its outputs: 'out0' f32[1x8x16x3]"),
      std::string::npos)
      << a.err;
  const Answer draw = run({"run", "echo.tflite", "--random", "1", "--task", "segment", "--draw", "out.png"});
  EXPECT_EQ(draw.exit_code, 1);
  EXPECT_NE(draw.err.find("there is no picture to draw on"), std::string::npos) << draw.err;
  EXPECT_EQ(run({"run", "echo.tflite", "--random", "1", "--draw", "out.png"}).exit_code, 2);
  EXPECT_EQ(run({"run", "echo.tflite", "--random", "1", "--task", "guess"}).exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(path("out.png")));
}

// ---------------------------------------------------------------- real models; the answers are LiteRT's own on Pillow's
// pictures

TEST_F(TaskTest, ClassifiesPhotos) {
  if (!has_shared()) GTEST_SKIP() << "no " << shared("");
  struct Case {
    std::string model, photo, label;
    double score;
  };
  const std::string v2 = "compiler-2.1/mobilenet_v2_1.0_224_quant",
                    edge = "compiler-2.1/mobilenet_edgetpu_0.75_224_post_training_quant",
                    v1 = "compiler-16/mobilenet_v1_0.75_192_quant";
  for (const Case& c : {Case{v2, "cat", "Egyptian cat", 203}, Case{v2, "bird", "chickadee", 252},
                        Case{v2, "grace_hopper", "military uniform", 238}, Case{v1, "cat", "tabby, tabby cat", 98},
                        Case{v1, "bird", "chickadee", 252}, Case{v1, "grace_hopper", "military uniform", 75},
                        Case{edge, "bird", "chickadee", 204}, Case{edge, "grace_hopper", "military uniform", 93}}) {
    const json j = task({shared("edgetpu/pairs/" + c.model + ".tflite"), "--input", shared("data/images/" + c.photo + ".bmp"),
                         "--task", "classify", "--labels", shared("data/images/imagenet_labels.txt"), "--draw", "out.png"});
    EXPECT_EQ(j["classes"].size(), 5u);
    EXPECT_EQ(j["classes"][0]["label"], c.label) << c.model << ' ' << c.photo;
    EXPECT_NEAR(j["classes"][0]["score"], c.score / 256, 0.03) << c.model << ' ' << c.photo;
  }
}

TEST_F(TaskTest, SegmentsPhotos) {
  if (!has_shared()) GTEST_SKIP() << "no " << shared("");
  struct Case {
    std::string photo;
    int index;
    double pixels;
  };
  for (const Case& c : {Case{"cat", 8, 108761}, Case{"bird", 3, 45996}, Case{"grace_hopper", 15, 172759}}) {
    const json j = task({shared("edgetpu/pairs/compiler-16/deeplabv3_mnv2_dm05_pascal_quant.tflite"), "--input",
                         shared("data/images/" + c.photo + ".bmp"), "--task", "segment"});
    double pixels = 0;
    for (const json& r : j["regions"])
      if (r["index"] == c.index) pixels = r["pixels"];
    EXPECT_NEAR(pixels, c.pixels, 0.03 * c.pixels) << c.photo;
    EXPECT_EQ(j["regions"].size(), 2u) << c.photo;
  }
}

TEST_F(TaskTest, FindsKeyPoints) {
  if (!has_shared()) GTEST_SKIP() << "no " << shared("");
  const auto pose = [&](const std::string& model) {
    return task({shared("edgetpu/pairs/compiler-16/" + model + ".tflite"), "--input", shared("data/images/grace_hopper.bmp"),
                 "--task", "pose", "--draw", "out.png"});
  };
  const json movenet = pose("movenet_single_pose_lightning_ptq"),
             posenet = pose("posenet_mobilenet_v1_075_353_481_16_quant_decoder");
  ASSERT_EQ(movenet["poses"].size(), 1u);
  ASSERT_EQ(posenet["poses"].size(), 1u) << posenet;
  const json &m = movenet["poses"][0]["points"], &p = posenet["poses"][0]["points"];
  EXPECT_EQ(p[0]["name"], "nose");
  // MoveNet's own numbers, relative to the picture of 512 x 600 pixels.
  EXPECT_NEAR(m[0]["x"], 0.500 * 512, 6);
  EXPECT_NEAR(m[0]["y"], 0.381 * 600, 6);
  EXPECT_NEAR(m[5]["x"], 0.873 * 512, 6);
  EXPECT_NEAR(m[5]["y"], 0.713 * 600, 6);
  // Both see the same face and shoulders.
  for (const size_t k : {size_t{0}, size_t{1}, size_t{2}, size_t{5}, size_t{6}})
    EXPECT_LT(std::hypot(p[k]["x"].get<double>() - m[k]["x"].get<double>(), p[k]["y"].get<double>() - m[k]["y"].get<double>()),
              60)
        << m[k]["name"];
  // Its own task apart, LiteRT has no such operator.
  const Answer plain = run(
      {"run", shared("edgetpu/pairs/compiler-16/posenet_mobilenet_v1_075_353_481_16_quant_decoder.tflite"), "--random", "1"});
  EXPECT_EQ(plain.exit_code, 1);
  EXPECT_NE(plain.err.find("PosenetDecoderOp"), std::string::npos) << plain.err;
  EXPECT_NE(plain.err.find("hint: LiteRT has no such operator; of PoseNet's decoder, run --task pose"), std::string::npos)
      << plain.err;
}

// The answers are torch's outputs for Pillow's pictures, after suppression at 0.5.
TEST_F(TaskTest, DetectsFaces) {
  const std::string program = shared("data/ultraface/ultraface_rfb320.pt2");
  if (!std::filesystem::exists(program)) GTEST_SKIP() << "no " << program;
  const Answer converted = run({"convert", program, "-o", "face.tflite", "--no-verify"});
  ASSERT_EQ(converted.exit_code, 0) << converted.err;
  struct Case {
    std::string photo;
    size_t faces;
    std::vector<double> best, second;
  };
  for (const Case& c : {Case{"13", 2, {91.4, 17.7, 154.8, 102.9}, {299.8, 84.3, 362.3, 170.8}},
                        Case{"11", 25, {624.5, 303.5, 670.8, 368.1}, {282.0, 144.9, 319.7, 199.8}}}) {
    const json j = task({"face.tflite", "--input", shared("data/ultraface/images/" + c.photo + ".jpg"), "--preprocess",
                         "size=320x240 mean=127 std=128", "--task", "detect", "--draw", "out.png"});
    ASSERT_EQ(j["objects"].size(), c.faces);
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(j["objects"][0]["box"][i], c.best[i], 0.5) << c.photo;
      EXPECT_NEAR(j["objects"][1]["box"][i], c.second[i], 0.5) << c.photo;
    }
    EXPECT_EQ(j["objects"][0]["index"], 1);
  }
}

}  // namespace
}  // namespace atl::cli
