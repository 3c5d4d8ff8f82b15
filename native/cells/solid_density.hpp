// A density in space, as far as integrals over polyhedra need it: what flows through each face.
//
// Whatever is integrated has a primitive F with div F = f, so that the integral over a polyhedron is a sum over its
// faces, and a face that two cells share is integrated once and counted with both signs: masses of cells that tile the
// box then sum to its mass by construction.
#pragma once
#include <cstddef>

#include "cells/facet_sums.hpp"

namespace mixot {

// Over a region: integrals of the density times 1, x, y, z, x^2, y^2, z^2, x y, x z, y z.
struct SolidMoments {
  double value[10];
};

class SolidDensity {
 public:
  virtual ~SolidDensity() = default;
  // What a flat face, (n, 3), counterclockwise seen from outside, adds to the cell's mass, and the integral over it.
  virtual FacetIntegrals face(const double (*corner)[3], std::size_t n) const = 0;
  // What the face adds to the cell's moments.
  virtual SolidMoments face_moments(const double (*corner)[3], std::size_t n) const = 0;
  // Continue with (1 - share) times this density plus share times one of the same mass that vanishes nowhere.
  virtual void blend(double share) = 0;
  // Least ratio to that positive density: how far a cell can be from losing its mass.
  virtual double floor() const = 0;
};

}  // namespace mixot
