#include "mixtures/em_run.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <type_traits>
#include <utility>

#include "linear_algebra/small_factor.hpp"
#include "machine/crew.hpp"

namespace mixot {
namespace {

using std::size_t;
using Array = std::vector<double>;

constexpr double kNothing = 1e-14;       // a component with a smaller share has no say in its own parameters
constexpr double kPart = 1e6;            // multiplications that are worth a thread of their own
constexpr double kFirstStep = 4, kGrowth = 4;  // longest extrapolation at first, and what a success or failure makes of it
constexpr size_t kKept = 8'000'000;      // numbers that a run keeps in the kernels' layout from pass to pass
template <class T>
constexpr double kRounding = sizeof(T) == 8 ? 1e-14 : 0.0;  // of an objective, below which a fall is none
constexpr int kLooks = 3;                // for other common axes, where a run stands still
constexpr int kHalvings = 5;             // of an extrapolation that leaves the mixtures

// The M step of the covariance model; none where the sums give its covariances as they are.
template <class T>
std::optional<CovarianceStep> covariance_step(const EmRows<T>& rows, size_t k, bool exactly) {
  if (rows.model.unconstrained) return std::nullopt;
  Array units(rows.inv_scale, rows.inv_scale + rows.d);
  for (double& each : units) each = 1 / each;
  return CovarianceStep(rows.model, k, rows.d, units.data(), exactly);
}

template <class T>
PriorShape shape_of(const EmRows<T>& rows, size_t k) {
  const CovarianceModel& model = rows.model;
  const bool once = !model.unconstrained && !model.own_volumes && !model.own_shapes && model.turns == Turns::none;
  return {k, rows.d, rows.structure, rows.spherical || model.spherical, rows.inv_scale, once};
}

// The covariances of weighted rows as those of the model and, with a prior, means and covariances of largest posterior.
template <class T>
void into_model(const EmRows<T>& rows, std::optional<CovarianceStep>& step, EmState& state) {
  const PriorShape shape = shape_of(rows, state.weights.size());
  if (rows.prior && step) {
    Array masses(state.weights.size());
    blend(*rows.prior, shape, state.weights.data(), state.means.data(), state.covs.data(), masses.data());
    (*step)(masses.data(), state.covs.data());
  } else if (rows.prior) {
    shrink(*rows.prior, shape, state.weights.data(), state.means.data(), state.covs.data());
  } else if (step) {
    (*step)(state.weights.data(), state.covs.data());
  }
}

// Sums of one pass, about the means that the kernel read.
struct Sums {
  Array reference, mass, first, second;
  double objective = 0;
};

template <class T>
class Run {
 public:
  Run(const EmRows<T>& rows, size_t k, const EmLimits& limits)
      : rows_(rows), limits_(limits), k_(k), d_(rows.d), shared_(covariance_step(rows, k, false)) {
    size_t most = 1 + static_cast<size_t>(static_cast<double>(rows.n) * k_ * (d_ + 2) * (d_ + 2) / kPart);
    threads_ = std::min(limits.threads, most);
    for (size_t i = 0; i < rows.n; ++i) total_ += rows.weights[i];
    for (size_t a = 0; a < d_; ++a) shift_ += std::log(rows.inv_scale[a]);
    factors_.resize(size_of_covs());
    log_const_.resize(k_), level_.resize(k_);
  }

  bool log_joint(const EmState& s, double* out) {
    size_t ignored;
    if (!read(s, ignored)) return false;
    if constexpr (std::is_same_v<T, double>)
      if (rows_.groups) return incomplete_log_joint(incomplete(s), threads_, out);
    EmProblem<T> problem{rows_.points,    rows_.weights,      rows_.n,        rows_.d,         k_, rows_.center,
                         rows_.inv_scale, s.means.data(),     factors_.data(), log_const_.data(), rows_.structure};
    em_log_joint(problem, threads_, out);
    return true;
  }

