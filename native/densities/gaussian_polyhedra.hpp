// Integrals of sums of Gaussians over faces of polyhedra and over Laguerre cells in space.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cells/box.hpp"
#include "cells/ordered_points.hpp"
#include "densities/gaussian_laws.hpp"

namespace mixot {

// What faces (f), of corners rows start[i] .. start[i + 1] - 1 of (v, 3), add to a polyhedron whose outside sees them
// counterclockwise: moments (f, 10) as in Moments<3>, and areas (f), the integrals of the density over each.
struct FlatFaces {
  const double* corners;
  const std::int64_t* start;
  std::size_t n;
};
void integrate_faces(const FlatFaces& faces, const GaussianLaws& laws, double* moments, double* areas);

// What the derivatives of sum_i int_i (|x - y_i|^2 - w_i) f, f = sum_k a_k N(c_k, S_k), over the Laguerre cells i are
// made of, (k, 13): of each law N_k the sums over the cells of
//     int (|x - y_i|^2 - w_i) N_k,    int (x - y_i) N_k  (3),    int (x - y_i) (x - c_k)' N_k  (3, 3).
void solid_gaussian_derivatives(const WeightedPoints& cloud, const GaussianLaws& laws, const Box<3>& box,
                                std::size_t threads, double* out);

}  // namespace mixot
