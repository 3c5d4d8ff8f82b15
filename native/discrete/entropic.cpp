// Continuation in lam; at each level Sinkhorn sweeps in the log domain, and where those are slow, damped Newton.
//
// A level works with costs that are reduced by the potentials found so far and divided by its lam,
//
//   E_ij = (C_ij - F_i - G_j) / lam,   w_ij = a_i b_j exp(u_i + v_j - E_ij),
//
// so that the unknowns u, v stay small and w loses no digits to cancellation however small lam is. The rows are always
// solved for exactly (u as a function of v, one pass of log-sum-exp): what is left is concave in v alone. Newton's system
// for it, scaled by the roots of the column sums s, is
//
//   (I + lam / rho_b diag(target / s) - tau_a M'M) x = sqrt(s) (target / s - 1),   v += x / sqrt(s),
//
// M_ij = w_ij / sqrt(r_i s_j) with r = w 1, whose entries and singular values are at most one, whatever the weights;
// tau = 1 / (1 + lam / rho), target_j = b_j exp(-g_j / rho_b). Balanced, v is known up to a constant, and sqrt(s) sqrt(s)'
// is added to the matrix, which has that constant as its kernel.
#include "discrete/entropic.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "linear_algebra/psd_blocks.hpp"
#include "machine/interrupt.hpp"
#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

constexpr double level_ratio = 0.3;   // of lam from one level to the next
constexpr double loose_error = 1e-2;  // where a level may stop while lam is large,
constexpr double loose_above = 3e-3;  // above this share of the first; below, parts of w hang together by little, and
constexpr double tight_error = 1e-10; // an error left between them now would take a long way to mend later
constexpr double last_error = 2e-15;  // where the last level stops
constexpr double settled = 1e-10;     // an error below it that no longer halves is rounding
constexpr double longest_step = 6.0;  // change of v that one Newton step may make: a factor of 400 in w
constexpr double ridge = 1e-14;       // added to the curvature, for parts of w that hang together by less than rounding:
                                      // their shift is then as long as a step may be, until they hang together by more
constexpr std::size_t most_sweeps = 400, lanes = 16;
constexpr int most_stalls = 20;

// ---- passes over the matrix -------------------------------------------------------------------------------------

// E (l) of one row from its costs.
MIXOT_INLINE void reduce_row_body(const double* cost, double f, const double* g, double scale, std::size_t l, double* e) {
  for (std::size_t j = 0; j < l; ++j) e[j] = ((cost[j] - f) - g[j]) * scale;
}
MIXOT_MULTIVERSION(reduce_row, (const double* cost, double f, const double* g, double scale, std::size_t l, double* e),
                   (cost, f, g, scale, l, e))

// log sum_j exp(h_j - e_j); x (l) is scratch.
MIXOT_INLINE void row_sum_body(const double* MIXOT_RESTRICT e, const double* MIXOT_RESTRICT h, std::size_t l,
                               double* MIXOT_RESTRICT x, double& out) {
  double top[lanes], sum[lanes];
  for (std::size_t b = 0; b < lanes; ++b) top[b] = -std::numeric_limits<double>::max(), sum[b] = 0.0;
  const std::size_t whole = l / lanes * lanes;
  for (std::size_t j = 0; j < whole; j += lanes)
    for (std::size_t b = 0; b < lanes; ++b) {
      const double value = h[j + b] - e[j + b];
      x[j + b] = value;
      top[b] = value > top[b] ? value : top[b];
    }
  double highest = -std::numeric_limits<double>::max();
  for (std::size_t j = whole; j < l; ++j) x[j] = h[j] - e[j], highest = std::max(highest, x[j]);
  for (std::size_t b = 0; b < lanes; ++b) highest = std::max(highest, top[b]);
  for (std::size_t j = 0; j < whole; j += lanes)
    for (std::size_t b = 0; b < lanes; ++b) sum[b] += fast_exp(x[j + b] - highest);
  double total = 0;
  for (std::size_t j = whole; j < l; ++j) total += fast_exp(x[j] - highest);
  for (std::size_t b = 0; b < lanes; ++b) total += sum[b];
  out = highest + std::log(total);
}
MIXOT_MULTIVERSION(row_sum, (const double* e, const double* h, std::size_t l, double* x, double& out), (e, h, l, x, out))

