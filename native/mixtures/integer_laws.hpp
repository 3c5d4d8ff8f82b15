// Optimal transport between laws on the integers.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// k laws on windows of consecutive integers, one after the other: law i lives on first[i], first[i] + 1, ... and its
// tables begin at start[i] and end before start[i + 1]. below[j] = P(X <= x), above[j] = P(X > x), each with all its
// digits.
struct IntegerLaws {
  const double* below;
  const double* above;
  const std::int64_t* first;
  const std::int64_t* start;
  std::size_t count;
};

// out[i, j] = W2^2(p_i, q_j) = int_0^1 (F_i^-1(u) - F_j^-1(u))^2 du, out (p.count, q.count) row-major.
void comonotone_cost(const IntegerLaws& p, const IntegerLaws& q, double* out, std::size_t threads);

}  // namespace mixot
