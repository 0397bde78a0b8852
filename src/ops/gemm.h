// Matrix products for eval: every sum runs in double, in an order that only the sizes decide. Products of two floats are exact
// in double, so the result for float operands has the same bits on every machine and with any number of threads.
#pragma once
#include <cstdint>
#include <functional>

namespace atl {

/// c [m,n] = op(a) op(b), row-major and dense. a is [m,k], or [k,m] when trans_a; b is [k,n], or [n,k] when trans_b. An empty
/// k gives zeros. Large products run on two threads.
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b, float* c);
void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const double* a, const double* b, double* c);

/// Reads elements (p, begin) .. (p, begin + count - 1) of a matrix with k rows as doubles. Called from several threads.
using ReadRow = std::function<void(int64_t p, int64_t begin, int64_t count, double* out)>;
/// Takes elements (i, begin) .. (i, begin + count - 1) of the result. Called from several threads, once for each element.
using WriteRow = std::function<void(int64_t i, int64_t begin, int64_t count, const double* values)>;

enum class Threads { kOne, kTwo };
/// The product a^T b of a [k,m] and b [k,n] that need not lie in memory (a convolution's patches, say). With Threads::kTwo,
/// large products run on two threads.
void gemm_rows(int64_t m, int64_t n, int64_t k, const ReadRow& a, const ReadRow& b, const WriteRow& c,
               Threads threads = Threads::kTwo);

/// Calls f(0) .. f(n - 1), in any order, on two threads. `work` is the number of multiplications in all: small jobs run here.
void parallel_for(int64_t n, double work, const std::function<void(int64_t)>& f);

}  // namespace atl
