#include "semidiscrete/block_start.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "discrete/network_simplex.hpp"

namespace mixot {

namespace {

constexpr double dust = 1e-13;   // of all mass: what rounding may leave in a block without any
constexpr double point = 1e-15;  // mass times variance of a block that need not be cut

template <int D>
struct Block {
  Box<D> box;
  Moments<D> sums;
  double spread[D];  // mass times variance along each axis
  double all;        // of these
  bool operator<(const Block& other) const { return all < other.all; }
};

// use(corners, n) for every facet of the box.
template <class Use>
void for_sides(const Box<2>& box, Use&& use) {
  const double x[4] = {box.lo[0], box.hi[0], box.hi[0], box.lo[0]}, y[4] = {box.lo[1], box.lo[1], box.hi[1], box.hi[1]};
  for (int k = 0; k < 4; ++k) {
    const int next = (k + 1) % 4;
    const double edge[2][2] = {{x[k], y[k]}, {x[next], y[next]}};
    use(edge, std::size_t(2));
  }
}

// Counterclockwise seen from outside: (u, v) turn right-handed about the upper side, left-handed about the lower one.
template <class Use>
void for_sides(const Box<3>& box, Use&& use) {
  for (int axis = 0; axis < 3; ++axis)
    for (int upper = 0; upper < 2; ++upper) {
      const int u = (axis + (upper ? 1 : 2)) % 3, v = (axis + (upper ? 2 : 1)) % 3;
      double face[4][3];
      for (int k = 0; k < 4; ++k) {
        face[k][axis] = upper ? box.hi[axis] : box.lo[axis];
        face[k][u] = k == 1 || k == 2 ? box.hi[u] : box.lo[u];
        face[k][v] = k >= 2 ? box.hi[v] : box.lo[v];
      }
      use(face, std::size_t(4));
    }
}

template <int D>
Block<D> measure(const Density<D>& density, const Box<D>& box) {
  Block<D> out{box, {}, {}, 0};
  for_sides(box, [&](const double (*corner)[D], std::size_t n) {
    const Moments<D> side = density.facet_moments(corner, n);
    for (std::size_t q = 0; q < sizeof(side.value) / sizeof(double); ++q) out.sums.value[q] += side.value[q];
  });
  const double* m = out.sums.value;
  if (m[0] <= dust) return out;
  for (int a = 0; a < D; ++a) {
    out.spread[a] = std::max(0.0, m[Moments<D>::squares[a]] - m[1 + a] * m[1 + a] / m[0]);
    out.all += out.spread[a];
  }
  return out;
}

}  // namespace

template <int D>
DensityBlocks<D> density_blocks(const Density<D>& density, const Box<D>& box, std::size_t most) {
  std::vector<Block<D>> heap{measure(density, box)};
  while (heap.size() < most && heap.front().all > point) {
    std::pop_heap(heap.begin(), heap.end());
    const Block<D> wide = heap.back();
    heap.pop_back();
    const int axis = int(std::max_element(wide.spread, wide.spread + D) - wide.spread);
    Box<D> low = wide.box, high = wide.box;
    low.hi[axis] = high.lo[axis] = wide.sums.value[1 + axis] / wide.sums.value[0];
    for (const Box<D>& part : {low, high}) {
      Block<D> half = measure(density, part);
      if (half.sums.value[0] <= dust) continue;
      heap.push_back(half);
      std::push_heap(heap.begin(), heap.end());
    }
  }
  DensityBlocks<D> out;
  for (const Block<D>& block : heap) {
    const double* m = block.sums.value;
    out.mass.push_back(m[0]);
    for (int a = 0; a < D; ++a)  // rounding may put the center of a light block beside it
      out.center.push_back(std::min(std::max(m[1 + a] / m[0], block.box.lo[a]), block.box.hi[a]));
  }
  return out;
}

template <int D>
std::vector<double> block_start(const Cloud<D>& cloud, const DensityBlocks<D>& blocks) {
  const std::size_t n = cloud.size(), m = blocks.mass.size();
  std::vector<double> cost(n * m), coupling(n * m, 0.0), f(n), g(m), mass = blocks.mass;
  const double total = std::accumulate(cloud.target.begin(), cloud.target.end(), 0.0);
  const double found = std::accumulate(mass.begin(), mass.end(), 0.0);
  for (double& v : mass) v *= total / found;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      for (int a = 0; a < D; ++a) {
        const double d = cloud.points[i * D + a] - blocks.center[j * D + a];
        cost[i * m + j] += d * d;
      }
  NetworkSimplex simplex;
  simplex.solve({cost.data(), cloud.target.data(), mass.data(), int(n), int(m)},
                std::numeric_limits<std::int64_t>::max(), coupling.data(), f.data(), g.data());
  return f;
}

#define MIXOT_BLOCKS(D)                                                                               \
  template DensityBlocks<D> density_blocks<D>(const Density<D>&, const Box<D>&, std::size_t);         \
  template std::vector<double> block_start<D>(const Cloud<D>&, const DensityBlocks<D>&);
MIXOT_BLOCKS(2)
MIXOT_BLOCKS(3)
#undef MIXOT_BLOCKS

}  // namespace mixot
