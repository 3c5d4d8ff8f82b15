// A bounding-volume tree over weighted points: which of them can still cut a cell?
//
// The points stand in kd order (median splits, so that leaf * 2^k neighbors in the order are neighbors in space): the
// tree is implicit, node k has the children 2k+1 and 2k+2. Every node has the box of its points and an affine majorant
// of their weights, w_j <= level + slope . (y_j - center), fitted by least squares: where the weights are smooth it is
// tight, and a node that cannot cut a cell is left at once.
#pragma once
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <numeric>
#include <vector>

#include "machine/parallel.hpp"

namespace mixot {

constexpr int tree_leaf = 8;
constexpr std::size_t few_points = 4096;  // up to here they are put in order by one thread

// Order of the points, (n, D), in which the splits of the tree are: -> a permutation of 0 .. n-1. Equal points keep
// their order.
template <int D>
std::vector<int> kd_order(const double* points, std::size_t n, std::size_t threads = 1) {
  struct Range {
    std::size_t first, last, span;
  };
  struct Splitter {
    const double* points;
    int* order;
    // False where there is nothing left to halve: then it is sorted.
    bool halve(Range r, Range& left, Range& right) {
      while (r.span > tree_leaf && r.first + r.span / 2 >= r.last) r.span /= 2;
      if (r.span <= tree_leaf || r.last - r.first <= 1) {
        std::sort(order + r.first, order + r.last);
        return false;
      }
      double lo[D], hi[D];
      std::fill(lo, lo + D, std::numeric_limits<double>::infinity());
      std::fill(hi, hi + D, -std::numeric_limits<double>::infinity());
      for (std::size_t i = r.first; i < r.last; ++i)
        for (int k = 0; k < D; ++k) {
          const double v = points[std::size_t(order[i]) * D + k];
          lo[k] = std::min(lo[k], v), hi[k] = std::max(hi[k], v);
        }
      int axis = 0;
      for (int k = 1; k < D; ++k)
        if (hi[k] - lo[k] > hi[axis] - lo[axis]) axis = k;
      const std::size_t middle = r.first + r.span / 2;
      std::nth_element(order + r.first, order + middle, order + r.last, [this, axis](int a, int b) {
        const double x = points[std::size_t(a) * D + axis], y = points[std::size_t(b) * D + axis];
        return x < y || (x == y && a < b);
      });
      left = {r.first, middle, r.span / 2}, right = {middle, r.last, r.span / 2};
      return true;
    }
    void split(const Range& r) {
      Range left, right;
      if (!halve(r, left, right)) return;
      split(left);
      split(right);
    }
  };
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::size_t span = tree_leaf;
  while (span < n) span *= 2;
  Splitter splitter{points, order.data()};
  std::vector<Range> parts{{0, n, span}};
  while (!parts.empty() && parts.size() < threads && n > few_points) {
    std::vector<Range> halves;
    Range left, right;
    for (const Range& part : parts)
      if (splitter.halve(part, left, right)) halves.push_back(left), halves.push_back(right);
    parts = std::move(halves);
  }
  parallel_blocks(parts.size(), threads, [&](std::size_t k, std::size_t) { splitter.split(parts[k]); });
  return order;
}

template <int D>
class PointTree {
 public:
  // points (n, D) in kd order; they stay with the caller.
  PointTree(const double* points, std::size_t n) : points_(points), n_(n) {
    while (leaves_ * tree_leaf < n) leaves_ *= 2;
    nodes_.resize(2 * leaves_ - 1);
    for (std::size_t k = 0; k < nodes_.size(); ++k) {
      Node& node = nodes_[k];
      std::fill(node.lo, node.lo + D, std::numeric_limits<double>::infinity());
      std::fill(node.hi, node.hi + D, -std::numeric_limits<double>::infinity());
      const auto [first, last] = range(k);
      for (std::size_t j = first; j < last; ++j)
        for (int a = 0; a < D; ++a) {
          node.lo[a] = std::min(node.lo[a], points_[j * D + a]);
          node.hi[a] = std::max(node.hi[a], points_[j * D + a]);
        }
    }
  }

  // Say which weights (n) the next searches are about; the majorants follow when one is needed.
  void assign(const double* weights) {
    weights_ = weights;
    ready_.store(false, std::memory_order_relaxed);
  }

  // The weight of point i has been raised in place.
  void raised(std::size_t i) {
    prepare();
    for (std::size_t k = leaves_ - 1 + i / tree_leaf;; k = (k - 1) / 2) {
      Node& node = nodes_[k];
      double level = weights_[i];
      for (int a = 0; a < D; ++a) level -= node.slope[a] * (points_[i * D + a] - node.center[a]);
      node.level = std::max(node.level, level);
      if (k == 0) break;
    }
  }

