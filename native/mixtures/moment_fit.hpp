// Fits of Gaussian mixtures to Chebyshev moments by Levenberg-Marquardt, many starts at once.
#pragma once
#include <cstddef>
#include <cstdint>

#include "mixtures/chebyshev.hpp"

namespace mixot {

// Target moments of a law, whitened, and the operators that whiten those of a mixture.
//   powers (s, d): exponents a, graded, of the Chebyshev products T_a; powers[0] = 0.
//   operators (1 + d + c, m, s): W, then W D_j for the derivatives by each mean, then by each number of the covariance
//     (W D_j D_j / 2 for a variance, W D_i D_j for a covariance, their sum over j where it is spherical).
//   target (m) = W E T_a of the law.
//   floor: variance that every covariance has at least, S >= floor I; ceiling: variance that none exceeds by far.
struct MomentTarget {
  const std::int64_t* powers;
  const double* operators;
  const double* target;
  std::size_t d, s, m;
  CovShape shape;
  double floor, ceiling, reach;
};

struct MomentFitLimits {
  std::size_t max_iter;
  double tol;  // stop where an iteration lowers J by less than tol (1 + J), or tol J where `relative`
  bool relative;
};

// `count` mixtures of k components, the starts on entry and the minimisers on return:
//   weights (count, k), means (count, k, d), covs (count, k, c); objectives (count) = J; iterations (count).
struct MomentStarts {
  double *weights, *means, *covs;
  std::size_t count, k;
  double* objectives;
  std::int64_t* iterations;
};

// Minimises J = |target - sum_k w_k W p(m_k, S_k)|^2 from each start, over logits of the weights, means and logarithms
// of variances (log-Cholesky factors where full). J never increases.
void moment_fit(const MomentTarget& target, const MomentStarts& starts, const MomentFitLimits& limits,
                std::size_t threads);

// Residuals r (m) = sum_k w_k W p_k - target and their derivatives (m, q) by the q = k (1 + d + c) parameters: logits,
// means, shapes; the point itself is given as weights, means and covariances.
void moment_residuals(const MomentTarget& target, const double* weights, const double* means, const double* covs,
                      std::size_t k, double* residuals, double* jacobian);

}  // namespace mixot
