#include "semidiscrete/hierarchy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "machine/parallel.hpp"

namespace mixot {

namespace {

constexpr double kernel_width = 2;  // of the least-squares fit, in sides of a cluster
constexpr double bump_radius = 1.8;
constexpr double ridge = 0.02;         // pulls the second derivatives to those of a map that scales by the cell's size
constexpr double least_stretch = 0.05;  // of the interpolated map, relative to its mean, so that it stays a map
constexpr double jump = 4;    // times the stretch that tells of a jump of the map
constexpr double doubt = 3;   // in stretches times squared sides: how far above the least a quadratic is left out
constexpr std::size_t chunk = 512;

// A local quadratic, value + slope . x + x^T curve x / 2 about the coarse point, good up to reach.
template <int D>
struct Quadratic {
  double value, slope[D], curve[D][D], reach, doubt;
};

// Symmetric eigenvalues no less than least, by Jacobi rotations.
template <int D>
void raise_eigenvalues(double (&a)[D][D], double least) {
  double v[D][D] = {};
  for (int i = 0; i < D; ++i) v[i][i] = 1;
  for (int sweep = 0; sweep < 12; ++sweep)
    for (int p = 0; p < D; ++p)
      for (int q = p + 1; q < D; ++q) {
        if (a[p][q] == 0) continue;
        const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::hypot(theta, 1));
        const double c = 1 / std::hypot(t, 1), s = t * c;
        for (int k = 0; k < D; ++k) {
          const double x = a[k][p], y = a[k][q];
          a[k][p] = c * x - s * y, a[k][q] = s * x + c * y;
        }
        for (int k = 0; k < D; ++k) {
          const double x = a[p][k], y = a[q][k];
          a[p][k] = c * x - s * y, a[q][k] = s * x + c * y;
        }
        for (int k = 0; k < D; ++k) {
          const double x = v[k][p], y = v[k][q];
          v[k][p] = c * x - s * y, v[k][q] = s * x + c * y;
        }
      }
  double lambda[D];
  for (int i = 0; i < D; ++i) lambda[i] = std::max(a[i][i], least);
  for (int i = 0; i < D; ++i)
    for (int j = 0; j < D; ++j) {
      a[i][j] = 0;
      for (int k = 0; k < D; ++k) a[i][j] += v[i][k] * lambda[k] * v[j][k];
    }
}

// Calls visit(k) once for j, its neighbors and theirs.
template <class Visit>
void two_rings(const Laplacian& graph, int j, std::vector<int>& mark, int stamp, Visit&& visit) {
  const auto meet = [&](int k) {
    if (mark[k] == stamp) return;
    mark[k] = stamp;
    visit(k);
  };
  meet(j);
  for (std::int64_t p = graph.first[j]; p < graph.first[j + 1]; ++p) meet(graph.to[p]);
  for (std::int64_t p = graph.first[j]; p < graph.first[j + 1]; ++p)
    for (std::int64_t q = graph.first[graph.to[p]]; q < graph.first[graph.to[p] + 1]; ++q) meet(graph.to[q]);
}

template <int D>
class Fitter {
 public:
  explicit Fitter(const Solved<D>& solved) : s_(solved), slope_(solved.cloud.points) {
    for (std::size_t q = 0; q < slope_.size(); ++q) slope_[q] = 2 * (slope_[q] - s_.centers[q]);
  }

  struct Neighbor {
    int at;
    double weight, stretch;
  };
  using Ring = std::vector<Neighbor>;