  // Calls cut(j) for every j that may cut the cell of i, nearest parts of the tree first. The vertices of the cell, as
  // cut so far, come from cell.size() and cell.vertex(q), its D coordinates; an empty cell ends the search.
  template <class Cell, class Cut>
  void search(std::size_t i, const Cell& cell, Cut&& cut) {
    prepare();
    visit_leaf(leaves_ - 1 + i / tree_leaf, i, cell, cut);
    std::size_t node = leaves_ - 1 + i / tree_leaf, stack[130];
    while (node > 0 && cell.size() > 0) {
      const std::size_t sibling = node & 1 ? node + 1 : node - 1;
      node = (node - 1) / 2;
      int top = 0;
      if (depth(nodes_[sibling], i, cell) <= 0) stack[top++] = sibling;
      while (top > 0 && cell.size() > 0) {
        const std::size_t k = stack[--top];
        if (k >= leaves_ - 1) {
          visit_leaf(k, i, cell, cut);
          continue;
        }
        const std::size_t left = 2 * k + 1, right = left + 1;
        const double a = depth(nodes_[left], i, cell), b = depth(nodes_[right], i, cell);
        const bool left_first = a < b;  // the nearer one last on the stack
        if ((left_first ? b : a) <= 0) stack[top++] = left_first ? right : left;
        if ((left_first ? a : b) <= 0) stack[top++] = left_first ? left : right;
      }
    }
  }

 private:
  struct Node {
    double lo[D], hi[D], slope[D], center[D], level;
  };
  struct Fit {  // sums of a least-squares plane through the weights
    double count = 0, weight = 0, mean[D] = {}, cross[D] = {}, spread[D][D] = {};
  };

  std::pair<std::size_t, std::size_t> range(std::size_t k) const {
    int generation = 0;
    while ((std::size_t(2) << generation) <= k + 1) ++generation;
    const std::size_t span = (leaves_ >> generation) * tree_leaf;
    const std::size_t first = std::min(n_, (k + 1 - (std::size_t(1) << generation)) * span);
    return {first, std::min(n_, first + span)};
  }

  template <class Cell, class Cut>
  void visit_leaf(std::size_t k, std::size_t i, const Cell& cell, Cut&& cut) {
    const std::size_t first = (k - leaves_ + 1) * tree_leaf, last = std::min(n_, first + tree_leaf);
    for (std::size_t j = first; j < last && cell.size() > 0; ++j)
      if (j != i) cut(j);
  }

  // Lower bound, over the vertices v of the cell and the points j of the node, of the power distance to j less that to
  // i: where it is positive, nothing in the node cuts the cell. With the majorant the square completes to
  // |y - (v + slope/2)|^2 - slope . v - |slope|^2/4 + ..., least at the point of the box next to v + slope/2.
  template <class Cell>
  double depth(const Node& node, std::size_t i, const Cell& cell) const {
    if (node.level == -std::numeric_limits<double>::infinity()) return std::numeric_limits<double>::infinity();
    const double* y = points_ + i * D;
    double lo[D], hi[D], constant = weights_[i] - node.level;
    for (int a = 0; a < D; ++a) {
      const double half = 0.5 * node.slope[a];
      lo[a] = node.lo[a] - half - y[a], hi[a] = node.hi[a] - half - y[a];
      constant += node.slope[a] * (node.center[a] - y[a]) - half * half;
    }
    double best = std::numeric_limits<double>::infinity(), size_of = 1;
    for (int a = 0; a < D; ++a) size_of += y[a] * y[a];
    if constexpr (D == 3) {
      const double outside = ball_depth(node, y, cell.ball()) + constant;
      if (outside > 1e-13 * (size_of + std::abs(weights_[i]) + std::abs(node.level))) return outside;
      best = cell.least_depth(lo, hi, node.slope, y);
    } else {
      for (int q = 0, size = cell.size(); q < size; ++q) {
        double value = 0;
        for (int a = 0; a < D; ++a) {
          const double v = cell.coordinate(q, a) - y[a], gap = std::max(std::max(lo[a] - v, v - hi[a]), 0.0);
          value += gap * gap - node.slope[a] * v - v * v;
        }
        best = std::min(best, value);
      }
    }
    // what rounding may hide must be looked at
    return best + constant - 1e-15 * (size_of + std::abs(weights_[i]) + std::abs(node.level));
  }

