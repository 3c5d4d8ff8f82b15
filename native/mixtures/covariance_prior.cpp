#include "mixtures/covariance_prior.hpp"

#include <cmath>
#include <vector>

namespace mixot {
namespace {

using std::size_t;

// Observations of a prior mean that n rows are as good as: n shrinkage / (n + shrinkage).
double pull(const CovariancePrior& prior, double n) {
  return prior.shrinkage > 0 ? prior.shrinkage * n / (n + prior.shrinkage) : 0;
}

void shrink_means(const CovariancePrior& prior, const PriorShape& shape, const double* weights, double* means) {
  if (!(prior.shrinkage > 0)) return;
  for (size_t j = 0; j < shape.k; ++j) {
    const double n = prior.observations * weights[j], share = prior.shrinkage / (n + prior.shrinkage);
    for (size_t a = 0; a < shape.d; ++a) {
      double& mean = means[j * shape.d + a];
      mean += share * (prior.mean[a] - mean);
    }
  }
}

void shrink_full(const CovariancePrior& prior, const PriorShape& shape, const double* weights, const double* means,
                 double* covs) {
  const size_t d = shape.d;
  for (size_t j = 0; j < shape.k; ++j) {
    const double n = prior.observations * weights[j], between = pull(prior, n);
    const double total = n + prior.dof + static_cast<double>(d) + 1 + (prior.shrinkage > 0 ? 1 : 0);
    for (size_t a = 0; a < d; ++a)
      for (size_t c = 0; c < d; ++c) {
        const double x = means[j * d + a] - prior.mean[a], y = means[j * d + c] - prior.mean[c];
        double& value = covs[(j * d + a) * d + c];
        value = (n * value + prior.scale[a * d + c] + between * x * y) / total;
      }
  }
}

void shrink_tied(const CovariancePrior& prior, const PriorShape& shape, const double* weights, const double* means,
                 double* covs) {
  const size_t d = shape.d;
  const double drawn = prior.shrinkage > 0 ? static_cast<double>(shape.k) : 0;  // means, each with this covariance
  const double total = prior.observations + prior.dof + static_cast<double>(d) + 1 + drawn;
  for (size_t a = 0; a < d; ++a)
    for (size_t c = 0; c < d; ++c) {
      double value = prior.observations * covs[a * d + c] + prior.scale[a * d + c];
      for (size_t j = 0; j < shape.k; ++j)
        value += pull(prior, prior.observations * weights[j]) * (means[j * d + a] - prior.mean[a]) *
                 (means[j * d + c] - prior.mean[c]);
      covs[a * d + c] = value / total;
    }
}

void shrink_variances(const CovariancePrior& prior, const PriorShape& shape, const double* weights,
                      const double* means, double* covs) {
  const size_t d = shape.d;
  const double drawn = prior.shrinkage > 0 ? 1 : 0;
  for (size_t j = 0; j < shape.k; ++j) {
    const double n = prior.observations * weights[j], between = pull(prior, n);
    double sum = 0, *v = covs + j * d;
    for (size_t a = 0; a < d; ++a) {
      const double x = means[j * d + a] - prior.mean[a];
      const double scatter = n * v[a] + between * x * x;
      sum += scatter / (shape.inv_scale[a] * shape.inv_scale[a]);
      v[a] = (scatter + prior.scale[a]) / (n + prior.dof + 2 + drawn);
    }
    if (!shape.spherical) continue;
    const double own = (sum + prior.scale[0] / (shape.inv_scale[0] * shape.inv_scale[0])) /
                       ((n + drawn) * static_cast<double>(d) + prior.dof + 2);  // one variance in the data's units
    for (size_t a = 0; a < d; ++a) v[a] = own * shape.inv_scale[a] * shape.inv_scale[a];
  }
}

// |P' y|^2 and tr(scale P P') of an upper triangular P (d, d).
double mahalanobis(const double* p, const double* y, size_t d) {
  double sum = 0;
  for (size_t c = 0; c < d; ++c) {
    double dot = 0;
    for (size_t a = 0; a <= c; ++a) dot += p[a * d + c] * y[a];
    sum += dot * dot;
  }
  return sum;
}

double trace(const double* p, const double* scale, size_t d) {
  double sum = 0;
  for (size_t c = 0; c < d; ++c)
    for (size_t a = 0; a <= c; ++a)
      for (size_t b = 0; b <= c; ++b) sum += p[a * d + c] * scale[a * d + b] * p[b * d + c];
  return sum;
}

}  // namespace

void shrink(const CovariancePrior& prior, const PriorShape& shape, const double* weights, double* means, double* covs) {
  if (shape.structure == Structure::full) shrink_full(prior, shape, weights, means, covs);
  if (shape.structure == Structure::tied) shrink_tied(prior, shape, weights, means, covs);
  if (shape.structure == Structure::diagonal) shrink_variances(prior, shape, weights, means, covs);
  shrink_means(prior, shape, weights, means);
}

void blend(const CovariancePrior& prior, const PriorShape& shape, const double* weights, double* means, double* covs,
           double* masses) {
  const size_t d = shape.d, k = shape.k;
  const bool full = shape.structure == Structure::full;
  const double drawn = prior.shrinkage > 0 ? 1 : 0;
  const double part = shape.once ? 1.0 / static_cast<double>(k) : 1.0;  // of a covariance that is drawn once
  const double each = shape.spherical ? part / static_cast<double>(d) : part;  // of a variance, for each coordinate
  for (size_t j = 0; j < k; ++j) {
    const double n = prior.observations * weights[j], between = pull(prior, n);
    masses[j] = n + drawn + (full ? prior.dof + static_cast<double>(d) + 1 : each * (prior.dof + 2));
    double* s = covs + j * d * (full ? d : 1);
    for (size_t a = 0; a < d; ++a) {
      const double x = means[j * d + a] - prior.mean[a];
      if (!full) s[a] = (n * s[a] + between * x * x + each * prior.scale[a]) / masses[j];
      for (size_t c = 0; c < d && full; ++c) {
        const double y = means[j * d + c] - prior.mean[c];
        s[a * d + c] = (n * s[a * d + c] + between * x * y + prior.scale[a * d + c]) / masses[j];
      }
    }
  }
  shrink_means(prior, shape, weights, means);
}

double log_prior(const CovariancePrior& prior, const PriorShape& shape, const double* means, const double* factors,
                 const double* log_roots) {
  const size_t d = shape.d;
  const double drawn = prior.shrinkage > 0 ? 1 : 0, dim = static_cast<double>(d);
  double shift = 0, sum = 0;
  for (size_t a = 0; a < d; ++a) shift += std::log(shape.inv_scale[a]);
  std::vector<double> away(d);
  for (size_t j = 0; j < shape.k; ++j) {
    for (size_t a = 0; a < d; ++a) away[a] = means[j * d + a] - prior.mean[a];
    if (shape.structure == Structure::diagonal) {
      const double* f = factors + j * d;
      const double root = log_roots[j] + shift;  // of det P in the data's units: minus half the logarithm of |cov|
      double squares = 0, spread = 0;
      for (size_t a = 0; a < d; ++a) {
        squares += f[a] * f[a] * away[a] * away[a];
        spread += prior.scale[a] * f[a] * f[a];
      }
      sum += drawn * (root - prior.shrinkage * squares / 2);
      if (shape.once && j > 0) continue;
      sum += shape.spherical ? (prior.dof + 2) * root / dim - prior.scale[0] * f[0] * f[0] / 2
                             : (prior.dof + 2) * root - spread / 2;
      continue;
    }
    const bool tied = shape.structure == Structure::tied;
    const double* f = tied ? factors : factors + j * d * d;
    const double root = log_roots[tied ? 0 : j] + shift;
    sum += drawn * (root - prior.shrinkage * mahalanobis(f, away.data(), d) / 2);
    if (!tied || j == 0) sum += (prior.dof + dim + 1) * root - trace(f, prior.scale, d) / 2;
  }
  return sum;
}

}  // namespace mixot
