// Sums over rows each of which has noise of its own, under the components of a Gaussian mixture.
#pragma once
#include <cstddef>
#include <vector>

#include "machine/simd.hpp"
#include "mixtures/em.hpp"

namespace mixot {

// n rows that show the same o coordinates `seen` of d: points (n, d), weights (n) or null, noise[i] the variances (d) or
// the covariance (d, d) of row i; center, inv_scale (d); means (k, d); covs (k, d, d) full, (d, d) tied, (k, d) diagonal;
// level (k), what a log joint density has beside -(log det T + q) / 2.
struct NoisyRows {
  const double* points;
  const double* weights;
  const double* const* noise;
  std::size_t n, d, k, o;
  const std::size_t* seen;
  bool full_noise;
  Structure structure;
  const double *center, *inv_scale, *means, *covs, *level;
};

// What one worker keeps from batch to batch, and the sums: with T = cov[o, o] + noise, z = y - mean[o], r the
// responsibility times weight, mass = sum r, pull = sum r T^-1 z, square = sum r (T^-1 z z' T^-1 - T^-1). So the conditional
// mean and covariance of all coordinates given y, mean + S[:, o] T^-1 z and S - S[:, o] T^-1 S[o, :], are needed in sums
// alone, and no row is taken to coordinates that it does not show.
//   mass (k), pull (k, o), square (k, o, o), lower triangles; one square where tied, and (k, o) where all is diagonal.
class NoisySums {
 public:
  // Whether the factors of a batch stay where they are at hand.
  static bool fit(std::size_t k, std::size_t o) { return k * o * o <= 16'384; }

  // Sums over the rows: false where a T is not positive definite, and the component of one in `singular`.
  bool add(const NoisyRows& rows);
  // out (n, k), the log joint densities; false likewise.
  bool write_joint(const NoisyRows& rows, double* out);

  std::vector<double> mass, pull, square;
  double objective = 0;
  std::size_t singular = 0;

  // Registers of rows, in memory; for the kernels.
  struct Lanes {
    AlignedVector<double> x, weight, noise, factor, inverse, white, pulled, joint, mass, pull, square, objective;
  };

 private:
  Lanes lanes_;
};

}  // namespace mixot
