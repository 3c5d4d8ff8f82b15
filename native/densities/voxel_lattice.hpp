// The lattice of a density on voxels, and flat faces cut along it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "cells/box.hpp"
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
    const std::vector<double>& corners;  // (m, 3), lattice coordinates
    std::size_t i, j, k, at;             // the piece, and its number
  };
  // Calls visit(part) for the parts of a flat face, (n, 3), in each piece.
  template <class Visit>
  void split(const double (*corner)[3], std::size_t n, Visit&& visit) const;

 private:
  static void keep_slab(const std::vector<double>& in, int axis, double low, std::vector<double>& spare,
                        std::vector<double>& out) {
    keep_side<3>(in, axis, low, -1, spare), keep_side<3>(spare, axis, low + 1, 1, out);
  }
  void range(const std::vector<double>& polygon, int axis, std::ptrdiff_t& first, std::ptrdiff_t& last) const;

  Box<3> box_;
  int degree_;
  std::size_t count_[3];
  double step_[3];
};

inline void VoxelLattice::range(const std::vector<double>& polygon, int axis, std::ptrdiff_t& first,
                                std::ptrdiff_t& last) const {
  double low = polygon[std::size_t(axis)], high = low;
  for (std::size_t k = std::size_t(axis); k < polygon.size(); k += 3)
    low = std::min(low, polygon[k]), high = std::max(high, polygon[k]);
  const auto top = std::ptrdiff_t(pieces(axis)) - 1;
  first = std::min(std::max<std::ptrdiff_t>(std::ptrdiff_t(std::floor(low)), 0), top);
  last = std::max(first, std::min(std::ptrdiff_t(std::ceil(high)) - 1, top));
}

template <class Visit>
void VoxelLattice::split(const double (*corner)[3], std::size_t n, Visit&& visit) const {
  thread_local std::vector<double> whole, strip, column, part, spare;
  whole.clear();
  for (std::size_t q = 0; q < n; ++q)
    for (int a = 0; a < 3; ++a) {
      const double shift = 0.5 * degree_, u = (corner[q][a] - box_.lo[a]) / step_[a];
      whole.push_back(std::min(std::max(u, 0.0), double(count_[a])) + shift);
    }
  std::ptrdiff_t i0, i1, j0, j1, k0, k1;
  range(whole, 0, i0, i1);
  for (std::ptrdiff_t i = i0; i <= i1; ++i) {
    if (i0 == i1)
      strip = whole;
    else
      keep_slab(whole, 0, double(i), spare, strip);
    if (strip.size() < 9) continue;
    range(strip, 1, j0, j1);
    for (std::ptrdiff_t j = j0; j <= j1; ++j) {
      if (j0 == j1)
        column = strip;
      else
        keep_slab(strip, 1, double(j), spare, column);
      if (column.size() < 9) continue;
      range(column, 2, k0, k1);
      for (std::ptrdiff_t k = k0; k <= k1; ++k) {
        if (k0 == k1)
          part = column;
        else
          keep_slab(column, 2, double(k), spare, part);
        if (part.size() < 9) continue;
        const auto x = std::size_t(i), y = std::size_t(j), z = std::size_t(k);
        visit(Part{part, x, y, z, (x * pieces(1) + y) * pieces(2) + z});
      }
    }
  }
}

}  // namespace mixot
