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

void edge_of_group(const GaussianGroups<2>::Group& group, const Corner& a, const Corner& b, EdgeLanes& out) {
  MIXOT_DISPATCH(edge_of_group(group, a, b, out))
}

void far_edge_of_group(const GaussianGroups<2>::Group& group, const Corner& a, const Corner& b, EdgeLanes& out) {
  MIXOT_DISPATCH(far_edge_of_group(group, a, b, out))
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

void WhitenedMoments::unwhiten(const GaussianGroups<2>::Group& g, std::size_t j, const double* center,
                               double* out) const {
  const double l11 = g.root[0][j], l21 = g.root[1][j], l22 = g.root[2][j];
  const double cx = g.mean[0][j] - center[0], cy = g.mean[1][j] - center[1];
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