  EmOutcome from(const EmState& start) {
    std::optional<Crew> crew;
    if (threads_ > 1) crew.emplace(threads_);
    EmOutcome out;
    if (shared_) shared_->begin(start.weights.data(), start.covs.data());
    if (!pass(start, out.component)) return ended(out, EmEnd::singular, start);
    if (!std::isfinite(sums_.objective)) return ended(out, EmEnd::not_finite, start);
    EmState at = start, before;
    keep(out);
    if (out.history[0] < limits_.before) return ended(out, EmEnd::fell, at);
    double gain = out.history[0] - limits_.before;
    bool plain = std::isfinite(limits_.before), pair = false;  // was `at` a plain step, and is `before` what it followed?
    while (true) {
      if (plain && gain <= limits_.tol && (!limits_.accelerated || settled(gain, pair, before, at, out.following))) {
        if (!limits_.accelerated || !turned_elsewhere(at, out)) return ended(out, EmEnd::converged, at);
        pair = plain = false;
      }
      if (passes_ >= limits_.max_passes + (plain_start_ ? 1 : 0)) return ended(out, EmEnd::limit, at);
      if (limits_.least > 0 && *std::min_element(out.shares.begin(), out.shares.end()) < limits_.least)
        return ended(out, EmEnd::emptied, at);
      const double last = out.history.back();
      EmState next;
      const Array axes = shared_ ? shared_->axes() : Array();
      if (limits_.accelerated && pair && leap(before, at, out.following, next)) {
        size_t ignored;
        if (pass(next, ignored) && sums_.objective / total_ >= last) {
          if (stretched_) longest_ *= kGrowth;
          at = std::move(next);
          keep(out);
          pair = plain = false;
          continue;
        }
        longest_ = std::max(1.0, longest_ / kGrowth);
        if (shared_) shared_->go_on_from(axes);  // those of the step that is taken instead
        if (passes_ >= limits_.max_passes + (plain_start_ ? 1 : 0)) return ended(out, EmEnd::limit, at);
      }
      next = out.following;
      if (!pass(next, out.component)) return ended(out, EmEnd::singular, at);
      if (!std::isfinite(sums_.objective)) return ended(out, EmEnd::not_finite, at);
      gain = sums_.objective / total_ - last;
      if (gain < -kRounding<T> * std::abs(last)) {  // sums in few digits have the last word: keep the best
        out.history.push_back(last);
        if (limits_.report) limits_.report(last);
        return ended(out, EmEnd::converged, at);
      }
      before = std::exchange(at, std::move(next));
      keep(out);
      plain = pair = true;
    }
  }

 private:
  size_t size_of_covs() const {
    return rows_.structure == Structure::full ? k_ * d_ * d_ : rows_.structure == Structure::tied ? d_ * d_ : k_ * d_;
  }
  bool dense() const { return rows_.structure != Structure::diagonal; }
  size_t matrices() const { return rows_.structure == Structure::full ? k_ : 1; }

  EmOutcome& ended(EmOutcome& out, EmEnd end, const EmState& state) {
    out.end = end;
    out.state = state;
    return out;
  }

  // Takes the sums of the last pass as those of the state in hand.
  void keep(EmOutcome& out) {
    out.history.push_back(sums_.objective / total_);
    out.shares = sums_.mass;
    for (double& each : out.shares) each /= total_;
    out.noise_share = noise_share_;
    maximise(out.following);
    if (limits_.report) limits_.report(out.history.back());
  }

  // Factors and constants of a state; false, and which, where a covariance is singular.
  bool read(const EmState& s, size_t& component) {
    const size_t count = dense() ? matrices() : k_;
    Array logs(count, 0.0), traces(count, 0.0);
    if (dense()) {
      work_ = s.covs;
      for (size_t j = 0; j < count; ++j) {
        double* f = factors_.data() + j * d_ * d_;
        if (!cholesky_upper(work_.data() + j * d_ * d_, d_)) return component = j, false;
        invert_upper(work_.data() + j * d_ * d_, d_, f);
        for (size_t a = 0; a < d_; ++a) {
          logs[j] += std::log(f[a * d_ + a]);
          for (size_t c = a; c < d_; ++c) traces[j] += rows_.noise[a] * f[a * d_ + c] * f[a * d_ + c];
        }
      }
    } else {
      for (size_t j = 0; j < k_; ++j)
        for (size_t a = 0; a < d_; ++a) {
          const double v = s.covs[j * d_ + a];
          if (!(v > 0 && std::isfinite(v))) return component = j, false;
          factors_[j * d_ + a] = 1 / std::sqrt(v);
          logs[j] += std::log(factors_[j * d_ + a]);
          traces[j] += rows_.noise[a] / v;
        }
    }
    noise_share_ = *std::max_element(traces.begin(), traces.end());
    if (rows_.prior) log_prior_ = log_prior(*rows_.prior, shape_of(rows_, k_), s.means.data(), factors_.data(), logs.data());
    for (size_t j = 0; j < k_; ++j) {
      const size_t at = count == 1 ? 0 : j;
      level_[j] = std::log(s.weights[j]) - traces[at] / 2;
      log_const_[j] = level_[j] + logs[at] - 0.5 * d_ * std::log(2 * M_PI) + shift_;
    }
    return true;
  }

