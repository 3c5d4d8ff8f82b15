// A weighted cloud in kd order, and the way back to the caller's.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

#include "cells/density.hpp"
#include "cells/point_tree.hpp"

namespace mixot {

struct WeightedPoints {
  const double* points;   // (n, D)
  const double* weights;  // (n)
  std::size_t n;
};

template <int D>
struct OrderedPoints {
  std::vector<int> order;  // point order[i] of the caller is point i here
  std::vector<double> points, weights;

  explicit OrderedPoints(const WeightedPoints& cloud)
      : order(kd_order<D>(cloud.points, cloud.n)), points(D * cloud.n), weights(cloud.n) {
    for (std::size_t i = 0; i < cloud.n; ++i) {
      std::copy_n(cloud.points + D * std::size_t(order[i]), D, &points[D * i]);
      weights[i] = cloud.weights[order[i]];
    }
  }

  // Where each of the caller's points is here.
  std::vector<std::size_t> places() const {
    std::vector<std::size_t> place(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
    return place;
  }
};

// Rows of moments in the caller's order.
template <int D>
void scatter(const std::vector<Moments<D>>& moments, const std::vector<int>& order, double* out) {
  constexpr std::size_t width = sizeof(Moments<D>) / sizeof(double);
  for (std::size_t i = 0; i < order.size(); ++i)
    std::copy_n(moments[i].value, width, out + width * std::size_t(order[i]));
}

}  // namespace mixot
