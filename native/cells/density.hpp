// A density, as far as integrals over convex cells need it: what flows through each facet, an edge in the plane or a
// face in space.
//
// Whatever is integrated has a primitive F with div F = f, so that the integral over a cell is a sum over its facets,
// and a facet that two cells share is integrated once and counted with both signs: masses of cells that tile the domain
// then sum to its mass by construction.
#pragma once
#include <cstddef>

namespace mixot {

// Over a region: mass and raw moments, integrals of f times the monomials below; squares: where those of x_a^2 stand.
template <int D>
struct Moments;
template <>
struct Moments<2> {  // 1, x, y, x^2, x y, y^2
  static constexpr int squares[2] = {3, 5};
  double value[6];
};
template <>
struct Moments<3> {  // 1, x, y, z, x^2, y^2, z^2, x y, x z, y z
  static constexpr int squares[3] = {4, 5, 6};
  double value[10];
};

struct FacetIntegrals {
  double mass;  // what the facet adds to the mass of the cell it was taken from
  double area;  // integral of the density over the facet, by length or area
};

// The corners of a facet, (n, D): the two ends of an edge with the cell on its left, or a flat face, counterclockwise
// seen from outside.
template <int D>
class Density {
 public:
  virtual ~Density() = default;
  virtual FacetIntegrals facet(const double (*corner)[D], std::size_t n) const = 0;
  // What the facet adds to the moments of the cell.
  virtual Moments<D> facet_moments(const double (*corner)[D], std::size_t n) const = 0;
  // Continue with (1 - share) times this density plus share times one of the same mass that vanishes nowhere.
  virtual void blend(double share) = 0;
  // Least ratio to that positive density: how far a cell can be from losing its mass.
  virtual double floor() const = 0;
};

}  // namespace mixot