  // A state that was read, for rows that are seen in part.
  IncompleteProblem incomplete(const EmState& s) {
    return {rows_.points,   rows_.weights,  rows_.n,       rows_.d,         k_,              rows_.center,
            rows_.inv_scale, s.means.data(), s.covs.data(), level_.data(), rows_.structure, rows_.groups};
  }

  // One E step; false where a covariance is singular.
  bool pass(const EmState& s, size_t& component) {
    if (!read(s, component)) return false;
    ++passes_;
    sums_.reference = s.means;
    for (double& each : sums_.reference) each = static_cast<double>(static_cast<T>(each));
    sums_.mass.resize(k_), sums_.first.resize(k_ * d_), sums_.second.resize(size_of_covs());
    if constexpr (std::is_same_v<T, double>)
      if (rows_.groups) {
        sums_.objective = incomplete_pass(incomplete(s), threads_, sums_.mass.data(), sums_.first.data(),
                                          sums_.second.data(), component = k_);
        return prefer_even(s), component == k_;
      }
    EmProblem<T> problem{rows_.points,    rows_.weights,          rows_.n,          rows_.d,           k_,
                               rows_.center,    rows_.inv_scale,        sums_.reference.data(), factors_.data(),
                               log_const_.data(), rows_.structure, blocks_.empty() ? nullptr : blocks_.data()};
    if (passes_ == 1 && limits_.max_passes > 1 && rows_.n * (2 * d_ + 16) <= kKept) {
      blocks_ = em_blocks(problem);
      problem.blocks = blocks_.data();
    }
    sums_.objective = em_pass(problem, threads_, sums_.mass.data(), sums_.first.data(), sums_.second.data());
    if (rows_.prior) sums_.objective += log_prior_ * total_ / rows_.prior->observations;
    return prefer_even(s), true;
  }

  // The prior of the weights in the objective.
  void prefer_even(const EmState& s) {
    if (!(rows_.ahead > 0)) return;
    for (double each : s.weights) sums_.objective += rows_.ahead * std::log(each);
  }

  // The M step after the last pass.
  void maximise(EmState& to) {
    to.weights.assign(k_, 0.0), to.means = sums_.reference, to.covs.assign(size_of_covs(), 0.0);
    Array shift(k_ * d_, 0.0);
    double alive = 0;
    for (size_t j = 0; j < k_; ++j) {
      if (!(sums_.mass[j] > kNothing * total_)) continue;
      alive += to.weights[j] = sums_.mass[j];
      for (size_t a = 0; a < d_; ++a) to.means[j * d_ + a] += shift[j * d_ + a] = sums_.first[j * d_ + a] / sums_.mass[j];
    }
    if (rows_.structure == Structure::full) covariances(to, shift);
    if (rows_.structure == Structure::tied) covariance(to, shift);
    if (rows_.structure == Structure::diagonal) variances(to, shift);
    for (double& each : to.weights) each /= alive;
    into_model(rows_, shared_, to);
    if (rows_.ahead > 0)
      for (double& each : to.weights) each = (each * alive + rows_.ahead) / (alive + static_cast<double>(k_) * rows_.ahead);
  }

  void covariances(EmState& to, const Array& shift) {
    for (size_t j = 0; j < k_; ++j)
      for (size_t a = 0; a < d_; ++a) {
        for (size_t c = 0; c <= a; ++c) {
          const size_t at = (j * d_ + a) * d_ + c;
          double value = a == c ? rows_.spread[a] : 0.0;
          if (to.weights[j] > 0) value = sums_.second[at] / sums_.mass[j] - shift[j * d_ + a] * shift[j * d_ + c];
          to.covs[at] = to.covs[(j * d_ + c) * d_ + a] = value;
        }
        to.covs[(j * d_ + a) * d_ + a] += rows_.noise[a];
      }
  }

