// A sum of Gaussians as a density, for cells that end at a box around nearly all of its mass.
#pragma once
#include <cstddef>

#include "cells/density.hpp"
#include "densities/gaussian_groups.hpp"
#include "densities/gaussian_laws.hpp"

namespace mixot {

// Blended with a normal law of one and a half times the spread of the whole.
template <int D>
class GaussianDensity final : public Density<D> {
 public:
  explicit GaussianDensity(const GaussianLaws& laws) : laws_(laws), law_(laws) {}
  FacetIntegrals facet(const double (*corner)[D], std::size_t n) const override;
  Moments<D> facet_moments(const double (*corner)[D], std::size_t n) const override;
  void blend(double share) override { law_ = GaussianGroups<D>(laws_.at(share)); }
  double floor() const override { return 0; }

 private:
  BlendedLaws<D> laws_;
  GaussianGroups<D> law_;
};

}  // namespace mixot
