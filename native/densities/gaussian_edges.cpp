#include "densities/gaussian_edges.hpp"

#include <algorithm>
#include <cmath>

#include "densities/gauss_legendre.hpp"

namespace mixot {
namespace {

constexpr double kTwoPi = 6.283185307179586477;
constexpr double kReach = 76;  // exp(-kReach / 2) < 4e-17 counts for nothing
constexpr double kAway = 0.125;  // of s / 2: from here on 1 - exp(-s / 2) keeps its digits

}  // namespace
}  // namespace mixot

#define MIXOT_KERNEL "densities/gaussian_edges.inl"
#include "machine/each_isa.inl"

namespace mixot {

GaussianSum::GaussianSum(const double* weights, const double* means, const double* covs, std::size_t k)
    : size_(k), groups_((k + gaussian_lanes - 1) / gaussian_lanes) {
  for (std::size_t j = 0; j < groups_.size() * gaussian_lanes; ++j) {
    Group& g = groups_[j / gaussian_lanes];
    const std::size_t lane = j % gaussian_lanes, from = std::min(j, k - 1);
    const double *c = means + 2 * from, *s = covs + 4 * from;
    const double l11 = std::sqrt(s[0]), l21 = s[2] / l11, l22 = std::sqrt(s[3] - l21 * l21);
    g.used = std::min(gaussian_lanes, k - j / gaussian_lanes * gaussian_lanes);
    g.weight[lane] = j < k ? weights[j] : 0;
    g.cx[lane] = c[0], g.cy[lane] = c[1];
    g.l11[lane] = l11, g.l21[lane] = l21, g.l22[lane] = l22;
    g.w11[lane] = 1 / l11, g.w21[lane] = -l21 / (l11 * l22), g.w22[lane] = 1 / l22;
  }
}

void edge_of_group(const GaussianSum::Group& group, const Corner& a, const Corner& b, EdgeLanes& out) {
#ifdef MIXOT_X86
  if (isa() == Isa::avx512) return avx512::edge_of_group(group, a, b, out);
  if (isa() == Isa::avx2) return avx2::edge_of_group(group, a, b, out);
#endif
  baseline::edge_of_group(group, a, b, out);
}

void far_edge_of_group(const GaussianSum::Group& group, const Corner& a, const Corner& b, EdgeLanes& out) {
#ifdef MIXOT_X86
  if (isa() == Isa::avx512) return avx512::far_edge_of_group(group, a, b, out);
  if (isa() == Isa::avx2) return avx2::far_edge_of_group(group, a, b, out);
#endif
  baseline::far_edge_of_group(group, a, b, out);
}

void WhitenedMoments::add_edge(const EdgeLanes& e) {
  for (std::size_t j = 0; j < gaussian_lanes; ++j) {
    const double nx = e.ty[j], ny = -e.tx[j], across = e.d[j] * e.line[j];
    const double fx = across * nx + e.along[j] * e.tx[j], fy = across * ny + e.along[j] * e.ty[j];
    m[0][j] += e.flux[j];
    m[1][j] -= nx * e.line[j];
    m[2][j] -= ny * e.line[j];
    m[3][j] -= fx * nx;
    m[4][j] -= 0.5 * (fx * ny + fy * nx);
    m[5][j] -= fy * ny;
  }
}

void WhitenedMoments::finish() {
  for (std::size_t j = 0; j < gaussian_lanes; ++j) m[3][j] += m[0][j], m[5][j] += m[0][j];
}

void WhitenedMoments::unwhiten(const GaussianSum::Group& g, std::size_t j, const double* center, double* out) const {
  const double l11 = g.l11[j], l21 = g.l21[j], l22 = g.l22[j], cx = g.cx[j] - center[0], cy = g.cy[j] - center[1];
  const double mass = m[0][j], aa = m[3][j], ab = m[4][j], bb = m[5][j];
  const double ux = l11 * m[1][j], uy = l21 * m[1][j] + l22 * m[2][j];
  out[0] = mass;
  out[1] = ux + cx * mass;
  out[2] = uy + cy * mass;
  out[3] = l11 * l11 * aa + 2 * cx * ux + cx * cx * mass;
  out[4] = l11 * (l21 * aa + l22 * ab) + cx * uy + cy * ux + cx * cy * mass;
  out[5] = l21 * l21 * aa + 2 * l21 * l22 * ab + l22 * l22 * bb + 2 * cy * uy + cy * cy * mass;
}

}  // namespace mixot
