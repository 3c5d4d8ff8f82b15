// Weighted points in a box and the tree over them: what diagrams in the plane and in space have in common.
#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

#include "cells/box.hpp"
#include "cells/point_tree.hpp"

namespace mixot {

template <int D>
class DiagramPoints {
 public:
  static constexpr int dim = D;
  std::size_t size() const { return n_; }
  const double* points() const { return points_; }
  std::size_t threads() const { return threads_; }
  double weight(std::size_t i) const { return weights_[i]; }

  // ---- weights that change one at a time ----
  void begin_raising(const double* weights) { assign(weights); }
  void raise(std::size_t i, double weight) {
    weights_[i] = weight;
    tree_.raised(i);
  }

 protected:
  // points (n, D) in kd order (`kd_order`); they stay with the caller.
  DiagramPoints(const double* points, std::size_t n, const Box<D>& box, std::size_t threads)
      : points_(points),
        n_(n),
        threads_(std::max<std::size_t>(1, threads)),
        box_(box),
        weights_(n, 0.0),
        tree_(points, n) {}

  void assign(const double* weights) {
    weights_.assign(weights, weights + n_);
    tree_.assign(weights_.data());
  }
  // body() sees this weight of point i; in the tree its own weight only matters to others.
  template <class Body>
  void with_weight(std::size_t i, double weight, Body&& body) {
    const double kept = weights_[i];
    weights_[i] = weight;
    body();
    weights_[i] = kept;
  }

  const double* points_;
  std::size_t n_, threads_;
  Box<D> box_;
  std::vector<double> weights_;
  mutable PointTree<D> tree_;  // its majorants are made when the first search needs them
};

}  // namespace mixot
