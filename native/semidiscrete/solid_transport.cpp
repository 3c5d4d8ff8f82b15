#include "semidiscrete/solid_transport.hpp"

#include <algorithm>
#include <memory>

#include "cells/solid_cells.hpp"

namespace mixot {

void solid_moments(const WeightedPoints& cloud, const Cuboid& box, SolidDensity& density, std::size_t threads,
                   double* out) {
  const OrderedPoints<3> sorted(cloud);
  SolidCells cells(sorted.points.data(), cloud.n, box, density, threads);
  cells.diagram().update(sorted.weights.data());
  std::vector<SolidMoments> moments;
  cells.moments(moments);
  scatter(moments, sorted.order, out);
}

void solid_volumes(const WeightedPoints& cloud, const Cuboid& box, std::size_t threads, double* out) {
  const OrderedPoints<3> sorted(cloud);
  SolidDiagram diagram(sorted.points.data(), cloud.n, box, threads);
  diagram.update(sorted.weights.data());
  for (std::size_t i = 0; i < cloud.n; ++i) out[sorted.order[i]] = diagram.volume(i);
}

SolidCorners solid_corners(const WeightedPoints& cloud, const Cuboid& box, std::size_t threads) {
  const OrderedPoints<3> sorted(cloud);
  SolidDiagram diagram(sorted.points.data(), cloud.n, box, threads);
  diagram.update(sorted.weights.data());
  SolidCorners out;
  for (std::size_t i = 0; i < cloud.n; ++i) {
    const SolidView cell = diagram[i];
    if (cell.size == 0) continue;
    for (std::uint32_t q = cell.first[0]; q < cell.first[cell.size]; ++q) {
      out.corners.insert(out.corners.end(), cell.corner[q], cell.corner[q] + 3);
      out.owner.push_back(sorted.order[i]);
    }
  }
  return out;
}

TransportReport solid_transport(const TransportTask& task, const Cuboid& box, SolidDensity& density,
                                const std::vector<double> (&marginals)[3], double* weights, double* moments) {
  TransportProblem<3> problem;
  problem.points = task.points, problem.target = task.target, problem.n = task.n;
  std::copy_n(box.lo, 3, problem.lo), std::copy_n(box.hi, 3, problem.hi);
  for (int a = 0; a < 3; ++a) problem.marginals[a] = marginals[a];
  problem.start = task.start, problem.tol = task.tol;
  problem.cells = [&](const double* points, std::size_t n) {
    return std::make_unique<SolidCells>(points, n, box, density, task.threads);
  };
  const TransportAnswer answer = transport<3>(problem, {task.max_updates, task.threads});
  std::vector<SolidMoments> sums;
  static_cast<SolidCells&>(*answer.system).moments(sums);
  scatter(sums, answer.order, moments);
  for (std::size_t i = 0; i < task.n; ++i) weights[answer.order[i]] = answer.weights[i];
  return {answer.outcome, answer.residual, answer.gap, answer.spent};
}

}  // namespace mixot
