#include "mixtures/component_splits.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "machine/interrupt.hpp"
#include "mixtures/em_run.hpp"

namespace mixot {
namespace {

using std::size_t;
using Array = std::vector<double>;
using Labels = std::vector<std::int64_t>;

constexpr double kLeastShare = 1e-3;  // of a row that counts
constexpr size_t kLeastRows = 4;      // rows, in units of what determines a covariance, of a component that is split
constexpr double kHeavy = 1.05;       // kurtosis, relative to that of a Gaussian law, of heavy tails
constexpr double kBlur = 1e-6;        // variance added to halves
constexpr double kFlat = 1e-12;       // variance, relative to the trace, that is added before rows are whitened
constexpr int kPursuit = 6;           // steps towards an axis of low kurtosis
constexpr int kInverse = 8;           // steps towards the lowest eigenvector
constexpr double kNone = -std::numeric_limits<double>::infinity();

// Lower factor of a symmetric matrix (d, d), of which the lower triangle is read, in place; the logarithm of the
// determinant, or not a number.
double factor(Array& a, size_t d) {
  double log_det = 0;
  for (size_t i = 0; i < d; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = a[i * d + j];
      for (size_t c = 0; c < j; ++c) sum -= a[i * d + c] * a[j * d + c];
      if (i > j) {
        a[i * d + j] = sum / a[j * d + j];
      } else if (sum > 0) {
        a[i * d + i] = std::sqrt(sum);
        log_det += std::log(sum);
      } else {
        return std::numeric_limits<double>::quiet_NaN();
      }
    }
  }
  return log_det;
}

// L^-1 x, in place.
void forward(const Array& l, size_t d, double* x) {
  for (size_t i = 0; i < d; ++i) {
    for (size_t c = 0; c < i; ++c) x[i] -= l[i * d + c] * x[c];
    x[i] /= l[i * d + i];
  }
}

// L'^-1 x, in place.
void backward(const Array& l, size_t d, double* x) {
  for (size_t i = d; i-- > 0;) {
    for (size_t c = i + 1; c < d; ++c) x[i] -= l[c * d + i] * x[c];
    x[i] /= l[i * d + i];
  }
}

bool normalise(Array& a) {
  double sum = 0;
  for (double each : a) sum += each * each;
  if (!(sum > 0 && std::isfinite(sum))) return false;
  for (double& each : a) each /= std::sqrt(sum);
  return true;
}

// The rows of one component: less their mean, in whitened coordinates, and their shares, which sum to one.
class Part {
 public:
  Part(const SplitProblem& problem, size_t component)
      : in_(problem), d_(problem.d), dense_(problem.structure != Structure::diagonal) {
    for (size_t i = 0; i < in_.n; ++i) {
      const double share = in_.shares[i * in_.k + component];
      if (!(share > kLeastShare && in_.weights[i] > 0)) continue;
      rows_.insert(rows_.end(), in_.points + i * d_, in_.points + (i + 1) * d_);
      share_.push_back(share * in_.weights[i]);
    }
    m_ = share_.size();
  }

  // The gain in all of the rows, and their two components, or minus infinity.
  double split(EmState& halves) {
    if (m_ < kLeastRows * (d_ + 1) || !whiten()) return kNone;
    const Labels labels = best_cut();
    if (labels.empty()) return kNone;
    Array weights(share_), noise(d_, in_.noise), zero(d_, 0.0), one(d_, 1.0);
    for (double& each : weights) each *= static_cast<double>(m_);
    const EmRows<double> rows{rows_.data(), weights.data(), m_, d_, zero.data(), one.data(), noise.data(), variances_.data(),
                              in_.structure, in_.spherical};
    EmOutcome out = em_run(rows, em_state_of_labels(rows, labels.data(), 2),
                           EmLimits{in_.passes, in_.threads, 0.0, 0.0, kNone, true, {}});
    if (out.end == EmEnd::singular || out.end == EmEnd::not_finite) return kNone;
    halves = std::move(out.following);
    for (size_t h = 0; h < 2; ++h)
      for (size_t a = 0; a < d_; ++a) halves.means[h * d_ + a] += mean_[a];
    return total_ * (out.history.back() - level_);
  }

