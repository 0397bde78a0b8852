#include "task/canvas.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "task/bitmap_font.h"
#include "task/draw.h"

namespace atl {
namespace {

Image blank(int width, int height) { return {width, height, std::vector<uint8_t>(size_t(width) * size_t(height) * 3, 100)}; }

bool is(const Image& i, int x, int y, Color c) { return i.at(x, y, 0) == c.r && i.at(x, y, 1) == c.g && i.at(x, y, 2) == c.b; }

TEST(Canvas, DrawsFramesInsideThePicture) {
  Image image = blank(20, 12);
  Canvas(image).frame(2, 3, 10, 6, 2, kWhite);
  for (int y = 0; y < 12; ++y)
    for (int x = 0; x < 20; ++x) {
      const bool inside = x >= 2 && x < 12 && y >= 3 && y < 9, hole = x >= 4 && x < 10 && y >= 5 && y < 7;
      EXPECT_EQ(is(image, x, y, kWhite), inside && !hole) << x << ' ' << y;
    }
  Canvas(image).frame(-5, -5, 100, 100, 3, kBlack);  // nothing of it is seen, and nothing is overwritten
  Canvas(image).line(-50, 5, 70, 5, 1, kBlack);
  for (int x = 0; x < 20; ++x) EXPECT_TRUE(is(image, x, 5, kBlack));
}

TEST(Canvas, WritesText) {
  Image image = blank(60, 20);
  Canvas(image).text(1, 2, "I", 2, kBlack);
  // The stem of an I: columns 2 of 5, twice as large.
  for (int y = 2; y < 2 + 14; ++y) EXPECT_TRUE(is(image, 5, y, kBlack)) << y;
  EXPECT_FALSE(is(image, 1, 10, kBlack));
  EXPECT_EQ(Canvas::text_width("abc", 2), 34);
  EXPECT_EQ(Canvas::text_width("\xc3\xa4", 1), 5);  // one character
}

TEST(Font, HasEveryCharacterOnce) {
  std::set<std::string> shapes;
  for (int c = 32; c < 127; ++c) {
    std::string shape;
    for (int y = 0; y < kGlyphHeight; ++y)
      for (int x = 0; x < kGlyphWidth; ++x) shape += glyph_has(char(c), x, y) ? '#' : '.';
    EXPECT_TRUE(shapes.insert(shape).second) << char(c);
  }
}

TEST(Canvas, ColoursDiffer) {
  std::set<std::array<int, 3>> coarse;
  for (size_t i = 0; i < 21; ++i) {
    const Color c = color_of(i);
    coarse.insert({c.r / 8, c.g / 8, c.b / 8});
  }
  EXPECT_EQ(coarse.size(), 21u);
  EXPECT_EQ(text_color_on(kWhite).r, 0);
  EXPECT_EQ(text_color_on(kBlack).r, 255);
}

TEST(Draw, PutsBoxesWhereTheModelSawThem) {
  // The model saw the middle half of the picture.
  Image image = blank(200, 100);
  SeenPart seen;
  seen.left = 50;
  seen.top = 0;
  seen.width = 100;
  seen.height = 100;
  draw_objects(image, seen, {{3, 0.9, {0.5, 0.5, 1, 1}}}, Labels());
  EXPECT_TRUE(is(image, 100, 90, color_of(3)));
  EXPECT_TRUE(is(image, 149, 90, color_of(3)));
  EXPECT_FALSE(is(image, 120, 90, color_of(3)));
  EXPECT_TRUE(is(image, 120, 99, color_of(3)));
}

TEST(Draw, ColoursSegments) {
  Image image = blank(400, 200);
  SeenPart seen;
  seen.width = 400;
  seen.height = 200;
  const Image before = image;
  draw_segments(image, seen, {2, 1, {0, 5}}, Labels());
  EXPECT_TRUE(is(image, 150, 190, {100, 100, 100}));
  EXPECT_FALSE(is(image, 350, 190, {100, 100, 100}));
}

}  // namespace
}  // namespace atl
