#include "discrete/coupling_batch.hpp"

#include <algorithm>
#include <vector>

#include "discrete/balanced_potentials.hpp"
#include "machine/parallel.hpp"

namespace mixot {

BatchEnd exact_couplings(const CouplingBatch& batch, std::int64_t max_pivots, bool balanced, std::size_t threads,
                         double* values, double* coupling, double* f, double* g) {
  struct Worker {
    NetworkSimplex simplex;
    BalancedPotentials potentials;
  };
  const std::size_t n = batch.n, m = batch.m;
  const std::size_t share = std::clamp<std::size_t>(4096 / (n * m), 1, 64);  // problems handed out together
  const std::size_t shares = (batch.count + share - 1) / share;
  std::vector<Worker> workers(std::max<std::size_t>(threads, 1));
  std::vector<TransportEnd> ends(batch.count, TransportEnd::optimal);
  parallel_blocks(shares, batch.count * n * m < 5000 ? 1 : threads, [&](std::size_t block, std::size_t worker) {
    Worker& mine = workers[worker];
    for (std::size_t s = block * share; s < std::min(batch.count, (block + 1) * share); ++s) {
      const double* cost = batch.cost + s * n * m;
      const TransportProblem problem{cost, batch.a + s * n, batch.b + s * m, static_cast<int>(n), static_cast<int>(m)};
      double *w = coupling + s * n * m, *u = f + s * n, *v = g + s * m;
      const TransportResult found = mine.simplex.solve(problem, max_pivots, w, u, v);
      ends[s] = found.end, values[s] = found.cost;
      if (found.end == TransportEnd::optimal && balanced) mine.potentials.balance(cost, w, n, m, u, v);
    }
  });
  const auto bad = std::find_if(ends.begin(), ends.end(), [](TransportEnd end) { return end != TransportEnd::optimal; });
  if (bad == ends.end()) return {};
  return {*bad, static_cast<std::size_t>(bad - ends.begin())};
}

}  // namespace mixot
