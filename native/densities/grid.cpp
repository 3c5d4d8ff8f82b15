#include "densities/grid.hpp"

#include <algorithm>

namespace mixot {

BlendedValues::BlendedValues(const double* values, std::size_t n) : values_(values), blended_(values, values + n) {
  double total = 0, least = blended_[0];
  for (double v : blended_) total += v, least = std::min(least, v);
  floor_ = least * double(n) / total;
}

bool BlendedValues::blend(double share) {
  if (share == share_) return false;
  share_ = share;
  double total = 0;
  const std::size_t n = blended_.size();
  for (std::size_t p = 0; p < n; ++p) total += values_[p];
  for (std::size_t p = 0; p < n; ++p) blended_[p] = (1 - share) * values_[p] + share * (total / double(n));
  return true;
}

template <int D>
void grid_marginals(const Grid<D>& grid, std::vector<double> (&out)[D]) {
  for (int a = 0; a < D; ++a) out[a].assign(grid.count[a], 0.0);
  std::size_t at[D] = {};
  for (std::size_t p = 0; p < grid.size(); ++p) {
    for (int a = 0; a < D; ++a) out[a][at[a]] += grid.values[p];
    for (int a = D - 1; a >= 0 && ++at[a] == grid.count[a]; --a) at[a] = 0;
  }
}

template void grid_marginals<2>(const Grid<2>&, std::vector<double> (&)[2]);
template void grid_marginals<3>(const Grid<3>&, std::vector<double> (&)[3]);

}  // namespace mixot
