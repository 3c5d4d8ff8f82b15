// A sum of Gaussians as a density in space, for cells that end at a box around nearly all of its mass.
#pragma once
#include <cstddef>
#include <cstdint>

#include "densities/gaussian_faces.hpp"
#include "densities/gaussian_laws.hpp"
#include "cells/ordered_points.hpp"
#include "cells/polyhedron.hpp"
#include "cells/solid_density.hpp"

namespace mixot {

// Blended with a normal law of one and a half times the spread of the whole.
class SolidGaussians final : public SolidDensity {
 public:
  explicit SolidGaussians(const GaussianLaws& laws) : laws_(laws), law_(laws) {}
  FacetIntegrals face(const double (*corner)[3], std::size_t n) const override;
  SolidMoments face_moments(const double (*corner)[3], std::size_t n) const override;
  void blend(double share) override { law_ = SpaceGaussians(laws_.at(share)); }
  double floor() const override { return 0; }

 private:
  BlendedLaws<3> laws_;
  SpaceGaussians law_;
};

// What faces (f), of corners rows start[i] .. start[i + 1] - 1 of (v, 3), add to a polyhedron whose outside sees them
// counterclockwise: moments (f, 10) as in SolidMoments, and areas (f), the integrals of the density over each.
struct FlatFaces {
  const double* corners;
  const std::int64_t* start;
  std::size_t n;
};
void integrate_faces(const FlatFaces& faces, const GaussianLaws& laws, double* moments, double* areas);

// What the derivatives of sum_i int_i (|x - y_i|^2 - w_i) f, f = sum_k a_k N(c_k, S_k), over the Laguerre cells i are
// made of, (k, 13): of each law N_k the sums over the cells of
//     int (|x - y_i|^2 - w_i) N_k,    int (x - y_i) N_k  (3),    int (x - y_i) (x - c_k)' N_k  (3, 3).
void solid_gaussian_derivatives(const WeightedPoints& cloud, const GaussianLaws& laws, const Cuboid& box,
                                std::size_t threads, double* out);

}  // namespace mixot