// log sum_i exp(h_i - e_ij) of the columns, at most `width` of them; e points at the first, rows are l apart.
constexpr std::size_t width = 128;
MIXOT_INLINE void column_sums_body(const double* MIXOT_RESTRICT e, const double* MIXOT_RESTRICT h, std::size_t k,
                                   std::size_t l, std::size_t count, double* MIXOT_RESTRICT out) {
  double top[width], sum[width];
  for (std::size_t j = 0; j < count; ++j) top[j] = -std::numeric_limits<double>::max(), sum[j] = 0.0;
  for (std::size_t i = 0; i < k; ++i) {
    const double* MIXOT_RESTRICT row = e + i * l;
    const double level = h[i];
    for (std::size_t j = 0; j < count; ++j) {
      const double value = level - row[j];
      top[j] = value > top[j] ? value : top[j];
    }
  }
  for (std::size_t i = 0; i < k; ++i) {
    const double* MIXOT_RESTRICT row = e + i * l;
    const double level = h[i];
    for (std::size_t j = 0; j < count; ++j) sum[j] += fast_exp(level - row[j] - top[j]);
  }
  for (std::size_t j = 0; j < count; ++j) out[j] = top[j] + std::log(sum[j]);
}
MIXOT_MULTIVERSION(column_sums,
                   (const double* e, const double* h, std::size_t k, std::size_t l, std::size_t count, double* out),
                   (e, h, k, l, count, out))

// out_j = exp(level + h_j - e_j), (l).
MIXOT_INLINE void exponentials_body(const double* MIXOT_RESTRICT e, const double* MIXOT_RESTRICT h, double level,
                                    std::size_t l, double* MIXOT_RESTRICT out) {
  for (std::size_t j = 0; j < l; ++j) out[j] = fast_exp(level + h[j] - e[j]);
}
MIXOT_MULTIVERSION(exponentials, (const double* e, const double* h, double level, std::size_t l, double* out),
                   (e, h, level, l, out))

// max_j (x_j - y_j) - min_j (x_j - y_j), (l), raised into `most`.
MIXOT_INLINE void raise_range_body(const double* MIXOT_RESTRICT x, const double* MIXOT_RESTRICT y, std::size_t l,
                                   double& most) {
  double top[lanes], low[lanes];
  for (std::size_t b = 0; b < lanes; ++b) top[b] = low[b] = x[0] - y[0];
  const std::size_t whole = l / lanes * lanes;
  for (std::size_t j = 0; j < whole; j += lanes)
    for (std::size_t b = 0; b < lanes; ++b) {
      const double apart = x[j + b] - y[j + b];
      top[b] = apart > top[b] ? apart : top[b];
      low[b] = apart < low[b] ? apart : low[b];
    }
  for (std::size_t j = whole; j < l; ++j) top[0] = std::max(top[0], x[j] - y[j]), low[0] = std::min(low[0], x[j] - y[j]);
  for (std::size_t b = 1; b < lanes; ++b) top[0] = std::max(top[0], top[b]), low[0] = std::min(low[0], low[b]);
  most = std::max(most, top[0] - low[0]);
}
MIXOT_MULTIVERSION(raise_range, (const double* x, const double* y, std::size_t l, double& most), (x, y, l, most))

// ---- the dual ---------------------------------------------------------------------------------------------------

using Vector = std::vector<double>;

// One marginal: potentials before the level (in the units of the costs) and how far it may be missed.
struct Side {
  const double* log_weight;
  double* potential;
  double lam, rho;

  bool exact() const { return !std::isfinite(rho); }
  double tau() const { return exact() ? 1.0 : rho / (rho + lam); }

