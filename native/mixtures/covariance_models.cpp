#include "mixtures/covariance_models.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "linear_algebra/symmetric_eigen.hpp"
#include "mixtures/common_axes.hpp"

namespace mixot {
namespace {

using std::size_t;
using Array = std::vector<double>;

constexpr double kNothing = 1e-14;  // share of a component that has no say, but has a covariance all the same
constexpr double kAngle = 1e-8;     // of the axes, whose square the objective lacks
constexpr double kVolume = 1e-11;   // relative change of a volume, at which fixed points have come to rest
constexpr int kRounds = 2000;
constexpr int kSweeps = 500, kFewSweeps = 4;  // of rotations, for one step and, at least, for one of many
constexpr double kTurns = 2000;               // rotations of one of many, where that is more: they cost little

// The logarithm of the determinant of a symmetric matrix (d, d) and its inverse in place; false where not definite.
bool invert_symmetric(double* a, size_t d, Array& u, double& log_det) {
  u.assign(d * d, 0.0);
  log_det = 0;
  for (size_t i = 0; i < d; ++i) {  // a = l l', l in the lower triangle of a
    for (size_t j = 0; j <= i; ++j) {
      double sum = a[i * d + j];
      for (size_t c = 0; c < j; ++c) sum -= a[i * d + c] * a[j * d + c];
      if (i == j && !(sum > 0 && std::isfinite(sum))) return false;
      if (i == j) log_det += std::log(sum);
      a[i * d + j] = i == j ? std::sqrt(sum) : sum / a[j * d + j];
    }
  }
  for (size_t j = 0; j < d; ++j)  // u = l^-1
    for (size_t i = j; i < d; ++i) {
      double sum = i == j ? 1.0 : 0.0;
      for (size_t c = j; c < i; ++c) sum -= a[i * d + c] * u[c * d + j];
      u[i * d + j] = sum / a[i * d + i];
    }
  for (size_t i = 0; i < d; ++i)
    for (size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (size_t c = i; c < d; ++c) sum += u[c * d + i] * u[c * d + j];
      a[i * d + j] = a[j * d + i] = sum;
    }
  return true;
}

// The geometric mean of d numbers; zero where one of them is not positive.
double geometric_mean(const double* v, size_t d) {
  double logs = 0;
  for (size_t i = 0; i < d; ++i) {
    if (!(v[i] > 0)) return 0;
    logs += std::log(v[i]);
  }
  return std::exp(logs / double(d));
}

}  // namespace

CovarianceModel covariance_model(const std::string& name) {
  CovarianceModel model;
  const bool letters = name.size() == 3 && name.find_first_not_of("EVI") == std::string::npos;
  if (!letters || name == "VVV" || name == "VVI" || name == "VII" || name == "EEE") return model;
  model.own_volumes = name[0] == 'V', model.own_shapes = name[1] == 'V', model.spherical = name[1] == 'I';
  model.turns = name[2] == 'I' ? Turns::none : name[2] == 'E' ? Turns::equal : Turns::variable;
  model.unconstrained = false;
  return model;
}

CovarianceStep::CovarianceStep(const CovarianceModel& model, size_t k, size_t d, const double* scale, bool exactly)
    : model_(model),
      k_(k),
      d_(d),
      diagonal_(model.turns == Turns::none),
      exactly_(exactly),
      scale_(scale, scale + d),
      masses_(k),
      axes_(diagonal_ ? 0 : k * d * d),
      variances_(k * d),
      volumes_(k),
      work_(d * d) {}

void CovarianceStep::begin(const double* masses, const double* covs) {
  begun_ = false;
  if (!common()) return;
  Array s(covs, covs + k_ * d_ * d_);
  for (size_t j = 0; j < k_; ++j)
    for (size_t a = 0; a < d_; ++a)
      for (size_t c = 0; c < d_; ++c) s[(j * d_ + a) * d_ + c] *= scale_[a] * scale_[c];
  const double total = std::accumulate(masses, masses + k_, 0.0);
  for (size_t j = 0; j < k_; ++j) masses_[j] = std::max(masses[j], kNothing * total);
  first_axes(Volumes::each, masses_.data(), s.data(), k_, d_, axes_.data());
  begun_ = common_axes(Volumes::each, masses_.data(), s.data(), k_, d_, kAngle, kSweeps, axes_.data(), variances_.data());
}

void CovarianceStep::operator()(const double* masses, double* covs) {
  const double total = std::accumulate(masses, masses + k_, 0.0);
  for (size_t j = 0; j < k_; ++j) masses_[j] = std::max(masses[j], kNothing * total) / total;
  const size_t each = diagonal_ ? d_ : d_ * d_;
  auto entry = [&](size_t j, size_t a, size_t c) -> double& { return covs[j * each + (diagonal_ ? a : a * d_ + c)]; };
  for (size_t j = 0; j < k_; ++j)
    for (size_t a = 0; a < d_; ++a)
      for (size_t c = diagonal_ ? a : 0; c < (diagonal_ ? a + 1 : d_); ++c) entry(j, a, c) *= scale_[a] * scale_[c];
  bool regular;
  if (model_.turns == Turns::equal && !model_.own_shapes) {
    regular = one_matrix(covs);
  } else if (model_.turns == Turns::variable && model_.own_shapes) {
    regular = one_volume(covs);
  } else {
    orient(masses_.data(), covs);
    regular = shape();
    const double* turn = axes_.data();
    for (size_t j = 0; j < k_ && regular; ++j, turn += model_.turns == Turns::variable ? d_ * d_ : 0)
      for (size_t a = 0; a < d_; ++a)
        for (size_t c = diagonal_ ? a : 0; c <= a; ++c) {
          double sum = diagonal_ ? variances_[j * d_ + a] : 0.0;
          for (size_t i = 0; i < d_ && !diagonal_; ++i)
            sum += turn[a * d_ + i] * variances_[j * d_ + i] * turn[c * d_ + i];
          entry(j, a, c) = sum;
          if (!diagonal_) entry(j, c, a) = sum;
        }
  }
  if (!regular) std::fill(covs, covs + k_ * each, 0.0);
  for (size_t j = 0; j < k_; ++j)
    for (size_t a = 0; a < d_; ++a)
      for (size_t c = diagonal_ ? a : 0; c < (diagonal_ ? a + 1 : d_); ++c) entry(j, a, c) /= scale_[a] * scale_[c];
}

// Axes, and the variances along them, largest first where each component has axes of its own.
void CovarianceStep::orient(const double* masses, double* covs) {
  if (diagonal_) {
    std::copy(covs, covs + k_ * d_, variances_.begin());
    return;
  }
  if (model_.turns == Turns::equal) {
    const Volumes volumes = model_.own_volumes ? Volumes::each : Volumes::shared;
    if (!begun_) first_axes(volumes, masses, covs, k_, d_, axes_.data());
    const int some = std::max(kFewSweeps, static_cast<int>(kTurns / double(d_ * d_)));
    const int sweeps = exactly_ || elsewhere_ ? kSweeps : some;
    elsewhere_ = false;
    begun_ = common_axes(volumes, masses, covs, k_, d_, kAngle, sweeps, axes_.data(), variances_.data());
    return;
  }
  std::vector<size_t> order(d_);
  Array vectors(d_ * d_);
  for (size_t j = 0; j < k_; ++j) {
    double* axes = axes_.data() + j * d_ * d_;
    std::copy(covs + j * d_ * d_, covs + (j + 1) * d_ * d_, work_.begin());
    symmetric_eigen(work_.data(), d_, vectors.data());
    std::iota(order.begin(), order.end(), size_t(0));
    std::sort(order.begin(), order.end(), [&](size_t p, size_t q) { return work_[p * d_ + p] > work_[q * d_ + q]; });
    for (size_t i = 0; i < d_; ++i) {
      variances_[j * d_ + i] = std::max(0.0, work_[order[i] * d_ + order[i]]);
      for (size_t a = 0; a < d_; ++a) axes[a * d_ + i] = vectors[a * d_ + order[i]];
    }
  }
}

// Variances of the model for those of the rows, (k, d) in place; false where some are zero.
bool CovarianceStep::shape() {
  double* v = variances_.data();
  if (model_.spherical) {  // one volume: others need no step
    double sum = 0;
    for (size_t j = 0; j < k_; ++j)
      for (size_t i = 0; i < d_; ++i) sum += masses_[j] * v[j * d_ + i];
    std::fill(v, v + k_ * d_, sum / double(d_));
    return sum > 0;
  }
  if (!model_.own_shapes) return common_shape();
  if (model_.own_volumes) return std::all_of(v, v + k_ * d_, [](double each) { return each > 0; });
  double volume = 0;
  for (size_t j = 0; j < k_; ++j) {
    volumes_[j] = geometric_mean(v + j * d_, d_);
    if (!(volumes_[j] > 0)) return false;
    volume += masses_[j] * volumes_[j];
  }
  for (size_t j = 0; j < k_; ++j)
    for (size_t i = 0; i < d_; ++i) v[j * d_ + i] *= volume / volumes_[j];
  return true;
}

// volume[j] = mean_i v[j, i] / a[i], and a in proportion to sum_j masses[j] v[j] / volume[j]; one round where all share
// the volume, which then is part of a.
bool CovarianceStep::common_shape() {
  double* v = variances_.data();
  Array shape(d_);
  for (size_t j = 0; j < k_; ++j) volumes_[j] = model_.own_volumes ? std::accumulate(v + j * d_, v + (j + 1) * d_, 0.0) : 1;
  for (int round = 0; round < kRounds; ++round) {
    std::fill(shape.begin(), shape.end(), 0.0);
    for (size_t j = 0; j < k_; ++j) {
      if (!(volumes_[j] > 0)) return false;
      for (size_t i = 0; i < d_; ++i) shape[i] += masses_[j] * v[j * d_ + i] / volumes_[j];
    }
    const double unit = geometric_mean(shape.data(), d_);
    if (!(unit > 0)) return false;
    if (!model_.own_volumes) break;
    double change = 0;
    for (double& each : shape) each /= unit;
    for (size_t j = 0; j < k_; ++j) {
      double mean = 0;
      for (size_t i = 0; i < d_; ++i) mean += v[j * d_ + i] / shape[i] / double(d_);
      change = std::max(change, std::abs(mean - volumes_[j]) / mean);
      volumes_[j] = mean;
    }
    if (!(change > kVolume)) break;
  }
  for (size_t j = 0; j < k_; ++j)
    for (size_t i = 0; i < d_; ++i) v[j * d_ + i] = volumes_[j] * shape[i];
  return true;
}

// The same for one matrix C in place of the shape: volume[j] = tr(S[j] C^-1) / d, C in proportion to
// sum_j masses[j] S[j] / volume[j]. It starts from the volumes of the last step.
bool CovarianceStep::one_matrix(double* covs) {
  Array common(d_ * d_), scratch;
  for (size_t j = 0; j < k_ && !begun_; ++j) {
    volumes_[j] = 0;
    for (size_t a = 0; a < d_; ++a) volumes_[j] += covs[(j * d_ + a) * d_ + a];
  }
  begun_ = false;
  for (int round = 0; round < kRounds; ++round) {
    std::fill(common.begin(), common.end(), 0.0);
    for (size_t j = 0; j < k_; ++j) {
      if (!(volumes_[j] > 0)) return false;
      for (size_t e = 0; e < d_ * d_; ++e) common[e] += masses_[j] * covs[j * d_ * d_ + e] / volumes_[j];
    }
    work_ = common;
    double log_det;
    if (!invert_symmetric(work_.data(), d_, scratch, log_det)) return false;
    const double unit = std::exp(log_det / double(d_));
    double change = 0;
    for (size_t j = 0; j < k_; ++j) {
      double mean = 0;
      for (size_t e = 0; e < d_ * d_; ++e) mean += covs[j * d_ * d_ + e] * work_[e];
      mean *= unit / double(d_);
      change = std::max(change, std::abs(mean - volumes_[j]) / mean);
      volumes_[j] = mean;
    }
    for (double& each : common) each /= unit;
    if (!(change > kVolume)) break;
  }
  for (size_t j = 0; j < k_; ++j)
    for (size_t e = 0; e < d_ * d_; ++e) covs[j * d_ * d_ + e] = volumes_[j] * common[e];
  return begun_ = true;
}

// Each covariance as it is, but for its volume: the mean of all volumes.
bool CovarianceStep::one_volume(double* covs) {
  Array scratch;
  double mean = 0;
  for (size_t j = 0; j < k_; ++j) {
    std::copy(covs + j * d_ * d_, covs + (j + 1) * d_ * d_, work_.begin());
    double log_det;
    if (!invert_symmetric(work_.data(), d_, scratch, log_det)) return false;
    mean += masses_[j] * (volumes_[j] = std::exp(log_det / double(d_)));
  }
  for (size_t j = 0; j < k_; ++j)
    for (size_t e = 0; e < d_ * d_; ++e) covs[j * d_ * d_ + e] *= mean / volumes_[j];
  return true;
}

}  // namespace mixot
