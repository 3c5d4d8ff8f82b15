// Blocks of points lie coordinate by coordinate, so that the compiler runs along the points.
#include "mixtures/k_means.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "machine/interrupt.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;
using Array = std::vector<double>;
constexpr size_t kBlock = 64;

// Coordinates of points in blocks: (blocks, d, kBlock), the last block filled up with its last point.
Array in_blocks(const double* points, size_t n, size_t d) {
  const size_t blocks = (n + kBlock - 1) / kBlock;
  Array out(blocks * d * kBlock);
  for (size_t b = 0; b < blocks; ++b)
    for (size_t i = 0; i < kBlock; ++i) {
      const double* x = points + std::min(n - 1, b * kBlock + i) * d;
      for (size_t a = 0; a < d; ++a) out[(b * d + a) * kBlock + i] = x[a];
    }
  return out;
}

// Squared distances of a block to one center.
MIXOT_INLINE void distances(const double* block, const double* center, size_t d, double* out) {
  std::fill(out, out + kBlock, 0.0);
  for (size_t a = 0; a < d; ++a) {
    const double m = center[a];
    const double* x = block + a * kBlock;
    for (size_t i = 0; i < kBlock; ++i) out[i] += (x[i] - m) * (x[i] - m);
  }
}

// Squared distances of all blocks (count, d, kBlock) to one center.
MIXOT_INLINE void all_distances_body(const double* blocks, size_t count, const double* center, size_t d, double* out) {
  for (size_t b = 0; b < count; ++b) distances(blocks + b * d * kBlock, center, d, out + b * kBlock);
}
MIXOT_MULTIVERSION(all_distances, (const double* blocks, size_t count, const double* center, size_t d, double* out),
                   (blocks, count, center, d, out))

// The nearest of k centers of each point, as a number, and the squared distance to it.
MIXOT_INLINE void nearest_centers_body(const double* blocks, size_t count, const double* centers, size_t k, size_t d,
                                       double* names, double* costs) {
  for (size_t b = 0; b < count; ++b) {
    const double* block = blocks + b * d * kBlock;
    double *label = names + b * kBlock, *least = costs + b * kBlock, each[kBlock];
    distances(block, centers, d, least);
    std::fill(label, label + kBlock, 0.0);
    for (size_t j = 1; j < k; ++j) {
      distances(block, centers + j * d, d, each);
      const double name = static_cast<double>(j);
      for (size_t i = 0; i < kBlock; ++i) {
        const bool nearer = each[i] < least[i];
        label[i] = nearer ? name : label[i];
        least[i] = nearer ? each[i] : least[i];
      }
    }
  }
}
MIXOT_MULTIVERSION(nearest_centers,
                   (const double* blocks, size_t count, const double* centers, size_t k, size_t d, double* names,
                    double* costs),
                   (blocks, count, centers, k, d, names, costs))

}  // namespace

void spread_out(const double* points, const double* weights, size_t n, size_t d, size_t k, size_t first,
                const double* uniform, size_t candidates, std::int64_t* chosen) {
  const Array blocks = in_blocks(points, n, d);
  const size_t padded = blocks.size() / d;
  Array nearest(padded), reach(n), after(padded), best(padded);
  auto measure = [&](size_t row, Array& to) {
    all_distances(blocks.data(), padded / kBlock, points + row * d, d, to.data());
  };
  chosen[0] = static_cast<std::int64_t>(first);
  measure(first, nearest);
  for (size_t j = 1; j < k; ++j) {
    double sum = 0, least = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < n; ++i) reach[i] = sum += weights[i] * nearest[i];
    for (size_t c = 0; c < candidates; ++c) {
      const double level = uniform[(j - 1) * candidates + c] * sum;
      const size_t row = std::min<size_t>(std::upper_bound(reach.begin(), reach.end(), level) - reach.begin(), n - 1);
      measure(row, after);
      double cost = 0;
      for (size_t i = 0; i < n; ++i) cost += weights[i] * (after[i] = std::min(after[i], nearest[i]));
      if (cost < least) least = cost, chosen[j] = static_cast<std::int64_t>(row), std::swap(after, best);
    }
    std::swap(nearest, best);
    nearest[static_cast<size_t>(chosen[j])] = 0;
    look_for_interrupt();
  }
}

size_t lloyd(const double* points, const double* weights, size_t n, size_t d, size_t k, size_t max_iter, double* centers,
             std::int64_t* labels) {
  const Array blocks = in_blocks(points, n, d);
  const size_t padded = blocks.size() / d;
  Array names(padded), cost(padded), mass(k), sums(k * d);
  std::fill(labels, labels + n, std::int64_t{-1});
  std::vector<std::int64_t> before(n);
  size_t iteration = 0;
  while (iteration < max_iter) {
    ++iteration;
    std::copy(labels, labels + n, before.begin());
    nearest_centers(blocks.data(), padded / kBlock, centers, k, d, names.data(), cost.data());
    for (size_t i = 0; i < n; ++i) labels[i] = static_cast<std::int64_t>(names[i]);
    std::fill(mass.begin(), mass.end(), 0.0);
    for (size_t i = 0; i < n; ++i) mass[static_cast<size_t>(labels[i])] += weights[i];
    for (size_t j = 0; j < k; ++j) {
      if (mass[j] != 0) continue;
      double most = -1;
      size_t far = n;
      for (size_t i = 0; i < n; ++i)  // not alone in its cluster
        if (mass[static_cast<size_t>(labels[i])] > weights[i] && cost[i] * weights[i] > most)
          most = cost[i] * weights[i], far = i;
      if (far == n) break;
      mass[static_cast<size_t>(labels[far])] -= weights[far];
      labels[far] = static_cast<std::int64_t>(j), mass[j] = weights[far], cost[far] = 0;
    }
    if (std::equal(before.begin(), before.end(), labels)) break;
    std::fill(sums.begin(), sums.end(), 0.0);
    std::fill(mass.begin(), mass.end(), 0.0);
    for (size_t i = 0; i < n; ++i) {
      const size_t j = static_cast<size_t>(labels[i]);
      mass[j] += weights[i];
      for (size_t a = 0; a < d; ++a) sums[j * d + a] += weights[i] * points[i * d + a];
    }
    for (size_t j = 0; j < k; ++j)
      for (size_t a = 0; a < d && mass[j] > 0; ++a) centers[j * d + a] = sums[j * d + a] / mass[j];
    look_for_interrupt();
  }
  return iteration;
}

}  // namespace mixot