  // The optimal change given the log-sum-exp of the other side, in units of lam.
  double response(std::size_t i, double log_sum) const {
    return exact() ? -log_sum : -potential[i] / (rho + lam) - tau() * log_sum;
  }
  // Logarithm of what the marginal should be at the change x.
  double log_target(std::size_t i, double x) const {
    return exact() ? log_weight[i] : log_weight[i] - (potential[i] + lam * x) / rho;
  }
  // What a change by x adds to the dual value, in units of lam.
  double gain(std::size_t i, double x) const {
    if (exact()) return std::exp(log_weight[i]) * x;
    return -rho / lam * std::exp(log_target(i, 0.0)) * std::expm1(-lam * x / rho);
  }
};

// A point v with the rows solved for: sums of the columns, and how far these are off.
struct Point {
  Vector u, v, log_row, log_column;
  double value = 0, error = 0, mass = 0;
  explicit Point(std::size_t k, std::size_t l) : u(k), v(l), log_row(k), log_column(l) {}
};

class Solver {
 public:
  Solver(const EntropicProblem& problem, std::size_t max_newton, double* f, double* g)
      : problem_(problem), k_(problem.k), l_(problem.l), max_newton_(max_newton), f_(f), g_(g), e_(k_ * l_),
        m_(k_ * l_), hessian_(l_ * l_), floors_(l_, 0.1 * ridge), step_(l_), scratch_(l_), level_rows_(k_),
        level_columns_(l_), old_f_(k_), old_g_(l_), now_(k_, l_), next_(k_, l_) {}

  // Once with loose levels, where these are safe, and again with tight ones should that have failed.
  EntropicReport run(double first, double* w) {
    const Vector f(f_, f_ + k_), g(g_, g_ + l_);
    for (double loose : {loose_above, 2.0}) {
      std::copy(f.begin(), f.end(), f_);
      std::copy(g.begin(), g.end(), g_);
      descend(first, loose);
      if (now_.error < settled) break;
    }
    for (std::size_t j = 0; j < l_; ++j) level_columns_[j] = problem_.log_b[j] + now_.v[j];
    for (std::size_t i = 0; i < k_; ++i)
      exponentials(&e_[i * l_], level_columns_.data(), problem_.log_a[i] + now_.u[i], l_, w + i * l_);
    report_.error = now_.error;
    return report_;
  }

 private:
  Side rows() const { return {problem_.log_a, f_, lam_, problem_.rho_a}; }
  Side columns() const { return {problem_.log_b, g_, lam_, problem_.rho_b}; }

  void descend(double first, double loose) {
    double lam = std::max(first, problem_.lam);
    const std::size_t budget = report_.newton + max_newton_;
    two_before_ = 0;
    for (;;) {
      const bool last = lam <= problem_.lam;
      begin(lam);
      level(last ? last_error : lam > loose * first ? loose_error : tight_error, budget);
      ++report_.levels;
      for (std::size_t i = 0; i < k_; ++i) f_[i] += lam * now_.u[i];
      for (std::size_t j = 0; j < l_; ++j) g_[j] += lam * now_.v[j];
      if (last) return;
      const double next = std::max(problem_.lam, level_ratio * lam);
      extrapolate(lam, next);
      lam = next;
    }
  }

  void begin(double lam) {
    lam_ = lam;
    std::fill(now_.u.begin(), now_.u.end(), 0.0);
    std::fill(now_.v.begin(), now_.v.end(), 0.0);
    const double shift = translation(now_);
    for (std::size_t i = 0; i < k_; ++i) f_[i] += shift;
    for (std::size_t j = 0; j < l_; ++j) g_[j] -= shift;
    for (std::size_t i = 0; i < k_; ++i) reduce_row(problem_.cost + i * l_, f_[i], g_, 1 / lam, l_, &e_[i * l_]);
    evaluate(now_);
  }

  // By how much all of f should rise, and all of g fall, where that is not free: w stays, and both marginals ask for one
  // mass (Sejourne, Vialard and Peyre 2022). Sweeps alone would take rho / lam steps to get there.
  double translation(const Point& at) const {
    const Side rows = this->rows(), columns = this->columns();
    if (rows.exact() && columns.exact()) return 0.0;
    const double weight = rows.exact() ? columns.rho : columns.exact() ? rows.rho : rows.rho * columns.rho / (rows.rho + columns.rho);
    return weight * (log_mass(rows, at.u) - log_mass(columns, at.v));
  }