 private:
  // One component has the rows' covariance and the noise, in which its own objective is known.
  bool whiten() {
    total_ = 0;
    mean_.assign(d_, 0.0);
    for (size_t i = 0; i < m_; ++i) {
      total_ += share_[i];
      for (size_t a = 0; a < d_; ++a) mean_[a] += share_[i] * rows_[i * d_ + a];
    }
    for (double& each : mean_) each /= total_;
    for (double& each : share_) each /= total_;
    Array cov(d_ * d_, 0.0);
    for (size_t i = 0; i < m_; ++i) {
      look_for_interrupt(static_cast<int>(i));
      double* z = rows_.data() + i * d_;
      for (size_t a = 0; a < d_; ++a) z[a] -= mean_[a];
      for (size_t a = 0; a < d_; ++a)
        for (size_t b = dense_ ? 0 : a; b <= a; ++b) cov[a * d_ + b] += share_[i] * z[a] * z[b];
    }
    variances_.resize(d_);
    double trace = 0;
    for (size_t a = 0; a < d_; ++a) trace += variances_[a] = cov[a * d_ + a];
    if (!(trace > 0)) return false;  // one point, many times
    Array noisy(cov);
    for (size_t a = 0; a < d_; ++a) {
      noisy[a * d_ + a] = (in_.spherical ? trace / static_cast<double>(d_) : variances_[a]) + std::max(in_.noise, 1e-300);
      cov[a * d_ + a] += kFlat * trace;
    }
    level_ = -0.5 * (static_cast<double>(d_) * (std::log(2 * M_PI) + 1) + factor(noisy, d_));
    if (!std::isfinite(level_) || !std::isfinite(factor(cov, d_))) return false;
    y_ = rows_;
    for (size_t i = 0; i < m_; ++i) forward(cov, d_, y_.data() + i * d_);
    return true;
  }

  Labels best_cut() {
    fourth_.assign(d_ * d_, 0.0);
    square_.resize(m_);
    Array skew(d_, 0.0);
    double trace = 0;
    for (size_t i = 0; i < m_; ++i) {
      look_for_interrupt(static_cast<int>(i));
      const double* y = y_.data() + i * d_;
      double sum = 0;
      for (size_t a = 0; a < d_; ++a) sum += y[a] * y[a];
      square_[i] = sum;
      const double f = share_[i] * sum;
      for (size_t a = 0; a < d_; ++a) {
        skew[a] += f * y[a];
        for (size_t b = 0; b <= a; ++b) fourth_[a * d_ + b] += f * y[a] * y[b];
      }
      trace += f * sum;
    }
    const double size = static_cast<double>(d_);
    if (trace > kHeavy * size * (size + 2)) consider([&](size_t i) { return square_[i] > size; });
    if (!dense_ || d_ == 1) {
      size_t low = 0;
      for (size_t a = 1; a < d_; ++a)
        if (fourth_[a * d_ + a] < fourth_[low * d_ + low]) low = a;
      consider([&](size_t i) { return y_[i * d_ + low] > 0; });
      return best_;
    }
    for (Array axis : {lowest(skew), skew}) {
      if (!normalise(axis)) continue;
      along(axis);
      pursue(axis);
      if (normalise(axis)) along(axis);
    }
    return best_;
  }

  // The eigenvector of `fourth` of its lowest eigenvalue, by inverse iteration.
  Array lowest(const Array& skew) const {
    Array l(fourth_), x(d_);
    if (!std::isfinite(factor(l, d_))) return Array(d_, 0.0);
    const size_t far = static_cast<size_t>(std::max_element(square_.begin(), square_.end()) - square_.begin());
    for (size_t a = 0; a < d_; ++a) x[a] = y_[far * d_ + a] + skew[a];  // a start that turns with the rows, in any order
    for (int step = 0; step < kInverse && normalise(x); ++step) forward(l, d_, x.data()), backward(l, d_, x.data());
    return x;
  }

