// What one directed edge contributes to integrals of Gaussians over the convex region on its left.
//
// Whitened, z = L^-1 (x - c) with S = L L^T, each Gaussian becomes phi(z) = exp(-|z|^2 / 2) / (2 pi), and an edge runs
// on the line at signed distance d from the origin (positive: the mean is on its left), from parameter t = a to b.
// Then, with outward normals n, unit tangents T and sums over the edges, counterclockwise,
//
//     mass          int phi     = sum flux,        flux  = d int (1 - exp(-s/2)) / (2 pi s) dt,  s = d^2 + t^2,
//     first moment  int z phi   = -sum n line,     line  = int phi dt,
//     second        int z z' phi = mass I - sum sym (d line n + along T) n',      along = int t phi dt.
//
// The field z (1 - exp(-s/2)) / (2 pi s), whose divergence is phi, is entire: there is no winding number to find and
// nothing singular where an edge passes by the mean or through it. It is the angle under which the edge is seen, over
// 2 pi, less the wedge integral d int exp(-s/2) / (2 pi s) dt, which is Owen's T function: T(h, a) is the wedge of
// d = h, t from 0 to h a. Gauss-Legendre rules whose error is below rounding integrate what is within reach of the
// exponential, and the angle is the rest. A region far from the mean has its mass from the wedges alone, so that tails
// keep their digits.
#pragma once
#include <cstddef>

#include "densities/gaussian_groups.hpp"

namespace mixot {

// A corner (x, y) of a region, or the direction (x, y) in which an edge runs to infinity.
struct Corner {
  double x, y;
  bool far;
};

// Of one edge and one group of components: d, T, flux, line and along as above, and density, the factor that makes of
// line the integral of the component's density along the edge by arc length. Zeros in registers that hold no law.
struct alignas(64) EdgeLanes {
  double d[gaussian_lanes], tx[gaussian_lanes], ty[gaussian_lanes];
  double flux[gaussian_lanes], line[gaussian_lanes], along[gaussian_lanes], density[gaussian_lanes];
};

// Absolute errors of a few 1e-17; components further than 8.7 standard deviations from the edge count by their angle,
// which leaves out less than exp(-38) < 4e-17 of a flux, line or along.
void edge_of_group(const GaussianGroups<2>::Group& group, const Corner& a, const Corner& b, EdgeLanes& out);

// The same with flux = -wedge and small relative errors, for edges that stay further than 2 standard deviations from
// the mean; other lanes are meaningless.
void far_edge_of_group(const GaussianGroups<2>::Group& group, const Corner& a, const Corner& b, EdgeLanes& out);

// Moments 1, z1, z2, z1^2, z1 z2, z2^2 of phi over a region, as sums over its edges, for the components of a group.
struct alignas(64) WhitenedMoments {
  double m[6][gaussian_lanes] = {};
  void add_edge(const EdgeLanes& e);
  void finish();  // the second moments get their mass
  // Raw moments about a center of lane j in the plane, x = c + L z: 1, x, y, x^2, x y, y^2.
  void unwhiten(const GaussianGroups<2>::Group& group, std::size_t j, const double* center, double* out) const;
};

}  // namespace mixot
