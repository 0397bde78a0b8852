// Result<T>: a value or an Error. TRY passes an error on, CHECK_OP states a labelled condition of an operator.
#pragma once
#include <fmt/core.h>

#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "support/error.h"

namespace atl {

/// A value of type T, or the Error that prevented it. Converts from both.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::move(value)) {}
  Result(Error e) : v_(std::make_unique<Error>(std::move(e))) {}
  template <class U>
  requires(std::is_constructible_v<T, U&&> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, T>) Result(U&& value)
      : v_(T(std::forward<U>(value))) {}

  explicit operator bool() const { return v_.index() == 0; }
  T& operator*() & { return std::get<0>(v_); }
  const T& operator*() const& { return std::get<0>(v_); }
  T&& operator*() && { return std::get<0>(std::move(v_)); }
  T* operator->() { return &std::get<0>(v_); }
  const T* operator->() const { return &std::get<0>(v_); }
  Error& error() { return *std::get<1>(v_); }
  const Error& error() const { return *std::get<1>(v_); }

 private:
  std::variant<T, std::unique_ptr<Error>> v_;
};

/// Success, or the Error that prevented it.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error e) : e_(std::make_unique<Error>(std::move(e))) {}
  explicit operator bool() const { return !e_; }
  Error& error() { return *e_; }
  const Error& error() const { return *e_; }

 private:
  std::unique_ptr<Error> e_;
};
using Status = Result<void>;

#define ATOLL_CONCAT2(a, b) a##b
#define ATOLL_CONCAT(a, b) ATOLL_CONCAT2(a, b)
#define ATOLL_TRY(r, decl, ...)        \
  auto r = (__VA_ARGS__);              \
  if (!r) return std::move(r.error()); \
  decl = std::move(*r)
/// TRY(auto x, f()): declares x from a Result, or returns its error from the enclosing function.
#define TRY(decl, ...) ATOLL_TRY(ATOLL_CONCAT(try_, __COUNTER__), decl, __VA_ARGS__)
/// TRY_STATUS(f()): returns the error of a Status from the enclosing function.
#define TRY_STATUS(...)                                             \
  do {                                                              \
    if (auto s_ = (__VA_ARGS__); !s_) return std::move(s_.error()); \
  } while (false)
/// CHECK_OP(C1, condition, "message {}", args...): a labelled constraint of an operator's operands.
#define CHECK_OP(label, condition, ...)                                                                     \
  do {                                                                                                      \
    if (!(condition)) return ::atl::error(::atl::Code::kShape, fmt::format(__VA_ARGS__) + " [" #label "]"); \
  } while (false)

}  // namespace atl
