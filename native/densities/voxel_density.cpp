#include "densities/voxel_density.hpp"

#include <algorithm>
#include <cmath>

#include "densities/triangle_rule.hpp"

namespace mixot {
namespace {

// Calls visit(x, y, z, nx, ny, nz) for the nodes of a rule on a flat polygon, on triangles from its first corner, with
// the rule's share of the triangle's area vector.
template <int Degree, class Visit>
void on_triangles(const FlatPolygon& polygon, Visit&& visit) {
  const double* a = polygon.corner(0);
  for (std::size_t q = 1; q + 1 < polygon.size(); ++q) {
    const double *b = polygon.corner(q), *c = polygon.corner(q + 1);
    const double ux = b[0] - a[0], uy = b[1] - a[1], uz = b[2] - a[2];
    const double vx = c[0] - a[0], vy = c[1] - a[1], vz = c[2] - a[2];
    const double nx = 0.5 * (uy * vz - uz * vy), ny = 0.5 * (uz * vx - ux * vz), nz = 0.5 * (ux * vy - uy * vx);
    triangle_rule<Degree>([&](double wa, double wb, double wc, double share) {
      visit(wa * a[0] + wb * b[0] + wc * c[0], wa * a[1] + wb * b[1] + wc * c[1], wa * a[2] + wb * b[2] + wc * c[2],
            share * nx, share * ny, share * nz);
    });
  }
}

// Of a flat face, corners (n, 3): the area vector, by lengths in units of step.
struct FaceNormal {
  double x[3] = {};
  int longest = 0;
  FaceNormal(const double (*corner)[3], std::size_t n, const double (&step)[3]) {
    for (std::size_t q = 1; q + 1 < n; ++q) {
      double u[3], v[3];
      for (int a = 0; a < 3; ++a)
        u[a] = (corner[q][a] - corner[0][a]) / step[a], v[a] = (corner[q + 1][a] - corner[0][a]) / step[a];
      for (int a = 0; a < 3; ++a) x[a] += 0.5 * (u[(a + 1) % 3] * v[(a + 2) % 3] - u[(a + 2) % 3] * v[(a + 1) % 3]);
    }
    for (int a = 1; a < 3; ++a)
      if (std::abs(x[a]) > std::abs(x[longest])) longest = a;
  }
};

}  // namespace

VoxelDensity::VoxelDensity(const Grid<3>& voxels)
    : voxels_(voxels),
      lattice_(voxels),
      values_(voxels.values, voxels.size()) {
  fill();
}

void VoxelDensity::blend(double share) {
  if (values_.blend(share)) fill();
}

template <int Degree>
void VoxelDensity::fill(std::vector<Piece<Degree>>& pieces) {
  pieces.resize(lattice_.size());
  const double middle = 0.5 * double(lattice_.pieces(2));
  std::size_t at = 0;
  for (std::size_t i = 0; i < lattice_.pieces(0); ++i)
    for (std::size_t j = 0; j < lattice_.pieces(1); ++j) {
      Piece<Degree> run{};
      for (std::size_t k = 0; k < lattice_.pieces(2); ++k, ++at) {
        double low[4], high[4];  // coefficients on the lower and upper side
        for (int side = 0; side < 2; ++side) {
          double* c = side ? high : low;
          const auto v = [&](int a, int b) { return values_[lattice_.value(i, j, k, a, b, side)]; };
          c[0] = v(0, 0);
          if (Degree) c[1] = v(1, 0) - c[0], c[2] = v(0, 1) - c[0], c[3] = v(1, 1) - v(1, 0) - c[2];
        }
        const double z = double(k) - middle;
        for (int m = 0; m < (Degree ? 4 : 1); ++m)
          run.level.c[m] = low[m], run.rise.c[m] = Degree ? high[m] - low[m] : 0;
        pieces[at] = run;
        for (int m = 0; m < (Degree ? 4 : 1); ++m) {
          const double f = run.level.c[m], g = run.rise.c[m];
          run.mass.c[m] += f + g / 2;
          run.first.c[m] += z * (f + g / 2) + f / 2 + g / 3;
          run.second.c[m] += z * z * (f + g / 2) + z * (f + 2 * g / 3) + f / 3 + g / 4;
        }
      }
    }
}

template <int Degree>
FacetIntegrals VoxelDensity::face_of(const std::vector<Piece<Degree>>& pieces, const double (*corner)[3],
                                     std::size_t n) const {
  double flux = 0, area = 0;
  const double h[3] = {lattice_.step(0), lattice_.step(1), lattice_.step(2)};
  const FaceNormal normal(corner, n, h);
  const double along = normal.x[normal.longest];
  if (along == 0) return {0, 0};
  // parts of a flat face are in proportion to their shadows along the longest axis of its normal
  double squares = 0;
  for (int a = 0; a < 3; ++a) {
    const double side = normal.x[a] / along * h[(a + 1) % 3] * h[(a + 2) % 3];
    squares += side * side;
  }
  const double to_flux = normal.x[2] / along, to_area = (along > 0 ? 1 : -1) * std::sqrt(squares) / (h[0] * h[1] * h[2]);
  const int one = (normal.longest + 1) % 3, two = (normal.longest + 2) % 3;
  lattice_.split(corner, n, [&](const VoxelLattice::Part& part) {
    const Piece<Degree>& piece = pieces[part.at];
    if constexpr (Degree == 0) {
      const double* a = part.polygon.corner(0);
      double shadow = 0, height = 0;
      for (std::size_t q = 1; q + 1 < part.polygon.size(); ++q) {
        const double *b = part.polygon.corner(q), *c = part.polygon.corner(q + 1);
        const double twice = (b[one] - a[one]) * (c[two] - a[two]) - (b[two] - a[two]) * (c[one] - a[one]);
        shadow += twice, height += twice * (a[2] + b[2] + c[2]);
      }
      const double density = piece.level.c[0];
      flux += 0.5 * shadow * piece.mass.c[0] + density * (height / 6 - 0.5 * shadow * double(part.k));
      area += 0.5 * shadow * density;
    } else {
      // exact: flux and area have the degree 4 and 3 in x, y, z
      on_triangles<4>(part.polygon, [&](double x, double y, double z, double nx, double ny, double nz) {
        const double s = x - double(part.i), t = y - double(part.j), r = z - double(part.k);
        const double f = piece.level.at(s, t), g = piece.rise.at(s, t);
        const double shadow = normal.longest == 0 ? nx : normal.longest == 1 ? ny : nz;
        flux += shadow * (piece.mass.at(s, t) + r * (f + 0.5 * g * r));
        area += shadow * (f + g * r);
      });
    }
  });
  return {flux * to_flux, area * to_area};
}

template <int Degree>
Moments<3> VoxelDensity::moments_of(const std::vector<Piece<Degree>>& pieces, const double (*corner)[3],
                                      std::size_t n) const {
  double m[10] = {};  // in lattice coordinates seen from the middle
  double middle[3];
  for (int a = 0; a < 3; ++a) middle[a] = 0.5 * double(lattice_.pieces(a));
  lattice_.split(corner, n, [&](const VoxelLattice::Part& part) {
    const Piece<Degree>& piece = pieces[part.at];
    const double row = double(part.k) - middle[2];
    on_triangles<Degree ? 6 : 4>(part.polygon, [&](double px, double py, double pz, double, double, double nz) {
      const double s = px - double(part.i), t = py - double(part.j), r = pz - double(part.k);
      const double x = px - middle[0], y = py - middle[1];
      const double f = piece.level.at(s, t), g = Degree ? piece.rise.at(s, t) : 0;
      const double m0 = r * (f + g * r / 2), m1 = r * r * (f / 2 + g * r / 3), m2 = r * r * r * (f / 3 + g * r / 4);
      const double g0 = nz * (piece.mass.at(s, t) + m0), g1 = nz * (piece.first.at(s, t) + row * m0 + m1);
      m[0] += g0, m[1] += x * g0, m[2] += y * g0, m[3] += g1;
      m[4] += x * x * g0, m[5] += y * y * g0;
      m[6] += nz * (piece.second.at(s, t) + row * (row * m0 + 2 * m1) + m2);
      m[7] += x * y * g0, m[8] += x * g1, m[9] += y * g1;
    });
  });
  double center[3];
  for (int a = 0; a < 3; ++a) center[a] = 0.5 * (voxels_.box.lo[a] + voxels_.box.hi[a]);
  Moments<3> out;
  out.value[0] = m[0];
  const double first[3] = {lattice_.step(0) * m[1], lattice_.step(1) * m[2], lattice_.step(2) * m[3]};
  static constexpr int pair[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
  for (int a = 0; a < 3; ++a) out.value[1 + a] = center[a] * m[0] + first[a];
  for (int p = 0; p < 6; ++p) {
    const int a = pair[p][0], b = pair[p][1];
    out.value[4 + p] = lattice_.step(a) * lattice_.step(b) * m[4 + p] + center[a] * first[b] + center[b] * first[a] +
                       center[a] * center[b] * m[0];
  }
  return out;
}

FacetIntegrals VoxelDensity::facet(const double (*corner)[3], std::size_t n) const {
  return voxels_.degree ? face_of(trilinear_, corner, n) : face_of(flat_, corner, n);
}

Moments<3> VoxelDensity::facet_moments(const double (*corner)[3], std::size_t n) const {
  return voxels_.degree ? moments_of(trilinear_, corner, n) : moments_of(flat_, corner, n);
}

}  // namespace mixot
