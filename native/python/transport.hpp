// Weighted points against a density in a box: what the files that bind one kind of density share.
#pragma once
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <cstddef>
#include <optional>
#include <tuple>
#include <vector>

#include "python/arrays.hpp"
#include "semidiscrete/point_transport.hpp"

using Vector = Dense<const double, 1>;
using Rows = Dense<const double, 2>;
using Start = std::optional<Vector>;  // weights to start from

// bounds (D, 2): lower and upper end of each axis.
template <int D>
mixot::Box<D> as_box(const Rows& bounds) {
  mixot::Box<D> out;
  for (int a = 0; a < D; ++a) out.lo[a] = bounds.data()[2 * a], out.hi[a] = bounds.data()[2 * a + 1];
  return out;
}

inline mixot::WeightedPoints as_cloud(const Rows& points, const Vector& weights) {
  return {points.data(), weights.data(), points.shape(0)};
}

inline mixot::TransportTask as_task(const Rows& points, const Vector& target, const Start& start, double tol,
                                    int max_updates, std::size_t threads) {
  return {points.data(), target.data(), points.shape(0), start ? start->data() : nullptr, tol, max_updates, threads, nullptr};
}

// -> outcome, gap, iterations, updates of the cells, iterations of the linear solver, whether the start led to it, and
// whether the weights come from a transport to blocks of the density.
template <int D>
std::tuple<int, double, int, int, int, bool, bool> solve(const mixot::TransportTask& task, const mixot::Box<D>& box,
                                                         mixot::Density<D>& density,
                                                         const std::vector<double> (&marginals)[D], double* weights,
                                                         double* moments) {
  const mixot::TransportReport report = mixot::point_transport<D>(task, box, density, marginals, weights, moments);
  return {int(report.outcome), report.gap, report.spent.iterations, report.spent.updates,
          report.spent.linear_iterations, report.warm, report.from_blocks};
}
