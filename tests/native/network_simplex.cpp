// Exact couplings of random small problems of every awkward kind; called by the main of semidiscrete.cpp.
#include "discrete/network_simplex.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "discrete/transport_batch.hpp"

namespace {

std::mt19937_64 engine(3);
double uniform() { return std::uniform_real_distribution<double>(0, 1)(engine); }

double cost_of(int kind, int i, int j) {
  switch (kind) {
    case 0: return uniform();
    case 1: return double(engine() % 3);
    case 2: return 1e6 + uniform();
    case 3: return double(i) * j;
    default: return -uniform();
  }
}

std::vector<double> weights(int kind, int n) {
  std::vector<double> out(n);
  double total = 0;
  for (double& w : out) total += w = kind == 0 ? 1 : kind == 1 ? -std::log(1 - uniform()) : engine() % 3 ? uniform() : 0;
  if (total == 0) total = out[0] = 1;
  for (double& w : out) w /= total;
  return out;
}

bool solve(mixot::NetworkSimplex& simplex, int n, int m, int costs, int masses) {
  std::vector<double> cost, f(n), g(m), coupling(std::size_t(n) * m, 0.0);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < m; ++j) cost.push_back(cost_of(costs, i, j));
  const std::vector<double> a = weights(masses, n), b = weights(masses, m);
  const mixot::TransportProblem problem{cost.data(), a.data(), b.data(), n, m};
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const mixot::TransportResult found = simplex.solve(problem, most, coupling.data(), f.data(), g.data());
  double size = 1;
  for (double c : cost) size = std::max(size, std::abs(c));
  const std::int64_t rows[] = {0, n}, columns[] = {0, m}, pair[] = {0, 0};
  double value;
  mixot::transport_values({cost.data(), a.data(), b.data(), std::size_t(m), rows, columns}, pair, 1, 1, &value);
  std::fill(coupling.begin(), coupling.end(), 0.0);
  const mixot::TransportResult stopped = simplex.solve(problem, found.pivots / 2, coupling.data(), f.data(), g.data());
  return found.end == mixot::TransportEnd::optimal && found.cost - found.lower_bound <= 1e-13 * size &&
         found.marginal_error <= 4e-15 && value == found.cost && stopped.lower_bound <= found.cost + 1e-13 * size &&
         stopped.cost >= found.cost - 1e-13 * size;
}

}  // namespace

int couple_exactly() {
  int failures = 0;
  mixot::NetworkSimplex simplex;
  const int shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 2}, {7, 30}, {30, 7}, {33, 33}, {180, 190}, {700, 60}, {50, 800}};
  for (const auto& shape : shapes)
    for (int costs = 0; costs < 5; ++costs)
      for (int masses = 0; masses < 3; ++masses)
        if (!solve(simplex, shape[0], shape[1], costs, masses)) {
          std::printf("failed: exact coupling, %d x %d, costs %d, masses %d\n", shape[0], shape[1], costs, masses);
          ++failures;
        }
  return failures;
}
