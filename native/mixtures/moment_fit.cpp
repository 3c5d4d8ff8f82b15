#include "mixtures/moment_fit.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;
constexpr double top_logit = 7.0;   // weights are at least exp(-7) of the largest
constexpr double longest = 2.0;     // no parameter moves further in one step
constexpr double negligible = 1e-26;  // J that is nothing but rounding
constexpr size_t trials = 12;       // dampings tried, each raised by more, before a fit counts as converged

// out[i, k] = sum_a w[i, a] p[a, k]; w (rows, s), p (s, kp), out (rows, kp): four rows times eight components at once.
MIXOT_INLINE void apply_rows_body(const double* w, size_t rows, size_t s, const double* p, size_t kp, double* out) {
  for (size_t k0 = 0; k0 < kp; k0 += component_lanes)
    for (size_t i0 = 0; i0 < rows; i0 += 4) {
      const size_t some = std::min<size_t>(4, rows - i0);
      const double* row[4];
      for (size_t t = 0; t < 4; ++t) row[t] = w + (i0 + std::min(t, some - 1)) * s;
      double sum[4][component_lanes] = {};
      for (size_t a = 0; a < s; ++a) {
        const double* MIXOT_RESTRICT x = p + a * kp + k0;
        for (size_t t = 0; t < 4; ++t) {
          const double c = row[t][a];
          MIXOT_UNROLL
          for (size_t k = 0; k < component_lanes; ++k) sum[t][k] += c * x[k];
        }
      }
      for (size_t t = 0; t < some; ++t)
        for (size_t k = 0; k < component_lanes; ++k) out[(i0 + t) * kp + k0 + k] = sum[t][k];
    }
}

// h (q, q) = J' J, its lower triangle, g (q) = J' r; J (m, q).
MIXOT_INLINE void normal_equations_body(const double* jacobian, const double* r, size_t m, size_t q, double* h,
                                        double* g) {
  std::fill_n(h, q * q, 0.0);
  std::fill_n(g, q, 0.0);
  for (size_t i0 = 0; i0 < m; i0 += 4) {
    const size_t some = std::min<size_t>(4, m - i0);
    const double* row[4];
    double scale[4];
    for (size_t t = 0; t < 4; ++t) {
      row[t] = jacobian + (i0 + std::min(t, some - 1)) * q;
      scale[t] = t < some ? 1.0 : 0.0;
    }
    const double *x0 = row[0], *x1 = row[1], *x2 = row[2], *x3 = row[3];
    for (size_t a = 0; a < q; ++a) {
      const double c0 = x0[a], c1 = scale[1] * x1[a], c2 = scale[2] * x2[a], c3 = scale[3] * x3[a];
      double* MIXOT_RESTRICT out = h + a * q;
      for (size_t b = 0; b <= a; ++b) out[b] += c0 * x0[b] + c1 * x1[b] + c2 * x2[b] + c3 * x3[b];
    }
    for (size_t t = 0; t < some; ++t)
      for (size_t a = 0; a < q; ++a) g[a] += r[i0 + t] * row[t][a];
  }
}

// Solves (h + diag(extra)) x = -g by Cholesky in `work` (q, q); false where the matrix is not positive definite.
MIXOT_INLINE bool solve(const double* h, const double* extra, const double* g, size_t q, double* work, double* x) {
  for (size_t a = 0; a < q; ++a) {
    std::copy_n(h + a * q, a + 1, work + a * q);
    work[a * q + a] += extra[a];
  }
  // right-looking on the transposed factor: work row a (upper) holds column a, so that inner loops are contiguous
  for (size_t a = 0; a < q; ++a)
    for (size_t b = a + 1; b < q; ++b) work[a * q + b] = work[b * q + a];
  for (size_t a = 0; a < q; ++a) {
    const double pivot = work[a * q + a];
    if (!(pivot > 0)) return false;
    const double root = 1 / std::sqrt(pivot);
    double* MIXOT_RESTRICT top = work + a * q;
    for (size_t b = a; b < q; ++b) top[b] *= root;
    for (size_t c = a + 1; c < q; ++c) {
      const double f = top[c];
      double* MIXOT_RESTRICT row = work + c * q;
      for (size_t b = c; b < q; ++b) row[b] -= f * top[b];
    }
  }
  for (size_t a = 0; a < q; ++a) x[a] = -g[a];
  for (size_t a = 0; a < q; ++a) {  // U' y = -g
    x[a] /= work[a * q + a];
    const double y = x[a];
    const double* top = work + a * q;
    for (size_t b = a + 1; b < q; ++b) x[b] -= top[b] * y;
  }
  for (size_t a = q; a-- > 0;) {  // U x = y
    double sum = x[a];
    const double* top = work + a * q;
    for (size_t b = a + 1; b < q; ++b) sum -= top[b] * x[b];
    x[a] = sum / top[a];
  }
  return true;
}

