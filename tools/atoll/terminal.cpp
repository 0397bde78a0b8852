#include "terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

namespace atl::cli {
namespace {

constexpr double kRedrawSeconds = 0.05;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

bool is_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1; }

bool may_color(std::FILE* stream) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return is_terminal(stream) && !(no_color && *no_color) && !(term && std::strcmp(term, "dumb") == 0);
}

std::string styled(std::string_view text, Style style, std::FILE* stream) {
  if (!may_color(stream)) return std::string(text);
  const char* code = "0";
  switch (style) {
    case Style::kBold:
      code = "1";
      break;
    case Style::kRed:
      code = "1;31";
      break;
    case Style::kGreen:
      code = "32";
      break;
    case Style::kYellow:
      code = "33";
      break;
    case Style::kDim:
      code = "2";
      break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

ProgressBar::ProgressBar() : active_(is_terminal(stderr)) {}
ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::show(std::string_view step, double done, double total) {
  if (!active_ || (drawn_ && now() - last_ < kRedrawSeconds)) return;
  last_ = now();
  drawn_ = true;
  winsize size{};
  const int columns = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  const int width = std::clamp(columns - 40, 10, 40);
  const double part = total > 0 ? std::clamp(done / total, 0.0, 1.0) : 0;
  const int filled = int(part * width);
  fmt::print(stderr, "\r\x1b[K{:<20} [{}{}] {:3.0f} %", step, std::string(size_t(filled), '#'),
             std::string(size_t(width - filled), '.'), part * 100);
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

std::string human_bytes(double bytes) {
  if (bytes < 1000) return fmt::format("{:.0f} B", bytes);
  if (bytes < 1e6) return fmt::format("{:.1f} kB", bytes / 1e3);
  if (bytes < 1e9) return fmt::format("{:.2f} MB", bytes / 1e6);
  return fmt::format("{:.2f} GB", bytes / 1e9);
}

std::string human_seconds(double seconds) {
  if (seconds < 1e-3) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

}  // namespace atl::cli