  // Less than the least value over the vertices, from a ball around them: with z = v + slope/2 and b = y_j - y_i it is
  // |b|^2 - 2 z . b + |slope|^2/4, and z is no further than the radius from where the middle of the ball goes.
  template <class Ball>
  static double ball_depth(const Node& node, const double* y, const Ball& ball) {
    double apart = 0, shift = 0, turn = 0;
    for (int a = 0; a < D; ++a) {
      const double half = 0.5 * node.slope[a], c = half + ball.center[a] - y[a], place = half + ball.center[a];
      const double gap = std::max(std::max(node.lo[a] - place, place - node.hi[a]), 0.0);
      apart += gap * gap, shift += c * c, turn += half * half;
    }
    const double e = std::max(std::sqrt(apart), ball.radius);
    const double least = e * (e - 2 * ball.radius) - shift - 2 * ball.radius * std::sqrt(shift) + turn;
    return least - 1e-13 * (apart + shift + turn);
  }

  void prepare() {
    if (ready_.load(std::memory_order_acquire)) return;
    std::lock_guard<std::mutex> lock(mutex_);
    if (ready_.load(std::memory_order_relaxed)) return;
    fits_.resize(nodes_.size());
    for (std::size_t k = nodes_.size(); k-- > 0;) {
      fits_[k] = k >= leaves_ - 1 ? leaf_fit(k) : joined(fits_[2 * k + 1], fits_[2 * k + 2]);
      set_majorant(nodes_[k], fits_[k], range(k));
    }
    ready_.store(true, std::memory_order_release);
  }

  Fit leaf_fit(std::size_t k) const {
    Fit fit;
    const auto [first, last] = range(k);
    for (std::size_t j = first; j < last; ++j) {
      fit.count += 1, fit.weight += weights_[j];
      for (int a = 0; a < D; ++a) fit.mean[a] += points_[j * D + a];
    }
    if (fit.count == 0) return fit;
    fit.weight /= fit.count;
    for (double& m : fit.mean) m /= fit.count;
    for (std::size_t j = first; j < last; ++j)
      for (int a = 0; a < D; ++a) {
        const double u = points_[j * D + a] - fit.mean[a];
        fit.cross[a] += u * (weights_[j] - fit.weight);
        for (int b = 0; b < D; ++b) fit.spread[a][b] += u * (points_[j * D + b] - fit.mean[b]);
      }
    return fit;
  }

  static Fit joined(const Fit& l, const Fit& r) {
    if (r.count == 0) return l;
    Fit out = l;
    out.count = l.count + r.count;
    const double f = r.count / out.count, g = l.count * f, dw = r.weight - l.weight;
    out.weight += f * dw;
    for (int a = 0; a < D; ++a) {
      const double u = r.mean[a] - l.mean[a];
      out.mean[a] += f * u;
      out.cross[a] += r.cross[a] + g * u * dw;
      for (int b = 0; b < D; ++b) out.spread[a][b] += r.spread[a][b] + g * u * (r.mean[b] - l.mean[b]);
    }
    return out;
  }

  // Slope by least squares (zero where the points do not span the space), level by the largest residual.
  void set_majorant(Node& node, const Fit& fit, std::pair<std::size_t, std::size_t> of) const {
    std::copy(fit.mean, fit.mean + D, node.center);
    std::fill(node.slope, node.slope + D, 0.0);
    node.level = -std::numeric_limits<double>::infinity();
    if (fit.count == 0) return;
    double matrix[D][D + 1], trace = 0;
    for (int a = 0; a < D; ++a) {
      std::copy(fit.spread[a], fit.spread[a] + D, matrix[a]);
      matrix[a][D] = fit.cross[a];
      trace += fit.spread[a][a];
    }
    bool spans = fit.count > D;
    for (int a = 0; a < D && spans; ++a) {
      spans = matrix[a][a] > 1e-6 * trace;
      for (int b = a + 1; b < D && spans; ++b) {
        const double f = matrix[b][a] / matrix[a][a];
        for (int c = a; c <= D; ++c) matrix[b][c] -= f * matrix[a][c];
      }
    }
    if (spans)
      for (int a = D - 1; a >= 0; --a) {
        double v = matrix[a][D];
        for (int b = a + 1; b < D; ++b) v -= matrix[a][b] * node.slope[b];
        node.slope[a] = v / matrix[a][a];
      }
    for (std::size_t j = of.first; j < of.second; ++j) {
      double level = weights_[j];
      for (int a = 0; a < D; ++a) level -= node.slope[a] * (points_[j * D + a] - node.center[a]);
      node.level = std::max(node.level, level);
    }
  }

  const double* points_;
  const double* weights_ = nullptr;
  std::size_t n_, leaves_ = 1;
  std::vector<Node> nodes_;
  std::vector<Fit> fits_;
  std::mutex mutex_;
  std::atomic<bool> ready_{false};
};

}  // namespace mixot
