// A start from an exact transport of the points to blocks of the density.
#pragma once
#include <cstddef>
#include <vector>

#include "cells/box.hpp"
#include "cells/density.hpp"
#include "semidiscrete/hierarchy.hpp"

namespace mixot {

// Parts of a box with the mass of the density there, none of them empty.
template <int D>
struct DensityBlocks {
  std::vector<double> mass, center;  // (m), (m, D), centers of mass
};

// The box, cut in two again and again where mass spreads the most around its center, into at most so many blocks.
template <int D>
DensityBlocks<D> density_blocks(const Density<D>& density, const Box<D>& box, std::size_t most);

// Weights (n) of the cloud that are optimal for blocks whose mass stands at their centers, by the network simplex. Mass
// goes where it must however wide the gaps are in between; cells are right but for the size of the blocks.
template <int D>
std::vector<double> block_start(const Cloud<D>& cloud, const DensityBlocks<D>& blocks);

}  // namespace mixot
