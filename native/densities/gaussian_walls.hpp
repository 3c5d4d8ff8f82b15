// Walls between Laguerre cells in space, and integrals of each Gaussian law over them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cells/box.hpp"
#include "cells/ordered_points.hpp"
#include "densities/gaussian_laws.hpp"

namespace mixot {

// Walls f between the points below[f] and above[f]. With q = S^-1 (x - c), of each of the k laws N the integrals over
// the wall, by area: zeroth (f, k) of N, first (f, k, 3) of q N, second (f, k, 6) of q q' N as xx, yy, zz, xy, xz, yz.
// The masses shares (n, k) of each law in each cell.
struct GaussianWalls {
  std::vector<std::int64_t> below, above;
  std::vector<double> zeroth, first, second, shares;
};

GaussianWalls gaussian_walls(const WeightedPoints& cloud, const GaussianLaws& laws, const Box<3>& box,
                             std::size_t threads);

}  // namespace mixot
