// Integrals of the transport potential over pixels: the gradient of the cost with respect to the picture.
#include <algorithm>
#include <cmath>
#include <vector>

#include "semidiscrete/plane_transport.hpp"
#include "densities/triangle_rule.hpp"

namespace mixot {

namespace {

// Corners of a convex polygon, cut down to slabs low <= coordinate <= high.
struct Outline {
  std::vector<double> xy;
  std::size_t size() const { return xy.size() / 2; }
};

void keep_side(const Outline& in, int axis, double limit, double sign, Outline& out) {
  out.xy.clear();
  const std::size_t n = in.size();
  for (std::size_t k = 0; k < n; ++k) {
    const double *a = &in.xy[2 * k], *b = &in.xy[2 * ((k + 1) % n)];
    const double s = sign * (a[axis] - limit), t = sign * (b[axis] - limit);
    if (s <= 0) out.xy.push_back(a[0]), out.xy.push_back(a[1]);
    if ((s < 0 && t > 0) || (s > 0 && t < 0)) {
      const double f = s / (s - t);
      double p[2] = {a[0] + f * (b[0] - a[0]), a[1] + f * (b[1] - a[1])};
      p[axis] = limit;
      out.xy.push_back(p[0]), out.xy.push_back(p[1]);
    }
  }
}

void keep_slab(Outline& polygon, int axis, double low, double high, Outline& scratch) {
  keep_side(polygon, axis, low, -1, scratch);
  keep_side(scratch, axis, high, 1, polygon);
}

// Calls visit(x, y, area) for the nodes of a rule on a polygon, exact to degree 4, on triangles from its first corner.
template <class Visit>
void quadrature(const Outline& polygon, Visit&& visit) {
  const double* a = polygon.xy.data();
  for (std::size_t k = 1; k + 1 < polygon.size(); ++k) {
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
  explicit Lattice(const Pixels& pixels) : pixels_(pixels), shift_(0.5 * pixels.degree) {
    const std::size_t count[2] = {pixels.nx, pixels.ny};
    for (int a = 0; a < 2; ++a) {
      count_[a] = std::ptrdiff_t(count[a]);
      step_[a] = (pixels.box.hi[a] - pixels.box.lo[a]) / double(count[a]);
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
  const Pixels& pixels_;
  double shift_, step_[2];
  std::ptrdiff_t count_[2];
};

}  // namespace

void pixel_potentials(const WeightedPoints& cloud, const Pixels& pixels, std::size_t threads, double* out) {
  const PlaneCells cells = plane_cells(cloud, pixels.box, threads);
  const Lattice lattice(pixels);
  std::fill(out, out + pixels.nx * pixels.ny, 0.0);
  Outline whole, strip, square, scratch;
  for (std::size_t c = 0; c < cloud.n; ++c) {
    whole.xy.assign(cells.corners.begin() + 2 * cells.first[c], cells.corners.begin() + 2 * cells.first[c + 1]);
    if (whole.size() < 3) continue;
    const double *center = cloud.points + 2 * c, weight = cloud.weights[c];
    const auto range = [&](const Outline& polygon, int axis) {
      double low = polygon.xy[axis], high = low;
      for (std::size_t k = 1; k < polygon.size(); ++k) {
        low = std::min(low, polygon.xy[2 * k + axis]);
        high = std::max(high, polygon.xy[2 * k + axis]);
      }
      return std::pair{lattice.piece(axis, low), lattice.piece(axis, high)};
    };
    const auto [left, right] = range(whole, 0);
    for (std::ptrdiff_t i = left; i <= right; ++i) {
      strip.xy = whole.xy;
      keep_slab(strip, 0, lattice.line(0, i), lattice.line(0, i + 1), scratch);
      if (strip.size() < 3) continue;
      const auto [low, high] = range(strip, 1);
      for (std::ptrdiff_t j = low; j <= high; ++j) {
        square.xy = strip.xy;
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
