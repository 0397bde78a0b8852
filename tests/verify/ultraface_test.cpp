// Networks with trained weights, end to end: converted, proven, equal to what torch recorded, and finding the same faces in
// photos.
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "import/importer.h"
#include "read/program.h"
#include "run/preprocess.h"
#include "verify/evaluate.h"
#include "verify/recorded_network.h"

namespace atl {
namespace {

namespace fs = std::filesystem;

const fs::path kData = fs::path(ATOLL_SOURCE_DIR) / ".." / "shared" / "data";

struct Face {
  float score = 0;
  std::array<float, 4> box{};  // x1 y1 x2 y2 in 0..1
};

float area(const std::array<float, 4>& b) { return std::max(b[2] - b[0], 0.0f) * std::max(b[3] - b[1], 0.0f); }

float intersection_over_union(const Face& a, const Face& b) {
  const std::array<float, 4> both = {std::max(a.box[0], b.box[0]), std::max(a.box[1], b.box[1]), std::min(a.box[2], b.box[2]),
                                     std::min(a.box[3], b.box[3])};
  const float shared = area(both);
  return shared / (area(a.box) + area(b.box) - shared);
}

// The boxes f32[1,N,4] whose score of class 1 in f32[1,N,2] is above 0.7, the best first, without those that overlap a better
// one by more than 0.3.
std::vector<Face> decode_faces(const Tensor& scores, const Tensor& boxes) {
  const int64_t n = scores.count() / 2;
  if (scores.shape() != Shape{1, n, 2} || boxes.shape() != Shape{1, n, 4}) {
    ADD_FAILURE() << "scores " << to_string(scores.type()) << ", boxes " << to_string(boxes.type());
    return {};
  }
  std::vector<Face> found, kept;
  for (int64_t i = 0; i < n; ++i) {
    const float* b = boxes.data<float>() + i * 4;
    const float score = scores.data<float>()[i * 2 + 1];
    if (score > 0.7f) found.push_back({score, {b[0], b[1], b[2], b[3]}});
  }
  std::stable_sort(found.begin(), found.end(), [](const Face& a, const Face& b) { return a.score > b.score; });
  for (const Face& f : found)
    if (std::none_of(kept.begin(), kept.end(), [&](const Face& k) { return intersection_over_union(f, k) > 0.3f; }))
      kept.push_back(f);
  return kept;
}

// The largest difference of a corner between `face` and the nearest of `others`.
float distance_to_nearest(const Face& face, const std::vector<Face>& others) {
  float nearest = INFINITY;
  for (const Face& other : others) {
    float d = 0;
    for (size_t k = 0; k < 4; ++k) d = std::max(d, std::abs(face.box[k] - other.box[k]));
    nearest = std::min(nearest, d);
  }
  return nearest;
}

class UltrafaceTest : public RecordedNetworkTest {
 protected:
  void SetUp() override {
    if (!fs::exists(kFolder)) GTEST_SKIP() << "there is no folder " << kFolder.string();
    LiteRtTest::SetUp();
  }
  const fs::path kFolder = kData / "ultraface";
  const fs::path kStem = kFolder / "ultraface_rfb320";
};

TEST_F(UltrafaceTest, IsProvenAndEqualsTorch) { expect_equal_to_torch(kStem, 2, false); }

TEST_F(UltrafaceTest, ChannelsLastIsProvenAndEqualsTorch) { expect_equal_to_torch(kStem, 2, true); }

TEST_F(UltrafaceTest, FindsTheSameFacesInPhotos) {
  const std::string source = kStem.string() + ".pt2";
  const auto program = read_program(source);
  ASSERT_TRUE(program) << format(program.error());
  const auto imported = import_program(*program);
  ASSERT_TRUE(imported) << format(imported.error());
  const auto spec = parse_preprocess("size=320x240 mean=127 std=128");
  ASSERT_TRUE(spec) << format(spec.error());
  // What torch 2.13 finds in the photos as Pillow decodes and resizes them; no score is nearer to the threshold than 0.0018.
  const std::map<std::string, size_t> torch_found = {{"1.jpg", 44},  {"2.jpg", 4},  {"5.jpg", 1},    {"8.jpg", 49},
                                                     {"11.jpg", 25}, {"13.jpg", 2}, {"16.jpg", 9},   {"18.jpg", 6},
                                                     {"21.jpg", 5},  {"23.jpg", 3}, {"25.jpg", 122}, {"27.jpg", 67}};

  std::map<std::string, std::vector<Face>> expected;
  for (const bool nhwc : {false, true}) {
    SCOPED_TRACE(nhwc ? "nhwc" : "nchw");
    const TemporaryFile file(nhwc ? "faces_nhwc" : "faces");
    ConvertOptions options;
    options.nhwc = nhwc;
    options.verify = false;
    const auto report = convert(source, file.path(), options);
    ASSERT_TRUE(report) << format(report.error());
    auto model = ConvertedFile::load(library_, *report);
    ASSERT_TRUE(model) << format(model.error());
    for (const auto& entry : fs::directory_iterator(kFolder / "images")) {
      const std::string name = entry.path().filename().string();
      SCOPED_TRACE(name);
      const auto photo = read_image(entry.path());
      ASSERT_TRUE(photo) << format(photo.error());
      const auto input = preprocess(*photo, *spec, model->input());
      ASSERT_TRUE(input) << format(input.error());
      if (!nhwc) {
        const auto reference = evaluate(imported->graph, Tensors{tensor_of(*input)});
        ASSERT_TRUE(reference) << format(reference.error());
        ASSERT_EQ(reference->outputs.size(), 2u);
        expected[name] = decode_faces(reference->outputs[0], reference->outputs[1]);
      }
      const auto got = model->run(*input);
      ASSERT_TRUE(got) << format(got.error());
      ASSERT_EQ(got->size(), 2u);
      const std::vector<Face> faces = decode_faces((*got)[0], (*got)[1]);
      EXPECT_EQ(faces.size(), expected[name].size());
      for (const Face& f : faces) EXPECT_LE(distance_to_nearest(f, expected[name]), 1e-4f);
      for (const Face& f : expected[name]) EXPECT_LE(distance_to_nearest(f, faces), 1e-4f);
    }
  }
  std::map<std::string, size_t> counts;
  for (const auto& [name, faces] : expected) counts[name] = faces.size();
  EXPECT_EQ(counts, torch_found);
}

class MtcnnTest : public RecordedNetworkTest {
 protected:
  void SetUp() override {
    if (!fs::exists(kFolder)) GTEST_SKIP() << "there is no folder " << kFolder.string();
    LiteRtTest::SetUp();
  }
  const fs::path kFolder = kData / "mtcnn";
};

TEST_F(MtcnnTest, OutputNetIsProvenAndEqualsTorch) { expect_equal_to_torch(kFolder / "mtcnn_onet", 3, false); }

}  // namespace
}  // namespace atl
