#include "densities/gaussian_walls.hpp"

#include <algorithm>
#include <cmath>

#include "cells/facet_sums.hpp"
#include "cells/solid_diagram.hpp"
#include "densities/gaussian_faces.hpp"

namespace mixot {
namespace {

using std::size_t;

constexpr double kPi = 3.14159265358979323846;
constexpr double kRootHalf = 0.70710678118654752440;

// Of one wall and one law, as in GaussianWalls.
struct Wall {
  double zeroth, first[3], second[6];
};

// What is left of int z z' phi over a face by the divergence theorem in its plane, d its distance from the origin and
// u = z - d n: int u u' phi = (I - n n') int phi - sum over the edges of nu int u phi, nu the outward normal in the
// plane. Along an edge phi is a normal density in t times one in the distance from the origin.
void subtract_edges(const double (*z)[3], size_t corners, const double* n, double d, double* second) {
  for (size_t k = 0; k < corners; ++k) {
    const double *from = z[k], *to = z[k + 1 < corners ? k + 1 : 0];
    double along[3], length = 0;
    for (int a = 0; a < 3; ++a) along[a] = to[a] - from[a], length += along[a] * along[a];
    length = std::sqrt(length);
    if (!(length > 0)) continue;
    double peak = 0, foot[3], far = 0;
    for (int a = 0; a < 3; ++a) along[a] /= length, peak -= from[a] * along[a];
    for (int a = 0; a < 3; ++a) foot[a] = from[a] + peak * along[a], far += foot[a] * foot[a];
    const double lo = -peak, hi = length - peak, height = std::exp(-0.5 * far) / (2 * kPi);
    // differences of the smaller tails
    const double mass = lo > 0 ? 0.5 * (std::erfc(lo * kRootHalf) - std::erfc(hi * kRootHalf))
                               : 0.5 * (std::erfc(-hi * kRootHalf) - std::erfc(-lo * kRootHalf));
    const double slope = (std::exp(-0.5 * lo * lo) - std::exp(-0.5 * hi * hi)) / std::sqrt(2 * kPi);
    const double out[3] = {along[1] * n[2] - along[2] * n[1], along[2] * n[0] - along[0] * n[2],
                           along[0] * n[1] - along[1] * n[0]};
    double on[3];
    for (int a = 0; a < 3; ++a) on[a] = height * ((foot[a] - d * n[a]) * mass + along[a] * slope);
    for (int p = 0; p < 6; ++p) {
      const int a = space_pairs[p][0], b = space_pairs[p][1];
      second[p] -= 0.5 * (out[a] * on[b] + out[b] * on[a]);
    }
  }
}

// `z` has room for the corners as the law sees them.
Wall wall_of(const GaussianGroups<3>::Group& g, size_t j, const FaceLanes& f, const double (*corner)[3], size_t n,
             std::vector<double>& room) {
  const double w[3][3] = {{g.whiten[0][j], 0, 0},
                          {g.whiten[1][j], g.whiten[2][j], 0},
                          {g.whiten[3][j], g.whiten[4][j], g.whiten[5][j]}};
  auto* z = reinterpret_cast<double(*)[3]>(room.data());
  for (size_t k = 0; k < n; ++k)
    for (int a = 0; a < 3; ++a) {
      z[k][a] = 0;
      for (int b = 0; b <= a; ++b) z[k][a] += w[a][b] * (corner[k][b] - g.mean[b][j]);
    }
  const double normal[3] = {f.normal[0][j], f.normal[1][j], f.normal[2][j]}, mass = f.mass_on[j];
  double d = 0, nearest = INFINITY;
  for (size_t k = 0; k < n; ++k) {  // from the corner that is nearest: rounding grows with the distance
    double square = 0, height = 0;
    for (int a = 0; a < 3; ++a) square += z[k][a] * z[k][a], height += normal[a] * z[k][a];
    if (square < nearest) nearest = square, d = height;
  }
  double inside[3], second[6];
  for (int a = 0; a < 3; ++a) inside[a] = f.first_on[a][j] - d * normal[a] * mass;
  for (int p = 0; p < 6; ++p) {
    const int a = space_pairs[p][0], b = space_pairs[p][1];
    second[p] = (a == b ? mass : 0.0) + (d * d - 1) * normal[a] * normal[b] * mass +
                d * (normal[a] * inside[b] + normal[b] * inside[a]);
  }
  subtract_edges(z, n, normal, d, second);
  static constexpr int at[3][3] = {{0, 3, 4}, {3, 1, 5}, {4, 5, 2}};
  Wall out;
  out.zeroth = mass * f.density[j];
  for (int a = 0; a < 3; ++a) {  // q = W' z
    out.first[a] = 0;
    for (int b = a; b < 3; ++b) out.first[a] += w[b][a] * f.first_on[b][j] * f.density[j];
  }
  for (int p = 0; p < 6; ++p) {
    out.second[p] = 0;
    for (int b = space_pairs[p][0]; b < 3; ++b)
      for (int c = space_pairs[p][1]; c < 3; ++c)
        out.second[p] += w[b][space_pairs[p][0]] * w[c][space_pairs[p][1]] * second[at[b][c]] * f.density[j];
  }
  return out;
}

}  // namespace

GaussianWalls gaussian_walls(const WeightedPoints& cloud, const GaussianLaws& laws, const Box<3>& box,
                             size_t threads) {
  const OrderedPoints<3> sorted(cloud);
  SolidDiagram diagram(sorted.points.data(), cloud.n, box, threads);
  diagram.update(sorted.weights.data());
  const GaussianGroups<3> law(laws);
  const size_t k_laws = law.size(), blocks = (cloud.n + SolidDiagram::block - 1) / SolidDiagram::block;
  struct Part {
    std::vector<std::int64_t> below, above;
    std::vector<double> zeroth, first, second, flux, room;
  };
  std::vector<Part> parts(blocks);
  for_own_facets(diagram, [&](size_t block, size_t i, const SolidView& cell, int k) {
    Part& part = parts[block];
    part.below.push_back(sorted.order[i]);
    part.above.push_back(cell.id[k] < 0 ? -1 : sorted.order[std::size_t(cell.id[k])]);
    cell.facet(k, [&](const double (*corner)[3], size_t n) {
      part.room.resize(std::max(part.room.size(), 3 * n));
      FaceLanes f;
      for (size_t g = 0; g < law.groups(); ++g) {
        face_of_group(law[g], corner, n, f);
        for (size_t j = 0; j < law[g].used; ++j) {
          part.flux.push_back(f.flux[j]);
          if (cell.id[k] < 0) continue;
          const Wall wall = wall_of(law[g], j, f, corner, n, part.room);
          part.zeroth.push_back(wall.zeroth);
          part.first.insert(part.first.end(), wall.first, wall.first + 3);
          part.second.insert(part.second.end(), wall.second, wall.second + 6);
        }
      }
    });
  });
  GaussianWalls out;
  out.shares.assign(cloud.n * k_laws, 0.0);
  for (const Part& part : parts) {
    for (size_t w = 0; w < part.below.size(); ++w) {
      const double* flux = part.flux.data() + w * k_laws;
      const bool shared = part.above[w] >= 0;
      for (size_t j = 0; j < k_laws; ++j) {
        out.shares[size_t(part.below[w]) * k_laws + j] += flux[j];
        if (shared) out.shares[size_t(part.above[w]) * k_laws + j] -= flux[j];
      }
      if (shared) out.below.push_back(part.below[w]), out.above.push_back(part.above[w]);
    }
    out.zeroth.insert(out.zeroth.end(), part.zeroth.begin(), part.zeroth.end());
    out.first.insert(out.first.end(), part.first.begin(), part.first.end());
    out.second.insert(out.second.end(), part.second.begin(), part.second.end());
  }
  return out;
}

}  // namespace mixot
