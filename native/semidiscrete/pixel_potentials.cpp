// Integrals of the transport potential over pixels: the gradient of the cost with respect to the picture.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cells/cell_geometry.hpp"
#include "densities/triangle_rule.hpp"
#include "semidiscrete/grid_potentials.hpp"

namespace mixot {

namespace {

// What of a polygon, corners (n, 2), has sign (x_axis - limit) <= 0.
void keep_side(const std::vector<double>& in, int axis, double limit, double sign, std::vector<double>& out) {
  out.clear();
  const std::size_t n = in.size() / 2;
  for (std::size_t k = 0; k < n; ++k) {
    const double *a = &in[2 * k], *b = &in[2 * (k + 1 < n ? k + 1 : 0)];
    const double s = sign * (a[axis] - limit), t = sign * (b[axis] - limit);
    if (s <= 0) out.insert(out.end(), a, a + 2);
    if ((s < 0 && t > 0) || (s > 0 && t < 0)) {
      const double f = s / (s - t);
      for (int x = 0; x < 2; ++x) out.push_back(x == axis ? limit : a[x] + f * (b[x] - a[x]));
    }
  }
}

// A polygon, corners (n, 2), cut down to low <= coordinate <= high.
void keep_slab(std::vector<double>& polygon, int axis, double low, double high, std::vector<double>& scratch) {
  keep_side(polygon, axis, low, -1, scratch);
  keep_side(scratch, axis, high, 1, polygon);
}

// Calls visit(x, y, area) for the nodes of a rule on a polygon, exact to degree 4, on triangles from its first corner.
template <class Visit>
void quadrature(const std::vector<double>& polygon, Visit&& visit) {
  const double* a = polygon.data();
  for (std::size_t k = 1; 2 * k + 2 < polygon.size(); ++k) {
    const double *b = a + 2 * k, *c = b + 2;
    const double area = 0.5 * ((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]));
    triangle_rule<4>([&](double wa, double wb, double wc, double share) {
      visit(wa * a[0] + wb * b[0] + wc * c[0], wa * a[1] + wb * b[1] + wc * c[1], area * share);
    });
  }
}

// Pieces of the lattice on which the density is one polynomial, and what a node of the rule gives to the values.
class Lattice {
 public:
  explicit Lattice(const Grid<2>& pixels) : pixels_(pixels), shift_(0.5 * pixels.degree) {
    for (int a = 0; a < 2; ++a) {
      count_[a] = std::ptrdiff_t(pixels.count[a]);
      step_[a] = (pixels.box.hi[a] - pixels.box.lo[a]) / double(pixels.count[a]);
    }
  }
  double line(int axis, std::ptrdiff_t piece) const {
    return pixels_.box.lo[axis] + (double(piece) - shift_) * step_[axis];
  }
  std::ptrdiff_t piece(int axis, double x) const {
    const auto at = std::ptrdiff_t(std::floor((x - pixels_.box.lo[axis]) / step_[axis] + shift_));
    return std::min(std::max<std::ptrdiff_t>(at, 0), count_[axis] - 1 + pixels_.degree);
  }
  void give(std::ptrdiff_t i, std::ptrdiff_t j, double x, double y, double value, double* out) const {
    value /= step_[0] * step_[1];
    if (pixels_.degree == 0) {
      out[i * count_[1] + j] += value;
      return;
    }
    const double s = (x - line(0, i)) / step_[0], t = (y - line(1, j)) / step_[1];
    for (int a = 0; a < 2; ++a)
      for (int b = 0; b < 2; ++b)
        out[clamp(i - 1 + a, 0) * count_[1] + clamp(j - 1 + b, 1)] += value * (a ? s : 1 - s) * (b ? t : 1 - t);
  }

 private:
  std::ptrdiff_t clamp(std::ptrdiff_t k, int axis) const {
    return std::min(std::max<std::ptrdiff_t>(k, 0), count_[axis] - 1);
  }
  const Grid<2>& pixels_;
  double shift_, step_[2];
  std::ptrdiff_t count_[2];
};

}  // namespace

template <>
void grid_potentials<2>(const WeightedPoints& cloud, const Grid<2>& pixels, std::size_t threads, double* out) {
  const PlaneCells cells = plane_cells(cloud, pixels.box, threads);
  const Lattice lattice(pixels);
  std::fill(out, out + pixels.size(), 0.0);
  std::vector<double> whole, strip, square, scratch;
  for (std::size_t c = 0; c < cloud.n; ++c) {
    whole.assign(cells.corners.begin() + 2 * cells.first[c], cells.corners.begin() + 2 * cells.first[c + 1]);
    if (whole.size() < 6) continue;
    const double *center = cloud.points + 2 * c, weight = cloud.weights[c];
    const auto range = [&](const std::vector<double>& polygon, int axis) {
      double low = polygon[axis], high = low;
      for (std::size_t k = 2; k < polygon.size(); k += 2) {
        low = std::min(low, polygon[k + axis]);
        high = std::max(high, polygon[k + axis]);
      }
      return std::pair{lattice.piece(axis, low), lattice.piece(axis, high)};
    };
    const auto [left, right] = range(whole, 0);
    for (std::ptrdiff_t i = left; i <= right; ++i) {
      strip = whole;
      keep_slab(strip, 0, lattice.line(0, i), lattice.line(0, i + 1), scratch);
      if (strip.size() < 6) continue;
      const auto [low, high] = range(strip, 1);
      for (std::ptrdiff_t j = low; j <= high; ++j) {
        square = strip;
        keep_slab(square, 1, lattice.line(1, j), lattice.line(1, j + 1), scratch);
        quadrature(square, [&](double x, double y, double area) {
          const double dx = x - center[0], dy = y - center[1];
          lattice.give(i, j, x, y, area * (dx * dx + dy * dy - weight), out);
        });
      }
    }
  }
}

}  // namespace mixot