  Quadratic<D> at(int j, std::vector<int>& mark, int stamp, Ring& ring) const {
    const double *y = &s_.cloud.points[std::size_t(j) * D], *g = &slope_[std::size_t(j) * D];
    // the side of a square or cube whose points have this radius
    const double h = std::max((D == 2 ? 2.45 : 2.0) * s_.cloud.radius[j], 1e-9);
    const double stretch = gather(j, mark, stamp, h, ring);
    double normal[unknowns][unknowns + 1] = {}, sum = 0;
    for (const Neighbor& near : ring) {
      const double *z = &s_.cloud.points[std::size_t(near.at) * D], *gz = &slope_[std::size_t(near.at) * D];
      double x[D], value = s_.weights[near.at] - s_.weights[j], row[unknowns];
      for (int a = 0; a < D; ++a) {
        x[a] = (z[a] - y[a]) / h;
        value -= g[a] * x[a] * h;
      }
      sum += near.weight;
      basis(x, row);
      add(normal, row, value, near.weight);
      for (int a = 0; a < D; ++a) {
        derivative(x, a, row);
        add(normal, row, (gz[a] - g[a]) * h, 0.25 * near.weight);
      }
    }
    for (int u = 0; u < unknowns; ++u) normal[u][u] += 1e-9 * (1 + sum);
    for (int a = 0, u = 1 + D; a < D; ++a)
      for (int b = a; b < D; ++b, ++u) {
        normal[u][u] += ridge;
        if (a == b) normal[u][unknowns] += ridge * 2 * (1 - stretch) * h * h;
      }
    double x[unknowns];
    solve(normal, x);
    Quadratic<D> out;
    out.value = s_.weights[j] + x[0];
    out.reach = bump_radius * h;
    out.doubt = doubt * stretch * h * h;
    for (int a = 0, u = 1 + D; a < D; ++a) {
      out.slope[a] = g[a] + x[1 + a] / h;
      for (int b = a; b < D; ++b, ++u) out.curve[a][b] = out.curve[b][a] = -x[u] / (h * h);
      out.curve[a][a] += 2;  // now twice the derivative of the map
    }
    raise_eigenvalues<D>(out.curve, least_stretch * std::min(1.0, stretch));
    for (int a = 0; a < D; ++a)
      for (int b = 0; b < D; ++b) out.curve[a][b] = (a == b ? 2 : 0) - out.curve[a][b];
    return out;
  }

 private:
  static constexpr int unknowns = 1 + D + D * (D + 1) / 2;

  // By how much the map widens the cluster of j: its cell against its points.
  double widening(int j) const { return s_.spreads[j] / std::max(s_.cloud.radius[j], 1e-9); }

  // The two rings around j, weighted down with their distance and where the map jumps in between; -> stretch of the map
  // around j, from cells that do not lie on both sides of a jump.
  double gather(int j, std::vector<int>& mark, int stamp, double h, Ring& ring) const {
    const double *y = &s_.cloud.points[std::size_t(j) * D], *b = &s_.centers[std::size_t(j) * D];
    ring.clear();
    two_rings(s_.graph, j, mark, stamp, [&](int k) { ring.push_back({k, 1, widening(k)}); });
    const auto middle = ring.begin() + std::ptrdiff_t(ring.size() / 2);
    std::nth_element(ring.begin(), middle, ring.end(),
                     [](const Neighbor& a, const Neighbor& b) { return a.stretch < b.stretch; });
    const double stretch = std::min(middle->stretch, widening(j));
    for (Neighbor& near : ring) {
      const double *z = &s_.cloud.points[std::size_t(near.at) * D], *c = &s_.centers[std::size_t(near.at) * D];
      double squared = 0, moved = 0;
      for (int a = 0; a < D; ++a) squared += (z[a] - y[a]) * (z[a] - y[a]), moved += (c[a] - b[a]) * (c[a] - b[a]);
      const double odd = moved / std::max(jump * jump * stretch * stretch * std::max(squared, 0.25 * h * h), 1e-300);
      near.weight = near.at == j ? 1 : std::exp(-squared / (2 * kernel_width * kernel_width * h * h)) / (1 + odd * odd);
    }
    return stretch;
  }

