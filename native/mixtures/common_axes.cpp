#include "mixtures/common_axes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "linear_algebra/symmetric_eigen.hpp"
#include "machine/interrupt.hpp"

namespace mixot {
namespace {

using std::size_t;
using Array = std::vector<double>;

constexpr double kStraight = 1e-3;  // angles below which a step of Newton needs no look at where it leads
constexpr double kTurn = 0.4;       // longest step of Newton

// D' S D, (d, d); half is scratch.
void turned(const double* s, const double* axes, size_t d, double* half, double* out) {
  std::fill(half, half + d * d, 0.0);
  std::fill(out, out + d * d, 0.0);
  for (size_t a = 0; a < d; ++a)
    for (size_t b = 0; b < d; ++b)
      for (size_t c = 0; c < d; ++c) half[a * d + c] += s[a * d + b] * axes[b * d + c];
  for (size_t a = 0; a < d; ++a)
    for (size_t b = 0; b < d; ++b)
      for (size_t c = 0; c < d; ++c) out[b * d + c] += axes[a * d + b] * half[a * d + c];
}

// The covariances in the axes in hand, and what a rotation of two axes does to the objective.
class Turning {
 public:
  Turning(Volumes volumes, const double* masses, const double* covs, size_t k, size_t d, double* axes)
      : volumes_(volumes), masses_(masses), k_(k), d_(d), axes_(axes), seen_(k * d * d), share_(k) {
    Array half(d * d);
    for (size_t j = 0; j < k; ++j) turned(covs + j * d * d, axes, d, half.data(), seen_.data() + j * d * d);
  }

  bool positive() const {
    for (size_t j = 0; j < k_; ++j)
      for (size_t i = 0; i < d_; ++i)
        if (!(at(j)[i * d_ + i] > 0)) return false;
    return true;
  }

  double objective() const {
    double sum = 0;
    for (size_t j = 0; j < k_; ++j) {
      double logs = 0;
      for (size_t i = 0; i < d_; ++i) logs += std::log(at(j)[i * d_ + i]);
      sum += masses_[j] * (volumes_ == Volumes::each ? logs : std::exp(logs / double(d_)));
    }
    return sum;
  }

  // Turns all pairs of axes once, unless by less than `least`; the largest angle.
  double sweep(double least) {
    double largest = 0;
    // n, or n times the d-th root of the determinant over d: the derivative of the objective by log a
    for (size_t j = 0; j < k_; ++j) {
      double logs = 0;
      for (size_t i = 0; i < d_ && volumes_ == Volumes::shared; ++i) logs += std::log(at(j)[i * d_ + i]);
      share_[j] = masses_[j] * (volumes_ == Volumes::shared ? std::exp(logs / double(d_)) / double(d_) : 1.0);
    }
    for (size_t p = 0; p + 1 < d_; ++p)
      for (size_t q = p + 1; q < d_; ++q) {
        const double angle = best_angle(p, q);
        if (std::abs(angle) < least) continue;
        if (volumes_ == Volumes::shared) rescale(p, q, angle);
        rotate(p, q, angle);
        largest = std::max(largest, std::abs(angle));
      }
    return largest;
  }

  void variances(double* out) const {
    for (size_t j = 0; j < k_; ++j)
      for (size_t i = 0; i < d_; ++i) out[j * d_ + i] = at(j)[i * d_ + i];
  }

 private:
  const double* at(size_t j) const { return seen_.data() + j * d_ * d_; }

  struct Plane {
    double a, b, h;  // variances along two axes, and their covariance
  };
  Plane plane(size_t j, size_t p, size_t q) const {
    return {at(j)[p * d_ + p], at(j)[q * d_ + q], at(j)[p * d_ + q]};
  }
  // (a, b) after both axes have turned by an angle of cosine c and sine s: the new first one is c e_p + s e_q.
  static void after(const Plane& x, double c, double s, double& a, double& b) {
    a = c * c * x.a + s * s * x.b + 2 * s * c * x.h;
    b = s * s * x.a + c * c * x.b - 2 * s * c * x.h;
  }

  double change(size_t p, size_t q, double angle) const {
    const double c = std::cos(angle), s = std::sin(angle), power = 1 / double(d_);
    double sum = 0;
    for (size_t j = 0; j < k_; ++j) {
      const Plane x = plane(j, p, q);
      double a, b;
      after(x, c, s, a, b);
      const double ratio = std::log(a / x.a * (b / x.b));
      sum += share_[j] * (volumes_ == Volumes::each ? ratio : std::expm1(ratio * power) / power);
    }
    return sum;
  }

