#include "densities/gaussian_laws.hpp"

#include <cmath>

namespace mixot {

template <int D>
BlendedLaws<D>::BlendedLaws(const GaussianLaws& laws)
    : weights_(laws.weights, laws.weights + laws.k),
      means_(laws.means, laws.means + D * laws.k),
      covs_(laws.covs, laws.covs + D * D * laws.k) {
  double mean[D] = {}, cov[D * D] = {};
  for (std::size_t j = 0; j < laws.k; ++j)
    for (int a = 0; a < D; ++a) mean[a] += laws.weights[j] * laws.means[D * j + a];
  for (std::size_t j = 0; j < laws.k; ++j)
    for (int a = 0; a < D; ++a)
      for (int b = 0; b < D; ++b) {
        const double dx = laws.means[D * j + a] - mean[a], dy = laws.means[D * j + b] - mean[b];
        cov[D * a + b] += 2.25 * laws.weights[j] * (laws.covs[D * D * j + D * a + b] + dx * dy);
      }
  means_.insert(means_.end(), mean, mean + D), covs_.insert(covs_.end(), cov, cov + D * D);
}

template <int D>
GaussianLaws BlendedLaws<D>::at(double share) {
  scaled_ = weights_;
  for (double& weight : scaled_) weight *= 1 - share;
  scaled_.push_back(share);
  return {scaled_.data(), means_.data(), covs_.data(), weights_.size() + (share > 0 ? 1 : 0)};
}

template <int D>
void gaussian_marginals(const GaussianLaws& laws, const double* lo, const double* hi, std::size_t slabs,
                        std::vector<double> (&out)[D]) {
  for (int axis = 0; axis < D; ++axis) {
    out[axis].assign(slabs, 0.0);
    for (std::size_t j = 0; j < laws.k; ++j) {
      const double mean = laws.means[D * j + axis], scale = std::sqrt(2 * laws.covs[D * D * j + (D + 1) * axis]);
      double below = 0;
      for (std::size_t s = 0; s < slabs; ++s) {
        const double end = lo[axis] + (hi[axis] - lo[axis]) * double(s + 1) / double(slabs);
        const double next = 0.5 * std::erfc((mean - end) / scale);
        out[axis][s] += laws.weights[j] * (next - below);
        below = next;
      }
    }
  }
}

template class BlendedLaws<2>;
template class BlendedLaws<3>;
template void gaussian_marginals<2>(const GaussianLaws&, const double*, const double*, std::size_t,
                                    std::vector<double> (&)[2]);
template void gaussian_marginals<3>(const GaussianLaws&, const double*, const double*, std::size_t,
                                    std::vector<double> (&)[3]);

}  // namespace mixot
