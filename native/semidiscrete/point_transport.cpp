#include "semidiscrete/point_transport.hpp"

#include <algorithm>
#include <memory>

#include "cells/density_cells.hpp"
#include "semidiscrete/semidiscrete.hpp"

namespace mixot {

template <int D>
void cell_moments(const WeightedPoints& cloud, const Box<D>& box, Density<D>& density, std::size_t threads,
                  double* out) {
  const OrderedPoints<D> sorted(cloud);
  DensityCells<D> cells(sorted.points.data(), cloud.n, box, density, threads);
  cells.diagram().update(sorted.weights.data());
  std::vector<Moments<D>> moments;
  cells.moments(moments);
  scatter(moments, sorted.order, out);
}

namespace {

// Row i of the graph is of point order[i].
CellGraph in_callers_order(const Laplacian& graph, const std::vector<int>& order) {
  std::vector<std::size_t> places(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) places[std::size_t(order[i])] = i;
  CellGraph out;
  out.first.assign(1, 0);
  for (std::size_t place : places) {
    for (std::int64_t q = graph.first[place]; q < graph.first[place + 1]; ++q) {
      out.to.push_back(order[graph.to[q]]);
      out.weight.push_back(graph.weight[q]);
    }
    out.first.push_back(std::int64_t(out.to.size()));
  }
  return out;
}

}  // namespace

template <int D>
CellGraph cell_graph(const WeightedPoints& cloud, const Box<D>& box, Density<D>& density, std::size_t threads) {
  const OrderedPoints<D> sorted(cloud);
  DensityCells<D> cells(sorted.points.data(), cloud.n, box, density, threads);
  CellIntegrals integrals;
  cells.update(sorted.weights.data(), integrals);
  return in_callers_order(integrals.graph, sorted.order);
}

template <int D>
TransportReport point_transport(const TransportTask& task, const Box<D>& box, Density<D>& density,
                                const std::vector<double> (&marginals)[D], double* weights, double* moments) {
  TransportProblem<D> problem;
  problem.points = task.points, problem.target = task.target, problem.n = task.n;
  problem.box = box;
  problem.density = &density;
  std::copy_n(marginals, D, problem.marginals);
  problem.start = task.start, problem.tol = task.tol;
  const CellGraph* known = task.neighbors;
  if (known && known->first.size() == task.n + 1)
    problem.neighbors = [known](std::size_t i, std::vector<int>& out) {
      for (std::int64_t q = known->first[i]; q < known->first[i + 1]; ++q) out.push_back(int(known->to[q]));
    };
  problem.cells = [&](const double* points, std::size_t n) {
    return std::make_unique<DensityCells<D>>(points, n, box, density, task.threads);
  };
  const TransportAnswer answer = transport<D>(problem, {task.max_updates, task.threads});
  std::vector<Moments<D>> sums;
  static_cast<DensityCells<D>&>(*answer.system).moments(sums);
  scatter(sums, answer.order, moments);
  for (std::size_t i = 0; i < task.n; ++i) weights[answer.order[i]] = answer.weights[i];
  if (task.neighbors) *task.neighbors = in_callers_order(answer.cells.graph, answer.order);
  return {answer.outcome, answer.warm, answer.from_blocks, answer.residual, answer.gap, answer.spent};
}

#define MIXOT_INSTANCE(D)                                                                                            \
  template void cell_moments<D>(const WeightedPoints&, const Box<D>&, Density<D>&, std::size_t, double*);            \
  template CellGraph cell_graph<D>(const WeightedPoints&, const Box<D>&, Density<D>&, std::size_t);                  \
  template TransportReport point_transport<D>(const TransportTask&, const Box<D>&, Density<D>&,                      \
                                              const std::vector<double> (&)[D], double*, double*);
MIXOT_INSTANCE(2)
MIXOT_INSTANCE(3)
#undef MIXOT_INSTANCE

}  // namespace mixot