  // The kernel's moment is about zero: that about the references first, as sums over chunks have it.
  void covariance(EmState& to, const Array& shift) {
    for (size_t a = 0; a < d_; ++a) {
      for (size_t c = 0; c <= a; ++c) {
        double value = sums_.second[a * d_ + c];
        for (size_t j = 0; j < k_; ++j) {
          const size_t p = j * d_ + a, q = j * d_ + c;
          const double x = sums_.reference[p], y = sums_.reference[q];
          value -= sums_.first[p] * y + x * sums_.first[q] + sums_.mass[j] * (x * y + shift[p] * shift[q]);
        }
        to.covs[a * d_ + c] = to.covs[c * d_ + a] = value / total_;
      }
      to.covs[a * d_ + a] += rows_.noise[a];
    }
  }

  void variances(EmState& to, const Array& shift) {
    for (size_t j = 0; j < k_; ++j) {
      double* v = to.covs.data() + j * d_;
      double sum = 0;
      for (size_t a = 0; a < d_; ++a) {
        const size_t at = j * d_ + a;
        const double own = to.weights[j] > 0 ? std::max(0.0, sums_.second[at] / sums_.mass[j] - shift[at] * shift[at])
                                             : rows_.spread[a];
        v[a] = own + rows_.noise[a];
        sum += v[a] / (rows_.inv_scale[a] * rows_.inv_scale[a]);  // one variance in the data's units
      }
      for (size_t a = 0; a < d_ && rows_.spherical; ++a) v[a] = sum / d_ * rows_.inv_scale[a] * rows_.inv_scale[a];
    }
  }

  // Whether all that is left to gain, by Aitken's rule for steps that shrink by 1 - 1 / s, is below the tolerance.
  bool settled(double gain, bool pair, const EmState& a, const EmState& b, const EmState& c) {
    if (gain <= 0) return true;
    if (!pair) return false;
    const double r = squared_length(a, b, nullptr), v = squared_length(a, b, &c);
    return !(v > 0) || gain * std::max(1.0, std::sqrt(r / v) / 2) <= limits_.tol;
  }

  // The point beyond a -> b -> c, two steps of EM: a + 2 s r + s^2 v, r = b - a, v = c - 2 b + a, s = |r| / |v|, at most
  // `longest_`, and halved towards c until it is a mixture. False where that is c itself.
  bool leap(const EmState& a, const EmState& b, const EmState& c, EmState& to) {
    const double r = squared_length(a, b, nullptr), v = squared_length(a, b, &c);
    double s = v > 0 ? std::sqrt(r / v) : longest_;
    stretched_ = s >= longest_;
    s = std::min(s, longest_);
    for (int halving = 0; halving < kHalvings && s > 1.01; ++halving, s = (1 + s) / 2) {
      const double x = (1 - s) * (1 - s), y = 2 * s * (1 - s), z = s * s;
      auto blend = [&](const Array& p, const Array& q, const Array& o, Array& out) {
        out.resize(p.size());
        for (size_t i = 0; i < p.size(); ++i) out[i] = x * p[i] + y * q[i] + z * o[i];
      };
      blend(a.weights, b.weights, c.weights, to.weights);
      bool mixture = true;
      for (size_t j = 0; j < k_; ++j) mixture &= to.weights[j] > 0.1 * c.weights[j];
      if (!mixture) continue;
      const double sum = std::accumulate(to.weights.begin(), to.weights.end(), 0.0);  // one, but for rounding times s^2
      for (double& each : to.weights) each /= sum;
      blend(a.means, b.means, c.means, to.means);
      blend(a.covs, b.covs, c.covs, to.covs);
      if (!definite(to.covs)) continue;
      if (shared_) (*shared_)(to.weights.data(), to.covs.data());  // blends of covariances leave the model
      return true;
    }
    return false;
  }

