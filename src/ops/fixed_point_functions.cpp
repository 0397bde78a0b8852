#include "ops/fixed_point_functions.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace atl {
namespace {

// ---- 16 bits ----

constexpr int16_t kOne = 32767;  // the largest number of Q0

int16_t product(int16_t a, int16_t b) {
  if (a == -32768 && b == -32768) return 32767;
  return int16_t((int32_t(a) * int32_t(b) + (1 << 14)) >> 15);
}

int16_t sum(int16_t a, int16_t b) { return int16_t(int32_t(a) + int32_t(b)); }

// x * 2^exponent, saturated.
int16_t raised(int16_t x, int exponent) {
  const int32_t limit = (1 << (15 - exponent)) - 1;
  return x > limit ? 32767 : x < -limit ? -32768 : int16_t(x * (1 << exponent));
}

// A constant in Q of 32 bits as one of 16 bits.
constexpr int16_t narrow(int32_t x) {
  const int32_t low = x & 0xffff, threshold = 0x7fff + (x < 0 ? 1 : 0);
  return int16_t((x >> 16) + (low > threshold ? 1 : 0));
}

// exp of a number in Q0 in [-1/4, 0), by its Taylor series around -1/8.
int16_t exp_near_zero(int16_t a) {
  const int16_t center = narrow(1895147668);  // exp(-1/8)
  const int16_t third = narrow(715827883);
  const int16_t x = sum(a, 1 << 12), x2 = product(x, x), x3 = product(x2, x), x4 = product(x2, x2);
  const auto quarter_x4 = int16_t(rounding_shift(x4, 2));
  const auto rest = int16_t(rounding_shift(sum(product(sum(quarter_x4, x3), third), x2), 1));
  return int16_t(std::min(int32_t(center) + int32_t(product(center, sum(x, rest))), int32_t(kOne)));
}

// exp of a number in Qn that is not positive, in Q0: its part above -1/4, times exp(-2^k) for each binary digit of the rest.
int16_t exp_of_negative(int16_t a, int integer_bits) {
  // exp(-2^k), k from -2 on, in 31 bits.
  constexpr int32_t kFactors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  if (a == 0) return kOne;
  const int fraction = 15 - integer_bits;
  // exp(-32) is 0 in Q0.
  if (integer_bits > 5 && a < -(32 << fraction)) return 0;
  const int32_t quarter = 1 << (fraction - 2);
  const auto part = int16_t((a & (quarter - 1)) - quarter);
  int16_t result = exp_near_zero(raised(part, integer_bits));
  const auto rest = int16_t(part - a);
  for (int k = -2; k < integer_bits && k <= 4; ++k)
    if (rest & int16_t(1 << (fraction + k))) result = product(result, narrow(kFactors[k + 2]));
  return result;
}

// Newton's iteration for 1 / ((1 + a) / 2), a in Q0 and not negative; the result is in Q2.
int16_t inverse_of_half_sum(int16_t a) {
  constexpr int16_t kOneQ2 = 1 << 13;
  const auto half = int16_t((int32_t(a) + kOne + 1) / 2);
  int16_t x = sum(narrow(1515870810), product(half, narrow(-1010580540)));  // 48/17 - 32/17 * half
  for (int i = 0; i < 3; ++i) {
    const auto error = int16_t(kOneQ2 - product(half, x));
    x = sum(x, raised(product(x, error), 2));
  }
  return x;
}

// ---- 32 bits, Q3 ----

int32_t wrapped_difference(int32_t a, int32_t b) { return int32_t(uint32_t(a) - uint32_t(b)); }

int32_t raised(int32_t x, int exponent) {
  const int32_t limit = (int32_t(1) << (31 - exponent)) - 1;
  if (x > limit) return std::numeric_limits<int32_t>::max();
  return x < -limit ? std::numeric_limits<int32_t>::min() : int32_t(uint32_t(x) << exponent);
}

}  // namespace

int16_t fixed_tanh(int16_t x, int integer_bits) {
  if (x == 0) return 0;
  const auto negative = int16_t(x < 0 ? x : -x);
  // tanh(-x) = -(1 - e) / (1 + e) with e = exp(-2x): the same bits with one integer bit more are 2x.
  const int16_t inverse = inverse_of_half_sum(exp_of_negative(negative, integer_bits + 1));
  const int16_t t = raised(int16_t(inverse - (1 << 13)), 2);
  return x < 0 ? int16_t(-t) : t;
}

int16_t fixed_logistic(int16_t x, int integer_bits) {
  if (x == 0) return 1 << 14;
  const auto negative = int16_t(x < 0 ? x : -x);
  const int16_t y = raised(inverse_of_half_sum(exp_of_negative(negative, integer_bits)), 1);
  return x > 0 ? y : int16_t(kOne - y);
}

FixedPoint inverse_root(int32_t x) {
  if (x <= 1) return {std::numeric_limits<int32_t>::max(), 0};
  int shift = 11;
  while (x >= (1 << 29)) {
    x /= 4;
    ++shift;
  }
  // By pairs of bits into [2^27, 2^29).
  const int pairs = (std::countl_zero(uint32_t(x)) - 1) / 2 - 1;
  shift -= pairs;
  x = int32_t(uint32_t(x) << (2 * pairs));
  const int32_t value = x >> 1, half = rounding_shift(value, 1), three_halves = (1 << 28) + (1 << 27);
  int32_t y = 1 << 28;
  for (int i = 0; i < 5; ++i) {
    const int32_t cube = raised(high_product(high_product(y, y), y), 6);
    y = raised(wrapped_difference(high_product(three_halves, y), high_product(half, cube)), 3);
  }
  y = high_product(y, 1518500250);  // sqrt(1/2)
  if (shift < 0) {
    y = int32_t(uint32_t(y) << -shift);
    shift = 0;
  }
  return {y, -shift};
}

}  // namespace atl