  static void basis(const double* x, double* row) {
    row[0] = 1;
    for (int a = 0, u = 1 + D; a < D; ++a) {
      row[1 + a] = x[a];
      for (int b = a; b < D; ++b, ++u) row[u] = (a == b ? 0.5 : 1.0) * x[a] * x[b];
    }
  }

  static void derivative(const double* x, int along, double* row) {
    std::fill(row, row + unknowns, 0.0);
    row[1 + along] = 1;
    for (int a = 0, u = 1 + D; a < D; ++a)
      for (int b = a; b < D; ++b, ++u) {
        if (a == along) row[u] += (a == b ? 0.5 : 1.0) * x[b];
        if (b == along) row[u] += (a == b ? 0.5 : 1.0) * x[a];
      }
  }

  static void add(double (&normal)[unknowns][unknowns + 1], const double* row, double value, double weight) {
    for (int u = 0; u < unknowns; ++u) {
      for (int v = 0; v < unknowns; ++v) normal[u][v] += weight * row[u] * row[v];
      normal[u][unknowns] += weight * row[u] * value;
    }
  }

  static void solve(double (&m)[unknowns][unknowns + 1], double* x) {
    for (int u = 0; u < unknowns; ++u)
      for (int r = u + 1; r < unknowns; ++r) {
        const double f = m[r][u] / m[u][u];
        for (int c = u; c <= unknowns; ++c) m[r][c] -= f * m[u][c];
      }
    for (int u = unknowns - 1; u >= 0; --u) {
      x[u] = m[u][unknowns];
      for (int c = u + 1; c < unknowns; ++c) x[u] -= m[u][c] * x[c];
      x[u] /= m[u][u];
    }
  }

  const Solved<D>& s_;
  std::vector<double> slope_;
};

// What a neighbor says of a weight, how much that counts, and how far above the least it is left out.
struct Opinion {
  double value, weight, doubt;
};

// Of coarse point k about the weight at y: by its quadratic within reach. Beyond, |y|^2 - w is still above its tangent
// plane, which counts only where nobody else is lower.
template <int D>
Opinion opinion(const Solved<D>& coarse, const Quadratic<D>& q, int k, const double* y, bool parent) {
  const double *at = &coarse.cloud.points[std::size_t(k) * D], *center = &coarse.centers[std::size_t(k) * D];
  double x[D], squared = 0, bent = q.value, plane = q.value;
  for (int a = 0; a < D; ++a) x[a] = y[a] - at[a], squared += x[a] * x[a];
  for (int a = 0; a < D; ++a) {
    double rise = q.slope[a];
    for (int b = 0; b < D; ++b) rise += 0.5 * q.curve[a][b] * x[b];
    bent += rise * x[a];
    plane += (2 * (at[a] - center[a]) + x[a]) * x[a];
  }
  double bump = 1 - squared / (q.reach * q.reach);
  if (bump <= 0 && !parent) return {plane, 1e-12, q.doubt};
  bump = std::max(bump, 1e-3);
  // where a tight cluster meets a loose one, the quadratic of the tight one knows better
  return {bent, bump * bump * bump / (q.reach * q.reach * q.reach * q.reach), q.doubt};
}

// |y|^2 - w is convex: where the map jumps, it is the larger of what either side says, and between them they are blended.
double consensus(const std::vector<Opinion>& opinions) {
  const Opinion least = *std::min_element(opinions.begin(), opinions.end(),
                                          [](const Opinion& a, const Opinion& b) { return a.value < b.value; });
  double total = 0, sum = 0;
  for (const Opinion& one : opinions) {
    const double trust = least.doubt > 0 ? 1 - (one.value - least.value) / least.doubt : 0;
    if (!(trust > 0) && one.value > least.value) continue;
    const double weight = one.weight * (trust > 0 ? trust * trust : 1);
    total += weight, sum += weight * (one.value - least.value);
  }
  return least.value + sum / total;
}

// body(begin, end, mark) over chunks of 0 .. n-1; mark is scratch of this many entries, none of them a stamp yet.
template <class Body>
void for_chunks(std::size_t n, std::size_t marks, std::size_t threads, Body&& body) {
  std::vector<std::vector<int>> mark(std::max<std::size_t>(1, threads));
  parallel_blocks((n + chunk - 1) / chunk, threads, [&](std::size_t b, std::size_t worker) {
    if (mark[worker].empty()) mark[worker].assign(marks, -1);
    body(b * chunk, std::min(n, (b + 1) * chunk), mark[worker]);
  });
}

}  // namespace

