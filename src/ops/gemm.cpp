#include "ops/gemm.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace atl {
namespace {

// Loops of constant bounds must unroll at every optimization level, or the tile does not stay in registers.
#if defined(__clang__)
#define ATOLL_UNROLL _Pragma("clang loop unroll(full)")
#else
#define ATOLL_UNROLL _Pragma("GCC unroll 8")
#endif

// A tile of kRows x kVectors vectors of the result stays in registers while k runs. The compiler's vector types make one source
// serve SSE2, AVX2, AVX-512 and NEON.
template <int kLanes>
struct Vector {
  typedef double Type __attribute__((vector_size(kLanes * 8), may_alias));
};

template <int kLanes, int kRows, int kVectors>
[[gnu::always_inline]] inline void multiply_tile(int64_t k, const double* a, const double* b, double* c, int64_t c_stride) {
  using V = typename Vector<kLanes>::Type;
  V sum[kRows][kVectors];
  ATOLL_UNROLL for (int r = 0; r < kRows; ++r) {
    ATOLL_UNROLL for (int v = 0; v < kVectors; ++v) { sum[r][v] = *reinterpret_cast<const V*>(c + r * c_stride + v * kLanes); }
  }
  for (int64_t p = 0; p < k; ++p, a += kRows, b += kVectors * kLanes) {
    V row[kVectors];
    ATOLL_UNROLL for (int v = 0; v < kVectors; ++v) { row[v] = *reinterpret_cast<const V*>(b + v * kLanes); }
    ATOLL_UNROLL for (int r = 0; r < kRows; ++r) {
      ATOLL_UNROLL for (int v = 0; v < kVectors; ++v) { sum[r][v] += a[r] * row[v]; }
    }
  }
  ATOLL_UNROLL for (int r = 0; r < kRows; ++r) {
    ATOLL_UNROLL for (int v = 0; v < kVectors; ++v) { *reinterpret_cast<V*>(c + r * c_stride + v * kLanes) = sum[r][v]; }
  }
}

using MultiplyTile = void (*)(int64_t k, const double* a, const double* b, double* c, int64_t c_stride);

// One instruction set's tile: its size and its code.
struct Kernel {
  int64_t rows, columns;
  MultiplyTile run;
};

#if defined(__x86_64__)
[[gnu::target("avx512f,fma")]] void tile_avx512(int64_t k, const double* a, const double* b, double* c, int64_t c_stride) {
  multiply_tile<8, 8, 3>(k, a, b, c, c_stride);
}
[[gnu::target("avx2,fma")]] void tile_avx2(int64_t k, const double* a, const double* b, double* c, int64_t c_stride) {
  multiply_tile<4, 4, 3>(k, a, b, c, c_stride);
}
#endif
#if defined(__aarch64__)
constexpr int kBaselineRows = 8;  // 32 registers of two doubles
#else
constexpr int kBaselineRows = 4;
#endif
void tile_baseline(int64_t k, const double* a, const double* b, double* c, int64_t c_stride) {
  multiply_tile<2, kBaselineRows, 3>(k, a, b, c, c_stride);
}

Kernel choose_kernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {8, 24, tile_avx512};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {4, 12, tile_avx2};
#endif
  return {kBaselineRows, 6, tile_baseline};
}

// Blocks of the result and of k: a panel of b (kBlockK x tile columns) stays in the first cache, the packed a in the second.
// Multiples of every kernel's tile.
constexpr int64_t kBlockM = 96, kBlockN = 480, kBlockK = 192;
constexpr double kWorthThreads = 1 << 20;

using Buffer = std::unique_ptr<double[], void (*)(double*)>;
Buffer make_buffer(int64_t n) {
  return {static_cast<double*>(::operator new (size_t(n) * sizeof(double), std::align_val_t{64})),
          [](double* p) { ::operator delete (p, std::align_val_t{64}); }};
}

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Packs rows k0 .. k0+kc of a block of columns into panels of `width` columns, the last one filled up with zeros.
void pack(const ReadRow& read, int64_t k0, int64_t kc, int64_t begin, int64_t count, int64_t width, double* out, double* row) {
  const int64_t padded = round_up(count, width);
  std::fill(row + count, row + padded, 0.0);
  for (int64_t p = 0; p < kc; ++p) {
    read(k0 + p, begin, count, row);
    for (int64_t j = 0; j < padded; j += width) std::memcpy(out + j * kc + p * width, row + j, size_t(width) * sizeof(double));
  }
}

struct Workspace {
  Buffer a = make_buffer(kBlockM * kBlockK), b = make_buffer(kBlockN * kBlockK), c = make_buffer(kBlockM * kBlockN),
         row = make_buffer(kBlockN);
};

struct Block {
  int64_t i, m, j, n;
};

void multiply_block(const Kernel& kernel, const Block& at, int64_t k, const ReadRow& a, const ReadRow& b, const WriteRow& c,
                    Workspace& w) {
  const int64_t c_stride = round_up(at.n, kernel.columns);
  std::fill(w.c.get(), w.c.get() + round_up(at.m, kernel.rows) * c_stride, 0.0);
  for (int64_t k0 = 0; k0 < k; k0 += kBlockK) {
    const int64_t kc = std::min(kBlockK, k - k0);
    pack(a, k0, kc, at.i, at.m, kernel.rows, w.a.get(), w.row.get());
    pack(b, k0, kc, at.j, at.n, kernel.columns, w.b.get(), w.row.get());
    for (int64_t j = 0; j < at.n; j += kernel.columns)
      for (int64_t i = 0; i < at.m; i += kernel.rows)
        kernel.run(kc, w.a.get() + i * kc, w.b.get() + j * kc, w.c.get() + i * c_stride + j, c_stride);
  }
  for (int64_t i = 0; i < at.m; ++i) c(at.i + i, at.j, at.n, w.c.get() + i * c_stride);
}

