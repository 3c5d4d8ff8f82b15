#include "densities/solid_gaussians.hpp"

#include <algorithm>
#include <vector>

#include "cells/solid_diagram.hpp"

namespace mixot {
namespace {

using std::size_t;

// What a face adds, for one component: mass, int (x - c), int (x - c) (x - c)' as xx, yy, zz, xy, xz, yz; x - c = L z.
struct Centered {
  double mass, first[3], second[6];
};

constexpr int kPairs[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};

Centered centered(const SpaceGaussians::Group& g, size_t j, const FaceLanes& f) {
  const double l[3][3] = {{g.root[0][j], 0, 0},
                          {g.root[1][j], g.root[2][j], 0},
                          {g.root[3][j], g.root[4][j], g.root[5][j]}};
  double normal[3] = {}, on[3] = {};  // L n and L int z phi over the face
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b <= a; ++b) normal[a] += l[a][b] * f.normal[b][j], on[a] += l[a][b] * f.first_on[b][j];
  Centered out;
  out.mass = f.flux[j];
  for (int a = 0; a < 3; ++a) out.first[a] = -normal[a] * f.mass_on[j];
  for (int p = 0; p < 6; ++p) {
    const int a = kPairs[p][0], b = kPairs[p][1];
    double cov = 0;
    for (int c = 0; c <= std::min(a, b); ++c) cov += l[a][c] * l[b][c];
    out.second[p] = cov * out.mass - 0.5 * (normal[a] * on[b] + normal[b] * on[a]);
  }
  return out;
}

// sums (13) += sign times what the derivatives take from a face of the cell of y.
void add_derivatives(const Centered& m, const double* mean, const double* y, double w, double sign, double* sums) {
  double off[3], square = -w;
  for (int a = 0; a < 3; ++a) off[a] = mean[a] - y[a], square += off[a] * off[a];
  double phi = m.second[0] + m.second[1] + m.second[2] + square * m.mass;
  for (int a = 0; a < 3; ++a) phi += 2 * off[a] * m.first[a];
  sums[0] += sign * phi;
  static constexpr int at[3][3] = {{0, 3, 4}, {3, 1, 5}, {4, 5, 2}};
  for (int a = 0; a < 3; ++a) {
    sums[1 + a] += sign * (m.first[a] + off[a] * m.mass);
    for (int b = 0; b < 3; ++b) sums[4 + 3 * a + b] += sign * (m.second[at[a][b]] + off[a] * m.first[b]);
  }
}

}  // namespace

FacetIntegrals SolidGaussians::face(const double (*corner)[3], size_t n) const {
  FacetIntegrals out{0, 0};
  FaceLanes f;
  for (size_t g = 0; g < law_.groups(); ++g) {
    const SpaceGaussians::Group& group = law_[g];
    face_of_group(group, corner, n, f);
    for (size_t j = 0; j < group.used; ++j) {
      out.mass += group.weight[j] * f.flux[j];
      out.area += group.weight[j] * f.mass_on[j] * f.density[j];
    }
  }
  return out;
}

SolidMoments SolidGaussians::face_moments(const double (*corner)[3], size_t n) const {
  SolidMoments out{};
  FaceLanes f;
  for (size_t g = 0; g < law_.groups(); ++g) {
    const SpaceGaussians::Group& group = law_[g];
    face_of_group(group, corner, n, f);
    for (size_t j = 0; j < group.used; ++j) {
      const Centered m = centered(group, j, f);
      const double w = group.weight[j], c[3] = {group.mean[0][j], group.mean[1][j], group.mean[2][j]};
      out.value[0] += w * m.mass;
      for (int a = 0; a < 3; ++a) out.value[1 + a] += w * (m.first[a] + c[a] * m.mass);
      for (int p = 0; p < 6; ++p) {
        const int a = kPairs[p][0], b = kPairs[p][1];
        out.value[4 + p] += w * (m.second[p] + c[a] * m.first[b] + c[b] * m.first[a] + c[a] * c[b] * m.mass);
      }
    }
  }
  return out;
}

void integrate_faces(const FlatFaces& faces, const GaussianLaws& laws, double* moments, double* areas) {
  const SolidGaussians density(laws);
  for (size_t i = 0; i < faces.n; ++i) {
    const auto* corner = reinterpret_cast<const double(*)[3]>(faces.corners + 3 * faces.start[i]);
    const size_t n = size_t(faces.start[i + 1] - faces.start[i]);
    const SolidMoments sums = density.face_moments(corner, n);
    std::copy_n(sums.value, 10, moments + 10 * i);
    areas[i] = density.face(corner, n).area;
  }
}

void solid_gaussian_derivatives(const WeightedPoints& cloud, const GaussianLaws& laws, const Cuboid& box,
                                size_t threads, double* out) {
  const OrderedPoints<3> sorted(cloud);
  SolidDiagram diagram(sorted.points.data(), cloud.n, box, threads);
  diagram.update(sorted.weights.data());
  const SpaceGaussians law(laws);
  const size_t size = 13 * law.size(), blocks = (cloud.n + SolidDiagram::block - 1) / SolidDiagram::block;
  std::vector<double> parts(blocks * size, 0.0);
  for_own_facets(diagram, [&](size_t block, size_t i, const SolidView& cell, int k) {
    double* part = parts.data() + block * size;
    FaceLanes f;
    for (size_t g = 0; g < law.groups(); ++g) {
      const SpaceGaussians::Group& group = law[g];
      face_of_group(group, cell.corner + cell.first[k], cell.first[k + 1] - cell.first[k], f);
      for (size_t j = 0; j < group.used; ++j) {
        const Centered m = centered(group, j, f);
        const double mean[3] = {group.mean[0][j], group.mean[1][j], group.mean[2][j]};
        double* sums = part + 13 * (g * space_lanes + j);
        const auto add = [&](size_t cell_of, double sign) {
          add_derivatives(m, mean, &sorted.points[3 * cell_of], sorted.weights[cell_of], sign, sums);
        };
        add(i, 1.0);
        if (cell.id[k] >= 0) add(size_t(cell.id[k]), -1.0);
      }
    }
  });
  std::fill(out, out + size, 0.0);
  for (size_t block = 0; block < blocks; ++block)
    for (size_t r = 0; r < size; ++r) out[r] += parts[block * size + r];
}

}  // namespace mixot
