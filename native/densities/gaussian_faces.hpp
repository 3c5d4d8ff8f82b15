// What one flat face contributes to integrals of Gaussians over the convex polyhedron behind it.
//
// Whitened, z = L^-1 (x - c) with S = L L', each Gaussian becomes phi(z) = exp(-|z|^2 / 2) / (2 pi)^(3/2), and a face
// lies in a plane of outward normal n at signed distance d from the origin (positive: the mean is behind it). With sums
// over the faces,
//
//     mass          int phi      = sum flux, flux = d int g(|z|) over the face,
//     first moment  int z phi    = -sum n mass_on, mass_on = int phi over the face,
//     second        int z z' phi = mass I - sum sym n (int z phi over the face)',
//
//     g(r) = (erf(r / sqrt 2) - sqrt(2 / pi) r exp(-r^2 / 2)) / (4 pi r^3).
//
// The field z g(|z|), whose divergence is phi, is entire: nothing is singular where a face passes by the mean or
// through it. It is the solid angle under which a face is seen, over 4 pi, less what the exponential has of it. In a
// face, seen from the foot of the normal, an edge at signed distance a is run through from t = t_a to t_b, and with
// rho^2 = a^2 + t^2, x = d^2 / 2, delta = rho^2 / 2 and Boys' function F(x) = int_0^1 exp(-x u^2) du
//
//     flux     = sum a d (2 pi)^(-3/2) / 2 int (F(x) - F(x + delta)) / delta dt,
//     mass_on  = exp(-x) / sqrt(2 pi) sum a / (4 pi) int (1 - exp(-delta)) / delta dt,
//
// again entire, by Green's theorem for radial fields in the plane; the first moments on a face are those of a region of
// the plane, see gaussian_edges.hpp. Gauss-Legendre rules integrate what is within reach of the exponential, angles in
// closed form are the rest.
#pragma once
#include <cstddef>

#include "densities/gaussian_groups.hpp"

namespace mixot {

// Of one face and one group of components: n, flux and mass_on as above, int z phi over the face, and density, which
// makes of mass_on the integral of the component's density over the face by area.
struct alignas(64) FaceLanes {
  double normal[3][gaussian_lanes], flux[gaussian_lanes], mass_on[gaussian_lanes], first_on[3][gaussian_lanes];
  double density[gaussian_lanes];
};

// corner (n, 3), counterclockwise seen from outside. Absolute errors are a few 1e-15; components further than 8.3
// standard deviations from the face count by its solid angle, which leaves out less than exp(-35) < 7e-16.
void face_of_group(const GaussianGroups<3>::Group& group, const double (*corner)[3], std::size_t n, FaceLanes& out);

constexpr int space_pairs[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};

// What a face adds, for the component of lane j: mass, int (x - c), int (x - c) (x - c)' at the pairs above.
struct CenteredMoments {
  double mass, first[3], second[6];
  CenteredMoments(const GaussianGroups<3>::Group& group, std::size_t j, const FaceLanes& f);
};

}  // namespace mixot
