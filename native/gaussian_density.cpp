#include "gaussian_density.hpp"

#include <cmath>

namespace mixot {
namespace {

// Mean and 9/4 of the covariance of the whole, appended to the laws with weight zero.
void append_broad(const GaussianLaws& laws, std::vector<double>& weights, std::vector<double>& means,
                  std::vector<double>& covs) {
  weights.assign(laws.weights, laws.weights + laws.k), means.assign(laws.means, laws.means + 2 * laws.k);
  covs.assign(laws.covs, laws.covs + 4 * laws.k);
  double mean[2] = {}, cov[4] = {};
  for (std::size_t j = 0; j < laws.k; ++j)
    for (int a = 0; a < 2; ++a) mean[a] += laws.weights[j] * laws.means[2 * j + a];
  for (std::size_t j = 0; j < laws.k; ++j)
    for (int a = 0; a < 4; ++a) {
      const double dx = laws.means[2 * j + a / 2] - mean[a / 2], dy = laws.means[2 * j + a % 2] - mean[a % 2];
      cov[a] += 2.25 * laws.weights[j] * (laws.covs[4 * j + a] + dx * dy);
    }
  weights.push_back(0), means.insert(means.end(), mean, mean + 2), covs.insert(covs.end(), cov, cov + 4);
}

}  // namespace

GaussianDensity::GaussianDensity(const GaussianLaws& laws)
    : law_(laws.weights, laws.means, laws.covs, laws.k) {
  append_broad(laws, weights_, means_, covs_);
}

void GaussianDensity::blend(double share) {
  const std::size_t k = weights_.size() - 1;
  std::vector<double> weights(weights_);
  for (double& weight : weights) weight *= 1 - share;
  weights[k] = share;
  law_ = GaussianSum(weights.data(), means_.data(), covs_.data(), share > 0 ? k + 1 : k);
}

FacetIntegrals GaussianDensity::edge(const double* a, const double* b) const {
  FacetIntegrals out{0, 0};
  EdgeLanes e;
  for (std::size_t g = 0; g < law_.groups(); ++g) {
    edge_of_group(law_[g], {a[0], a[1], false}, {b[0], b[1], false}, e);
    for (std::size_t j = 0; j < gaussian_lanes; ++j) {
      out.mass += law_[g].weight[j] * e.flux[j];
      out.area += law_[g].weight[j] * e.line[j] * e.density[j];
    }
  }
  return out;
}

PlaneMoments GaussianDensity::edge_moments(const double* a, const double* b) const {
  PlaneMoments out{};
  const double origin[2] = {0, 0};
  EdgeLanes e;
  for (std::size_t g = 0; g < law_.groups(); ++g) {
    edge_of_group(law_[g], {a[0], a[1], false}, {b[0], b[1], false}, e);
    WhitenedMoments z;
    z.add_edge(e);
    z.finish();
    for (std::size_t j = 0; j < gaussian_lanes; ++j) {
      double moments[6];
      z.unwhiten(law_[g], j, origin, moments);
      for (int m = 0; m < 6; ++m) out.value[m] += law_[g].weight[j] * moments[m];
    }
  }
  return out;
}

void gaussian_marginals(const GaussianLaws& laws, const Rectangle& box, std::size_t slabs,
                        std::vector<double> (&out)[2]) {
  for (int axis = 0; axis < 2; ++axis) {
    out[axis].assign(slabs, 0.0);
    for (std::size_t j = 0; j < laws.k; ++j) {
      const double mean = laws.means[2 * j + axis], scale = std::sqrt(2 * laws.covs[4 * j + 3 * axis]);
      double below = 0;
      for (std::size_t s = 0; s < slabs; ++s) {
        const double end = box.lo[axis] + (box.hi[axis] - box.lo[axis]) * double(s + 1) / double(slabs);
        const double next = 0.5 * std::erfc((mean - end) / scale);
        out[axis][s] += laws.weights[j] * (next - below);
        below = next;
      }
    }
  }
}

}  // namespace mixot
