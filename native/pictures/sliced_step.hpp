// One step of sliced transport: colors moved along directions to the quantiles of a palette.
#pragma once
#include <cstddef>

namespace mixot {

// For each of m directions u the points (n, 3), of weights (n) that sum to one, are moved along u to the quantiles of
// the target: of p = x . u in order, with s the middle of its step of the distribution function, to the value at s of
// the function that is linear between levels (l) and quantiles (m, l). step (n, 3) = sum_u (quantile(s) - p) u.
void sliced_step(const double* points, const double* weights, std::size_t n, const double* directions, std::size_t m,
                 const double* levels, const double* quantiles, std::size_t l, double* step);

}  // namespace mixot
