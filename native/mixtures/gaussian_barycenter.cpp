#include "mixtures/gaussian_barycenter.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "machine/parallel.hpp"

namespace mixot {
namespace {

struct Sym {  // [[a, b], [b, c]]
  double a, b, c;
  double det() const { return std::max(a * c - b * b, 0.0); }
};

// In the plane (S^1/2 B S^1/2)^1/2 has trace h = sqrt(tr(S B) + 2 sqrt(det S det B)), and the optimal map from S to B
// is T = (B + sqrt(det B / det S) adj S) / h: no root of a matrix, and B may be singular. When S is singular too,
// T = B / h moves its range rightly.
struct Step {
  Sym map{0, 0, 0};
  double cross = 0;  // sum_j w_j h_j
};

Step mean_map(const Sym& s, double root_s, const Sym* covs, const double* roots, const double* weights,
              std::size_t j) {
  Step out;
  for (std::size_t i = 0; i < j; ++i) {
    const Sym& b = covs[i];
    const double h = std::sqrt(std::max(s.a * b.a + 2 * s.b * b.b + s.c * b.c + 2 * root_s * roots[i], 0.0));
    out.cross += weights[i] * h;
    if (h <= 0) continue;
    const double x = weights[i] / h, y = root_s > 0 ? x * roots[i] / root_s : 0.0;
    out.map.a += x * b.a + y * s.c;
    out.map.b += x * b.b - y * s.b;
    out.map.c += x * b.c + y * s.a;
  }
  return out;
}

// |F^T (I - T) F|_F / |S|_F: the square of the numerator is tr(((I - T) S)^2).
double residual_of(const Sym& s, const Sym& t) {
  const double p = (1 - t.a) * s.a - t.b * s.b, q = (1 - t.a) * s.b - t.b * s.c;
  const double r = -t.b * s.a + (1 - t.c) * s.b, u = -t.b * s.b + (1 - t.c) * s.c;
  const double size = s.a * s.a + 2 * s.b * s.b + s.c * s.c;
  return size > 0 ? std::sqrt(std::max(p * p + 2 * q * r + u * u, 0.0) / size) : 0.0;
}

std::size_t one(const double* covs, const double* weights, std::size_t j, double tol, std::size_t max_iter, Sym* mine,
                double* roots, double* out, double* cost, double* residual) {
  Sym s{0, 0, 0};
  for (std::size_t i = 0; i < j; ++i) {
    mine[i] = {covs[4 * i], covs[4 * i + 1], covs[4 * i + 3]};
    roots[i] = std::sqrt(mine[i].det());
    s.a += weights[i] * mine[i].a;
    s.b += weights[i] * mine[i].b;
    s.c += weights[i] * mine[i].c;
  }
  const double trace = s.a + s.c;
  std::size_t step = 0;
  for (;;) {
    const double root_s = std::sqrt(s.det());
    const Step now = mean_map(s, root_s, mine, roots, weights, j);
    *residual = residual_of(s, now.map);
    *cost = std::max(trace + s.a + s.c - 2 * now.cross, 0.0);
    if (*residual <= tol || ++step >= max_iter) break;
    const Sym& t = now.map;
    const double p = t.a * s.a + t.b * s.b, q = t.a * s.b + t.b * s.c, r = t.b * s.a + t.c * s.b,
                 u = t.b * s.b + t.c * s.c;
    s = {p * t.a + q * t.b, p * t.b + q * t.c, r * t.b + u * t.c};
  }
  out[0] = s.a;
  out[1] = out[2] = s.b;
  out[3] = s.c;
  return step;
}

}  // namespace

std::size_t planar_barycenters(const double* covs, const double* weights, std::size_t s, std::size_t j, double tol,
                               std::size_t max_iter, std::size_t threads, double* out, double* costs,
                               double* residuals) {
  constexpr std::size_t chunk = 256;
  const std::size_t blocks = (s + chunk - 1) / chunk;
  threads = std::max<std::size_t>(1, std::min(threads, blocks));
  std::vector<std::vector<Sym>> mine(threads, std::vector<Sym>(j));
  std::vector<std::vector<double>> roots(threads, std::vector<double>(j));
  std::vector<std::size_t> steps(threads, 0);
  parallel_blocks(blocks, threads, [&](std::size_t block, std::size_t worker) {
    const std::size_t end = std::min(s, (block + 1) * chunk);
    for (std::size_t i = block * chunk; i < end; ++i)
      steps[worker] = std::max(steps[worker], one(covs + 4 * j * i, weights, j, tol, max_iter, mine[worker].data(),
                                                  roots[worker].data(), out + 4 * i, costs + i, residuals + i));
  });
  return *std::max_element(steps.begin(), steps.end());
}

}  // namespace mixot
