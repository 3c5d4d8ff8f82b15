// A sum of Gaussians as a density in the plane, for cells that end at a box around nearly all of its mass.
#pragma once
#include <cstddef>

#include "densities/gaussian_edges.hpp"
#include "densities/gaussian_laws.hpp"
#include "cells/plane_density.hpp"

namespace mixot {

// Blended with a normal law of one and a half times the spread of the whole.
class GaussianDensity final : public PlaneDensity {
 public:
  explicit GaussianDensity(const GaussianLaws& laws);
  FacetIntegrals edge(const double* a, const double* b) const override;
  PlaneMoments edge_moments(const double* a, const double* b) const override;
  void blend(double share) override;
  double floor() const override { return 0; }

 private:
  BlendedLaws<2> laws_;
  GaussianSum law_;
};

}  // namespace mixot
