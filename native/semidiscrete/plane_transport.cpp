#include "semidiscrete/plane_transport.hpp"

#include <algorithm>
#include <memory>

#include "cells/planar_cells.hpp"

namespace mixot {

PlaneCells plane_cells(const WeightedPoints& cloud, const Rectangle& box, std::size_t threads) {
  const OrderedPoints<2> sorted(cloud);
  PowerDiagram diagram(sorted.points.data(), cloud.n, box, threads);
  diagram.update(sorted.weights.data());
  PlaneCells out;
  out.first.assign(1, 0);
  for (std::size_t place : sorted.places()) {
    const PolygonView cell = diagram[place];
    for (int k = 0; k < cell.size; ++k) {
      out.corners.push_back(cell.x[k]), out.corners.push_back(cell.y[k]);
      out.neighbor.push_back(cell.id[k] < 0 ? cell.id[k] : sorted.order[cell.id[k]]);
    }
    out.first.push_back(std::int64_t(out.neighbor.size()));
  }
  return out;
}

void plane_moments(const WeightedPoints& cloud, const Rectangle& box, PlaneDensity& density, std::size_t threads,
                   double* out) {
  const OrderedPoints<2> sorted(cloud);
  PlanarCells cells(sorted.points.data(), cloud.n, box, density, threads);
  cells.diagram().update(sorted.weights.data());
  std::vector<PlaneMoments> moments;
  cells.moments(moments);
  scatter(moments, sorted.order, out);
}

PlaneGraph plane_graph(const WeightedPoints& cloud, const Rectangle& box, PlaneDensity& density, std::size_t threads) {
  const OrderedPoints<2> sorted(cloud);
  PlanarCells cells(sorted.points.data(), cloud.n, box, density, threads);
  CellIntegrals integrals;
  cells.update(sorted.weights.data(), integrals);
  PlaneGraph out;
  out.first.assign(1, 0);
  for (std::size_t place : sorted.places()) {
    for (std::int64_t q = integrals.graph.first[place]; q < integrals.graph.first[place + 1]; ++q) {
      out.to.push_back(sorted.order[integrals.graph.to[q]]);
      out.weight.push_back(integrals.graph.weight[q]);
    }
    out.first.push_back(std::int64_t(out.to.size()));
  }
  return out;
}

TransportReport plane_transport(const TransportTask& task, const Rectangle& box, PlaneDensity& density,
                                const std::vector<double> (&marginals)[2], double* weights, double* moments) {
  TransportProblem<2> problem;
  problem.points = task.points, problem.target = task.target, problem.n = task.n;
  std::copy_n(box.lo, 2, problem.lo), std::copy_n(box.hi, 2, problem.hi);
  problem.marginals[0] = marginals[0], problem.marginals[1] = marginals[1];
  problem.start = task.start, problem.tol = task.tol;
  problem.cells = [&](const double* points, std::size_t n) {
    return std::make_unique<PlanarCells>(points, n, box, density, task.threads);
  };
  const TransportAnswer answer = transport<2>(problem, {task.max_updates, task.threads});
  std::vector<PlaneMoments> sums;
  static_cast<PlanarCells&>(*answer.system).moments(sums);
  scatter(sums, answer.order, moments);
  for (std::size_t i = 0; i < task.n; ++i) weights[answer.order[i]] = answer.weights[i];
  return {answer.outcome, answer.residual, answer.gap, answer.spent};
}

void pixel_marginals(const Pixels& pixels, std::vector<double> (&out)[2]) {
  out[0].assign(pixels.nx, 0.0), out[1].assign(pixels.ny, 0.0);
  for (std::size_t i = 0; i < pixels.nx; ++i)
    for (std::size_t j = 0; j < pixels.ny; ++j) {
      const double v = pixels.values[i * pixels.ny + j];
      out[0][i] += v, out[1][j] += v;
    }
}

}  // namespace mixot
