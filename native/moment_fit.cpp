#include "moment_fit.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "parallel.hpp"
#include "simd.hpp"

namespace mixot {
namespace {

using std::size_t;
constexpr size_t lane = 8;          // components are computed eight at a time
constexpr double top_logit = 7.0;   // weights are at least exp(-7) of the largest
constexpr double longest = 2.0;     // no parameter moves further in one step
constexpr size_t trials = 12;       // dampings tried, each raised more than the last, before a fit counts as converged

MIXOT_INLINE size_t padded(size_t n) { return (n + lane - 1) / lane * lane; }

// Where the recursion finds what it needs: for each exponent the axis it grows along, and places of lower exponents.
struct Recursion {
  std::vector<int> axis;                  // (s), the first axis with a positive exponent
  std::vector<std::int64_t> one, two;     // (s, d), places of a - e_j and a - 2 e_j, or -1
  std::vector<double> power;              // (s, d)

  Recursion(const std::int64_t* powers, size_t s, size_t d) : axis(s, 0), one(s * d, -1), two(s * d, -1), power(s * d) {
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
          axis[a] = static_cast<int>(j);
          found = true;
        }
      }
    }
  }
};

// Full covariance from its packed numbers; `at(i, j)` is the place of (i, j) in the lower triangle.
MIXOT_INLINE size_t at(size_t i, size_t j) { return i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i; }
MIXOT_INLINE double entry(CovShape shape, const double* cov, size_t i, size_t j) {
  if (shape == CovShape::full) return cov[at(i, j)];
  return i != j ? 0.0 : shape == CovShape::diagonal ? cov[i] : cov[0];
}

// p[a * kp + k] = E T_a under N(m_k, S_k), by Stein's identity E (x_i - m_i) f = sum_j S_ij E d_j f:
//   E T_(b + e_i) = c m_i E T_b + c sum_j S_ij E d_j T_b - [b_i > 0] E T_(b - e_i),  c = 1 + [b_i > 0],
//   g_j(a) = E d_j T_a = n (2 E T_(a - e_j) + g_j(a - 2 e_j) / (n - 2)), n = a_j; for n = 1, 2 without the second term.
// mean (d, kp) and cov (d, d, kp) have the components innermost, kp a multiple of eight; g is scratch (d, s, kp).
MIXOT_INLINE void moments_of_body(const Recursion& r, size_t s, size_t d, size_t kp, const double* mean, const double* cov,
                               double* g, double* p) {
  std::fill_n(p, kp, 1.0);
  for (size_t j = 0; j < d; ++j) std::fill_n(g + j * s * kp, kp, 0.0);
  for (size_t a = 0; a < s; ++a) {
    double* MIXOT_RESTRICT out = p + a * kp;
    if (a > 0) {
      const auto i = static_cast<size_t>(r.axis[a]);
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

// out[i, k] = sum_a w[i, a] p[a, k]; w (rows, s), p (s, kp), out (rows, kp): four rows times eight components at a time.
MIXOT_INLINE void apply_rows_body(const double* w, size_t rows, size_t s, const double* p, size_t kp, double* out) {
  for (size_t k0 = 0; k0 < kp; k0 += lane)
    for (size_t i0 = 0; i0 < rows; i0 += 4) {
      const size_t some = std::min<size_t>(4, rows - i0);
      const double* row[4];
      for (size_t t = 0; t < 4; ++t) row[t] = w + (i0 + std::min(t, some - 1)) * s;
      double sum[4][lane] = {};
      for (size_t a = 0; a < s; ++a) {
        const double* MIXOT_RESTRICT x = p + a * kp + k0;
        for (size_t t = 0; t < 4; ++t) {
          const double c = row[t][a];
          MIXOT_UNROLL
          for (size_t k = 0; k < lane; ++k) sum[t][k] += c * x[k];
        }
      }
      for (size_t t = 0; t < some; ++t)
        for (size_t k = 0; k < lane; ++k) out[(i0 + t) * kp + k0 + k] = sum[t][k];
    }
}

// h (q, q) = J' J, its lower triangle, g (q) = J' r; J (m, q).
MIXOT_INLINE void normal_equations_body(const double* jacobian, const double* r, size_t m, size_t q, double* h, double* g) {
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

MIXOT_MULTIVERSION(moments_of, (const Recursion& r, size_t s, size_t d, size_t kp, const double* mean, const double* cov, double* g, double* p),
                   (r, s, d, kp, mean, cov, g, p))
MIXOT_MULTIVERSION(apply_rows, (const double* w, size_t rows, size_t s, const double* p, size_t kp, double* out),
                   (w, rows, s, p, kp, out))
MIXOT_MULTIVERSION(normal_equations, (const double* jacobian, const double* r, size_t m, size_t q, double* h, double* g),
                   (jacobian, r, m, q, h, g))

MIXOT_INLINE void solve_damped_body(const double* h, const double* extra, const double* g, size_t q, double* work, double* x, bool* fine) {
  *fine = solve(h, extra, g, q, work, x);
}
MIXOT_MULTIVERSION(solve_damped, (const double* h, const double* extra, const double* g, size_t q, double* work, double* x, bool* fine),
                   (h, extra, g, q, work, x, fine))

// One fit: parameters theta = [logits (k), means (k, d), shapes (k, c)] and what is computed from them.
struct Fitter {
  const MomentTarget& t;
  const Recursion& recursion;
  size_t k, kp, c, q;
  std::vector<double> theta, trial, step, weights, covs, factors, gradient, hessian, work, extra, residual, proposal, jacobian;
  std::vector<double> mean, cov, slopes, p, whitened;

  Fitter(const MomentTarget& target, const Recursion& r, size_t k_)
      : t(target), recursion(r), k(k_), kp(padded(k_)), c(cov_size(target.shape, target.d)), q(k_ * (1 + target.d + c)),
        theta(q), trial(q), step(q), weights(k), covs(k * c), factors(k * c), gradient(q), hessian(q * q), work(q * q),
        extra(q), residual(t.m), proposal(t.m), jacobian(t.m * q), mean(t.d * kp), cov(t.d * t.d * kp),
        slopes(t.d * t.s * kp), p(t.s * kp), whitened((1 + t.d + c) * t.m * kp) {}

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
          double sum = v[at(a, b)] - (a == b ? t.floor : 0.0);
          for (size_t e = 0; e < b; ++e) {
            const double la = e == a ? std::exp(out[at(a, e)]) : out[at(a, e)];
            sum -= la * out[at(b, e)];
          }
          out[at(a, b)] = a == b ? std::log(std::sqrt(std::max(sum, least))) : sum / std::exp(out[at(b, b)]);
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
        for (size_t b = 0; b < a; ++b) s[j * c + at(a, b)] = std::clamp(s[j * c + at(a, b)], -wide, wide);
        s[j * c + at(a, a)] = std::clamp(s[j * c + at(a, a)], low / 2, high / 2);
      }
  }

  // Weights and covariances at x.
  void unpack(std::vector<double>& x) {
    double total = 0;
    const double* l = logits(x);
    const double top = *std::max_element(l, l + k);
    for (size_t j = 0; j < k; ++j) total += weights[j] = std::exp(l[j] - top);
    for (size_t j = 0; j < k; ++j) weights[j] /= total;
    const double* s = shapes(x);
    for (size_t j = 0; j < k; ++j) {
      double* v = &covs[j * c];
      double* f = &factors[j * c];
      if (t.shape != CovShape::full) {
        for (size_t a = 0; a < c; ++a) v[a] = t.floor + (f[a] = std::exp(s[j * c + a]));
        continue;
      }
      for (size_t a = 0; a < t.d; ++a)
        for (size_t b = 0; b <= a; ++b) f[at(a, b)] = a == b ? std::exp(s[j * c + at(a, a)]) : s[j * c + at(a, b)];
      for (size_t a = 0; a < t.d; ++a)
        for (size_t b = 0; b <= a; ++b) {
          double sum = a == b ? t.floor : 0.0;
          for (size_t e = 0; e <= b; ++e) sum += f[at(a, e)] * f[at(b, e)];
          v[at(a, b)] = sum;
        }
    }
  }

  void raw_moments(const double* m, const double* v) {
    for (size_t j = 0; j < kp; ++j) {
      const size_t from = std::min(j, k - 1);  // lanes beyond k repeat the last component
      for (size_t i = 0; i < t.d; ++i) {
        mean[i * kp + j] = m[from * t.d + i];
        for (size_t e = 0; e < t.d; ++e) cov[(i * t.d + e) * kp + j] = entry(t.shape, v + from * c, i, e);
      }
    }
    moments_of(recursion, t.s, t.d, kp, mean.data(), cov.data(), slopes.data(), p.data());
  }

  // Residuals at x, and J.
  double evaluate(std::vector<double>& x, std::vector<double>& r) {
    unpack(x);
    raw_moments(means(x), covs.data());
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
            double sum = 2 * f[at(a, b)] * by_cov[at(a, a) * rows + j];
            for (size_t e = b; e < t.d; ++e)
              if (e != a) sum += f[at(e, b)] * by_cov[at(a, e) * rows + j];
            shape[j * c + at(a, b)] = weights[j] * sum * (a == b ? f[at(a, a)] : 1.0);
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
      if (gain <= limits.tol * (limits.relative ? objective : 1 + objective)) {
        ++iteration;
        break;
      }
    }
    unpack(theta);
    return {objective, iteration};
  }
};

}  // namespace

