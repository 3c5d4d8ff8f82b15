#include "densities/gaussian_cells.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "densities/gaussian_edges.hpp"
#include "machine/parallel.hpp"

namespace mixot {
namespace {

using std::size_t;

constexpr size_t kBlock = 64;   // regions handed out together
constexpr double kApart = 2;    // a mean further than this from a region leaves it to the wedges

// One region, as a walk over its edges.
class Walk {
 public:
  Walk(const PlaneRegions& regions, size_t i)
      : rows_(regions.corners + 3 * regions.start[i]), size_(size_t(regions.start[i + 1] - regions.start[i])) {}
  size_t size() const { return size_; }
  Corner operator[](size_t k) const {
    const double* row = rows_ + 3 * (k < size_ ? k : 0);
    return {row[0], row[1], row[2] == 0};
  }

 private:
  const double* rows_;
  size_t size_;
};

// Moments in whitened coordinates; lines (edges, lanes) takes what each edge adds to the integral along it.
WhitenedMoments whitened(const GaussianGroups<2>::Group& group, const Walk& region, double* lines) {
  WhitenedMoments sum;
  EdgeLanes e;
  double apart[gaussian_lanes] = {};
  for (size_t k = 0; k < region.size(); ++k) {
    edge_of_group(group, region[k], region[k + 1], e);
    sum.add_edge(e);
    for (size_t j = 0; j < gaussian_lanes; ++j) apart[j] = std::max(apart[j], -e.d[j]);
    if (lines)
      for (size_t j = 0; j < gaussian_lanes; ++j) lines[k * gaussian_lanes + j] = e.line[j] * e.density[j];
  }
  if (*std::max_element(apart, apart + gaussian_lanes) > kApart) {
    WhitenedMoments tail;
    for (size_t k = 0; k < region.size(); ++k) {
      const Corner a = region[k], b = region[k + 1];
      if (a.far && b.far) continue;
      if (!a.far && !b.far && a.x == b.x && a.y == b.y) continue;  // no length, no direction: 0 / 0
      far_edge_of_group(group, a, b, e);
      tail.add_edge(e);
      if (!lines) continue;
      for (size_t j = 0; j < gaussian_lanes; ++j)
        if (apart[j] > kApart) lines[k * gaussian_lanes + j] = e.line[j] * e.density[j];
    }
    for (size_t j = 0; j < gaussian_lanes; ++j)
      if (apart[j] > kApart)
        for (int r = 0; r < 6; ++r) sum.m[r][j] = tail.m[r][j];
  }
  for (double& mass : sum.m[0]) mass = std::max(mass, 0.0);
  sum.finish();
  return sum;
}

}  // namespace

void integrate_gaussians(const PlaneRegions& regions, const double* centers, const GaussianGroups<2>& law,
                         const RegionIntegrals& out, size_t threads) {
  const size_t k = law.size();
  std::vector<std::vector<double>> scratch(std::max<size_t>(1, threads));
  parallel_blocks((regions.n + kBlock - 1) / kBlock, threads, [&](size_t block, size_t worker) {
    std::vector<double>& lines = scratch[worker];
    for (size_t i = block * kBlock; i < std::min(regions.n, (block + 1) * kBlock); ++i) {
      const Walk region(regions, i);
      const size_t first = size_t(regions.start[i]);
      const bool edges = out.lines || out.lines_each;
      if (edges) lines.resize(region.size() * gaussian_lanes);
      std::fill(out.total + 6 * i, out.total + 6 * i + 6, 0.0);
      if (out.lines) std::fill(out.lines + first, out.lines + first + region.size(), 0.0);
      for (size_t g = 0; g < law.groups(); ++g) {
        const WhitenedMoments z = whitened(law[g], region, edges ? lines.data() : nullptr);
        for (size_t j = 0; j < law[g].used; ++j) {
          double moments[6];
          z.unwhiten(law[g], j, centers + 2 * i, moments);
          for (int r = 0; r < 6; ++r) out.total[6 * i + r] += law[g].weight[j] * moments[r];
          const size_t component = g * gaussian_lanes + j;
          if (out.each) std::copy(moments, moments + 6, out.each + 6 * (i * k + component));
          for (size_t e = 0; edges && e < region.size(); ++e) {
            const double line = lines[e * gaussian_lanes + j];
            if (out.lines) out.lines[first + e] += law[g].weight[j] * line;
            if (out.lines_each) out.lines_each[(first + e) * k + component] = line;
          }
        }
      }
    }
  });
}

void gaussian_derivatives(const PlaneRegions& regions, const double* points, const double* weights,
                          const GaussianGroups<2>& law, double* out, size_t threads) {
  const size_t blocks = (regions.n + kBlock - 1) / kBlock, size = 7 * law.size();
  std::vector<double> parts(blocks * size, 0.0);
  parallel_blocks(blocks, threads, [&](size_t block, size_t) {
    double* part = parts.data() + block * size;
    for (size_t i = block * kBlock; i < std::min(regions.n, (block + 1) * kBlock); ++i) {
      const double* y = points + 2 * i;
      for (size_t g = 0; g < law.groups(); ++g) {
        const WhitenedMoments z = whitened(law[g], Walk(regions, i), nullptr);
        for (size_t j = 0; j < law[g].used; ++j) {
          double m[6], *to = part + 7 * (g * gaussian_lanes + j);
          z.unwhiten(law[g], j, y, m);
          const double ux = y[0] - law[g].mean[0][j], uy = y[1] - law[g].mean[1][j];
          const double add[] = {m[3] + m[5] - weights[i] * m[0], m[1], m[2],
                                m[3] + m[1] * ux, m[4] + m[1] * uy, m[4] + m[2] * ux, m[5] + m[2] * uy};
          for (int r = 0; r < 7; ++r) to[r] += add[r];
        }
      }
    }
  });
  std::fill(out, out + size, 0.0);
  for (size_t block = 0; block < blocks; ++block)
    for (size_t r = 0; r < size; ++r) out[r] += parts[block * size + r];
}

}  // namespace mixot