MIXOT_MULTIVERSION(apply_rows, (const double* w, size_t rows, size_t s, const double* p, size_t kp, double* out),
                   (w, rows, s, p, kp, out))
MIXOT_MULTIVERSION(normal_equations,
                   (const double* jacobian, const double* r, size_t m, size_t q, double* h, double* g),
                   (jacobian, r, m, q, h, g))

MIXOT_INLINE void solve_damped_body(const double* h, const double* extra, const double* g, size_t q, double* work,
                                    double* x, bool* fine) {
  *fine = solve(h, extra, g, q, work, x);
}
MIXOT_MULTIVERSION(solve_damped,
                   (const double* h, const double* extra, const double* g, size_t q, double* work, double* x,
                    bool* fine),
                   (h, extra, g, q, work, x, fine))

// One fit: parameters theta = [logits (k), means (k, d), shapes (k, c)] and what is computed from them.
struct Fitter {
  const MomentTarget& t;
  const ChebyshevPlan& plan;
  size_t k, kp, c, q;
  std::vector<double> theta, trial, step, weights, covs, factors, gradient, hessian, work, extra, residual, proposal;
  std::vector<double> jacobian, p, whitened;
  ChebyshevScratch scratch;

  Fitter(const MomentTarget& target, const ChebyshevPlan& plan_, size_t k_)
      : t(target), plan(plan_), k(k_), kp(padded(k_)), c(cov_size(target.shape, target.d)), q(k_ * (1 + target.d + c)),
        theta(q), trial(q), step(q), weights(k), covs(k * c), factors(k * c), gradient(q), hessian(q * q), work(q * q),
        extra(q), residual(t.m), proposal(t.m), jacobian(t.m * q), p(t.s * kp), whitened((1 + t.d + c) * t.m * kp) {}

  double* logits(std::vector<double>& x) const { return x.data(); }
  double* means(std::vector<double>& x) const { return x.data() + k; }
  double* shapes(std::vector<double>& x) const { return x.data() + k * (1 + t.d); }

  // theta from weights, means and covariances.
  void pack(const double* w, const double* m, const double* s) {
    for (size_t j = 0; j < k; ++j) logits(theta)[j] = std::log(std::max(w[j], 1e-300));
    std::copy_n(m, k * t.d, means(theta));
    const double least = 0.01 * t.floor + 1e-12;
    for (size_t j = 0; j < k; ++j) {
      const double* v = s + j * c;
      double* out = shapes(theta) + j * c;
      if (t.shape != CovShape::full) {
        for (size_t a = 0; a < c; ++a) out[a] = std::log(std::max(v[a] - t.floor, least));
        continue;
      }
      for (size_t a = 0; a < t.d; ++a)  // Cholesky of S - floor I
        for (size_t b = 0; b <= a; ++b) {
          double sum = v[lower(a, b)] - (a == b ? t.floor : 0.0);
          for (size_t e = 0; e < b; ++e) sum -= out[lower(a, e)] * out[lower(b, e)];
          out[lower(a, b)] = a == b ? std::log(std::sqrt(std::max(sum, least))) : sum / std::exp(out[lower(b, b)]);
        }
    }
    clip(theta);
  }

  // Into the box: logits within top_logit of the largest, means within reach, variances under the ceiling.
  void clip(std::vector<double>& x) const {
    double* l = logits(x);
    const double top = *std::max_element(l, l + k);
    for (size_t j = 0; j < k; ++j) l[j] = std::max(l[j] - top, -top_logit);
    for (size_t j = 0; j < k * t.d; ++j) means(x)[j] = std::clamp(means(x)[j], -t.reach, t.reach);
    const double high = std::log(t.ceiling), low = std::log(0.01 * t.floor + 1e-12), wide = std::sqrt(t.ceiling);
    double* s = shapes(x);
    for (size_t j = 0; j < k; ++j)
      for (size_t a = 0; a < t.d; ++a) {
        if (t.shape != CovShape::full) {
          if (a < c) s[j * c + a] = std::clamp(s[j * c + a], low, high);
          continue;
        }
        for (size_t b = 0; b < a; ++b) s[j * c + lower(a, b)] = std::clamp(s[j * c + lower(a, b)], -wide, wide);
        s[j * c + lower(a, a)] = std::clamp(s[j * c + lower(a, a)], low / 2, high / 2);
      }
  }

