#include "densities/gaussian_polyhedra.hpp"

#include <algorithm>
#include <vector>

#include "cells/facet_sums.hpp"
#include "cells/solid_diagram.hpp"
#include "densities/gaussian_density.hpp"
#include "densities/gaussian_faces.hpp"

namespace mixot {
namespace {

using std::size_t;

// sums (13) += sign times what the derivatives take from a face of the cell of y.
void add_derivatives(const CenteredMoments& m, const double* mean, const double* y, double w, double sign,
                     double* sums) {
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

void integrate_faces(const FlatFaces& faces, const GaussianLaws& laws, double* moments, double* areas) {
  const GaussianDensity<3> density(laws);
  for (size_t i = 0; i < faces.n; ++i) {
    const auto* corner = reinterpret_cast<const double(*)[3]>(faces.corners + 3 * faces.start[i]);
    const size_t n = size_t(faces.start[i + 1] - faces.start[i]);
    const Moments<3> sums = density.facet_moments(corner, n);
    std::copy_n(sums.value, 10, moments + 10 * i);
    areas[i] = density.facet(corner, n).area;
  }
}

void solid_gaussian_derivatives(const WeightedPoints& cloud, const GaussianLaws& laws, const Box<3>& box,
                                size_t threads, double* out) {
  const OrderedPoints<3> sorted(cloud);
  SolidDiagram diagram(sorted.points.data(), cloud.n, box, threads);
  diagram.update(sorted.weights.data());
  const GaussianGroups<3> law(laws);
  const size_t size = 13 * law.size(), blocks = (cloud.n + SolidDiagram::block - 1) / SolidDiagram::block;
  std::vector<double> parts(blocks * size, 0.0);
  for_own_facets(diagram, [&](size_t block, size_t i, const SolidView& cell, int k) {
    double* part = parts.data() + block * size;
    FaceLanes f;
    for (size_t g = 0; g < law.groups(); ++g) {
      const GaussianGroups<3>::Group& group = law[g];
      cell.facet(k, [&](const double (*corner)[3], size_t n) { face_of_group(group, corner, n, f); });
      for (size_t j = 0; j < group.used; ++j) {
        const CenteredMoments m(group, j, f);
        const double mean[3] = {group.mean[0][j], group.mean[1][j], group.mean[2][j]};
        double* sums = part + 13 * (g * gaussian_lanes + j);
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
