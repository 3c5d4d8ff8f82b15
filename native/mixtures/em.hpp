// One fused pass of expectation-maximisation for Gaussian mixtures: E step and the sums that the M step needs.
#pragma once
#include <cstddef>

#include "machine/simd.hpp"

namespace mixot {

// Shape of the covariances. A spherical one is diagonal with equal entries.
enum class Structure { full, diagonal, tied };

// Points and the mixture they are read under. The kernels see z = (x - center) * inv_scale, rounded once to T, and
// means and factors in those units. A factor P is upper triangular with inverse covariance P P', so that
// |(z - mean) P|^2 is the squared Mahalanobis distance.
//   points (n, d); weights (n), of mean about one, or null where only densities are asked for; center, inv_scale (d); means (k, d);
//   factors (k, d, d) full, (d, d) tied, (k, d) diagonal; log_const (k) = log weight + log det P - d/2 log 2 pi.
template <class T>
struct EmProblem {
  const T* points;
  const double* weights;
  std::size_t n, d, k;
  const double *center, *inv_scale, *means, *factors, *log_const;
  Structure structure;
  const T* blocks = nullptr;  // the points as em_blocks leaves them, where they are read more than once
};

// The points of a problem as the kernels read them, in their units and both layouts: for runs of many passes over few.
template <class T>
AlignedVector<T> em_blocks(const EmProblem<T>& problem);

// Sums over the points of weight times responsibility r[i, j], about the means:
//   mass (k) = sum r;  first (k, d) = sum r (z - m);
//   second full (k, d, d) = sum r (z - m)(z - m)', its lower triangle;  diagonal (k, d), its diagonal;
//   tied (d, d) = sum w z z', about zero, lower triangle.
// Returns sum w log p(z). Blocks are cut and added in one order, so that the result does not depend on `threads`.
// Responsibilities below 1e-20 are left out: they are below the last digit of any sum they enter.
template <class T>
double em_pass(const EmProblem<T>& problem, std::size_t threads, double* mass, double* first, double* second);

// out (n, k) = log_const[j] - |(z[i] - m[j]) P[j]|^2 / 2, the logarithm of the joint density of point and component.
template <class T>
void em_log_joint(const EmProblem<T>& problem, std::size_t threads, double* out);

}  // namespace mixot
