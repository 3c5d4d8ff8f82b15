#include <algorithm>
#include <cmath>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"
#include "mixtures/mixing_supremum.hpp"

namespace mixot {
namespace {

using std::size_t;
constexpr size_t kChunk = 128;
constexpr double kLongest = 0.5;     // of a step, in standard deviations of the kernel
constexpr double kFlattest = 0.05;   // curvature below which Newton's step is not trusted
constexpr double kArrived = 1e-8;    // a shorter step is the last one
constexpr size_t kRows = 8;          // of m that one worker takes at a time

// Sums over all points of w, w y and w y y^T (rows of the upper triangle), w = v exp(-|y|^2 / 2), y = z - m.
struct Sums {
  double mass = 0, first[3] = {}, second[6] = {};
};

// z (dim, stride) coordinate after coordinate, v (stride), both filled up with weights of zero.
template <size_t D>
MIXOT_INLINE void sums_in(const double* z, const double* v, size_t stride, const double* m, Sums& out) {
  alignas(64) double y[D][kChunk], w[kChunk];
  Lanes mass{}, first[D] = {}, second[D * (D + 1) / 2] = {};
  for (size_t at = 0; at < stride; at += kChunk) {
    for (size_t i = 0; i < kChunk; ++i) w[i] = 0;
    for (size_t j = 0; j < D; ++j)
      for (size_t i = 0; i < kChunk; ++i) {
        y[j][i] = z[j * stride + at + i] - m[j];
        w[i] += y[j][i] * y[j][i];
      }
    for (size_t i = 0; i < kChunk; ++i) w[i] = v[at + i] * fast_exp(-0.5 * w[i]);
    for (size_t l = 0; l < kChunk / lane_count; ++l) {
      const Lanes weight = reinterpret_cast<const Lanes*>(w)[l];
      mass += weight;
      size_t s = 0;
      for (size_t j = 0; j < D; ++j) {
        const Lanes moved = weight * reinterpret_cast<const Lanes*>(y[j])[l];
        first[j] += moved;
        for (size_t k = j; k < D; ++k) second[s++] += moved * reinterpret_cast<const Lanes*>(y[k])[l];
      }
    }
  }
  const auto sum = [](const Lanes& x) { return (x[0] + x[1]) + (x[2] + x[3]); };
  out.mass = sum(mass);
  for (size_t j = 0; j < D; ++j) out.first[j] = sum(first[j]);
  for (size_t s = 0; s < D * (D + 1) / 2; ++s) out.second[s] = sum(second[s]);
}

MIXOT_INLINE void kernel_sums_body(size_t dim, const double* z, const double* v, size_t stride, const double* m, Sums& out) {
  if (dim == 1)
    sums_in<1>(z, v, stride, m, out);
  else if (dim == 2)
    sums_in<2>(z, v, stride, m, out);
  else
    sums_in<3>(z, v, stride, m, out);
}
MIXOT_MULTIVERSION(kernel_sums,
                   (size_t dim, const double* z, const double* v, size_t stride, const double* m, Sums& out),
                   (dim, z, v, stride, m, out))

// The step of Newton's method on log D, whose Hessian is the covariance of y under w less the identity; that of the
// mean shift, which never descends, where it is not concave enough. The system is solved by Cholesky's factor.
void step(const Sums& sums, size_t dim, double* move) {
  double h[3][3], root[3][3] = {}, mean[3];
  for (size_t j = 0; j < dim; ++j) mean[j] = move[j] = sums.first[j] / sums.mass;
  size_t s = 0;
  for (size_t j = 0; j < dim; ++j)
    for (size_t k = j; k < dim; ++k, ++s)
      h[k][j] = (j == k ? 1.0 : 0.0) - (sums.second[s] / sums.mass - mean[j] * mean[k]);
  for (size_t j = 0; j < dim; ++j)
    for (size_t i = j; i < dim; ++i) {
      double value = h[i][j];
      for (size_t k = 0; k < j; ++k) value -= root[i][k] * root[j][k];
      if (i == j && !(value > kFlattest)) return;
      root[i][j] = i == j ? std::sqrt(value) : value / root[j][j];
    }
  for (size_t i = 0; i < dim; ++i) {
    for (size_t k = 0; k < i; ++k) move[i] -= root[i][k] * move[k];
    move[i] /= root[i][i];
  }
  for (size_t i = dim; i-- > 0;) {
    for (size_t k = i + 1; k < dim; ++k) move[i] -= root[k][i] * move[k];
    move[i] /= root[i][i];
  }
}

}  // namespace

void mixing_climb(WeightedPoints points, double* m, std::size_t count, std::size_t steps, double* values,
                  std::size_t threads) {
  const size_t n = points.n, dim = points.dim, stride = (n + kChunk - 1) / kChunk * kChunk;
  AlignedVector<double> z(dim * stride, 0.0), v(stride, 0.0);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < dim; ++j) z[j * stride + i] = points.z[i * dim + j];
    v[i] = points.v[i];
  }
  parallel_blocks((count + kRows - 1) / kRows, threads, [&](size_t block, size_t) {
    for (size_t r = block * kRows; r < std::min(count, (block + 1) * kRows); ++r) {
      double* at = m + r * dim;
      Sums sums;
      kernel_sums(dim, z.data(), v.data(), stride, at, sums);
      for (size_t it = 0; it < steps && sums.mass > 0; ++it) {
        double move[3] = {}, length = 0;
        step(sums, dim, move);
        for (size_t j = 0; j < dim; ++j) length += move[j] * move[j];
        length = std::sqrt(length);
        if (length < kArrived) break;
        const double share = std::min(1.0, kLongest / length);
        for (size_t j = 0; j < dim; ++j) at[j] += share * move[j];
        kernel_sums(dim, z.data(), v.data(), stride, at, sums);
      }
      values[r] = sums.mass;
    }
  });
}

}  // namespace mixot
