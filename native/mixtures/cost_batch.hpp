// W2^2 between the components of many pairs of Gaussian mixtures, and between the points of many pairs of clouds.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// `count` problems one after the other: means (count, k, dim) and (count, l, dim), covariances (count, k, dim, dim) and
// (count, l, dim, dim).
struct MixturePairs {
  const double *p_means, *p_covs, *q_means, *q_covs;
  std::size_t count, k, l, dim;
};

// out (count, k, l): squared W2 between the components, and for s2 > 0 what an entropic term of strength 2 s2 adds;
// covariances that are all diagonal by their deviations. close (count, k, l) is 1 where a difference has too few digits,
// as `bures_costs` says, and out lacks the Bures part of W2^2. Returns how many.
std::size_t gaussian_cost_batch(const MixturePairs& pairs, double s2, double* out, std::uint8_t* close,
                                std::size_t threads);

// x (count, k, dim), y (count, l, dim) -> out[s, i, j] = |x_si - y_sj|^2, (count, k, l).
void squared_distance_batch(const double* x, const double* y, std::size_t count, std::size_t k, std::size_t l,
                            std::size_t dim, double* out, std::size_t threads);

}  // namespace mixot
