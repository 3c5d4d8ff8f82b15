// Sums over the facets of cells that tile a box: edges of polygons, faces of polyhedra.
//
// A facet that two cells share is integrated once, by the cell whose point is nearer to the origin, the middle of the
// box, and counted with both signs: seen from a remote point its facets are all but parallel, and where they cross is
// lost in rounding. One that only one of them has is rounding of a corner or an edge, integrated by that one and still
// counted with both.
// A diagram offers size(), threads(), points(), a block size and cells diagram[i] with size facets, their ids (negative
// on the sides of the box), find(neighbor), the facet towards it or -1, and facet(k, use), what use makes of its corners.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "cells/cell_system.hpp"
#include "cells/density.hpp"
#include "machine/parallel.hpp"

namespace mixot {

template <class Diagram, class Body>
void for_cells(const Diagram& diagram, Body&& body) {
  const std::size_t n = diagram.size(), block = Diagram::block;
  parallel_blocks((n + block - 1) / block, diagram.threads(), [&](std::size_t b, std::size_t) {
    for (std::size_t i = b * block, last = std::min(n, i + block); i < last; ++i) body(b, i);
  });
}

// Whether cell i integrates the facet that it shares with cell j.
template <class Diagram>
bool owns(const Diagram& diagram, std::size_t i, std::size_t j) {
  constexpr int dim = Diagram::dim;
  const double *a = diagram.points() + i * dim, *b = diagram.points() + j * dim;
  double own = 0, other = 0;
  for (int c = 0; c < dim; ++c) own += a[c] * a[c], other += b[c] * b[c];
  return own != other ? own < other : i < j;
}

// body(block, i, cell, k) for the facets k that cell i integrates: those it `owns`, those on the sides of the box, and
// those that the neighbor lacks.
template <class Diagram, class Body>
void for_own_facets(const Diagram& diagram, Body&& body) {
  for_cells(diagram, [&](std::size_t block, std::size_t i) {
    const auto cell = diagram[i];
    for (int k = 0; k < cell.size; ++k) {
      const int j = cell.id[k];
      if (j < 0 || owns(diagram, i, std::size_t(j)) || diagram[j].find(int(i)) < 0) body(block, i, cell, k);
    }
  });
}

// One value for each facet of each cell, values[first[i] + k], from integrate(cell, k).
template <class Value>
struct FacetValues {
  std::vector<std::size_t> first;
  std::vector<Value> values;

  template <class Diagram, class Integrate>
  void fill(const Diagram& diagram, Integrate&& integrate) {
    const std::size_t n = diagram.size();
    first.assign(n + 1, 0);
    for (std::size_t i = 0; i < n; ++i) first[i + 1] = first[i] + std::size_t(diagram[i].size);
    values.resize(first[n]);
    for_own_facets(diagram, [&](std::size_t, std::size_t i, const auto& cell, int k) {
      values[first[i] + k] = integrate(cell, k);
    });
  }

  // add(i, value, sign, k, shared) for every facet k of every cell i, then end(i); what a neighbor lacks comes last,
  // with k = -1.
  template <class Diagram, class Add, class End>
  void gather(const Diagram& diagram, Add&& add, End&& end) const {
    const std::size_t n = diagram.size(), block = Diagram::block;
    std::vector<std::vector<std::pair<int, const Value*>>> owed((n + block - 1) / block);
    for_cells(diagram, [&](std::size_t b, std::size_t i) {
      const auto cell = diagram[i];
      for (int k = 0; k < cell.size; ++k) {
        const int j = cell.id[k], twin = j < 0 ? -1 : diagram[j].find(int(i));
        const Value& own = values[first[i] + k];
        if (twin >= 0 && !owns(diagram, i, std::size_t(j))) {
          add(i, values[first[j] + twin], -1.0, k, true);
        } else {
          add(i, own, 1.0, k, twin >= 0);
          if (j >= 0 && twin < 0) owed[b].emplace_back(j, &own);
        }
      }
      end(i);
    });
    for (const auto& part : owed)
      for (const auto& [j, value] : part) add(std::size_t(j), *value, -1.0, -1, false);
  }
};

// Masses of the cells and the graph of their neighbors.
template <int D, class Diagram>
void assemble(const Diagram& diagram, const FacetValues<FacetIntegrals>& facets, CellIntegrals& out) {
  const std::size_t n = diagram.size();
  const double* points = diagram.points();
  Laplacian& graph = out.graph;
  out.mass.assign(n, 0.0);
  graph.resize(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const auto cell = diagram[i];
    graph.first[i + 1] = graph.first[i] + std::count_if(cell.id, cell.id + cell.size, [](int j) { return j >= 0; });
  }
  graph.to.resize(std::size_t(graph.first[n])), graph.weight.resize(std::size_t(graph.first[n]));
  std::vector<std::int64_t> at(graph.first.begin(), graph.first.end() - 1);
  facets.gather(
      diagram,
      [&](std::size_t i, const FacetIntegrals& facet, double sign, int k, bool shared) {
        out.mass[i] += sign * facet.mass;
        const int j = k < 0 ? -1 : diagram[i].id[k];
        if (j < 0) return;
        double squared = 0;
        for (int a = 0; a < D; ++a) {
          const double d = points[i * D + a] - points[std::size_t(j) * D + a];
          squared += d * d;
        }
        graph.to[at[i]] = j;
        graph.weight[at[i]] = shared ? std::max(facet.area, 0.0) / (2 * std::sqrt(squared)) : 0;
        ++at[i];
      },
      [&](std::size_t i) { graph.finish_row(i); });
}

template <int D, class Diagram>
void add_up(const Diagram& diagram, const FacetValues<Moments<D>>& facets, std::vector<Moments<D>>& out) {
  out.assign(diagram.size(), Moments<D>{});
  facets.gather(
      diagram,
      [&](std::size_t i, const Moments<D>& facet, double sign, int, bool) {
        double* sum = out[i].value;
        for (const double v : facet.value) *sum++ += sign * v;
      },
      [](std::size_t) {});
}

}  // namespace mixot
