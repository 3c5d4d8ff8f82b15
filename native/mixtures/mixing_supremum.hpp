// The greatest value of D(m) = sum_i v_i exp(-|z_i - m|^2 / 2) over all m, from above and with proof; and ascents of D.
#pragma once
#include <cstddef>
#include <vector>

namespace mixot {

// n points (n, dim) row-major, dim 1 to 3, and their weights v >= 0.
struct WeightedPoints {
  const double* z;
  const double* v;
  std::size_t n, dim;
};

struct Supremum {
  double upper = 0;           // no value of D is larger
  double best = 0;            // the largest one that was seen, up to the error of a Taylor polynomial
  std::size_t boxes = 0;      // how many boxes were looked at
  std::vector<double> peaks;  // rows (value, m_1 .. m_dim): where D was seen above 1 + tol, the best place of a box
};

// Values up to max(1, best) (1 + tol) are not told apart. Throws Interrupted.
Supremum mixing_supremum(WeightedPoints points, double tol, std::size_t threads);

// Newton's ascent of log D from each of `count` rows m (count, dim), in place; values (count) are D at the ends.
void mixing_climb(WeightedPoints points, double* m, std::size_t count, std::size_t steps, double* values,
                  std::size_t threads);

}  // namespace mixot
