// Densities on voxels, constant on each or trilinear between their centers.
#pragma once
#include <cstddef>
#include <vector>

#include "cells/density.hpp"
#include "densities/grid.hpp"
#include "densities/voxel_lattice.hpp"

namespace mixot {

// By the divergence theorem along z, mass = int over the faces of P(x, y, z) n_z, P what lies below a point in its
// column: prefix sums of the pieces, so that a cell costs what its faces cross.
class VoxelDensity final : public Density<3> {
 public:
  explicit VoxelDensity(const Grid<3>& voxels);

  FacetIntegrals facet(const double (*corner)[3], std::size_t n) const override;
  Moments<3> facet_moments(const double (*corner)[3], std::size_t n) const override;
  void blend(double share) override;  // with the uniform density
  double floor() const override { return values_.floor(); }

 private:
  // A polynomial in s and t: c[0] + c[1] s + c[2] t + c[3] s t, or c[0] alone.
  template <int Degree>
  struct Across {
    double c[Degree ? 4 : 1];
    double at(double s, double t) const {
      if constexpr (Degree == 0)
        return c[0];
      else
        return c[0] + c[1] * s + (c[2] + c[3] * s) * t;
    }
  };
  // Of a piece: the density, level + rise r at height r in [0, 1]; and int of 1, z, z^2 times it in the column below,
  // z in lattice units as seen from the middle. What is below the box counts for nothing: any function of x and y does.
  template <int Degree>
  struct Piece {
    Across<Degree> level, rise, mass, first, second;
  };
  template <int Degree>
  FacetIntegrals face_of(const std::vector<Piece<Degree>>& pieces, const double (*corner)[3], std::size_t n) const;
  template <int Degree>
  Moments<3> moments_of(const std::vector<Piece<Degree>>& pieces, const double (*corner)[3], std::size_t n) const;
  template <int Degree>
  void fill(std::vector<Piece<Degree>>& pieces);
  void fill() { voxels_.degree ? fill(trilinear_) : fill(flat_); }

  Grid<3> voxels_;
  VoxelLattice lattice_;
  BlendedValues values_;
  std::vector<Piece<0>> flat_;
  std::vector<Piece<1>> trilinear_;
};

}  // namespace mixot