  // Whether other common axes than those in hand, from where their M step starts, are better: then `at` has them.
  bool turned_elsewhere(EmState& at, EmOutcome& out) {
    const Array axes = shared_ ? shared_->axes() : Array();
    if (axes.empty() || looks_ == 0 || k_ == 1) return false;
    --looks_;
    EmState trial;
    size_t ignored;
    shared_->look_elsewhere();
    maximise(trial);
    if (pass(trial, ignored) && sums_.objective / total_ > out.history.back() + limits_.tol) {
      at = std::move(trial);
      keep(out);
      return true;
    }
    shared_->go_on_from(axes);
    return false;
  }

  bool definite(const Array& covs) {
    if (!dense()) return std::all_of(covs.begin(), covs.end(), [](double v) { return v > 0; });
    work_ = covs;
    for (size_t j = 0; j < matrices(); ++j)
      if (!cholesky_upper(work_.data() + j * d_ * d_, d_)) return false;
    return true;
  }

  // |b - a|^2, or |c - 2 b + a|^2, in the metric of Gaussian laws at b: sum of weight times (relative change of the
  // weight)^2 + (dm' S^-1 dm) + tr((S^-1 dS)^2) / 2. The factors at hand are those of b.
  double squared_length(const EmState& a, const EmState& b, const EmState* c) {
    auto change = [&](const Array& p, const Array& q, const Array* o, size_t i) {
      return o ? (*o)[i] - 2 * q[i] + p[i] : q[i] - p[i];
    };
    double sum = 0;
    Array dm(d_), half(d_ * d_), whole(d_ * d_), ds(d_ * d_);
    for (size_t j = 0; j < k_; ++j) {
      if (!(b.weights[j] > 0)) continue;
      const double dw = change(a.weights, b.weights, c ? &c->weights : nullptr, j) / b.weights[j];
      double each = dw * dw;
      for (size_t e = 0; e < d_; ++e) dm[e] = change(a.means, b.means, c ? &c->means : nullptr, j * d_ + e);
      if (!dense()) {
        for (size_t e = 0; e < d_; ++e) {
          const double f = factors_[j * d_ + e], m = dm[e] * f;
          const double t = change(a.covs, b.covs, c ? &c->covs : nullptr, j * d_ + e) * f * f;
          each += m * m + t * t / 2;
        }
      } else {
        const size_t at = rows_.structure == Structure::full ? j * d_ * d_ : 0;
        const double* f = factors_.data() + at;
        for (size_t e = 0; e < d_; ++e) {
          double y = 0;
          for (size_t g = 0; g <= e; ++g) y += dm[g] * f[g * d_ + e];
          each += y * y;
        }
        if (at || j == 0 || rows_.structure == Structure::full) {
          for (size_t e = 0; e < d_ * d_; ++e) ds[e] = change(a.covs, b.covs, c ? &c->covs : nullptr, at + e);
          trace_ = whitened_square(ds, f, half, whole);
        }
        each += trace_ / 2;
      }
      sum += b.weights[j] * each;
    }
    return sum;
  }

  // |F' S F|^2 for an upper triangular F.
  double whitened_square(const Array& s, const double* f, Array& half, Array& whole) {
    std::fill(half.begin(), half.end(), 0.0);
    std::fill(whole.begin(), whole.end(), 0.0);
    for (size_t a = 0; a < d_; ++a)
      for (size_t b = 0; b < d_; ++b)
        for (size_t c = b; c < d_; ++c) half[a * d_ + c] += s[a * d_ + b] * f[b * d_ + c];
    for (size_t a = 0; a < d_; ++a)
      for (size_t e = a; e < d_; ++e)
        for (size_t c = 0; c < d_; ++c) whole[e * d_ + c] += f[a * d_ + e] * half[a * d_ + c];
    double sum = 0;
    for (double each : whole) sum += each * each;
    return sum;
  }

