// Cholesky factors of small matrices, one at a time, and their inverses.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>

namespace mixot {

// Upper factor U of cov = U' U in place; false where cov is not positive definite.
inline bool cholesky_upper(double* a, std::size_t d) {
  for (std::size_t i = 0; i < d; ++i) {
    double* row = a + i * d;
    if (!(row[i] > 0)) return false;
    const double root = std::sqrt(row[i]);
    if (!std::isfinite(root)) return false;
    for (std::size_t c = i; c < d; ++c) row[c] /= root;
    for (std::size_t j = i + 1; j < d; ++j) {
      double* to = a + j * d;
      const double f = row[j];
      for (std::size_t c = j; c < d; ++c) to[c] -= f * row[c];
    }
  }
  return true;
}

// The inverse of an upper triangular matrix (d, d), zero below its diagonal.
inline void invert_upper(const double* u, std::size_t d, double* out) {
  std::fill(out, out + d * d, 0.0);
  for (std::size_t i = d; i-- > 0;) {
    double* row = out + i * d;
    const double inverse = 1 / u[i * d + i];
    for (std::size_t a = i + 1; a < d; ++a) {
      const double f = u[i * d + a];
      const double* from = out + a * d;
      for (std::size_t c = a; c < d; ++c) row[c] -= f * from[c];
    }
    for (std::size_t c = i + 1; c < d; ++c) row[c] *= inverse;
    row[i] = inverse;
  }
}

}  // namespace mixot
