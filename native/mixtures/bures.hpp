// Squared distances between all pairs of points; between all pairs of Gaussian laws the Bures part of W2^2, and what an
// entropic term adds to it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// x (n, d), y (m, d) -> out[i, j] = |x_i - y_j|^2, (n, m).
void squared_distances(const double* x, std::size_t n, const double* y, std::size_t m, std::size_t d, double* out,
                       std::size_t threads);

// Factors of covariances as psd_factors writes them, cut after `height` rows: rows (count, height, dim), ranks (count).
struct Factors {
  const double* rows;
  const std::int64_t* ranks;
  std::size_t count, height, dim;
};

// Factors of 2 x 2 covariances, height 2 -> out[i, j] = tr(A_i + B_j - 2 (A_i^1/2 B_j A_i^1/2)^1/2), (k, l).
void plane_bures(Factors a, Factors b, double* out, std::size_t threads);

// out[i, j] = sum of the singular values of L_i^T R_j = tr (A_i^1/2 B_j A_i^1/2)^1/2, (k, l), A_i = L_i L_i^T and
// B_j = R_j R_j^T.
void nuclear_norms(Factors a, Factors b, double* out, std::size_t threads);

// out[i, j] = sum phi(2 sigma / s2) over the singular values sigma of L_i^T R_j, (k, l), with
// phi(z) = 1 - 1 / (z + sqrt(1 + z^2)) + log((1 + sqrt(1 + z^2)) / 2): times s2, what an entropic term of strength
// eps = 2 s2 adds to W2^2 between Gaussian laws.
void entropic_excess(Factors a, Factors b, double s2, double* out, std::size_t threads);

// The same for diagonal covariances given by their standard deviations a (n, d), b (m, d).
void diagonal_excess(const double* a, std::size_t n, const double* b, std::size_t m, std::size_t d, double s2,
                     double* out, std::size_t threads);

}  // namespace mixot
