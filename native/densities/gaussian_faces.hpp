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

#include "densities/gaussian_laws.hpp"
#include "machine/simd.hpp"

namespace mixot {

constexpr std::size_t space_lanes = 8;  // components that go together through a face

// Weighted Gaussian laws in space, eight to a group; the last group may have fewer.
class SpaceGaussians {
 public:
  struct Group {
    double weight[space_lanes], mean[3][space_lanes];
    double whiten[6][space_lanes], root[6][space_lanes];  // L^-1 and L, lower triangles row by row
    std::size_t used;
  };
  explicit SpaceGaussians(const GaussianLaws& laws);
  std::size_t size() const { return size_; }
  std::size_t groups() const { return groups_.size(); }
  const Group& operator[](std::size_t g) const { return groups_[g]; }

 private:
  std::size_t size_;
  AlignedVector<Group> groups_;
};

// Of one face and one group of components: n, flux and mass_on as above, int z phi over the face, and density, which
// makes of mass_on the integral of the component's density over the face by area.
struct alignas(64) FaceLanes {
  double normal[3][space_lanes], flux[space_lanes], mass_on[space_lanes], first_on[3][space_lanes];
  double density[space_lanes];
};

// corner (n, 3), counterclockwise seen from outside. Absolute errors are a few 1e-15; components further than 8.3
// standard deviations from the face count by its solid angle, which leaves out less than exp(-35) < 7e-16.
void face_of_group(const SpaceGaussians::Group& group, const double (*corner)[3], std::size_t n, FaceLanes& out);

}  // namespace mixot
