#include "voxel_density.hpp"

#include <algorithm>
#include <cmath>

#include "triangle_rule.hpp"

namespace mixot {

namespace {

// What of a flat polygon (n, 3) lies in low <= coordinate <= low + 1.
void keep_slab(const std::vector<double>& in, int axis, double low, std::vector<double>& spare,
               std::vector<double>& out) {
  const auto keep = [axis](const std::vector<double>& from, double limit, double sign, std::vector<double>& to) {
    to.clear();
    const std::size_t n = from.size() / 3;
    for (std::size_t k = 0; k < n; ++k) {
      const double *a = &from[3 * k], *b = &from[3 * (k + 1 < n ? k + 1 : 0)];
      const double s = sign * (a[axis] - limit), t = sign * (b[axis] - limit);
      if (s <= 0) to.insert(to.end(), a, a + 3);
      if ((s < 0 && t > 0) || (s > 0 && t < 0)) {
        const double f = s / (s - t);
        for (int x = 0; x < 3; ++x) to.push_back(x == axis ? limit : a[x] + f * (b[x] - a[x]));
      }
    }
  };
  keep(in, low, -1, spare);
  keep(spare, low + 1, 1, out);
}

void range(const std::vector<double>& polygon, int axis, std::size_t count, std::ptrdiff_t& first,
           std::ptrdiff_t& last) {
  double low = polygon[axis], high = low;
  for (std::size_t k = axis; k < polygon.size(); k += 3) low = std::min(low, polygon[k]), high = std::max(high, polygon[k]);
  const auto top = std::ptrdiff_t(count) - 1;
  first = std::min(std::max<std::ptrdiff_t>(std::ptrdiff_t(std::floor(low)), 0), top);
  last = std::max(first, std::min(std::ptrdiff_t(std::ceil(high)) - 1, top));
}

}  // namespace

VoxelDensity::VoxelDensity(const Voxels& voxels)
    : voxels_(voxels), values_(voxels.values, voxels.values + voxels.count[0] * voxels.count[1] * voxels.count[2]) {
  for (int a = 0; a < 3; ++a) step_[a] = (voxels.box.hi[a] - voxels.box.lo[a]) / double(voxels.count[a]);
  double total = 0, least = values_[0];
  for (double v : values_) total += v, least = std::min(least, v);
  floor_ = least * double(values_.size()) / total;
  fill();
}

void VoxelDensity::blend(double share) {
  if (share == share_) return;
  share_ = share;
  double total = 0;
  for (std::size_t p = 0; p < values_.size(); ++p) total += voxels_.values[p];
  for (std::size_t p = 0; p < values_.size(); ++p)
    values_[p] = (1 - share) * voxels_.values[p] + share * (total / double(values_.size()));
  fill();
}

// Prefix sums along z of the density and its first two moments, as seen from the middle of the lattice.
void VoxelDensity::fill() {
  below_.resize(values_.size());
  const std::size_t nz = voxels_.count[2];
  const double middle = 0.5 * double(nz);
  for (std::size_t column = 0; column < values_.size(); column += nz) {
    Below run{};
    for (std::size_t k = 0; k < nz; ++k) {
      const double v = values_[column + k], z = double(k) - middle;
      run.value = v;
      below_[column + k] = run;
      run.mass += v, run.first += v * (z + 0.5), run.second += v * (z * (z + 1) + 1.0 / 3);
    }
  }
}

template <class Visit>
void VoxelDensity::split(const double (*corner)[3], std::size_t n, Visit&& visit) const {
  thread_local std::vector<double> whole, strip, part, square, spare;
  whole.clear();
  for (std::size_t k = 0; k < n; ++k)
    for (int a = 0; a < 3; ++a)
      whole.push_back(std::min(std::max((corner[k][a] - voxels_.box.lo[a]) / step_[a], 0.0), double(voxels_.count[a])));
  std::ptrdiff_t i0, i1, j0, j1, k0, k1;
  range(whole, 0, voxels_.count[0], i0, i1);
  for (std::ptrdiff_t i = i0; i <= i1; ++i) {
    if (i0 == i1)
      strip = whole;
    else
      keep_slab(whole, 0, double(i), spare, strip);
    if (strip.size() < 9) continue;
    range(strip, 1, voxels_.count[1], j0, j1);
    for (std::ptrdiff_t j = j0; j <= j1; ++j) {
      if (j0 == j1)
        part = strip;
      else
        keep_slab(strip, 1, double(j), spare, part);
      if (part.size() < 9) continue;
      range(part, 2, voxels_.count[2], k0, k1);
      for (std::ptrdiff_t k = k0; k <= k1; ++k) {
        if (k0 == k1)
          square = part;
        else
          keep_slab(part, 2, double(k), spare, square);
        if (square.size() >= 9)
          visit(square, (std::size_t(i) * voxels_.count[1] + std::size_t(j)) * voxels_.count[2] + std::size_t(k), k);
      }
    }
  }
}

FacetIntegrals VoxelDensity::face(const double (*corner)[3], std::size_t n) const {
  double flux = 0, area = 0;
  const double hx = step_[0], hy = step_[1], hz = step_[2];
  split(corner, n, [&](const std::vector<double>& p, std::size_t voxel, std::ptrdiff_t k) {
    const Below& below = below_[voxel];
    for (std::size_t q = 3; q + 5 < p.size(); q += 3) {
      const double ux = p[q] - p[0], uy = p[q + 1] - p[1], uz = p[q + 2] - p[2];
      const double vx = p[q + 3] - p[0], vy = p[q + 4] - p[1], vz = p[q + 5] - p[2];
      const double nz = 0.5 * (ux * vy - uy * vx), height = (p[2] + p[q + 2] + p[q + 5]) / 3 - double(k);
      flux += nz * (below.mass + below.value * height);  // linear in z, so exact in the middle of a triangle
      const double nx = 0.5 * (uy * vz - uz * vy), ny = 0.5 * (uz * vx - ux * vz);
      area += below.value * std::sqrt(nx * nx * (hy * hz) * (hy * hz) + ny * ny * (hx * hz) * (hx * hz) +
                                      nz * nz * (hx * hy) * (hx * hy));
    }
  });
  return {flux, area / (hx * hy * hz)};
}

SolidMoments VoxelDensity::face_moments(const double (*corner)[3], std::size_t n) const {
  double s[10] = {};  // in lattice coordinates seen from the middle
  const double mx = 0.5 * double(voxels_.count[0]), my = 0.5 * double(voxels_.count[1]),
               mz = 0.5 * double(voxels_.count[2]);
  split(corner, n, [&](const std::vector<double>& p, std::size_t voxel, std::ptrdiff_t k) {
    const Below& below = below_[voxel];
    const double row = double(k) - mz;
    for (std::size_t q = 3; q + 5 < p.size(); q += 3) {
      const double *a = &p[0], *b = &p[q], *c = &p[q + 3];
      const double nz = 0.5 * ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
      triangle_rule([&](double wa, double wb, double wc, double share) {
        const double x = wa * a[0] + wb * b[0] + wc * c[0] - mx, y = wa * a[1] + wb * b[1] + wc * c[1] - my;
        const double t = wa * a[2] + wb * b[2] + wc * c[2] - double(k), f = nz * share;
        const double g0 = below.mass + below.value * t, g1 = below.first + below.value * t * (row + 0.5 * t);
        const double g2 = below.second + below.value * t * (row * (row + t) + t * t / 3);
        s[0] += f * g0, s[1] += f * x * g0, s[2] += f * y * g0, s[3] += f * g1;
        s[4] += f * x * x * g0, s[5] += f * y * y * g0, s[6] += f * g2;
        s[7] += f * x * y * g0, s[8] += f * x * g1, s[9] += f * y * g1;
      });
    }
  });
  double center[3];
  for (int a = 0; a < 3; ++a) center[a] = 0.5 * (voxels_.box.lo[a] + voxels_.box.hi[a]);
  SolidMoments out;
  out.value[0] = s[0];
  const double first[3] = {step_[0] * s[1], step_[1] * s[2], step_[2] * s[3]};
  static constexpr int pair[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
  for (int a = 0; a < 3; ++a) out.value[1 + a] = center[a] * s[0] + first[a];
  for (int m = 0; m < 6; ++m) {
    const int a = pair[m][0], b = pair[m][1];
    out.value[4 + m] = step_[a] * step_[b] * s[4 + m] + center[a] * first[b] + center[b] * first[a] +
                       center[a] * center[b] * s[0];
  }
  return out;
}

void voxel_marginals(const Voxels& voxels, std::vector<double> (&out)[3]) {
  for (int a = 0; a < 3; ++a) out[a].assign(voxels.count[a], 0.0);
  std::size_t p = 0;
  for (std::size_t i = 0; i < voxels.count[0]; ++i)
    for (std::size_t j = 0; j < voxels.count[1]; ++j)
      for (std::size_t k = 0; k < voxels.count[2]; ++k, ++p) {
        const double v = voxels.values[p];
        out[0][i] += v, out[1][j] += v, out[2][k] += v;
      }
}

}  // namespace mixot
