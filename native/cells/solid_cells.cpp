#include "cells/solid_cells.hpp"

#include <algorithm>
#include <cmath>

namespace mixot {

void SolidCells::update(const double* weights, CellIntegrals& out) {
  diagram_.update(weights);
  facets_.fill(diagram_, [&](const SolidView& cell, int k) {
    return density_.face(cell.corner + cell.first[k], cell.first[k + 1] - cell.first[k]);
  });
  assemble<3>(diagram_, facets_, out);
}

void SolidCells::moments(std::vector<SolidMoments>& out) {
  FacetValues<SolidMoments> faces;
  faces.fill(diagram_, [&](const SolidView& cell, int k) {
    return density_.face_moments(cell.corner + cell.first[k], cell.first[k + 1] - cell.first[k]);
  });
  add_up(diagram_, faces, out);
}

void SolidCells::centers(std::vector<double>& center, std::vector<double>& spread) {
  std::vector<SolidMoments> sums;
  moments(sums);
  center.resize(3 * sums.size()), spread.resize(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double mass = std::max(sums[i].value[0], 1e-300);
    double squares = 0;
    for (int a = 0; a < 3; ++a) {
      const double x = sums[i].value[1 + a] / mass;
      center[3 * i + a] = x;
      squares += sums[i].value[4 + a] / mass - x * x;
    }
    spread[i] = std::sqrt(std::max(0.0, squares));
  }
}

double SolidCells::mass_at(std::size_t i, double weight) {
  const Polyhedron& cell = diagram_.cell_at(i, weight);
  double mass = 0;
  std::vector<double>& loop = loop_;
  for (const auto& face : cell.faces()) {
    loop.clear();
    for (std::size_t k = face.first; k < face.last; ++k)
      for (int a = 0; a < 3; ++a) loop.push_back(cell.at(k, a));
    mass += density_.face(reinterpret_cast<const double(*)[3]>(loop.data()), loop.size() / 3).mass;
  }
  return mass;
}

}  // namespace mixot
