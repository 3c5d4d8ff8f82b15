// A density in the plane, as far as integrals over polygons need it: what flows through each edge.
//
// Whatever is integrated has a primitive F with div F = f, so that the integral over a polygon is a sum over its edges,
// and an edge that two cells share is integrated once and counted with both signs: masses of cells that tile the domain
// then sum to its mass by construction.
#pragma once
#include <cstddef>

#include "cells/facet_sums.hpp"

namespace mixot {

// Over a region: mass and raw moments, integrals of f times 1, x, y, x^2, x y, y^2.
struct PlaneMoments {
  double value[6];
};

class PlaneDensity {
 public:
  virtual ~PlaneDensity() = default;
  // What the edge from a to b adds to the mass of the polygon on its left, and the integral along it.
  virtual FacetIntegrals edge(const double* a, const double* b) const = 0;
  // What the edge adds to the moments of the polygon on its left.
  virtual PlaneMoments edge_moments(const double* a, const double* b) const = 0;
  // Continue with (1 - share) times this density plus share times one of the same mass that vanishes nowhere.
  virtual void blend(double share) = 0;
  // Least ratio to that positive density: how far a cell can be from losing its mass.
  virtual double floor() const = 0;
};

}  // namespace mixot
