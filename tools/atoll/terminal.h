// What a person sees: colour and progress bars on a terminal, plain text in a pipe.
#pragma once
#include <cstdio>
#include <string>
#include <string_view>

namespace atl::cli {

/// True when the stream is a terminal.
bool is_terminal(std::FILE* stream);
/// True when colour may be used on the stream: a terminal, TERM is not "dumb", and NO_COLOR is not set.
bool may_color(std::FILE* stream);
/// The text in bold, red, green or yellow when the stream may have colour.
enum class Style { kBold, kRed, kGreen, kYellow, kDim };
std::string styled(std::string_view text, Style style, std::FILE* stream);

/// A progress bar on stderr: drawn only on a terminal, at most twenty times a second, and removed at the end.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(std::string_view step, double done, double total);
  void clear();

 private:
  bool active_ = false;
  bool drawn_ = false;
  double last_ = -1;
};

/// "1.2 MB".
std::string human_bytes(double bytes);
/// "12.3 ms".
std::string human_seconds(double seconds);

}  // namespace atl::cli