  const EmRows<T>& rows_;
  const EmLimits& limits_;
  size_t k_, d_, threads_ = 1, passes_ = 0;
  double total_ = 0, log_prior_ = 0, shift_ = 0, longest_ = kFirstStep, trace_ = 0, noise_share_ = 0;
  std::optional<CovarianceStep> shared_;
  int looks_ = kLooks;
  bool stretched_ = false, plain_start_ = !std::isfinite(limits_.before);
  Array factors_, log_const_, level_, work_;
  AlignedVector<T> blocks_;
  Sums sums_;
};

}  // namespace

template <class T>
EmOutcome em_run(const EmRows<T>& rows, const EmState& start, const EmLimits& limits) {
  return Run<T>(rows, start.weights.size(), limits).from(start);
}

template <class T>
bool em_state_log_joint(const EmRows<T>& rows, const EmState& state, size_t threads, double* out) {
  const Array none(rows.d, 0.0);  // of the densities, not of the objective with noise
  EmRows<T> plain = rows;
  plain.noise = none.data();
  const EmLimits limits{0, threads, 0, 0, 0, false, {}};
  return Run<T>(plain, state.weights.size(), limits).log_joint(state, out);
}

template <class T>
EmState em_state_of_labels(const EmRows<T>& rows, const std::int64_t* labels, size_t k) {
  const size_t d = rows.d;
  const bool full = rows.structure == Structure::full, tied = rows.structure == Structure::tied;
  const size_t each = full ? d * d : tied ? 0 : d;  // entries of a covariance, from one component to the next
  EmState out{Array(k, 0.0), Array(k * d, 0.0), Array(tied ? d * d : k * each, 0.0)};
  Array z(d);
  auto read = [&](size_t i) {
    for (size_t a = 0; a < d; ++a)
      z[a] = (static_cast<double>(rows.points[i * d + a]) - rows.center[a]) * rows.inv_scale[a];
  };
  double total = 0;
  for (size_t i = 0; i < rows.n; ++i) {
    const size_t j = static_cast<size_t>(labels[i]);
    read(i);
    out.weights[j] += rows.weights[i];
    total += rows.weights[i];
    for (size_t a = 0; a < d; ++a) out.means[j * d + a] += rows.weights[i] * z[a];
  }
  for (size_t j = 0; j < k; ++j)
    for (size_t a = 0; a < d && out.weights[j] > 0; ++a) out.means[j * d + a] /= out.weights[j];
  for (size_t i = 0; i < rows.n; ++i) {
    const size_t j = static_cast<size_t>(labels[i]);
    const double* mean = out.means.data() + j * d;
    double* cov = out.covs.data() + j * each;
    read(i);
    for (size_t a = 0; a < d; ++a) {
      const double y = rows.weights[i] * (z[a] - mean[a]);
      if (full || tied)
        for (size_t c = 0; c <= a; ++c) cov[a * d + c] += y * (z[c] - mean[c]);
      else
        cov[a] += y * (z[a] - mean[a]);
    }
  }
  for (size_t j = 0; j < (tied ? 1 : k); ++j) {
    const double mass = tied ? total : out.weights[j];
    double *cov = out.covs.data() + j * each, sum = 0;
    for (size_t a = 0; a < d; ++a) {
      if (full || tied) {
        for (size_t c = 0; c < a; ++c) cov[c * d + a] = cov[a * d + c] = mass > 0 ? cov[a * d + c] / mass : 0.0;
        cov[a * d + a] = (mass > 0 ? cov[a * d + a] / mass : rows.spread[a]) + rows.noise[a];
      } else {
        cov[a] = (mass > 0 ? cov[a] / mass : rows.spread[a]) + rows.noise[a];
        sum += cov[a] / (rows.inv_scale[a] * rows.inv_scale[a]);
      }
    }
    for (size_t a = 0; a < d && rows.spherical; ++a) cov[a] = sum / d * rows.inv_scale[a] * rows.inv_scale[a];
  }
  for (double& weight : out.weights) weight /= total;
  auto step = covariance_step(rows, k, false);
  into_model(rows, step, out);
  return out;
}

template <class T>
void em_into_model(const EmRows<T>& rows, EmState& state) {
  if (auto step = covariance_step(rows, state.weights.size(), true)) (*step)(state.weights.data(), state.covs.data());
}

template void em_into_model(const EmRows<double>&, EmState&);
template void em_into_model(const EmRows<float>&, EmState&);
template EmState em_state_of_labels(const EmRows<double>&, const std::int64_t*, size_t);
template EmState em_state_of_labels(const EmRows<float>&, const std::int64_t*, size_t);
template bool em_state_log_joint(const EmRows<double>&, const EmState&, size_t, double*);
template bool em_state_log_joint(const EmRows<float>&, const EmState&, size_t, double*);
template EmOutcome em_run(const EmRows<double>&, const EmState&, const EmLimits&);
template EmOutcome em_run(const EmRows<float>&, const EmState&, const EmLimits&);

}  // namespace mixot