template <class T>
ReadRow rows_of(const T* x, int64_t row_stride, int64_t column_stride) {
  if (column_stride == 1)
    return [=](int64_t p, int64_t begin, int64_t count, double* out) {
      const T* in = x + p * row_stride + begin;
      for (int64_t j = 0; j < count; ++j) out[j] = double(in[j]);
    };
  return [=](int64_t p, int64_t begin, int64_t count, double* out) {
    const T* in = x + p * row_stride + begin * column_stride;
    for (int64_t j = 0; j < count; ++j) out[j] = double(in[j * column_stride]);
  };
}

// A matrix times one vector: memory-bound, so nothing is packed. Sums are kept in a fixed number of parts.
template <class T>
void matrix_times_vector(bool trans, int64_t m, int64_t k, const T* a, const T* x, T* y) {
  constexpr int64_t kParts = 16, kRows = 256;
  parallel_for((m + kRows - 1) / kRows, double(m) * double(k), [&](int64_t block) {
    const int64_t begin = block * kRows, end = std::min(m, begin + kRows);
    if (trans) {
      double sum[kRows] = {};
      for (int64_t p = 0; p < k; ++p)
        for (int64_t i = begin; i < end; ++i) sum[i - begin] += double(a[p * m + i]) * double(x[p]);
      for (int64_t i = begin; i < end; ++i) y[i] = T(sum[i - begin]);
      return;
    }
    for (int64_t i = begin; i < end; ++i) {
      double sum[kParts] = {};
      const T* row = a + i * k;
      int64_t p = 0;
      for (; p + kParts <= k; p += kParts)
        for (int64_t q = 0; q < kParts; ++q) sum[q] += double(row[p + q]) * double(x[p + q]);
      for (; p < k; ++p) sum[0] += double(row[p]) * double(x[p]);
      for (int64_t q = 1; q < kParts; ++q) sum[0] += sum[q];
      y[i] = T(sum[0]);
    }
  });
}

template <class T>
void dense_gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c) {
  if (n == 1) return matrix_times_vector(trans_a, m, k, a, b, c);
  if (m == 1) return matrix_times_vector(!trans_b, n, k, b, a, c);
  const ReadRow read_a = trans_a ? rows_of(a, m, 1) : rows_of(a, 1, k);
  const ReadRow read_b = trans_b ? rows_of(b, 1, k) : rows_of(b, n, 1);
  gemm_rows(m, n, k, read_a, read_b, [=](int64_t i, int64_t begin, int64_t count, const double* values) {
    T* out = c + i * n + begin;
    for (int64_t j = 0; j < count; ++j) out[j] = T(values[j]);
  });
}

}  // namespace

void parallel_for(int64_t n, double work, const std::function<void(int64_t)>& f) {
  std::atomic<int64_t> next{0};
  const auto run = [&] {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) f(i);
  };
  if (n < 2 || work < kWorthThreads || std::thread::hardware_concurrency() < 2) return run();
  std::thread other;
  try {
    other = std::thread(run);
  } catch (const std::system_error&) {
    // No thread to be had: this one does it all.
  }
  run();
  if (other.joinable()) other.join();
}

void gemm_rows(int64_t m, int64_t n, int64_t k, const ReadRow& a, const ReadRow& b, const WriteRow& c, Threads threads) {
  if (m <= 0 || n <= 0) return;
  static const Kernel kernel = choose_kernel();
  // Blocks are even in size, and two at least where there are two threads.
  const int64_t across = (m + kBlockM - 1) / kBlockM;
  const int64_t down = (n + kBlockN - 1) / kBlockN;
  const double work = double(m) * double(n) * double(k);
  const bool halve = across * down == 1 && threads == Threads::kTwo && work >= kWorthThreads;
  const int64_t step_m = round_up((m + across - 1) / across, kernel.rows);
  const int64_t step_n = round_up((n + down * (halve ? 2 : 1) - 1) / (down * (halve ? 2 : 1)), kernel.columns);
  std::vector<Block> blocks;
  for (int64_t j = 0; j < n; j += step_n)
    for (int64_t i = 0; i < m; i += step_m) blocks.push_back({i, std::min(step_m, m - i), j, std::min(step_n, n - j)});
  // Each thread takes every second block with a workspace of its own.
  const int64_t workers = threads == Threads::kTwo && blocks.size() > 1 && work >= kWorthThreads ? 2 : 1;
  std::atomic<size_t> next{0};
  parallel_for(workers, work, [&](int64_t) {
    Workspace w;
    for (size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < blocks.size();)
      multiply_block(kernel, blocks[i], k, a, b, c, w);
  });
}

void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const float* a, const float* b, float* c) {
  dense_gemm(trans_a, trans_b, m, n, k, a, b, c);
}

void gemm(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const double* a, const double* b, double* c) {
  dense_gemm(trans_a, trans_b, m, n, k, a, b, c);
}

}  // namespace atl
