// Canvas: lines, areas and text on a picture.
#pragma once
#include <cstdint>
#include <string_view>

#include "run/image.h"

namespace atl {

struct Color {
  uint8_t r = 0, g = 0, b = 0;
};
inline constexpr Color kWhite{255, 255, 255}, kBlack{0, 0, 0};

/// A colour for a class: neighbours in number are far apart in hue.
Color color_of(size_t index);
/// Black or white, whichever is easier to read on the colour.
Color text_color_on(Color background);

/// Draws on an image; what lies outside is left out.
class Canvas {
 public:
  explicit Canvas(Image& image) : image_(image) {}
  int width() const { return image_.width; }
  int height() const { return image_.height; }
  /// A line width and a text size in proportion to the picture: 1 for small ones.
  int scale() const;

  void dot(int x, int y, Color color, double opacity = 1);
  void fill(int x, int y, int width, int height, Color color, double opacity = 1);
  /// The edges of a rectangle, `thickness` pixels wide, inside it.
  void frame(int x, int y, int width, int height, int thickness, Color color);
  void line(double x1, double y1, double x2, double y2, double thickness, Color color);
  void disc(double x, double y, double radius, Color color);
  /// Text whose upper left corner is at x, y; bytes of UTF-8 outside ASCII are one box a character.
  void text(int x, int y, std::string_view text, int scale, Color color);
  /// The same on a filled plate that is moved into the picture.
  void plate(int x, int y, std::string_view text, int scale, Color background);
  static int text_width(std::string_view text, int scale);
  static int text_height(int scale);

 private:
  Image& image_;
};

}  // namespace atl
