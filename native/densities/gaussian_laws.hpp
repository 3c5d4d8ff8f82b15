// Gaussian mixtures as densities that cells are cut from, in any dimension.
#pragma once
#include <cstddef>
#include <vector>

namespace mixot {

// k weighted laws: weights (k) of sum one, means (k, D), covs (k, D, D) positive definite.
struct GaussianLaws {
  const double *weights, *means, *covs;
  std::size_t k;
};

// The same and, last, a normal law of one and a half times the spread of the whole, to blend them with.
template <int D>
class BlendedLaws {
 public:
  explicit BlendedLaws(const GaussianLaws& laws);
  // (1 - share) times the laws plus share times the broad one, which is left out where it weighs nothing.
  GaussianLaws at(double share);

 private:
  std::vector<double> weights_, scaled_, means_, covs_;
};

// Masses of `slabs` equal slabs of the box lo .. hi along each axis.
template <int D>
void gaussian_marginals(const GaussianLaws& laws, const double* lo, const double* hi, std::size_t slabs,
                        std::vector<double> (&out)[D]);

}  // namespace mixot