  static double log_mass(const Side& side, const Vector& x) {
    double top = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) top = std::max(top, side.log_target(i, x[i]));
    for (std::size_t i = 0; i < x.size(); ++i) sum += std::exp(side.log_target(i, x[i]) - top);
    return top + std::log(sum);
  }

  // As lam falls the potentials become linear in it: set out where the line through the last two levels leads.
  void extrapolate(double before, double lam) {
    const double ahead = (lam - before) / (before - two_before_);
    const bool known = two_before_ > 0;
    for (std::size_t i = 0; i < k_; ++i) {
      const double value = f_[i];
      if (known) f_[i] += ahead * (value - old_f_[i]);
      old_f_[i] = value;
    }
    for (std::size_t j = 0; j < l_; ++j) {
      const double value = g_[j];
      if (known) g_[j] += ahead * (value - old_g_[j]);
      old_g_[j] = value;
    }
    two_before_ = before;
  }

  // From v: u, the sums, the dual value (less its value at the start of the level) and the error.
  void evaluate(Point& at) {
    const Side rows = this->rows(), columns = this->columns();
    at.value = at.error = at.mass = 0;
    for (std::size_t j = 0; j < l_; ++j) level_columns_[j] = problem_.log_b[j] + at.v[j];
    for (std::size_t i = 0; i < k_; ++i) {
      if (i % 16 == 0) look_for_interrupt();
      double log_sum;
      row_sum(&e_[i * l_], level_columns_.data(), l_, scratch_.data(), log_sum);
      at.u[i] = rows.response(i, log_sum);
      level_rows_[i] = problem_.log_a[i] + at.u[i];
      at.log_row[i] = level_rows_[i] + log_sum;
      at.value += rows.gain(i, at.u[i]);
    }
    for (std::size_t j = 0; j < l_; j += width)
      column_sums(&e_[j], level_rows_.data(), k_, l_, std::min(width, l_ - j), &at.log_column[j]);
    for (std::size_t j = 0; j < l_; ++j) {
      at.log_column[j] += level_columns_[j];
      const double sum = std::exp(at.log_column[j]);
      at.value += columns.gain(j, at.v[j]);
      at.error += std::abs(std::exp(columns.log_target(j, at.v[j])) - sum);
      at.mass += sum;
    }
    at.value -= at.mass;
    at.error /= at.mass;
  }

  // Sweeps as long as they promise to be quicker, then Newton's steps.
  void level(double tol, std::size_t budget) {
    sweep_while_quick(tol);
    for (int stalls = 0; now_.error > tol && report_.newton < budget && stalls < most_stalls;) {
      const double before = now_.error;
      const bool moved = newton();
      if (before < settled && now_.error > 0.5 * before) return;
      if (moved) continue;
      ++stalls;
      for (int extra = 0; extra < 10; ++extra) sweep();
    }
  }

  // A sweep takes two exponentials for each entry; Newton takes four and its products, some four times.
  void sweep_while_quick(double tol) {
    const double size = double(k_) * double(l_), products = size * double(l_) + std::pow(double(l_), 3) / 3;
    const double budget = 4 * (4 * size + 0.05 * products) / (2 * size);
    for (std::size_t done = 0; done < most_sweeps && now_.error > tol; ++done) {
      const double before = now_.error;
      sweep();
      const double rate = now_.error / before;
      if (done >= 2 && !(rate < 1 && std::log(tol / now_.error) / std::log(rate) < budget)) return;
    }
  }

  // v solved for, given u; then u again.
  void sweep() {
    ++report_.sweeps;
    const Side columns = this->columns();
    for (std::size_t j = 0; j < l_; ++j)
      now_.v[j] = columns.response(j, now_.log_column[j] - problem_.log_b[j] - now_.v[j]);
    const double shift = translation(now_) / lam_;
    for (double& v : now_.v) v -= shift;
    evaluate(now_);
  }

  // One damped Newton step; false where no step is better than none.
  bool newton() {
    ++report_.newton;
    const Side columns = this->columns();
    const bool balanced = columns.exact() && rows().exact();
    const double root_tau = std::sqrt(rows().tau());
    for (std::size_t j = 0; j < l_; ++j)
      level_columns_[j] = problem_.log_b[j] + now_.v[j] - 0.5 * now_.log_column[j];
    for (std::size_t i = 0; i < k_; ++i) {
      if (i % 16 == 0) look_for_interrupt();
      const double level = problem_.log_a[i] + now_.u[i] - 0.5 * now_.log_row[i];
      exponentials(&e_[i * l_], level_columns_.data(), level, l_, &m_[i * l_]);
      for (std::size_t j = 0; j < l_; ++j) m_[i * l_ + j] *= root_tau;
    }
    double slope = 0, longest = 0;
    for (std::size_t j = 0; j < l_; ++j) scratch_[j] = std::exp(0.5 * now_.log_column[j]);
    for (std::size_t i = 0; i < l_; ++i)
      for (std::size_t j = i; j < l_; ++j) hessian_[i * l_ + j] = balanced ? scratch_[i] * scratch_[j] : 0.0;
    for (std::size_t j = 0; j < l_; ++j) {
      const double off = std::expm1(std::min(columns.log_target(j, now_.v[j]) - now_.log_column[j], 300.0));
      hessian_[j * l_ + j] += 1 + ridge + (columns.exact() ? 0.0 : lam_ / columns.rho * (1 + off));
      step_[j] = scratch_[j] * off;
    }
    add_gram(m_.data(), k_, l_, -1.0, hessian_.data(), panels_);
    cholesky(hessian_.data(), l_, floors_.data(), panels_);
    cholesky_solve(hessian_.data(), l_, step_.data());
    for (std::size_t j = 0; j < l_; ++j) {
      const double log_target = columns.log_target(j, now_.v[j]), ahead = log_target - now_.log_column[j];
      step_[j] = scratch_[j] > 1e-290 ? step_[j] / scratch_[j] : columns.tau() * ahead;
      slope += (std::exp(log_target) - std::exp(now_.log_column[j])) * step_[j];
      longest = std::max(longest, std::abs(step_[j]));
    }
    return std::isfinite(longest) && search(std::min(1.0, longest_step / longest), slope);
  }

  // Halve the step until the dual value rises as it should, or, where that is below rounding, the error falls.
  bool search(double t, double slope) {
    for (int halving = 0; halving < 12; ++halving, t *= 0.5) {
      for (std::size_t j = 0; j < l_; ++j) next_.v[j] = now_.v[j] + t * step_[j];
      evaluate(next_);
      const bool rises = next_.value >= now_.value + 1e-3 * t * slope && slope > 1e-12;
      if (std::isfinite(next_.error) && (rises || next_.error < 0.7 * now_.error)) {
        std::swap(now_, next_);
        return true;
      }
    }
    return false;
  }

  const EntropicProblem& problem_;
  std::size_t k_, l_, max_newton_;
  double *f_, *g_, lam_ = 0, two_before_ = 0;
  AlignedVector<double> e_, m_, hessian_;
  Vector floors_, step_, scratch_, level_rows_, level_columns_, old_f_, old_g_;
  Point now_, next_;
  Panels panels_;
  EntropicReport report_;
};

}  // namespace

EntropicReport entropic_coupling(const EntropicProblem& problem, double first, std::size_t max_newton, double* f,
                                 double* g, double* w) {
  return Solver(problem, max_newton, f, g).run(first, w);
}

double largest_interaction(const double* cost, std::size_t k, std::size_t l, std::size_t threads) {
  constexpr std::size_t tile = 16;  // rows that are compared with all others while they are at hand
  const std::size_t tiles = (k + tile - 1) / tile;
  Vector most(tiles);
  parallel_blocks(tiles, double(k) * double(k) * double(l) < 1e7 ? 1 : threads, [&](std::size_t t, std::size_t) {
    const std::size_t end = std::min(k, (t + 1) * tile);
    for (std::size_t other = t * tile + 1; other < k; ++other)
      for (std::size_t i = t * tile; i < std::min(end, other); ++i)
        raise_range(cost + i * l, cost + other * l, l, most[t]);
  });
  return k ? *std::max_element(most.begin(), most.end()) : 0.0;
}

}  // namespace mixot
