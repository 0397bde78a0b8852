// A small fixed-width font, so that labels can be drawn on any device without a font file.
#pragma once

namespace atl {

inline constexpr int kGlyphWidth = 5, kGlyphHeight = 8;

/// Whether a character has a dot at column `x` of 5 and row `y` of 8. Characters outside printable ASCII are an empty box.
bool glyph_has(char c, int x, int y);

}  // namespace atl