std::size_t cov_size(CovShape shape, std::size_t d) {
  return shape == CovShape::spherical ? 1 : shape == CovShape::diagonal ? d : d * (d + 1) / 2;
}

void moment_fit(const MomentTarget& target, const MomentStarts& starts, const MomentFitLimits& limits,
                std::size_t threads) {
  const Recursion recursion(target.powers, target.s, target.d);
  const size_t k = starts.k, c = cov_size(target.shape, target.d);
  std::vector<Fitter> crew;
  for (size_t worker = 0; worker < std::max<size_t>(1, std::min(threads, starts.count)); ++worker)
    crew.emplace_back(target, recursion, k);
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

void chebyshev_moments(const std::int64_t* powers, std::size_t s, std::size_t d, CovShape shape, const double* means,
                       const double* covs, std::size_t k, double* out) {
  const Recursion recursion(powers, s, d);
  const MomentTarget empty{powers, nullptr, nullptr, d, s, 0, shape, 0.0, 1.0, 1.0};
  Fitter f(empty, recursion, k);
  f.raw_moments(means, covs);
  for (size_t j = 0; j < k; ++j)
    for (size_t a = 0; a < s; ++a) out[j * s + a] = f.p[a * f.kp + j];
}

void moment_residuals(const MomentTarget& target, const double* weights, const double* means, const double* covs,
                      std::size_t k, double* residuals, double* jacobian) {
  const Recursion recursion(target.powers, target.s, target.d);
  Fitter f(target, recursion, k);
  f.pack(weights, means, covs);
  f.evaluate(f.theta, f.residual);
  f.differentiate();
  std::copy(f.residual.begin(), f.residual.end(), residuals);
  std::copy(f.jacobian.begin(), f.jacobian.end(), jacobian);
}

}  // namespace mixot
