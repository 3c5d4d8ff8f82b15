#include "discrete/transport_batch.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "discrete/network_simplex.hpp"
#include "machine/parallel.hpp"

namespace mixot {

namespace {

struct Worker {
  NetworkSimplex simplex;
  std::vector<double> cost;

  double value(const MeasureBlocks& blocks, std::int64_t p, std::int64_t q) {
    const std::int64_t top = blocks.first_row[p], left = blocks.first_column[q];
    const std::int64_t n = blocks.first_row[p + 1] - top, m = blocks.first_column[q + 1] - left;
    cost.resize(static_cast<std::size_t>(n * m));
    for (std::int64_t i = 0; i < n; ++i)
      std::copy_n(blocks.cost + static_cast<std::size_t>(top + i) * blocks.columns + left, m, cost.data() + i * m);
    const TransportResult found = simplex.value(
        {cost.data(), blocks.a + top, blocks.b + left, static_cast<int>(n), static_cast<int>(m)});
    if (found.end != TransportEnd::optimal) throw std::invalid_argument("costs and weights must be finite");
    return found.cost;
  }
};

}  // namespace

void transport_values(const MeasureBlocks& blocks, const std::int64_t* pairs, std::size_t count, std::size_t threads,
                      double* out) {
  constexpr std::size_t share = 64;  // problems handed out together: small ones take less time than the handing
  const std::size_t shares = (count + share - 1) / share;
  std::vector<Worker> workers(std::max<std::size_t>(threads, 1));
  parallel_blocks(shares, threads, [&](std::size_t block, std::size_t worker) {
    for (std::size_t s = block * share; s < std::min(count, (block + 1) * share); ++s)
      out[s] = workers[worker].value(blocks, pairs[2 * s], pairs[2 * s + 1]);
  });
}

}  // namespace mixot