template <int D>
Cloud<D> Cloud<D>::coarser(std::size_t run) const {
  const std::size_t n = size(), m = (n + run - 1) / run;
  Cloud out;
  out.children = run;
  out.points.assign(m * D, 0.0), out.target.assign(m, 0.0), out.radius.assign(m, 0.0);
  for (std::size_t j = 0; j < m; ++j) {
    const std::size_t first = j * run, last = std::min(n, first + run);
    double* y = &out.points[j * D];
    for (std::size_t i = first; i < last; ++i) {
      out.target[j] += target[i];
      for (int a = 0; a < D; ++a) y[a] += target[i] * points[i * D + a];
    }
    for (int a = 0; a < D; ++a) y[a] /= out.target[j];
    for (std::size_t i = first; i < last; ++i)
      for (int a = 0; a < D; ++a) out.radius[j] += (points[i * D + a] - y[a]) * (points[i * D + a] - y[a]);
    out.radius[j] = std::sqrt(out.radius[j] / double(last - first));
  }
  return out;
}

template <int D>
std::vector<double> interpolate(const Solved<D>& coarse, const Cloud<D>& fine, std::size_t threads) {
  const std::size_t m = coarse.cloud.size(), n = fine.size();
  const Fitter<D> fitter(coarse);
  std::vector<Quadratic<D>> local(m);
  for_chunks(m, m, threads, [&](std::size_t begin, std::size_t end, std::vector<int>& mark) {
    typename Fitter<D>::Ring ring;
    for (std::size_t j = begin; j < end; ++j) local[j] = fitter.at(int(j), mark, int(j), ring);
  });
  std::vector<double> out(n);
  for_chunks(n, m, threads, [&](std::size_t begin, std::size_t end, std::vector<int>& mark) {
    std::vector<Opinion> opinions;
    for (std::size_t i = begin; i < end; ++i) {
      const int parent = int(i / coarse.cloud.children);
      opinions.clear();
      two_rings(coarse.graph, parent, mark, int(i), [&](int k) {
        opinions.push_back(opinion<D>(coarse, local[k], k, &fine.points[i * D], k == parent));
      });
      out[i] = consensus(opinions);
    }
  });
  return out;
}

template <int D>
void near_points(const Solved<D>& coarse, std::size_t fine_size, std::size_t i, std::vector<int>& out) {
  const std::size_t children = coarse.cloud.children, parent = i / children;
  const auto add = [&](std::size_t j) {
    for (std::size_t c = j * children, last = std::min(fine_size, c + children); c < last; ++c)
      out.push_back(int(c));
  };
  add(parent);
  for (std::int64_t q = coarse.graph.first[parent]; q < coarse.graph.first[parent + 1]; ++q) add(coarse.graph.to[q]);
}

