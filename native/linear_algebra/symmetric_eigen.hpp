// Eigenvalues and eigenvectors of a small symmetric matrix.
#pragma once
#include <cmath>
#include <cstddef>

namespace mixot {

// a (d, d) symmetric, lost: its diagonal becomes the eigenvalues; the columns of v (d, d) are the eigenvectors. In no
// order. Cyclic rotations of Jacobi, each the smaller one of the two that make its entry zero, so they converge.
inline void symmetric_eigen(double* a, std::size_t d, double* v) {
  constexpr int kSweeps = 60;
  constexpr double kZero = 1e-17;  // of the diagonal entries beside it: an entry that changes no eigenvalue
  for (std::size_t i = 0; i < d * d; ++i) v[i] = i % (d + 1) == 0 ? 1.0 : 0.0;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool moved = false;
    for (std::size_t p = 0; p + 1 < d; ++p)
      for (std::size_t q = p + 1; q < d; ++q) {
        const double h = a[p * d + q], x = a[p * d + p], y = a[q * d + q];
        if (!(std::abs(h) > kZero * std::sqrt(std::abs(x * y))) || h == 0) continue;
        moved = true;
        const double tau = (y - x) / (2 * h);
        const double t = (tau < 0 ? -1.0 : 1.0) / (std::abs(tau) + std::sqrt(1 + tau * tau));
        const double c = 1 / std::sqrt(1 + t * t), s = t * c;
        for (std::size_t i = 0; i < d; ++i) {
          const double f = a[i * d + p], g = a[i * d + q], u = v[i * d + p], w = v[i * d + q];
          a[i * d + p] = c * f - s * g, a[i * d + q] = s * f + c * g;
          v[i * d + p] = c * u - s * w, v[i * d + q] = s * u + c * w;
        }
        for (std::size_t i = 0; i < d; ++i) {
          const double f = a[p * d + i], g = a[q * d + i];
          a[p * d + i] = c * f - s * g, a[q * d + i] = s * f + c * g;
        }
        a[p * d + q] = a[q * d + p] = 0;
      }
    if (!moved) return;
  }
}

}  // namespace mixot
