#include "mixtures/cost_batch.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "linear_algebra/psd_factor.hpp"
#include "machine/parallel.hpp"
#include "mixtures/bures.hpp"
#include "mixtures/gaussian_costs.hpp"

namespace mixot {

namespace {

bool diagonal(const double* covs, std::size_t count, std::size_t d) {
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j)
        if (i != j && covs[(k * d + i) * d + j] != 0) return false;
  return true;
}

// Points (mean, deviations), (count, 2 d).
void deviations(const double* means, const double* covs, std::size_t count, std::size_t d, std::vector<double>& out) {
  out.resize(count * 2 * d);
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t i = 0; i < d; ++i) {
      out[k * 2 * d + i] = means[k * d + i];
      out[k * 2 * d + d + i] = std::sqrt(covs[(k * d + i) * d + i]);
    }
}

double largest_variance(const double* covs, std::size_t count, std::size_t d) {
  double top = 0;
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t i = 0; i < d; ++i) top = std::max(top, covs[(k * d + i) * d + i]);
  return top;
}

// What an entropic term adds to one problem; its factors, in units in which no square overflows.
class Excess {
 public:
  void add(const double* a, std::size_t k, const double* b, std::size_t l, std::size_t d, double s2, double* costs) {
    int exponent;
    const double top = std::max(largest_variance(a, k, d), largest_variance(b, l, d));
    if (s2 <= least * top) return;
    std::frexp(top, &exponent);
    exponent /= 2;
    const Factors left = factors(a, k, d, exponent, rows_, ranks_);
    const Factors right = factors(b, l, d, exponent, columns_, column_ranks_);
    out_.resize(k * l);
    entropic_excess(left, right, std::ldexp(s2, -2 * exponent), out_.data(), 1);
    for (std::size_t at = 0; at < k * l; ++at) costs[at] += s2 * out_[at];
  }

 private:
  static constexpr double least = 1e-30;  // of the variances: what less entropy adds is below the last digit

  static Factors factors(const double* covs, std::size_t count, std::size_t d, int exponent, std::vector<double>& rows,
                         std::vector<std::int64_t>& ranks) {
    rows.assign(count * d * d, 0.0), ranks.resize(count);
    psd_factors(covs, count, d, rows.data(), ranks.data(), 1);
    for (double& x : rows) x = std::ldexp(x, -exponent);
    return {rows.data(), ranks.data(), count, d, d};
  }

  std::vector<double> rows_, columns_, out_;
  std::vector<std::int64_t> ranks_, column_ranks_;
};

}  // namespace

std::size_t gaussian_cost_batch(const MixturePairs& pairs, double s2, double* out, std::uint8_t* close,
                                std::size_t threads) {
  const std::size_t k = pairs.k, l = pairs.l, d = pairs.dim, size = k * l;
  struct Scratch {
    std::vector<double> p, q, apart;
    Excess excess;
  };
  constexpr std::size_t share = 8;  // problems handed out together
  const std::size_t shares = (pairs.count + share - 1) / share;
  std::vector<Scratch> spaces(threads ? threads : 1);
  std::atomic<std::size_t> found{0};
  parallel_blocks(shares, pairs.count * size * d * d < 50000 ? 1 : threads, [&](std::size_t block, std::size_t worker) {
    Scratch& space = spaces[worker];
    space.apart.resize(size);
    for (std::size_t s = block * share; s < std::min(pairs.count, (block + 1) * share); ++s) {
      const double *m = pairs.p_means + s * k * d, *n = pairs.q_means + s * l * d;
      const double *a = pairs.p_covs + s * k * d * d, *b = pairs.q_covs + s * l * d * d;
      double* costs = out + s * size;
      std::uint8_t* flags = close + s * size;
      if (diagonal(a, k, d) && diagonal(b, l, d)) {
        deviations(m, a, k, d, space.p), deviations(n, b, l, d, space.q);
        squared_distances(space.p.data(), k, space.q.data(), l, 2 * d, costs, 1);
        std::fill(flags, flags + size, std::uint8_t{0});
      } else {
        squared_distances(m, k, n, l, d, space.apart.data(), 1);
        found += bures_costs({a, k, d}, {b, l, d}, space.apart.data(), costs, flags, 1);
        for (std::size_t at = 0; at < size; ++at) costs[at] = space.apart[at] + (flags[at] ? 0 : costs[at]);
      }
      if (s2 > 0) space.excess.add(a, k, b, l, d, s2, costs);
    }
  });
  return found;
}

void squared_distance_batch(const double* x, const double* y, std::size_t count, std::size_t k, std::size_t l,
                            std::size_t dim, double* out, std::size_t threads) {
  const std::size_t share = std::max<std::size_t>(4096 / (k * l), 1), shares = (count + share - 1) / share;
  parallel_blocks(shares, count * k * l * dim < 100000 ? 1 : threads, [&](std::size_t block, std::size_t) {
    for (std::size_t s = block * share; s < std::min(count, (block + 1) * share); ++s)
      squared_distances(x + s * k * dim, k, y + s * l * dim, l, dim, out + s * k * l, 1);
  });
}

}  // namespace mixot
