#include "discrete/balanced_potentials.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "machine/interrupt.hpp"

namespace mixot {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

void BalancedPotentials::balance(const double* cost, const double* coupling, std::size_t n, std::size_t m, double* f,
                                 double* g) {
  const std::size_t trees = find_trees(coupling, n, m);
  if (trees > 1) shift_trees(cost, n, m, trees, f, g);
  // Both sides from the potentials of atoms that have mass, so that their order does not matter.
  for (std::size_t i = 0; i < n; ++i) {
    if (live_[i]) continue;
    f[i] = infinity;
    for (std::size_t j = 0; j < m; ++j)
      if (live_[n + j]) f[i] = std::min(f[i], cost[i * m + j] - g[j]);
  }
  for (std::size_t j = 0; j < m; ++j) {
    if (live_[n + j]) continue;
    g[j] = infinity;
    for (std::size_t i = 0; i < n; ++i)
      if (live_[i]) g[j] = std::min(g[j], cost[i * m + j] - f[i]);
  }
}

std::size_t BalancedPotentials::root(std::size_t node) {
  while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
  return node;
}

// Numbers the trees of the support, in the order of their roots; label_ of each live atom. -> how many
std::size_t BalancedPotentials::find_trees(const double* coupling, std::size_t n, std::size_t m) {
  parent_.resize(n + m), label_.resize(n + m);
  std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  live_.assign(n + m, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) {
      if (coupling[i * m + j] == 0) continue;
      live_[i] = live_[n + j] = 1;
      parent_[root(i)] = root(n + j);
    }
  std::size_t trees = 0;
  for (std::size_t node = 0; node < n + m; ++node)
    if (live_[node] && root(node) == node) label_[node] = trees++;
  for (std::size_t node = 0; node < n + m; ++node)
    if (live_[node]) label_[node] = label_[root(node)];
  return trees;
}

void BalancedPotentials::shift_trees(const double* cost, std::size_t n, std::size_t m, std::size_t trees, double* f,
                                     double* g) {
  slack_.assign(trees * trees, infinity);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m && live_[i]; ++j) {
      if (!live_[n + j]) continue;
      double& least = slack_[label_[i] * trees + label_[n + j]];
      least = std::min(least, std::max(cost[i * m + j] - f[i] - g[j], 0.0));
    }
  for (std::size_t s = 0; s < trees; ++s) slack_[s * trees + s] = 0;
  for (std::size_t through = 0; through < trees; ++through) {  // Floyd and Warshall's algorithm
    look_for_interrupt();
    const double* onward = slack_.data() + through * trees;
    for (std::size_t s = 0; s < trees; ++s) {
      double* row = slack_.data() + s * trees;
      const double there = row[through];
      for (std::size_t t = 0; t < trees; ++t) row[t] = std::min(row[t], there + onward[t]);
    }
  }
  offset_.assign(trees, 0.0);
  for (std::size_t s = 0; s < trees; ++s)
    for (std::size_t t = 0; t < trees; ++t) {
      const double part = 0.5 * slack_[s * trees + t] / double(trees);
      offset_[s] += part, offset_[t] -= part;
    }
  for (std::size_t i = 0; i < n; ++i)
    if (live_[i]) f[i] += offset_[label_[i]];
  for (std::size_t j = 0; j < m; ++j)
    if (live_[n + j]) g[j] -= offset_[label_[n + j]];
}

}  // namespace mixot
