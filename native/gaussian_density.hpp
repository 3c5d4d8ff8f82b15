// A sum of Gaussians as a density in the plane, for cells that end at a box around nearly all of its mass.
#pragma once
#include <cstddef>
#include <vector>

#include "gaussian_edges.hpp"
#include "plane_density.hpp"
#include "power_diagram.hpp"

namespace mixot {

// k weighted laws: weights (k) of sum one, means (k, 2), covs (k, 2, 2) positive definite.
struct GaussianLaws {
  const double *weights, *means, *covs;
  std::size_t k;
};

// Blended with a normal law of one and a half times the spread of the whole.
class GaussianDensity final : public PlaneDensity {
 public:
  explicit GaussianDensity(const GaussianLaws& laws);
  FacetIntegrals edge(const double* a, const double* b) const override;
  PlaneMoments edge_moments(const double* a, const double* b) const override;
  void blend(double share) override;
  double floor() const override { return 0; }

 private:
  std::vector<double> weights_, means_, covs_;  // of the laws and, last, of what they are blended with
  GaussianSum law_;
};

// Masses of `slabs` equal slabs of the box along each axis.
void gaussian_marginals(const GaussianLaws& laws, const Rectangle& box, std::size_t slabs,
                        std::vector<double> (&out)[2]);

}  // namespace mixot