template <int D>
std::vector<double> separable_start(const Cloud<D>& cloud, const Box<D>& box,
                                    const std::vector<double> (&marginals)[D]) {
  constexpr int knots = 64;
  const std::size_t n = cloud.size();
  const double all = std::accumulate(cloud.target.begin(), cloud.target.end(), 0.0);
  std::vector<double> out(n, 0.0);
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i)
    for (int a = 0; a < D; ++a) out[i] += cloud.points[i * D + a] * cloud.points[i * D + a];
  for (int a = 0; a < D; ++a) {
    const auto at = [&](std::size_t i) { return cloud.points[i * D + a]; };
    std::vector<double> slab = marginals[a];
    const double side = box.hi[a] - box.lo[a], width = side / double(slab.size());
    const double total = std::accumulate(slab.begin(), slab.end(), 0.0);
    for (double& v : slab) v = 0.98 * v / total + 0.02 / double(slab.size());
    const auto quantile = [&](double share) {
      double below = 0;
      for (std::size_t s = 0; s < slab.size(); below += slab[s++])
        if (below + slab[s] >= share) return box.lo[a] + width * (double(s) + (share - below) / slab[s]);
      return box.hi[a];
    };
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return at(i) < at(j); });
    const double first = at(order.front()), last = at(order.back()), spread = std::max(last - first, 1e-12);
    std::vector<double> from{first}, to{quantile(0.25 / knots)};
    double share = 0;
    int next = 1;
    for (std::size_t i : order) {
      share += cloud.target[i] / all;
      if (next >= knots || share < double(next) / knots) continue;
      if (at(i) > from.back() + 1e-9 * spread && at(i) < last - 1e-9 * spread)
        from.push_back(at(i)), to.push_back(quantile(std::min(share, 1 - 0.5 / knots)));
      while (next < knots && share >= double(next) / knots) ++next;
    }
    from.push_back(first + spread), to.push_back(quantile(1 - 0.25 / knots));
    for (std::size_t k = 1; k < to.size(); ++k) to[k] = std::max(to[k], to[k - 1] + 1e-6 * side);
    std::vector<double> integral(from.size(), 0.0);  // of the map, a convex potential
    for (std::size_t k = 1; k < from.size(); ++k)
      integral[k] = integral[k - 1] + 0.5 * (to[k] + to[k - 1]) * (from[k] - from[k - 1]);
    std::size_t k = 0;
    for (std::size_t i : order) {
      while (k + 2 < from.size() && at(i) > from[k + 1]) ++k;
      const double d = at(i) - from[k], slope = (to[k + 1] - to[k]) / (from[k + 1] - from[k]);
      out[i] -= 2 * (integral[k] + to[k] * d + 0.5 * slope * d * d);
    }
  }
  return out;
}

template <int D>
std::vector<double> boxed_start(const Cloud<D>& cloud, const Box<D>& box) {
  const std::size_t n = cloud.size();
  std::vector<double> out(n, 0.0);
  for (int a = 0; a < D; ++a) {
    double first = std::numeric_limits<double>::infinity(), last = -first;
    for (std::size_t i = 0; i < n; ++i) {
      first = std::min(first, cloud.points[i * D + a]);
      last = std::max(last, cloud.points[i * D + a]);
    }
    const double side = box.hi[a] - box.lo[a], scale = 0.9 * side / std::max(last - first, 1e-12);
    for (std::size_t i = 0; i < n; ++i) {
      const double y = cloud.points[i * D + a], d = y - first;
      out[i] += y * y - 2 * ((box.lo[a] + 0.05 * side) * d + 0.5 * scale * d * d);
    }
  }
  return out;
}

#define MIXOT_HIERARCHY(D)                                                                                           \
  template struct Cloud<D>;                                                                                          \
  template std::vector<double> interpolate<D>(const Solved<D>&, const Cloud<D>&, std::size_t);                       \
  template void near_points<D>(const Solved<D>&, std::size_t, std::size_t, std::vector<int>&);                       \
  template std::vector<double> separable_start<D>(const Cloud<D>&, const Box<D>&,                                    \
                                                  const std::vector<double>(&)[D]);                                  \
  template std::vector<double> boxed_start<D>(const Cloud<D>&, const Box<D>&);
MIXOT_HIERARCHY(2)
MIXOT_HIERARCHY(3)
#undef MIXOT_HIERARCHY

}  // namespace mixot
