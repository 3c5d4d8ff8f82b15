#include "mixtures/dense_balls.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace mixot {

void dense_balls(const double* points, const double* count, const double* density, std::size_t m, std::size_t d,
                 std::size_t least, double* excess, double* square) {
  using std::size_t;
  const double half = 0.5 * static_cast<double>(d);
  const double log_unit = half * std::log(M_PI) - std::lgamma(half + 1);  // the volume of the unit ball
  std::vector<std::pair<double, size_t>> near(m);
  const size_t most = std::max(least, m / 4);  // a ball of more is no small cluster
  const auto last = near.begin() + static_cast<std::ptrdiff_t>(most);
  if (most >= m) return std::fill(excess, excess + m, 0.0), std::fill(square, square + m, 0.0);
  for (size_t i = 0; i < m; ++i) {
    const double* x = points + i * d;
    for (size_t j = 0; j < m; ++j) {
      double sum = 0;
      for (size_t a = 0; a < d; ++a) sum += (points[j * d + a] - x[a]) * (points[j * d + a] - x[a]);
      near[j] = {sum, j};
    }
    excess[i] = square[i] = 0;
    std::nth_element(near.begin(), last, near.end());
    std::sort(near.begin(), last);
    double within = 0, met = 0;
    for (size_t s = 0; s < most; ++s) {
      const auto [distance, j] = near[s];
      within += count[j];
      met += count[j] * density[j];
      if (s + 1 < least || near[s + 1].first == distance || !(distance > 0)) continue;
      const double expected = met / within * std::exp(log_unit + half * std::log(distance));
      if (!(within > expected && expected > 0)) continue;
      const double off = within * std::log(within / expected) - within + expected;
      if (off > excess[i]) excess[i] = off, square[i] = distance;
    }
  }
}

}  // namespace mixot