  // Weights and covariances at x.
  void unpack(std::vector<double>& theta_) {
    double total = 0;
    const double* l = logits(theta_);
    const double top = *std::max_element(l, l + k);
    for (size_t j = 0; j < k; ++j) total += weights[j] = std::exp(l[j] - top);
    for (size_t j = 0; j < k; ++j) weights[j] /= total;
    const double* s = shapes(theta_);
    for (size_t j = 0; j < k; ++j) {
      double* v = &covs[j * c];
      double* f = &factors[j * c];
      if (t.shape != CovShape::full) {
        for (size_t a = 0; a < c; ++a) v[a] = t.floor + (f[a] = std::exp(s[j * c + a]));
        continue;
      }
      for (size_t a = 0; a < t.d; ++a)
        for (size_t b = 0; b <= a; ++b) {
          const double x = s[j * c + lower(a, b)];
          f[lower(a, b)] = a == b ? std::exp(x) : x;
        }
      for (size_t a = 0; a < t.d; ++a)
        for (size_t b = 0; b <= a; ++b) {
          double sum = a == b ? t.floor : 0.0;
          for (size_t e = 0; e <= b; ++e) sum += f[lower(a, e)] * f[lower(b, e)];
          v[lower(a, b)] = sum;
        }
    }
  }

  // Residuals at x, and J.
  double evaluate(std::vector<double>& x, std::vector<double>& r) {
    unpack(x);
    scratch.moments(plan, t.shape, means(x), covs.data(), k, p.data());
    apply_rows(t.operators, t.m, t.s, p.data(), kp, whitened.data());
    double sum = 0;
    for (size_t i = 0; i < t.m; ++i) {
      double value = -t.target[i];
      for (size_t j = 0; j < k; ++j) value += weights[j] * whitened[i * kp + j];
      r[i] = value;
      sum += value * value;
    }
    return sum;
  }

  // Jacobian at x, where `evaluate` has just been.
  void differentiate() {
    const size_t blocks = t.d + c, rows = t.m * kp;
    apply_rows(t.operators + t.m * t.s, blocks * t.m, t.s, p.data(), kp, whitened.data() + rows);
    for (size_t i = 0; i < t.m; ++i) {
      double* row = &jacobian[i * q];
      const double* value = &whitened[i * kp];
      double fitted = 0;
      for (size_t j = 0; j < k; ++j) fitted += weights[j] * value[j];
      for (size_t j = 0; j < k; ++j) row[j] = weights[j] * (value[j] - fitted);
      for (size_t e = 0; e < t.d; ++e)
        for (size_t j = 0; j < k; ++j) row[k + j * t.d + e] = weights[j] * value[(1 + e) * rows + j];
      double* shape = row + k * (1 + t.d);
      const double* by_cov = value + (1 + t.d) * rows;
      if (t.shape != CovShape::full) {
        for (size_t e = 0; e < c; ++e)
          for (size_t j = 0; j < k; ++j) shape[j * c + e] = weights[j] * factors[j * c + e] * by_cov[e * rows + j];
        continue;
      }
      for (size_t j = 0; j < k; ++j) {  // S = floor I + L L':  dS_aa = 2 L_ab dL_ab, dS_ae = L_eb dL_ab
        const double* f = &factors[j * c];
        for (size_t a = 0; a < t.d; ++a)
          for (size_t b = 0; b <= a; ++b) {
            double sum = 2 * f[lower(a, b)] * by_cov[lower(a, a) * rows + j];
            for (size_t e = b; e < t.d; ++e)
              if (e != a) sum += f[lower(e, b)] * by_cov[lower(a, e) * rows + j];
            shape[j * c + lower(a, b)] = weights[j] * sum * (a == b ? f[lower(a, a)] : 1.0);
          }
      }
    }
  }

