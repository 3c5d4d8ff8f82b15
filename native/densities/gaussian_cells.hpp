// Integrals of sums of Gaussians over convex regions of the plane, bounded or not, to rounding.
#pragma once
#include <cstddef>
#include <cstdint>

#include "densities/gaussian_groups.hpp"

namespace mixot {

// n convex regions, each its corners counterclockwise, rows start[i] .. start[i + 1] - 1 of corners (v, 3): (x, y, 1) is
// a corner and (x, y, 0) the direction of a corner at infinity. A region with rays has its two directions side by side,
// (..., P, u), (u', Q, ...), and others between them where they are half a turn apart or more: a half-plane is
// (P, u, -n, -u) with u along its border and n the outward normal, the plane three directions. No corners: empty.
struct PlaneRegions {
  const double* corners;
  const std::int64_t* start;
  std::size_t n;
};

// Raw moments 1, x, y, x^2, x y, y^2 about centers (n, 2): total (n, 6) of the weighted sum; each (n, k, 6), of the
// laws themselves, and lines (v), lines_each (v, k), integrals by arc length along the edge that begins at each corner,
// are written where they are not null.
struct RegionIntegrals {
  double *total, *each, *lines, *lines_each;
};
void integrate_gaussians(const PlaneRegions& regions, const double* centers, const GaussianGroups<2>& law,
                         const RegionIntegrals& out, std::size_t threads);

// What the derivatives of sum_i int_i (|x - y_i|^2 - w_i) f, f = sum_k a_k N(c_k, S_k), are made of, (k, 7): of each
// law N_k the sums over the regions i of
//     int (|x - y_i|^2 - w_i) N_k,    int (x - y_i) N_k  (2),    int (x - y_i) (x - c_k)' N_k  (2, 2).
void gaussian_derivatives(const PlaneRegions& regions, const double* points, const double* weights,
                          const GaussianGroups<2>& law, double* out, std::size_t threads);

}  // namespace mixot
