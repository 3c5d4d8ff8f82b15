#include "mixtures/chebyshev.hpp"

#include <algorithm>

#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;

MIXOT_INLINE double entry(CovShape shape, const double* cov, size_t i, size_t j) {
  if (shape == CovShape::full) return cov[lower(i, j)];
  return i != j ? 0.0 : shape == CovShape::diagonal ? cov[i] : cov[0];
}

// p[a * kp + k] = E T_a under N(m_k, S_k), by Stein's identity E (x_i - m_i) f = sum_j S_ij E d_j f:
//   E T_(b + e_i) = c m_i E T_b + c sum_j S_ij E d_j T_b - [b_i > 0] E T_(b - e_i),  c = 1 + [b_i > 0],
//   g_j(a) = E d_j T_a = n (2 E T_(a - e_j) + g_j(a - 2 e_j) / (n - 2)), n = a_j; for n = 1, 2 without the second term.
// mean (d, kp) and cov (d, d, kp) have the components innermost, kp a multiple of eight; g is scratch (d, s, kp).
MIXOT_INLINE void moments_of_body(const ChebyshevPlan& r, size_t kp, const double* mean, const double* cov,
                               double* g, double* p) {
  const size_t s = r.s, d = r.d;
  std::fill_n(p, kp, 1.0);
  for (size_t j = 0; j < d; ++j) std::fill_n(g + j * s * kp, kp, 0.0);
  for (size_t a = 0; a < s; ++a) {
    double* MIXOT_RESTRICT out = p + a * kp;
    if (a > 0) {
      const size_t i = r.axis[a];
      const auto b = static_cast<size_t>(r.one[a * d + i]);
      const bool higher = r.power[a * d + i] > 1;
      const double c = higher ? 2.0 : 1.0;
      for (size_t k = 0; k < kp; ++k) out[k] = c * mean[i * kp + k] * p[b * kp + k];
      for (size_t j = 0; j < d; ++j) {
        if (r.power[b * d + j] == 0) continue;
        const double *slope = g + (j * s + b) * kp, *v = cov + (i * d + j) * kp;
        for (size_t k = 0; k < kp; ++k) out[k] += c * v[k] * slope[k];
      }
      if (higher) {
        const double* before = p + static_cast<size_t>(r.two[a * d + i]) * kp;
        for (size_t k = 0; k < kp; ++k) out[k] -= before[k];
      }
    }
    for (size_t j = 0; j < d; ++j) {
      double* MIXOT_RESTRICT slope = g + (j * s + a) * kp;
      const double n = r.power[a * d + j];
      if (n == 0) {
        std::fill_n(slope, kp, 0.0);
        continue;
      }
      const double* below = p + static_cast<size_t>(r.one[a * d + j]) * kp;
      const double twice = n > 1 ? 2 * n : 1.0;
      for (size_t k = 0; k < kp; ++k) slope[k] = twice * below[k];
      if (n > 2) {
        const double* last = g + (j * s + static_cast<size_t>(r.two[a * d + j])) * kp;
        const double ratio = n / (n - 2);
        for (size_t k = 0; k < kp; ++k) slope[k] += ratio * last[k];
      }
    }
  }
}

MIXOT_MULTIVERSION(moments_of,
                   (const ChebyshevPlan& r, size_t kp, const double* mean, const double* cov, double* g, double* p),
                   (r, kp, mean, cov, g, p))

}  // namespace

ChebyshevPlan::ChebyshevPlan(const std::int64_t* powers, std::size_t s_, std::size_t d_)
    : s(s_), d(d_), axis(s, 0), one(s * d, -1), two(s * d, -1), power(s * d) {
  size_t degree = 0;
  for (size_t a = 0; a < s * d; ++a) degree = std::max(degree, static_cast<size_t>(powers[a]));
  size_t cells = 1;
  std::vector<size_t> stride(d);
  for (size_t j = 0; j < d; ++j) {
    stride[j] = cells;
    cells *= degree + 1;
  }
  std::vector<std::int64_t> place(cells, -1);
  for (size_t a = 0; a < s; ++a) {
    size_t cell = 0;
    for (size_t j = 0; j < d; ++j) cell += stride[j] * static_cast<size_t>(powers[a * d + j]);
    place[cell] = static_cast<std::int64_t>(a);
  }
  for (size_t a = 0; a < s; ++a) {
    size_t cell = 0;
    for (size_t j = 0; j < d; ++j) cell += stride[j] * static_cast<size_t>(powers[a * d + j]);
    bool found = false;
    for (size_t j = 0; j < d; ++j) {
      const auto n = static_cast<size_t>(powers[a * d + j]);
      power[a * d + j] = static_cast<double>(n);
      if (n >= 1) one[a * d + j] = place[cell - stride[j]];
      if (n >= 2) two[a * d + j] = place[cell - 2 * stride[j]];
      if (n && !found) {
        axis[a] = j;
        found = true;
      }
    }
  }
}

void ChebyshevScratch::moments(const ChebyshevPlan& plan, CovShape shape, const double* means, const double* covs,
                               std::size_t k, double* p) {
  const size_t d = plan.d, kp = padded(k), c = cov_size(shape, d);
  mean.resize(d * kp);
  cov.resize(d * d * kp);
  slopes.resize(d * plan.s * kp);
  for (size_t j = 0; j < kp; ++j) {
    const size_t from = std::min(j, k - 1);
    for (size_t i = 0; i < d; ++i) {
      mean[i * kp + j] = means[from * d + i];
      for (size_t e = 0; e < d; ++e) cov[(i * d + e) * kp + j] = entry(shape, covs + from * c, i, e);
    }
  }
  moments_of(plan, kp, mean.data(), cov.data(), slopes.data(), p);
}

void chebyshev_moments(const std::int64_t* powers, std::size_t s, std::size_t d, CovShape shape, const double* means,
                       const double* covs, std::size_t k, double* out) {
  const ChebyshevPlan plan(powers, s, d);
  const size_t kp = padded(k);
  std::vector<double> p(s * kp);
  ChebyshevScratch().moments(plan, shape, means, covs, k, p.data());
  for (size_t j = 0; j < k; ++j)
    for (size_t a = 0; a < s; ++a) out[j * s + a] = p[a * kp + j];
}

}  // namespace mixot
