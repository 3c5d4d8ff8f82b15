// The Bures part of W2^2 between all pairs of two lists of Gaussian laws, from their covariances as they are given.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

struct Covariances {
  const double* values;  // (count, dim, dim), symmetric positive semi-definite
  std::size_t count, dim;
};

// out[i, j] = tr(A_i + B_j - 2 (A_i^1/2 B_j A_i^1/2)^1/2), (k, l), never negative, and zero where A_i and B_j are the
// same. Beyond the plane it is a difference, and close[i, j], (k, l), is 1 where so little is left of it, even with
// apart[i, j], (k, l), the squared distance of the means, that the sum has fewer than twelve digits. Returns how many.
std::size_t bures_costs(Covariances a, Covariances b, const double* apart, double* out, std::uint8_t* close,
                        std::size_t threads);

}  // namespace mixot