  // A step of damping `lambda` from theta into `trial`; false where there is none.
  bool propose(double lambda, double mean_curvature) {
    for (size_t a = 0; a < q; ++a) extra[a] = lambda * (hessian[a * q + a] + 1e-9 * mean_curvature) + 1e-300;
    bool fine = false;
    solve_damped(hessian.data(), extra.data(), gradient.data(), q, work.data(), step.data(), &fine);
    if (!fine) return false;
    double most = 0;
    for (double x : step) most = std::max(most, std::abs(x));
    if (!(most < 1e300)) return false;
    const double scale = most > longest ? longest / most : 1.0;
    for (size_t a = 0; a < q; ++a) trial[a] = theta[a] + scale * step[a];
    clip(trial);
    return true;
  }

  // Parameters on the edge of the box that would leave it are held.
  void hold_at_edges() {
    trial = theta;
    for (size_t a = 0; a < q; ++a) trial[a] -= 1e-3 * (gradient[a] > 0 ? 1 : -1);
    std::vector<double>& moved = trial;
    double* l = logits(moved);
    for (size_t j = 0; j < k; ++j) l[j] = theta[j];  // logits are only compared with each other: held by clipping
    clip(moved);
    for (size_t a = 0; a < q; ++a) {
      const bool logit = a < k;
      const bool stuck = logit ? theta[a] <= -top_logit && gradient[a] > 0 : moved[a] == theta[a];
      if (!stuck) continue;
      gradient[a] = 0;
      for (size_t b = 0; b < q; ++b) hessian[std::max(a, b) * q + std::min(a, b)] = a == b ? hessian[a * q + a] : 0.0;
    }
  }

  std::pair<double, size_t> run(const MomentFitLimits& limits) {
    double objective = evaluate(theta, residual), lambda = 1e-2;
    size_t iteration = 0;
    for (; iteration < limits.max_iter; ++iteration) {
      differentiate();
      normal_equations(jacobian.data(), residual.data(), t.m, q, hessian.data(), gradient.data());
      hold_at_edges();
      double curvature = 0;
      for (size_t a = 0; a < q; ++a) curvature += hessian[a * q + a] / static_cast<double>(q);
      double value = objective;
      double raise = 2;
      bool better = false;
      for (size_t trial_at = 0; trial_at < trials && !better; ++trial_at) {
        if (propose(lambda, curvature)) {
          value = evaluate(trial, proposal);
          better = value < objective;
        }
        if (better) break;
        lambda *= raise;
        raise *= 2;
      }
      if (!better) break;
      const double gain = objective - value;
      theta.swap(trial);
      residual.swap(proposal);
      objective = value;
      lambda = std::max(lambda / 5, 1e-12);
      if (objective <= negligible || gain <= limits.tol * (limits.relative ? objective : 1 + objective)) {
        ++iteration;
        break;
      }
    }
    unpack(theta);
    return {objective, iteration};
  }
};

}  // namespace

void moment_fit(const MomentTarget& target, const MomentStarts& starts, const MomentFitLimits& limits,
                std::size_t threads) {
  const ChebyshevPlan plan(target.powers, target.s, target.d);
  const size_t k = starts.k, c = cov_size(target.shape, target.d);
  std::vector<Fitter> crew;
  for (size_t worker = 0; worker < std::max<size_t>(1, std::min(threads, starts.count)); ++worker)
    crew.emplace_back(target, plan, k);
  parallel_blocks(starts.count, threads, [&](size_t b, size_t worker) {
    Fitter& f = crew[worker];
    f.pack(starts.weights + b * k, starts.means + b * k * target.d, starts.covs + b * k * c);
    const auto [objective, iterations] = f.run(limits);
    std::copy(f.weights.begin(), f.weights.end(), starts.weights + b * k);
    std::copy_n(f.means(f.theta), k * target.d, starts.means + b * k * target.d);
    std::copy(f.covs.begin(), f.covs.end(), starts.covs + b * k * c);
    starts.objectives[b] = objective;
    starts.iterations[b] = static_cast<std::int64_t>(iterations);
  });
}

void moment_residuals(const MomentTarget& target, const double* weights, const double* means, const double* covs,
                      std::size_t k, double* residuals, double* jacobian) {
  const ChebyshevPlan plan(target.powers, target.s, target.d);
  Fitter f(target, plan, k);
  f.pack(weights, means, covs);
  f.evaluate(f.theta, f.residual);
  f.differentiate();
  std::copy(f.residual.begin(), f.residual.end(), residuals);
  std::copy(f.jacobian.begin(), f.jacobian.end(), jacobian);
}

}  // namespace mixot
