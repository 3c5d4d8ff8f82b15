#include "densities/gaussian_density.hpp"

namespace mixot {
namespace {

GaussianSum sum_of(const GaussianLaws& laws) { return {laws.weights, laws.means, laws.covs, laws.k}; }

}  // namespace

GaussianDensity::GaussianDensity(const GaussianLaws& laws) : laws_(laws), law_(sum_of(laws)) {}

void GaussianDensity::blend(double share) { law_ = sum_of(laws_.at(share)); }

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

}  // namespace mixot
