#include "task/canvas.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "task/bitmap_font.h"

namespace atl {
namespace {

constexpr double kGoldenTurn = 0.61803398875;
constexpr int kPixelsOfScale = 420;  // of the shorter side, for every step of line width and text size

// One byte a character: continuation bytes of UTF-8 are dropped, its first bytes stand for the character.
std::string characters(std::string_view text) {
  std::string out;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) out += c;
  return out;
}

uint8_t mix(uint8_t below, uint8_t above, double opacity) {
  return uint8_t(std::lround(double(below) * (1 - opacity) + double(above) * opacity));
}

uint8_t channel(double v) { return uint8_t(std::lround(255 * std::clamp(v, 0.0, 1.0))); }

}  // namespace

Color color_of(size_t index) {
  const double hue = 6 * std::fmod(0.02 + double(index) * kGoldenTurn, 1.0);
  const auto wave = [&](double shift) { return std::clamp(std::abs(std::fmod(hue + shift, 6.0) - 3) - 1, 0.0, 1.0); };
  constexpr double kDark = 0.1, kRange = 0.9;
  return {channel(kDark + kRange * wave(0)), channel(kDark + kRange * wave(4)), channel(kDark + kRange * wave(2))};
}

Color text_color_on(Color c) { return 0.299 * c.r + 0.587 * c.g + 0.114 * c.b > 140 ? kBlack : kWhite; }

int Canvas::scale() const { return std::max(1, (std::min(width(), height()) + kPixelsOfScale / 2) / kPixelsOfScale); }

void Canvas::dot(int x, int y, Color color, double opacity) {
  if (x < 0 || y < 0 || x >= width() || y >= height()) return;
  uint8_t* p = &image_.pixels[(size_t(y) * size_t(width()) + size_t(x)) * 3];
  p[0] = mix(p[0], color.r, opacity);
  p[1] = mix(p[1], color.g, opacity);
  p[2] = mix(p[2], color.b, opacity);
}

void Canvas::fill(int x, int y, int w, int h, Color color, double opacity) {
  for (int v = std::max(0, y); v < std::min(height(), y + h); ++v)
    for (int u = std::max(0, x); u < std::min(width(), x + w); ++u) dot(u, v, color, opacity);
}

void Canvas::frame(int x, int y, int w, int h, int thickness, Color color) {
  const int t = std::min({thickness, std::max(1, w / 2), std::max(1, h / 2)});
  fill(x, y, w, t, color);
  fill(x, y + h - t, w, t, color);
  fill(x, y + t, t, h - 2 * t, color);
  fill(x + w - t, y + t, t, h - 2 * t, color);
}

void Canvas::line(double x1, double y1, double x2, double y2, double thickness, Color color) {
  const double length = std::max(1e-9, std::hypot(x2 - x1, y2 - y1)), half = thickness / 2;
  const auto low = [&](double a, double b, int limit) {
    return int(std::clamp(std::min(a, b) - half - 1, 0.0, double(limit)));
  };
  const auto high = [&](double a, double b, int limit) {
    return int(std::clamp(std::max(a, b) + half + 2, 0.0, double(limit)));
  };
  for (int y = low(y1, y2, height()); y < high(y1, y2, height()); ++y)
    for (int x = low(x1, x2, width()); x < high(x1, x2, width()); ++x) {
      const double along = std::clamp(((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length, 0.0, length) / length;
      const double distance = std::hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1));
      if (distance < half + 1) dot(x, y, color, std::clamp(half + 0.5 - distance, 0.0, 1.0));
    }
}

void Canvas::disc(double x, double y, double radius, Color color) { line(x, y, x, y, 2 * radius, color); }

void Canvas::text(int x, int y, std::string_view text, int scale, Color color) {
  for (const char c : characters(text)) {
    for (int v = 0; v < kGlyphHeight; ++v)
      for (int u = 0; u < kGlyphWidth; ++u)
        if (glyph_has(c, u, v)) fill(x + u * scale, y + v * scale, scale, scale, color);
    x += (kGlyphWidth + 1) * scale;
  }
}

int Canvas::text_width(std::string_view text, int scale) {
  return std::max(0, int(characters(text).size()) * (kGlyphWidth + 1) * scale - scale);
}

int Canvas::text_height(int scale) { return kGlyphHeight * scale; }

void Canvas::plate(int x, int y, std::string_view text, int scale, Color background) {
  const int margin = scale, w = text_width(text, scale) + 2 * margin, h = text_height(scale) + margin;
  x = std::clamp(x, 0, std::max(0, width() - w));
  y = std::clamp(y, 0, std::max(0, height() - h));
  fill(x, y, w, h, background);
  this->text(x + margin, y + margin, text, scale, text_color_on(background));
}

}  // namespace atl
