#include "planar_cells.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "parallel.hpp"

namespace mixot {

namespace {

constexpr std::size_t block = PolygonStore::block;

template <class Body>
void for_cells(const PowerDiagram& diagram, Body&& body) {
  const std::size_t n = diagram.size();
  parallel_blocks((n + block - 1) / block, diagram.threads(), [&](std::size_t b, std::size_t) {
    for (std::size_t i = b * block, last = std::min(n, i + block); i < last; ++i) body(b, i);
  });
}

}  // namespace

// Fill half_edges with along(a, b) for every edge of every cell, where an edge that two cells have is left to the one
// of the smaller number, and where only one has it (a corner, up to rounding) to that one.
template <class Value, class Along>
void PlanarCells::sum_over_edges(std::vector<Value>& half_edges, Along&& along) {
  const std::size_t n = diagram_.size();
  first_.resize(n + 1);
  first_[0] = 0;
  for (std::size_t i = 0; i < n; ++i) first_[i + 1] = first_[i] + std::size_t(diagram_[i].size);
  half_edges.resize(first_[n]);
  for_cells(diagram_, [&](std::size_t, std::size_t i) {
    const PolygonView cell = diagram_[i];
    for (int k = 0; k < cell.size; ++k) {
      const int j = cell.id[k], k1 = cell.after(k);
      if (j >= 0 && std::size_t(j) < i && diagram_[j].find(int(i)) >= 0) continue;
      const double a[2] = {cell.x[k], cell.y[k]}, b[2] = {cell.x[k1], cell.y[k1]};
      half_edges[first_[i] + k] = along(a, b);
    }
  });
}

void PlanarCells::update(const double* weights, CellIntegrals& out) {
  diagram_.update(weights);
  sum_over_edges(edges_, [&](const double* a, const double* b) { return density_.edge(a, b); });
  const std::size_t n = diagram_.size();
  const double* points = diagram_.points();
  out.mass.resize(n);
  Laplacian& graph = out.graph;
  graph.resize(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const PolygonView cell = diagram_[i];
    std::int64_t neighbors = 0;
    for (int k = 0; k < cell.size; ++k) neighbors += cell.id[k] >= 0;
    graph.first[i + 1] = graph.first[i] + neighbors;
  }
  graph.to.resize(std::size_t(graph.first[n])), graph.weight.resize(std::size_t(graph.first[n]));
  std::vector<std::vector<std::pair<int, double>>> owed((n + block - 1) / block);  // by edges the neighbor lacks
  for_cells(diagram_, [&](std::size_t b, std::size_t i) {
    const PolygonView cell = diagram_[i];
    double mass = 0;
    std::int64_t at = graph.first[i];
    for (int k = 0; k < cell.size; ++k) {
      const int j = cell.id[k];
      const EdgeIntegrals& own = edges_[first_[i] + k];
      if (j < 0) {
        mass += own.mass;
        continue;
      }
      const int twin = diagram_[j].find(int(i));
      double line = 0;
      if (twin < 0) {
        mass += own.mass;
        owed[b].emplace_back(j, own.mass);
      } else if (std::size_t(j) < i) {
        mass -= edges_[first_[j] + twin].mass, line = edges_[first_[j] + twin].line;
      } else {
        mass += own.mass, line = own.line;
      }
      const double* y = points + 2 * i;
      const double* z = points + 2 * std::size_t(j);
      graph.to[at] = j, graph.weight[at] = std::max(line, 0.0) / (2 * std::hypot(y[0] - z[0], y[1] - z[1]));
      ++at;
    }
    out.mass[i] = mass;
    graph.finish_row(i);
  });
  for (const auto& part : owed)
    for (const auto& [j, mass] : part) out.mass[j] -= mass;
}

void PlanarCells::moments(std::vector<PlaneMoments>& out) {
  std::vector<PlaneMoments> edges;
  sum_over_edges(edges, [&](const double* a, const double* b) { return density_.edge_moments(a, b); });
  const std::size_t n = diagram_.size();
  out.assign(n, PlaneMoments{});
  std::vector<std::vector<std::pair<int, const PlaneMoments*>>> owed((n + block - 1) / block);
  for_cells(diagram_, [&](std::size_t b, std::size_t i) {
    const PolygonView cell = diagram_[i];
    PlaneMoments& sum = out[i];
    const auto add = [&sum](const PlaneMoments& part, double sign) {
      for (int m = 0; m < 6; ++m) sum.value[m] += sign * part.value[m];
    };
    for (int k = 0; k < cell.size; ++k) {
      const int j = cell.id[k], twin = j < 0 ? -1 : diagram_[j].find(int(i));
      if (twin >= 0 && std::size_t(j) < i) {
        add(edges[first_[j] + twin], -1);
        continue;
      }
      add(edges[first_[i] + k], 1);
      if (j >= 0 && twin < 0) owed[b].emplace_back(j, &edges[first_[i] + k]);
    }
  });
  for (const auto& part : owed)
    for (const auto& [j, value] : part)
      for (int m = 0; m < 6; ++m) out[j].value[m] -= value->value[m];
}

void PlanarCells::centers(std::vector<double>& center, std::vector<double>& volume) {
  std::vector<PlaneMoments> sums;
  moments(sums);
  center.resize(2 * sums.size()), volume.resize(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const double mass = std::max(sums[i].value[0], 1e-300);
    center[2 * i] = sums[i].value[1] / mass, center[2 * i + 1] = sums[i].value[2] / mass;
    const PolygonView cell = diagram_[i];
    volume[i] = std::max(0.0, shoelace(cell.x, cell.y, cell.size));
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