  double best_angle(size_t p, size_t q) const {
    double slope = 0, curve = 0, cosine = 0, sine = 0;
    for (size_t j = 0; j < k_; ++j) {
      const Plane x = plane(j, p, q);
      const double pull = 1 / x.a - 1 / x.b, first = 2 * x.h * pull, away = x.b - x.a;
      slope += share_[j] * first;
      curve += share_[j] * (2 * away * pull - 4 * x.h * x.h * (1 / (x.a * x.a) + 1 / (x.b * x.b)));
      if (volumes_ == Volumes::shared) curve += share_[j] / double(d_) * first * first;
      cosine -= share_[j] * pull * away / 2;  // of the concave function above: cosine cos 2t + sine sin 2t
      sine += share_[j] * pull * x.h;
    }
    if (curve > 0) {
      const double angle = std::clamp(-slope / curve, -kTurn, kTurn);
      if (std::abs(angle) < kStraight || change(p, q, angle) < 0) return angle;
    }
    const double angle = cosine == 0 && sine == 0 ? 0.0 : std::atan2(-sine, -cosine) / 2;
    if (std::isfinite(angle) && change(p, q, angle) < 0) return angle;
    for (double away : {kTurn, -kTurn})  // from the top of a hill, where nothing pulls
      if (curve < 0 && change(p, q, away) < 0) return away;
    return 0.0;
  }

  void rescale(size_t p, size_t q, double angle) {
    const double c = std::cos(angle), s = std::sin(angle);
    for (size_t j = 0; j < k_; ++j) {
      const Plane x = plane(j, p, q);
      double a, b;
      after(x, c, s, a, b);
      share_[j] *= std::pow(a / x.a * (b / x.b), 1 / double(d_));
    }
  }

  void rotate(size_t p, size_t q, double angle) {
    const double c = std::cos(angle), s = std::sin(angle);
    for (size_t i = 0; i < d_; ++i) {
      const double f = axes_[i * d_ + p], g = axes_[i * d_ + q];
      axes_[i * d_ + p] = c * f + s * g, axes_[i * d_ + q] = c * g - s * f;
    }
    for (size_t j = 0; j < k_; ++j) {
      double* m = seen_.data() + j * d_ * d_;
      const Plane x = plane(j, p, q);
      double *row = m + p * d_, *other = m + q * d_, a, b;
      after(x, c, s, a, b);
      for (size_t i = 0; i < d_; ++i) {
        const double f = row[i], g = other[i];
        row[i] = c * f + s * g, other[i] = c * g - s * f;
      }
      for (size_t i = 0; i < d_; ++i) m[i * d_ + p] = row[i], m[i * d_ + q] = other[i];
      row[p] = a, other[q] = b;
      row[q] = other[p] = (c * c - s * s) * x.h - c * s * (x.a - x.b);
    }
  }

  Volumes volumes_;
  const double* masses_;
  size_t k_, d_;
  double* axes_;
  Array seen_, share_;
};

}  // namespace

bool common_axes(Volumes volumes, const double* masses, const double* covs, size_t k, size_t d, double tol, int sweeps,
                 double* axes, double* variances) {
  Turning turning(volumes, masses, covs, k, d, axes);
  bool positive = turning.positive();
  for (int sweep = 0; positive && sweep < sweeps; ++sweep) {
    look_for_interrupt();
    if (!(turning.sweep(tol / 10) > tol)) break;
    positive = turning.positive();
  }
  turning.variances(variances);
  return positive;
}

void first_axes(Volumes volumes, const double* masses, const double* covs, size_t k, size_t d, double* axes) {
  Array mean(d * d, 0.0), work(d * d), trial(d * d, 0.0);
  double least = std::numeric_limits<double>::infinity();
  auto attempt = [&](const Array& from) {
    Array a = from;
    symmetric_eigen(a.data(), d, trial.data());
    const double value = Turning(volumes, masses, covs, k, d, trial.data()).objective();
    if (value < least || !std::isfinite(least)) least = value, std::copy(trial.begin(), trial.end(), axes);
  };
  Array plain(d * d, 0.0);
  for (size_t i = 0; i < d; ++i) plain[i * d + i] = 1.0;
  attempt(plain);
  for (size_t j = 0; j < k; ++j) {
    double trace = 0;
    for (size_t i = 0; i < d; ++i) trace += covs[(j * d + i) * d + i];
    for (size_t i = 0; i < d * d; ++i) mean[i] += masses[j] * covs[j * d * d + i] / (trace > 0 ? trace : 1.0);
  }
  attempt(mean);
  for (size_t j = 0; j < k; ++j) attempt(Array(covs + j * d * d, covs + (j + 1) * d * d));
}

}  // namespace mixot
