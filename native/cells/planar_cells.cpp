#include "cells/planar_cells.hpp"

#include <algorithm>
#include <cmath>

namespace mixot {

void PlanarCells::update(const double* weights, CellIntegrals& out) {
  diagram_.update(weights);
  facets_.fill(diagram_, [&](const PolygonView& cell, int k) {
    const int k1 = cell.after(k);
    const double a[2] = {cell.x[k], cell.y[k]}, b[2] = {cell.x[k1], cell.y[k1]};
    return density_.edge(a, b);
  });
  assemble<2>(diagram_, facets_, out);
}

void PlanarCells::moments(std::vector<PlaneMoments>& out) {
  FacetValues<PlaneMoments> edges;
  edges.fill(diagram_, [&](const PolygonView& cell, int k) {
    const int k1 = cell.after(k);
    const double a[2] = {cell.x[k], cell.y[k]}, b[2] = {cell.x[k1], cell.y[k1]};
    return density_.edge_moments(a, b);
  });
  add_up(diagram_, edges, out);
}

void PlanarCells::centers(std::vector<double>& center, std::vector<double>& spread) {
  std::vector<PlaneMoments> sums;
  moments(sums);
  center.resize(2 * sums.size()), spread.resize(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double* m = sums[i].value;
    const double mass = std::max(m[0], 1e-300), x = m[1] / mass, y = m[2] / mass;
    center[2 * i] = x, center[2 * i + 1] = y;
    spread[i] = std::sqrt(std::max(0.0, (m[3] + m[5]) / mass - x * x - y * y));
  }
}

double PlanarCells::mass_at(std::size_t i, double weight) {
  const Polygon& cell = diagram_.cell_at(i, weight);
  double mass = 0;
  for (int k = 0, size = cell.size(); k < size; ++k) {
    const int k1 = k + 1 < size ? k + 1 : 0;
    const double a[2] = {cell.x(k), cell.y(k)}, b[2] = {cell.x(k1), cell.y(k1)};
    mass += density_.edge(a, b).mass;
  }
  return mass;
}

}  // namespace mixot
