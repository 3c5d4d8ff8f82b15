// A normal inverse Wishart prior on the components of a Gaussian mixture: its share in an M step, and its log-density.
#pragma once
#include <cstddef>

#include "mixtures/em.hpp"

namespace mixot {

// mean[j] | cov[j] ~ N(mean, cov[j] / shrinkage), and cov[j] has a density proportional to
// |cov|^-((dof + d + 1) / 2) exp(-tr(scale cov^-1) / 2); of diagonal covariances each variance v has one proportional to
// v^-(dof / 2 + 1) exp(-scale / (2 v)), and so has the one of a spherical covariance. Components that share all of their
// covariance draw it once; where they share parts of it, the prior is that of each covariance, on those of the model.
// Fraley and Raftery, J. Classification 24, 2007; no shrinkage leaves the means free.
// `observations` is how many rows all the weights stand for; scale (d, d), or (d) of variances, and mean (d) are in the
// kernels' units, as `inv_scale` (d) makes them.
struct CovariancePrior {
  double observations = 0, shrinkage = 0, dof = 0;
  const double *mean = nullptr, *scale = nullptr;
};

// What a prior is asked of: structure and sizes of the mixture whose components it is of.
struct PriorShape {
  std::size_t k, d;
  Structure structure;
  bool spherical;
  const double* inv_scale;
  bool once = false;  // diagonal covariances that are all the same; others are tied
};

// The M step with the prior: weights (k) are shares of the mass, and means and covs, those of the weighted rows, become
// the ones of largest posterior density.
void shrink(const CovariancePrior& prior, const PriorShape& shape, const double* weights, double* means, double* covs);

// What makes the M step of a model of shared parts that of the largest posterior density: sum_j n[j] (log det cov[j] +
// tr(cov[j]^-1 S[j])) takes the prior in with other numbers of rows n and other covariances S. From weights (k), means
// and covs (k, ...) as above: masses (k) are n, covs become S, and means are those of largest posterior density.
void blend(const CovariancePrior& prior, const PriorShape& shape, const double* weights, double* means, double* covs,
           double* masses);

// Log-density of the prior at a mixture, up to what does not depend on it, in the units of the data. factors and
// log_roots (the logarithm of det P) are those of the covariances with inverse P P', as the kernels have them.
double log_prior(const CovariancePrior& prior, const PriorShape& shape, const double* means, const double* factors,
                 const double* log_roots);

}  // namespace mixot
