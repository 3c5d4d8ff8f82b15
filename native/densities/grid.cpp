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

template <int D>
void keep_side(const std::vector<double>& in, int axis, double limit, double sign, std::vector<double>& out) {
  out.clear();
  const std::size_t n = in.size() / D;
  for (std::size_t k = 0; k < n; ++k) {
    const double *a = &in[D * k], *b = &in[D * (k + 1 < n ? k + 1 : 0)];
    const double s = sign * (a[axis] - limit), t = sign * (b[axis] - limit);
    if (s <= 0) out.insert(out.end(), a, a + D);
    if ((s < 0 && t > 0) || (s > 0 && t < 0)) {
      const double f = s / (s - t);
      for (int x = 0; x < D; ++x) out.push_back(x == axis ? limit : a[x] + f * (b[x] - a[x]));
    }
  }
}

template void grid_marginals<2>(const Grid<2>&, std::vector<double> (&)[2]);
template void grid_marginals<3>(const Grid<3>&, std::vector<double> (&)[3]);
template void keep_side<2>(const std::vector<double>&, int, double, double, std::vector<double>&);
template void keep_side<3>(const std::vector<double>&, int, double, double, std::vector<double>&);

}  // namespace mixot
