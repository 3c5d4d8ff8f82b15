#include "mixtures/integer_laws.hpp"

#include <algorithm>

#include "machine/parallel.hpp"

namespace mixot {
namespace {

// int_0^1/2 (x(u) - y(u))^2 du for two step functions that take the values x, x + step, ... and y, y + step, ... and
// leave their i-th value at rank a[i * step], b[i * step]. Ranks are merged in order, so every term is exact.
double half_cost(const double* a, std::int64_t x, const double* b, std::int64_t y, std::int64_t step) {
  double total = 0, rank = 0;
  while (rank < 0.5) {
    const double next = std::min(0.5, std::min(*a, *b));
    const double apart = static_cast<double>(x - y);
    total += apart * apart * (next - rank);
    if (*a <= next) a += step, x += step;
    if (*b <= next) b += step, y += step;
    rank = next;
  }
  return total;
}

// Both halves, each from its own end: ranks from below by P(X <= x), ranks from above by P(X >= x) = P(X > x - 1).
double pair_cost(const IntegerLaws& p, std::size_t i, const IntegerLaws& q, std::size_t j) {
  const std::int64_t p_last = p.start[i + 1] - 1, q_last = q.start[j + 1] - 1;
  const std::int64_t p_top = p.first[i] + p_last - p.start[i], q_top = q.first[j] + q_last - q.start[j];
  return half_cost(p.below + p.start[i], p.first[i], q.below + q.start[j], q.first[j], 1) +
         half_cost(p.above + p_last - 1, p_top, q.above + q_last - 1, q_top, -1);
}

}  // namespace

void comonotone_cost(const IntegerLaws& p, const IntegerLaws& q, double* out, std::size_t threads) {
  parallel_blocks(p.count, threads, [&](std::size_t i, std::size_t) {
    for (std::size_t j = 0; j < q.count; ++j) out[i * q.count + j] = pair_cost(p, i, q, j);
  });
}

}  // namespace mixot
