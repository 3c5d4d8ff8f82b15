// E steps of Gaussian mixtures on rows that are seen in part, or with noise of known covariance.
#pragma once
#include <cstddef>
#include <cstdint>

#include "mixtures/em.hpp"

namespace mixot {

enum class NoiseShape { none, diagonal, full };

// Rows that are alike: group g holds rows begin[g] .. begin[g + 1] - 1, of which the coordinates a with
// seen[pattern[g], a] were observed, each row plus independent noise of covariance noise[g], in the kernels' units.
//   begin (groups + 1); pattern (groups); seen (patterns, d); noise (groups, d, d) full, (groups, d) diagonal, or null.
struct EmGroups {
  std::size_t groups;
  const std::int64_t *begin, *pattern;
  const std::uint8_t* seen;
  const double* noise;
  NoiseShape shape;
};

// Points and one mixture: points (n, d), what is not seen of them is not read; weights (n), or null where only densities
// are asked for; center, inv_scale (d); means (k, d); covs (k, d, d) full, (d, d) tied, (k, d) diagonal, positive definite,
// means and covs in the kernels' units; log_weights (k).
struct IncompleteProblem {
  const double* points;
  const double* weights;
  std::size_t n, d, k;
  const double *center, *inv_scale, *means, *covs, *log_weights;
  Structure structure;
  const EmGroups* groups;
};

// What `em_pass` sums up, with the rows' conditional laws given what is seen of them in place of the rows: for a row y of
// what coordinates o show, T = S[o, o] + noise[o, o], K = S[:, o] T^-1, the conditional mean of x is m + K (y - m[o]) and
// its covariance S - K S[o, :], under component j; r is the responsibility given y alone. So sums over the y of a group are
// those of `em_pass` in the coordinates o, and K takes them to all coordinates: the pass of a group costs no more than one
// over complete rows, and its conditional covariances are added once, times its mass (Ghahramani and Jordan, NIPS 6, 1994;
// Bovy, Hogg and Roweis, Ann. Appl. Stat. 5, 2011). Returns the weighted sum of log densities of y, and NaN where a T is
// not positive definite, its component in `singular`. The result does not depend on `threads`.
double incomplete_pass(const IncompleteProblem& problem, std::size_t threads, double* mass, double* first,
                       double* second, std::size_t& singular);

// out (n, k), the logarithm of weight times density of what is seen of each row; false where a T is not positive definite.
bool incomplete_log_joint(const IncompleteProblem& problem, std::size_t threads, double* out);

}  // namespace mixot
