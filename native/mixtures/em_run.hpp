// Runs of EM for Gaussian mixtures: pass after pass in one call, each M step and every factor in the kernels' units.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "mixtures/covariance_models.hpp"
#include "mixtures/covariance_prior.hpp"
#include "mixtures/em.hpp"
#include "mixtures/incomplete_em.hpp"

namespace mixot {

// A mixture in the kernels' units: weights (k); means (k, d); covs (k, d, d) full, (d, d) tied, (k, d) diagonal.
struct EmState {
  std::vector<double> weights, means, covs;
};

// The rows of one run, as in EmProblem; `noise` (d) are the variances that the M step adds, `spread` (d) those that a
// component without mass gets, both in the kernels' units; a spherical mixture is a diagonal one with equal variances.
// `groups` says what is seen of the rows, and how noisily, where they are not complete; double only.
template <class T>
struct EmRows {
  const T* points;
  const double* weights;
  std::size_t n, d;
  const double *center, *inv_scale, *noise, *spread;
  Structure structure;
  bool spherical;
  CovarianceModel model = {};  // what the covariances share beyond the structure, which says how they are stored
  const EmGroups* groups = nullptr;
  const CovariancePrior* prior = nullptr;  // on the components; none where null
  double ahead = 0;  // mass that each component has before any row is seen: a Dirichlet prior on the weights
};

// When a run ends. `before` is the objective of the state that the start follows, or minus infinity; `tol` the gain of a
// plain iteration, per unit of weight, that ends it; `least` the share of a component that ends it, or 0.
struct EmLimits {
  std::size_t max_passes, threads;
  double tol, least, before;
  bool accelerated;
  std::function<void(double)> report;  // told of every objective that enters the history; may be empty
};

enum class EmEnd { limit, converged, emptied, singular, not_finite, fell };

// With a prior objectives are log-likelihood and log-density of the prior together, per unit of weight.
//
// Where a run ended: the best state, its objective and shares, the M step after it, and the objectives on the way, that
// of the start first. `fell` means that the start was below `before`, and `state` is the start all the same.
struct EmOutcome {
  EmEnd end = EmEnd::limit;
  EmState state, following;
  std::vector<double> shares, history;
  std::size_t component = 0;  // the first one that is singular
  double noise_share = 0;     // largest tr(diag(noise) S^-1) of a component: below 1/2 none is thinner than the noise
};

// EM from `start`. Where `accelerated`, every second pass looks at a point beyond two plain steps, squared iterative
// extrapolation (Varadhan and Roland, Scand. J. Stat. 35, 2008, scheme S3), measured in units of the mixture itself, so
// that an affine image of rows and start takes the image of every step. It is taken only where the objective there is no
// lower, so the history never decreases.
template <class T>
EmOutcome em_run(const EmRows<T>& rows, const EmState& start, const EmLimits& limits);

// out (n, k), the logarithm of the joint density of row and component of a state; false where a covariance is singular.
template <class T>
bool em_state_log_joint(const EmRows<T>& rows, const EmState& state, std::size_t threads, double* out);

// The state of the same weights and means whose covariances are what the model makes of these.
template <class T>
void em_into_model(const EmRows<T>& rows, EmState& state);

// The M step of rows that each belong to one cluster, labels (n) in 0 .. k - 1: what a run starts from.
template <class T>
EmState em_state_of_labels(const EmRows<T>& rows, const std::int64_t* labels, std::size_t k);

}  // namespace mixot
