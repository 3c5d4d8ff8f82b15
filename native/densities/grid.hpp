// Densities on the pixels or voxels of a box: what both have in common.
#pragma once
#include <cstddef>
#include <vector>

#include "cells/box.hpp"

namespace mixot {

// values, row-major, axis 0 along x: the masses of the pixels or voxels where the density is constant on each (degree
// 0), or their weights in products of hat functions of one pixel's mass (degree 1, constant beyond the outermost
// centers).
template <int D>
struct Grid {
  const double* values;
  std::size_t count[D];
  Box<D> box;
  int degree;
  std::size_t size() const {
    std::size_t out = 1;
    for (std::size_t n : count) out *= n;
    return out;
  }
};

// Values (n) with a share of their mean; those given stay with the caller.
class BlendedValues {
 public:
  BlendedValues(const double* values, std::size_t n);
  double operator[](std::size_t p) const { return blended_[p]; }
  // (1 - share) times the values plus share times their mean. False where it is that share already.
  bool blend(double share);
  // The least value over the mean.
  double floor() const { return floor_; }

 private:
  const double* values_;
  std::vector<double> blended_;
  double share_ = 0, floor_;
};

// Masses of the layers of pixels or voxels across each axis.
template <int D>
void grid_marginals(const Grid<D>& grid, std::vector<double> (&out)[D]);

}  // namespace mixot
