#include "densities/voxel_walls.hpp"

#include <algorithm>
#include <cmath>

#include "cells/facet_sums.hpp"
#include "cells/solid_diagram.hpp"
#include "densities/triangle_rule.hpp"
#include "densities/voxel_lattice.hpp"

namespace mixot {
namespace {

// The density at a place of a piece, by lattice volume: one value, or trilinear between eight.
template <int Degree>
double density_at(const Grid<3>& voxels, const VoxelLattice& lattice, const VoxelLattice::Part& part, const double* u) {
  const auto value = [&](int a, int b, int c) { return voxels.values[lattice.value(part.i, part.j, part.k, a, b, c)]; };
  if constexpr (Degree == 0) return value(0, 0, 0);
  const double r = u[0] - double(part.i), s = u[1] - double(part.j), t = u[2] - double(part.k);
  double out = 0;
  for (int corner = 0; corner < 8; ++corner) {
    const int a = corner >> 2, b = corner >> 1 & 1, c = corner & 1;
    out += (a ? r : 1 - r) * (b ? s : 1 - s) * (c ? t : 1 - t) * value(a, b, c);
  }
  return out;
}

// Adds what a wall, corners (n, 3), has of the ten integrals.
template <int Degree>
void add_wall(const Grid<3>& voxels, const VoxelLattice& lattice, const double (*corner)[3], std::size_t n, double* sums) {
  const double volume = lattice.step(0) * lattice.step(1) * lattice.step(2);
  lattice.split(corner, n, [&](const VoxelLattice::Part& part) {
    const auto place = [&](std::size_t q, double* out) {
      for (int a = 0; a < 3; ++a) out[a] = lattice.place(a, part.polygon.corner(q)[a]);
    };
    double first[3], near[3], far[3];
    place(0, first), place(1, far);
    for (std::size_t q = 1; q + 1 < part.polygon.size(); ++q) {
      std::copy(far, far + 3, near);
      place(q + 1, far);
      double u[3], v[3], squared = 0;
      for (int a = 0; a < 3; ++a) u[a] = near[a] - first[a], v[a] = far[a] - first[a];
      for (int a = 0; a < 3; ++a) {
        const double turn = u[(a + 1) % 3] * v[(a + 2) % 3] - u[(a + 2) % 3] * v[(a + 1) % 3];
        squared += turn * turn;
      }
      const double area = 0.5 * std::sqrt(squared) / volume;
      const double *a0 = part.polygon.corner(0), *a1 = part.polygon.corner(q), *a2 = part.polygon.corner(q + 1);
      // the density has degree 0 or 3, the monomials 2
      triangle_rule<Degree ? 6 : 4>([&](double wa, double wb, double wc, double share) {
        double at[3], x[3];
        for (int a = 0; a < 3; ++a) {
          at[a] = wa * a0[a] + wb * a1[a] + wc * a2[a];
          x[a] = wa * first[a] + wb * near[a] + wc * far[a];
        }
        const double mass = area * share * density_at<Degree>(voxels, lattice, part, at);
        const double terms[10] = {1, x[0], x[1], x[2], x[0] * x[0], x[1] * x[1], x[2] * x[2], x[0] * x[1], x[0] * x[2], x[1] * x[2]};
        for (int m = 0; m < 10; ++m) sums[m] += mass * terms[m];
      });
    }
  });
}

}  // namespace

VoxelWalls voxel_walls(const WeightedPoints& cloud, const Grid<3>& voxels, std::size_t threads) {
  const OrderedPoints<3> sorted(cloud);
  SolidDiagram diagram(sorted.points.data(), cloud.n, voxels.box, threads);
  diagram.update(sorted.weights.data());
  const VoxelLattice lattice(voxels);
  std::vector<VoxelWalls> parts((cloud.n + SolidDiagram::block - 1) / SolidDiagram::block);
  for_own_facets(diagram, [&](std::size_t block, std::size_t i, const SolidView& cell, int k) {
    if (cell.id[k] < 0) return;
    VoxelWalls& part = parts[block];
    part.below.push_back(sorted.order[i]), part.above.push_back(sorted.order[std::size_t(cell.id[k])]);
    part.sums.resize(part.sums.size() + 10, 0.0);
    double* sums = &part.sums[part.sums.size() - 10];
    cell.facet(k, [&](const double (*corner)[3], std::size_t n) {
      voxels.degree ? add_wall<1>(voxels, lattice, corner, n, sums) : add_wall<0>(voxels, lattice, corner, n, sums);
    });
  });
  VoxelWalls out;
  for (const VoxelWalls& part : parts) {
    out.below.insert(out.below.end(), part.below.begin(), part.below.end());
    out.above.insert(out.above.end(), part.above.begin(), part.above.end());
    out.sums.insert(out.sums.end(), part.sums.begin(), part.sums.end());
  }
  return out;
}

}  // namespace mixot
