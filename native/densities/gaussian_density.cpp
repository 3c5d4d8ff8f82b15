#include "densities/gaussian_density.hpp"

#include "densities/gaussian_edges.hpp"
#include "densities/gaussian_faces.hpp"

namespace mixot {

template <>
FacetIntegrals GaussianDensity<2>::facet(const double (*end)[2], std::size_t) const {
  FacetIntegrals out{0, 0};
  EdgeLanes e;
  for (std::size_t g = 0; g < law_.groups(); ++g) {
    edge_of_group(law_[g], {end[0][0], end[0][1], false}, {end[1][0], end[1][1], false}, e);
    for (std::size_t j = 0; j < gaussian_lanes; ++j) {
      out.mass += law_[g].weight[j] * e.flux[j];
      out.area += law_[g].weight[j] * e.line[j] * e.density[j];
    }
  }
  return out;
}

template <>
Moments<2> GaussianDensity<2>::facet_moments(const double (*end)[2], std::size_t) const {
  Moments<2> out{};
  const double origin[2] = {0, 0};
  EdgeLanes e;
  for (std::size_t g = 0; g < law_.groups(); ++g) {
    edge_of_group(law_[g], {end[0][0], end[0][1], false}, {end[1][0], end[1][1], false}, e);
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

template <>
FacetIntegrals GaussianDensity<3>::facet(const double (*corner)[3], std::size_t n) const {
  FacetIntegrals out{0, 0};
  FaceLanes f;
  for (std::size_t g = 0; g < law_.groups(); ++g) {
    const auto& group = law_[g];
    face_of_group(group, corner, n, f);
    for (std::size_t j = 0; j < group.used; ++j) {
      out.mass += group.weight[j] * f.flux[j];
      out.area += group.weight[j] * f.mass_on[j] * f.density[j];
    }
  }
  return out;
}

template <>
Moments<3> GaussianDensity<3>::facet_moments(const double (*corner)[3], std::size_t n) const {
  Moments<3> out{};
  FaceLanes f;
  for (std::size_t g = 0; g < law_.groups(); ++g) {
    const auto& group = law_[g];
    face_of_group(group, corner, n, f);
    for (std::size_t j = 0; j < group.used; ++j) {
      const CenteredMoments m(group, j, f);
      const double w = group.weight[j], c[3] = {group.mean[0][j], group.mean[1][j], group.mean[2][j]};
      out.value[0] += w * m.mass;
      for (int a = 0; a < 3; ++a) out.value[1 + a] += w * (m.first[a] + c[a] * m.mass);
      for (int p = 0; p < 6; ++p) {
        const int a = space_pairs[p][0], b = space_pairs[p][1];
        out.value[4 + p] += w * (m.second[p] + c[a] * m.first[b] + c[b] * m.first[a] + c[a] * c[b] * m.mass);
      }
    }
  }
  return out;
}

template class GaussianDensity<2>;
template class GaussianDensity<3>;

}  // namespace mixot
