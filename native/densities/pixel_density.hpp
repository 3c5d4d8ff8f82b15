// Densities on pixels, constant on each or bilinear between their centers.
#pragma once
#include <cstddef>
#include <vector>

#include "cells/density.hpp"
#include "densities/grid.hpp"

namespace mixot {

// Integrals over cells cost what their borders cost: prefix sums along y hold what lies below each pixel, and by Green
// mass = -sum over the edges of int P(x, y) dx, P(x, y) = int_{-oo}^y density.
class PixelDensity final : public Density<2> {
 public:
  explicit PixelDensity(const Grid<2>& pixels);
  FacetIntegrals facet(const double (*corner)[2], std::size_t n) const override;
  Moments<2> facet_moments(const double (*corner)[2], std::size_t n) const override;
  void blend(double share) override;
  double floor() const override { return values_.floor(); }

 private:
  // A piece is a square of the lattice on which the density is one polynomial, in coordinates s, t in [0, 1]:
  // (c0 + cs s) + (ct + cst s) t. below is what lies under it in its column: int over the pieces below of 1, y, y^2
  // times the density, each linear in s.
  struct Flat {
    double value, below;
  };
  struct Bilinear {
    double c0, cs, ct, cst, below, below_s;
  };

  template <int Degree>
  FacetIntegrals edge_of(const double* a, const double* b) const;
  template <int Degree>
  Moments<2> moments_of(const double* a, const double* b) const;
  template <class Visit>
  void walk(const double* a, const double* b, Visit&& visit) const;
  void to_lattice(const double* a, const double* b, double* out) const;
  void fill();
  void fill_moments() const;

  Grid<2> pixels_;
  std::size_t nx_, ny_;                   // pieces along each axis
  double shift_, step_[2], inv_step_[2];  // lattice coordinate = (x - lo) / step + shift
  BlendedValues values_;
  std::vector<Flat> flat_;
  std::vector<Bilinear> bilinear_;
  struct Below {
    double first, first_s, second, second_s;  // int of y and y^2 times the density under a piece
  };
  mutable std::vector<Below> moments_;
};

}  // namespace mixot
