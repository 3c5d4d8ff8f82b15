#include "cells/density_cells.hpp"

#include <algorithm>
#include <cmath>

#include "machine/compensated_sum.hpp"

namespace mixot {

template <int D>
void DensityCells<D>::update(const double* weights, CellIntegrals& out) {
  diagram_.update(weights);
  const auto integrate = [&](const double (*corner)[D], std::size_t n) { return density_.facet(corner, n); };
  FacetValues<FacetIntegrals> facets;
  facets.fill(diagram_, [&](const auto& cell, int k) { return cell.facet(k, integrate); });
  assemble<D>(diagram_, facets, out);
}

template <int D>
void DensityCells<D>::moments(std::vector<Moments<D>>& out) {
  FacetValues<Moments<D>> facets;
  const auto integrate = [&](const double (*corner)[D], std::size_t n) { return density_.facet_moments(corner, n); };
  facets.fill(diagram_, [&](const auto& cell, int k) { return cell.facet(k, integrate); });
  add_up(diagram_, facets, out);
}

template <int D>
void DensityCells<D>::centers(std::vector<double>& center, std::vector<double>& spread) {
  std::vector<Moments<D>> sums;
  moments(sums);
  center.resize(D * sums.size()), spread.resize(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double* m = sums[i].value;
    const double mass = std::max(m[0], 1e-300);
    double squares = 0;
    for (int at : Moments<D>::squares) squares += m[at];
    squares /= mass;
    for (int a = 0; a < D; ++a) {
      const double x = m[1 + a] / mass;
      center[D * i + a] = x;
      squares -= x * x;
    }
    spread[i] = std::sqrt(std::max(0.0, squares));
  }
}

template <int D>
double DensityCells<D>::potential() {
  std::vector<Moments<D>> sums;
  moments(sums);
  CompensatedSum out;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double *m = sums[i].value, *y = diagram_.points() + D * i;
    double constant = -diagram_.weight(i);
    for (int a = 0; a < D; ++a) {
      out.add(m[Moments<D>::squares[a]] - 2 * y[a] * m[1 + a]);
      constant += y[a] * y[a];
    }
    out.add(constant * m[0]);
  }
  return out.value();
}

template <int D>
double DensityCells<D>::mass_at(std::size_t i, double weight) {
  double mass = 0;
  diagram_.cell_at(i, weight).for_facets([&](const double (*corner)[D], std::size_t n) {
    mass += density_.facet(corner, n).mass;
  });
  return mass;
}

template class DensityCells<2>;
template class DensityCells<3>;

}  // namespace mixot
