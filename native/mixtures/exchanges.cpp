#include "mixtures/exchanges.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "machine/interrupt.hpp"

namespace mixot {
namespace {

using std::size_t;
using Array = std::vector<double>;

constexpr double kLeastGain = 0.05;  // nats, that a row has to gain
constexpr size_t kAtOnce = 4;        // rows that change at once
constexpr double kLeastRows = 2;     // rows, in units of what determines a covariance, that a row has to leave behind
constexpr double kManyRows = 12;     // rows, in the same units, of components that no row holds
constexpr double kLeft = 1e-6;       // of a determinant, which has to stay when a row leaves

// Lower factor of a symmetric matrix (d, d), and the logarithm of its determinant, not a number where there is none.
double factor(const double* s, size_t d, double* l) {
  double log_det = 0;
  for (size_t i = 0; i < d; ++i)
    for (size_t j = 0; j <= i; ++j) {
      double sum = s[i * d + j];
      for (size_t c = 0; c < j; ++c) sum -= l[i * d + c] * l[j * d + c];
      l[i * d + j] = i > j ? sum / l[j * d + j] : std::sqrt(sum);
      if (i == j) log_det += std::log(sum);
    }
  return log_det;
}

// |L^-1 v|^2; v is lost.
double squared_length(const double* l, size_t d, double* v) {
  double sum = 0;
  for (size_t i = 0; i < d; ++i) {
    for (size_t c = 0; c < i; ++c) v[i] -= l[i * d + c] * v[c];
    v[i] /= l[i * d + i];
    sum += v[i] * v[i];
  }
  return sum;
}

struct Change {
  double gain, u;
  size_t row, from, to;
};

template <class T>
class Exchange {
 public:
  Exchange(const EmRows<T>& rows, EmState& state, double observations)
      : rows_(rows), state_(state), d_(rows.d), k_(state.weights.size()), observations_(observations) {
    for (Array* each : {&z_, &v_}) each->resize(d_);
    for (Array* each : {&log_det_, &squares_, &joint_}) each->resize(k_);
    factors_.resize(k_ * d_ * d_);
    double total = 0;
    for (size_t i = 0; i < rows.n; ++i) total += rows.weights[i];
    unit_ = observations / total;
    for (double each : state.weights) mass_.push_back(each * observations);
  }

  bool run() {
    const double size = static_cast<double>(d_);
    if (k_ < 2 || *std::min_element(mass_.begin(), mass_.end()) > kManyRows * (size + 1)) return false;
    for (size_t j = 0; j < k_; ++j) {
      log_det_[j] = factor(state_.covs.data() + j * d_ * d_, d_, factors_.data() + j * d_ * d_);
      if (!std::isfinite(log_det_[j])) return false;
    }
    std::vector<Change> best;
    for (size_t i = 0; i < rows_.n; ++i) {
      look_for_interrupt(static_cast<int>(i));
      const Change each = of_row(i);
      if (each.gain > kLeastGain) best.push_back(each);
    }
    const size_t count = std::min(kAtOnce, best.size());
    std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(count), best.end(),
                      [](const Change& a, const Change& b) { return a.gain != b.gain ? a.gain > b.gain : a.row < b.row; });
    bool changed = false;
    for (size_t c = 0; c < count; ++c) changed |= change(best[c]);
    return changed;
  }

 private:
  void read(size_t i) {
    for (size_t a = 0; a < d_; ++a)
      z_[a] = (static_cast<double>(rows_.points[i * d_ + a]) - rows_.center[a]) * rows_.inv_scale[a];
  }

  double square(size_t j) {
    for (size_t a = 0; a < d_; ++a) v_[a] = z_[a] - state_.means[j * d_ + a];
    return squared_length(factors_.data() + j * d_ * d_, d_, v_.data());
  }

  // m log m - m / 2 log det of a component.
  static double level(double m, double log_det) { return m * (std::log(m) - log_det / 2); }

  // The best change of one row, of gain zero where there is none.
  Change of_row(size_t i) {
    Change out{0, 0, i, 0, 0};
    read(i);
    size_t own = 0;
    for (size_t j = 0; j < k_; ++j) {
      squares_[j] = square(j);
      joint_[j] = std::log(state_.weights[j]) - (log_det_[j] + squares_[j]) / 2;
      if (joint_[j] > joint_[own]) own = j;
    }
    double sum = 0;
    for (size_t j = 0; j < k_; ++j) sum += std::exp(joint_[j] - joint_[own]);
    const double d = static_cast<double>(d_), u = rows_.weights[i] * unit_ / sum, m = mass_[own], left = m - u;
    if (!(left > kLeastRows * (d + 1))) return out;
    const double fall = 1 - u * squares_[own] / left;
    if (!(fall > kLeft)) return out;
    const double leaving = level(left, log_det_[own] + d * std::log(m / left) + std::log(fall)) - level(m, log_det_[own]);
    for (size_t j = 0; j < k_; ++j) {
      if (j == own) continue;
      const double step = u * squares_[j];
      const double more = mass_[j] + u;
      const double after = log_det_[j] + d * std::log(mass_[j] / more) + std::log1p(step / more);
      const double gain = leaving + level(more, after) - level(mass_[j], log_det_[j]);
      if (gain > out.gain) out = {gain, u, i, own, j};
    }
    return out;
  }

  // Moves a row, if those that have moved before let it.
  bool change(const Change& c) {
    read(c.row);
    const double u = c.u, left = mass_[c.from] - u, more = mass_[c.to] + u;
    double* from = state_.covs.data() + c.from * d_ * d_;
    if (!std::isfinite(factor(from, d_, factors_.data() + c.from * d_ * d_))) return false;
    if (!(left > 0) || u / left * square(c.from) > 1 - kLeft) return false;
    moved(c.from, mass_[c.from] / left, -u / left);
    moved(c.to, mass_[c.to] / more, u / more);
    mass_[c.from] = left, mass_[c.to] = more;
    state_.weights[c.from] = left / observations_, state_.weights[c.to] = more / observations_;
    return true;
  }

  // cov := share (cov + part v v'), mean += part v, v from the mean to the row.
  void moved(size_t j, double share, double part) {
    double *mean = state_.means.data() + j * d_, *cov = state_.covs.data() + j * d_ * d_;
    for (size_t a = 0; a < d_; ++a) v_[a] = z_[a] - mean[a];
    for (size_t a = 0; a < d_; ++a) {
      for (size_t b = 0; b < d_; ++b) cov[a * d_ + b] = share * (cov[a * d_ + b] + part * v_[a] * v_[b]);
      mean[a] += part * v_[a];
    }
  }

  const EmRows<T>& rows_;
  EmState& state_;
  size_t d_, k_;
  double observations_, unit_ = 0;
  Array factors_, log_det_, z_, v_, mass_, squares_, joint_;
};

}  // namespace

template <class T>
bool exchange_rows(const EmRows<T>& rows, EmState& state, double observations) {
  return Exchange<T>(rows, state, observations).run();
}

template bool exchange_rows(const EmRows<double>&, EmState&, double);
template bool exchange_rows(const EmRows<float>&, EmState&, double);

}  // namespace mixot