  void pursue(Array& axis) const {
    for (int step = 0; step < kPursuit && normalise(axis); ++step) {
      Array next(d_, 0.0);
      for (size_t i = 0; i < m_; ++i) {
        const double* y = y_.data() + i * d_;
        double t = 0;
        for (size_t a = 0; a < d_; ++a) t += y[a] * axis[a];
        t *= share_[i] * t * t;
        for (size_t a = 0; a < d_; ++a) next[a] -= t * y[a];
      }
      for (size_t a = 0; a < d_; ++a) axis[a] = 3 * axis[a] + next[a];
    }
  }

  void along(const Array& axis) {
    consider([&](size_t i) {
      double t = 0;
      for (size_t a = 0; a < d_; ++a) t += y_[i * d_ + a] * axis[a];
      return t > 0;
    });
  }

  // Takes a cut that makes the rows more likely than those before it.
  template <class Side>
  void consider(Side&& side) {
    Labels labels(m_);
    size_t count[2] = {0, 0};
    double mass[2] = {0, 0}, level = 0;
    Array first(2 * d_, 0.0);
    for (size_t i = 0; i < m_; ++i) {
      const size_t h = labels[i] = side(i) ? 1 : 0;
      ++count[h];
      mass[h] += share_[i];
      for (size_t a = 0; a < d_; ++a) first[h * d_ + a] += share_[i] * y_[i * d_ + a];
    }
    if (std::min(count[0], count[1]) <= d_ || !(std::min(mass[0], mass[1]) > 0)) return;
    Array covs[2] = {Array(d_ * d_, 0.0), Array(d_ * d_, 0.0)};
    for (size_t i = 0; i < m_; ++i) {
      look_for_interrupt(static_cast<int>(i));
      const double* y = y_.data() + i * d_;
      Array& cov = covs[labels[i]];
      for (size_t a = 0; a < d_; ++a)
        for (size_t b = dense_ ? 0 : a; b <= a; ++b) cov[a * d_ + b] += share_[i] * y[a] * y[b];
    }
    for (size_t h = 0; h < 2; ++h) {
      const double* sum = first.data() + h * d_;
      for (size_t a = 0; a < d_; ++a)
        for (size_t b = dense_ ? 0 : a; b <= a; ++b) {
          double& each = covs[h][a * d_ + b];
          each = each / mass[h] - sum[a] * sum[b] / (mass[h] * mass[h]) + (a == b ? kBlur : 0.0);
        }
      level += mass[h] * (std::log(mass[h]) - 0.5 * factor(covs[h], d_));
    }
    if (!(level > top_)) return;
    top_ = level;
    best_ = std::move(labels);
  }

  const SplitProblem& in_;
  size_t m_ = 0, d_;
  bool dense_;
  double total_ = 0, level_ = 0, top_ = kNone;
  Array rows_, share_, y_, mean_, variances_, fourth_, square_;
  Labels best_;
};

}  // namespace

void component_splits(const SplitProblem& problem, double* gains, double* weights, double* means, double* covs) {
  double total = 0;
  for (size_t i = 0; i < problem.n; ++i) total += problem.weights[i];
  const size_t d = problem.d;
  const size_t each = problem.structure == Structure::full ? 2 * d * d : problem.structure == Structure::tied ? d * d : 2 * d;
  for (size_t j = 0; j < problem.k; ++j) {
    look_for_interrupt();
    EmState halves{Array(2, 0.0), Array(2 * d, 0.0), Array(each, 0.0)};
    gains[j] = Part(problem, j).split(halves) / total;
    std::copy(halves.weights.begin(), halves.weights.end(), weights + 2 * j);
    std::copy(halves.means.begin(), halves.means.end(), means + 2 * d * j);
    std::copy(halves.covs.begin(), halves.covs.end(), covs + each * j);
  }
}

}  // namespace mixot
