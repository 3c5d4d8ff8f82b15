#include "densities/pixel_density.hpp"

#include <algorithm>
#include <cmath>

namespace mixot {

namespace {

// Gauss-Legendre on [0, 1]: two points for degree 3, three for degree 5.
constexpr double two[2] = {0.21132486540518711775, 0.78867513459481288225};
constexpr double three[3] = {0.11270166537925831148, 0.5, 0.88729833462074168852};
constexpr double three_mass[3] = {5.0 / 18, 8.0 / 18, 5.0 / 18};

}  // namespace

PixelDensity::PixelDensity(const Grid<2>& pixels)
    : pixels_(pixels),
      nx_(pixels.count[0] + pixels.degree),
      ny_(pixels.count[1] + pixels.degree),
      shift_(0.5 * pixels.degree),
      values_(pixels.values, pixels.size()) {
  for (int a = 0; a < 2; ++a) {
    step_[a] = (pixels.box.hi[a] - pixels.box.lo[a]) / double(pixels.count[a]);
    inv_step_[a] = double(pixels.count[a]) / (pixels.box.hi[a] - pixels.box.lo[a]);
  }
  fill();
}

void PixelDensity::blend(double share) {
  if (values_.blend(share)) fill();
}

// Prefix sums along y of the density and of its first two moments, as seen from the middle of the lattice.
void PixelDensity::fill() {
  moments_.resize(nx_ * ny_);
  const double middle = 0.5 * double(ny_);
  if (pixels_.degree == 0) {
    flat_.resize(nx_ * ny_);
    for (std::size_t i = 0; i < nx_; ++i) {
      double sum = 0;
      Below below{};
      for (std::size_t j = 0; j < ny_; ++j) {
        const std::size_t p = i * ny_ + j;
        const double value = values_[p], y = double(j) - middle;
        flat_[p] = {value, sum};
        moments_[p] = below;
        sum += value;
        below.first += value * (y + 0.5), below.second += value * (y * (y + 1) + 1.0 / 3);
      }
    }
    return;
  }
  bilinear_.resize(nx_ * ny_);
  const auto node = [&](std::size_t i, std::size_t j) {  // the lattice of centers, continued by one node all round
    const std::size_t a = std::min(i > 0 ? i - 1 : 0, pixels_.count[0] - 1);
    const std::size_t b = std::min(j > 0 ? j - 1 : 0, pixels_.count[1] - 1);
    return values_[a * pixels_.count[1] + b];
  };
  for (std::size_t i = 0; i < nx_; ++i) {
    Bilinear run{};
    Below below{};
    for (std::size_t j = 0; j < ny_; ++j) {
      const double f00 = node(i, j), f10 = node(i + 1, j), f01 = node(i, j + 1), f11 = node(i + 1, j + 1);
      run.c0 = f00, run.cs = f10 - f00, run.ct = f01 - f00, run.cst = f11 - f10 - f01 + f00;
      bilinear_[i * ny_ + j] = run;
      moments_[i * ny_ + j] = below;
      const double y = double(j) - middle;
      run.below += run.c0 + 0.5 * run.ct, run.below_s += run.cs + 0.5 * run.cst;
      // int (y + t) (A + B t) dt and int (y + t)^2 (A + B t) dt over [0, 1]
      const double a1 = y + 0.5, b1 = 0.5 * y + 1.0 / 3;
      const double a2 = y * (y + 1) + 1.0 / 3, b2 = y * (0.5 * y + 2.0 / 3) + 0.25;
      below.first += run.c0 * a1 + run.ct * b1, below.first_s += run.cs * a1 + run.cst * b1;
      below.second += run.c0 * a2 + run.ct * b2, below.second_s += run.cs * a2 + run.cst * b2;
    }
  }
}

void PixelDensity::to_lattice(const double* a, const double* b, double* out) const {
  const double top[2] = {double(nx_) - shift_, double(ny_) - shift_};
  for (int k = 0; k < 2; ++k) {
    out[k] = std::min(std::max((a[k] - pixels_.box.lo[k]) * inv_step_[k] + shift_, shift_), top[k]);
    out[2 + k] = std::min(std::max((b[k] - pixels_.box.lo[k]) * inv_step_[k] + shift_, shift_), top[k]);
  }
}

// Calls visit(piece, column, row, x, y, dx, dy) for each part of the segment that lies in one piece: it starts at
// (x, y) and runs by (dx, dy), all in lattice coordinates.
template <class Visit>
void PixelDensity::walk(const double* from, const double* to, Visit&& visit) const {
  double end[4];
  to_lattice(from, to, end);
  const double dx = end[2] - end[0], dy = end[3] - end[1];
  if (dx == 0 && dy == 0) return;
  const auto start = [](double x, double dx, std::size_t n) {
    std::ptrdiff_t i = std::ptrdiff_t(x);
    if (dx < 0 && double(i) == x) --i;
    return std::min(std::max<std::ptrdiff_t>(i, 0), std::ptrdiff_t(n) - 1);
  };
  std::ptrdiff_t i = start(end[0], dx, nx_), j = start(end[1], dy, ny_);
  if (start(end[2], -dx, nx_) == i && start(end[3], -dy, ny_) == j) {
    visit(std::size_t(i) * ny_ + j, i, j, end[0], end[1], dx, dy);
    return;
  }
  const double ix = dx != 0 ? 1 / dx : 0, iy = dy != 0 ? 1 / dy : 0;
  double t = 0;
  for (;;) {
    const double tx = dx != 0 ? (double(dx > 0 ? i + 1 : i) - end[0]) * ix : 2;
    const double ty = dy != 0 ? (double(dy > 0 ? j + 1 : j) - end[1]) * iy : 2;
    const double next = std::min(std::min(tx, ty), 1.0);
    if (next > t) {
      const double part = next - t;
      visit(std::size_t(i) * ny_ + j, i, j, end[0] + t * dx, end[1] + t * dy, part * dx, part * dy);
      t = next;
    }
    if (next >= 1) return;
    if (tx <= ty) {
      i += dx > 0 ? 1 : -1;
      if (i < 0 || i >= std::ptrdiff_t(nx_)) return;
    } else {
      j += dy > 0 ? 1 : -1;
      if (j < 0 || j >= std::ptrdiff_t(ny_)) return;
    }
  }
}

// Along a part of an edge that stays in one piece the integrand is a polynomial: linear where the density is constant,
// so that its middle will do, and cubic where it is bilinear.
template <int Degree>
FacetIntegrals PixelDensity::edge_of(const double* a, const double* b) const {
  double flux = 0, line = 0;  // line by lattice length along the longer axis, to be scaled
  const double ax = (b[0] - a[0]) * inv_step_[0], ay = (b[1] - a[1]) * inv_step_[1];
  const bool by_x = std::abs(ax) >= std::abs(ay);
  walk(a, b, [&](std::size_t p, std::ptrdiff_t i, std::ptrdiff_t j, double x, double y, double dx, double dy) {
    const double part = by_x ? dx : dy;
    if constexpr (Degree == 0) {
      const Flat& piece = flat_[p];
      flux -= (piece.below + piece.value * (y + 0.5 * dy - double(j))) * dx;
      line += piece.value * part;
    } else {
      const Bilinear& piece = bilinear_[p];
      for (double node : two) {
        const double s = x + node * dx - double(i), t = y + node * dy - double(j);
        const double level = piece.c0 + piece.cs * s, rise = piece.ct + piece.cst * s;
        flux -= 0.5 * dx * (piece.below + piece.below_s * s + t * (level + 0.5 * rise * t));
        line += 0.5 * part * (level + rise * t);
      }
    }
  });
  const double length = std::sqrt((b[0] - a[0]) * (b[0] - a[0]) + (b[1] - a[1]) * (b[1] - a[1]));
  const double along = by_x ? ax : ay;
  return {flux, along != 0 ? line / along * length * inv_step_[0] * inv_step_[1] : 0};
}

template <int Degree>
Moments<2> PixelDensity::moments_of(const double* a, const double* b) const {
  double sum[6] = {};
  const double mid_x = 0.5 * double(nx_), mid_y = 0.5 * double(ny_);
  walk(a, b, [&](std::size_t p, std::ptrdiff_t i, std::ptrdiff_t j, double x, double y, double dx, double dy) {
    const Below& below = moments_[p];
    const double row = double(j) - mid_y;
    for (int q = 0; q < 2 + Degree; ++q) {
      const double node = Degree ? three[q] : two[q], mass = -dx * (Degree ? three_mass[q] : 0.5);
      const double u = x + node * dx - mid_x, s = x + node * dx - double(i), t = y + node * dy - double(j);
      double g0, g1, g2;  // int up to y of the density times 1, y, y^2
      if constexpr (Degree == 0) {
        const Flat& piece = flat_[p];
        (void)s;
        g0 = piece.below + piece.value * t;
        g1 = below.first + piece.value * t * (row + 0.5 * t);
        g2 = below.second + piece.value * t * (row * (row + t) + t * t / 3);
      } else {
        const Bilinear& piece = bilinear_[p];
        const double level = piece.c0 + piece.cs * s, rise = piece.ct + piece.cst * s;
        const double m0 = t * (level + 0.5 * rise * t), m1 = t * t * (0.5 * level + rise * t / 3),
                     m2 = t * t * t * (level / 3 + 0.25 * rise * t);
        g0 = piece.below + piece.below_s * s + m0;
        g1 = below.first + below.first_s * s + row * m0 + m1;
        g2 = below.second + below.second_s * s + row * (row * m0 + 2 * m1) + m2;
      }
      sum[0] += mass * g0, sum[1] += mass * u * g0, sum[2] += mass * g1;
      sum[3] += mass * u * u * g0, sum[4] += mass * u * g1, sum[5] += mass * g2;
    }
  });
  // from lattice coordinates, seen from the middle, to those of the rectangle
  const double hx = step_[0], hy = step_[1];
  const double cx = 0.5 * (pixels_.box.lo[0] + pixels_.box.hi[0]), cy = 0.5 * (pixels_.box.lo[1] + pixels_.box.hi[1]);
  const double m = sum[0], mx = hx * sum[1], my = hy * sum[2];
  return {{m, cx * m + mx, cy * m + my, cx * cx * m + 2 * cx * mx + hx * hx * sum[3],
           cx * cy * m + cx * my + cy * mx + hx * hy * sum[4], cy * cy * m + 2 * cy * my + hy * hy * sum[5]}};
}

FacetIntegrals PixelDensity::facet(const double (*end)[2], std::size_t) const {
  return pixels_.degree == 0 ? edge_of<0>(end[0], end[1]) : edge_of<1>(end[0], end[1]);
}

Moments<2> PixelDensity::facet_moments(const double (*end)[2], std::size_t) const {
  return pixels_.degree == 0 ? moments_of<0>(end[0], end[1]) : moments_of<1>(end[0], end[1]);
}

}  // namespace mixot
