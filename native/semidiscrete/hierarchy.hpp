// Clouds of points from coarse to fine, and how weights of a coarse cloud become those of the next finer one.
#pragma once
#include <cstddef>
#include <vector>

#include "cells/box.hpp"
#include "cells/cell_system.hpp"
#include "linear_algebra/laplacian.hpp"

namespace mixot {

// One cloud, in kd order, so that the children of its point j are the points children * j, ... of the next finer cloud.
template <int D>
struct Cloud {
  std::vector<double> points;  // (n, D)
  std::vector<double> target;  // (n), masses
  std::vector<double> radius;  // (n), root mean square distance of the children; empty in the finest cloud
  std::size_t children = 0;    // of each point but the last; 0 in the finest cloud
  std::size_t size() const { return target.size(); }

  // Each run of so many points becomes one at its center of mass.
  Cloud coarser(std::size_t run) const;
};

// What is known of a coarse cloud whose transport is solved.
template <int D>
struct Solved {
  const Cloud<D>& cloud;
  const std::vector<double>& weights;
  const Laplacian& graph;              // neighbors
  const std::vector<double>& centers;  // (n, D), of mass of the cells
  const std::vector<double>& spreads;  // (n), root mean square distances of their mass from there
};

// Weights of the finer cloud: a quadratic in each coarse point, fitted to the weights and gradients 2 (y - b) in two
// rings of neighbors but for those beyond a jump of the map, blended by smooth bumps. The gradient of the weights is what
// the transport map is made of: piecewise constant weights would be worse than none.
template <int D>
std::vector<double> interpolate(const Solved<D>& coarse, const Cloud<D>& fine, std::size_t threads);

// The points of the finer cloud that may be neighbors of point i: the children of its parent and of the parent's
// neighbors.
template <int D>
void near_points(const Solved<D>& coarse, std::size_t fine_size, std::size_t i, std::vector<int>& out);

// Weights of the separable map between the marginals, per axis the masses of equal slabs of the box: it is strictly
// convex, so that few cells begin empty.
template <int D>
std::vector<double> separable_start(const Cloud<D>& cloud, const Box<D>& box,
                                    const std::vector<double> (&marginals)[D]);

// Weights whose cells are the Voronoi diagram of the cloud moved and scaled into the box.
template <int D>
std::vector<double> boxed_start(const Cloud<D>& cloud, const Box<D>& box);

}  // namespace mixot
