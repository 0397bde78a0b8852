// What LiteRT writes to stderr, taken off the screen and given to the caller.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace atl {

/// Points the `stderr` of one opened shared library, and of nothing else in the process, to a stream of Atoll's own: the
/// library's global offset table gets another address for that one variable. LiteRT's interface has no log callback, and parts
/// of it ignore its log severity. `handle` is dlopen's. False where the table has no such entry; the library then keeps writing
/// to the process's stderr.
bool redirect_stderr(void* handle);

/// While it lives, collects what a redirected library writes from this thread. Without one the text is dropped. May be nested.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  /// Everything written, one entry a line, such as "INFO: Created TensorFlow Lite XNNPACK delegate for CPU."
  std::vector<std::string> lines() const;
  const std::string& text() const { return text_; }
  /// Adds what another capture has collected, on another thread for example.
  void append(std::string_view text) { text_ += text; }
  /// The lines marked ERROR, without the mark and the place in LiteRT's source, joined by "; ". Falls back to WARNING lines.
  std::string problems() const;

 private:
  friend struct LogStream;
  std::string text_;
  LogCapture* outer_;
};

}  // namespace atl
