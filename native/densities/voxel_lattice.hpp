// The lattice of a density on voxels, and flat faces cut along it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "cells/box.hpp"
#include "densities/flat_polygon.hpp"
#include "densities/grid.hpp"

namespace mixot {

// A piece is a cube of the lattice on which the density is one polynomial: a voxel at degree 0; at degree 1 what is
// between eight centers, of which the outermost pieces have only the half that is in the box. Piece k along an axis is
// where the lattice coordinate lies between k and k + 1.
class VoxelLattice {
 public:
  explicit VoxelLattice(const Grid<3>& voxels) : box_(voxels.box), degree_(voxels.degree) {
    for (int a = 0; a < 3; ++a) {
      count_[a] = voxels.count[a];
      step_[a] = (box_.hi[a] - box_.lo[a]) / double(count_[a]);
    }
  }
  std::size_t pieces(int axis) const { return count_[axis] + std::size_t(degree_); }
  std::size_t size() const { return pieces(0) * pieces(1) * pieces(2); }
  double step(int axis) const { return step_[axis]; }
  double place(int axis, double u) const { return box_.lo[axis] + step_[axis] * (u - 0.5 * degree_); }
  // The value that node 0 or 1 of a piece has along an axis.
  std::size_t node(int axis, std::size_t piece, int which) const {
    if (degree_ == 0) return piece;
    const std::size_t from_one = piece + std::size_t(which);
    return std::min(std::max<std::size_t>(from_one, 1), count_[axis]) - 1;
  }
  std::size_t value(std::size_t i, std::size_t j, std::size_t k, int a, int b, int c) const {
    return (node(0, i, a) * count_[1] + node(1, j, b)) * count_[2] + node(2, k, c);
  }

  struct Part {
    const FlatPolygon& polygon;  // in lattice coordinates
    std::size_t i, j, k, at;     // the piece, and its number
  };
  // Calls visit(part) for the parts of a flat face, (n, 3), in each piece.
  template <class Visit>
  void split(const double (*corner)[3], std::size_t n, Visit&& visit) const;

 private:
  // Calls visit(k, slab) for what of a polygon lies in each layer of pieces along an axis; it is used up.
  template <class Visit>
  void layers(int axis, FlatPolygon& polygon, Visit&& visit) const;

  Box<3> box_;
  int degree_;
  std::size_t count_[3];
  double step_[3];
};

template <class Visit>
void VoxelLattice::layers(int axis, FlatPolygon& polygon, Visit&& visit) const {
  thread_local FlatPolygon lower[3], upper[3];
  double low = polygon.corner(0)[axis], high = low;
  for (std::size_t k = 1; k < polygon.size(); ++k) {
    const double x = polygon.corner(k)[axis];
    low = std::min(low, x), high = std::max(high, x);
  }
  const auto top = std::ptrdiff_t(pieces(axis)) - 1;
  const std::ptrdiff_t first = std::min(std::max<std::ptrdiff_t>(std::ptrdiff_t(std::floor(low)), 0), top);
  const std::ptrdiff_t last = std::max(first, std::min(std::ptrdiff_t(std::ceil(high)) - 1, top));
  for (std::ptrdiff_t k = first; k < last; ++k) {
    polygon.split(axis, double(k + 1), lower[axis], upper[axis]);
    if (lower[axis].size() > 2) visit(std::size_t(k), lower[axis]);
    polygon.swap(upper[axis]);
    if (polygon.size() < 3) return;
  }
  visit(std::size_t(last), polygon);
}

template <class Visit>
void VoxelLattice::split(const double (*corner)[3], std::size_t n, Visit&& visit) const {
  thread_local FlatPolygon whole;
  whole.resize(n);
  for (std::size_t q = 0; q < n; ++q)
    for (int a = 0; a < 3; ++a) {
      const double shift = 0.5 * degree_, u = (corner[q][a] - box_.lo[a]) / step_[a];
      whole.corner(q)[a] = std::min(std::max(u, 0.0), double(count_[a])) + shift;
    }
  layers(0, whole, [&](std::size_t i, FlatPolygon& strip) {
    layers(1, strip, [&](std::size_t j, FlatPolygon& column) {
      layers(2, column, [&](std::size_t k, const FlatPolygon& part) {
        visit(Part{part, i, j, k, (i * pieces(1) + j) * pieces(2) + k});
      });
    });
  });
}

}  // namespace mixot
