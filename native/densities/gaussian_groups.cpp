#include "densities/gaussian_groups.hpp"

#include <algorithm>
#include <cmath>

namespace mixot {

template <int D>
GaussianGroups<D>::GaussianGroups(const GaussianLaws& laws)
    : size_(laws.k), groups_((laws.k + gaussian_lanes - 1) / gaussian_lanes) {
  for (std::size_t j = 0; j < groups_.size() * gaussian_lanes; ++j) {
    Group& g = groups_[j / gaussian_lanes];
    const std::size_t lane = j % gaussian_lanes, from = std::min(j, laws.k - 1);
    const double* s = laws.covs + D * D * from;
    const double a = std::sqrt(s[0]), b = s[D] / a, c = std::sqrt(s[D + 1] - b * b);
    g.root[0][lane] = a, g.root[1][lane] = b, g.root[2][lane] = c;
    g.whiten[0][lane] = 1 / a, g.whiten[1][lane] = -b / (a * c), g.whiten[2][lane] = 1 / c;
    if constexpr (D == 3) {
      const double d = s[6] / a, e = (s[7] - b * d) / c, f = std::sqrt(s[8] - d * d - e * e);
      g.root[3][lane] = d, g.root[4][lane] = e, g.root[5][lane] = f;
      g.whiten[3][lane] = (b * e - c * d) / (a * c * f), g.whiten[4][lane] = -e / (c * f), g.whiten[5][lane] = 1 / f;
    }
    for (int axis = 0; axis < D; ++axis) g.mean[axis][lane] = laws.means[D * from + axis];
    g.weight[lane] = j < laws.k ? laws.weights[j] : 0;
    g.used = std::min(gaussian_lanes, laws.k - j / gaussian_lanes * gaussian_lanes);
  }
}

template class GaussianGroups<2>;
template class GaussianGroups<3>;

}  // namespace mixot
