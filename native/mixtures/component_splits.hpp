// The best two components for the rows of each component of a Gaussian mixture.
#pragma once
#include <cstddef>

#include "mixtures/em.hpp"

namespace mixot {

// Rows in units in which distances are fair, points (n, d), with weights (n) and responsibilities shares (n, k); `noise`
// is the variance that an M step adds. A spherical mixture is a diagonal one with equal variances.
struct SplitProblem {
  const double *points, *weights, *shares;
  std::size_t n, d, k;
  double noise;
  Structure structure;
  bool spherical;
  std::size_t passes, threads;  // of the EM that follows a cut
};

// For each component: gains (k), by how much two components raise the log-likelihood of its rows, with their weights as
// they are, per unit of weight of all rows, minus infinity where they are too few; and these components: weights (k, 2),
// means (k, 2, d), covs (k, 2, d, d) full, (k, 2, d) diagonal, (k, d, d) tied.
//
// They begin with the most likely of a few cuts in coordinates in which the rows' covariance is the identity: core and
// rest, where tails are heavy, and halves along axes of low kurtosis, where clusters lie apart. Such axes are the
// eigenvector of E |y|^2 y y' of its lowest eigenvalue and, from there and from the axis of skewness E |y|^2 y, where the
// fixed point iteration of Hyvarinen (IEEE Trans. Neural Networks 10, 1999) leads.
void component_splits(const SplitProblem& problem, double* gains, double* weights, double* means, double* covs);

}  // namespace mixot
