// Barycenters of tuples of Gaussian laws in the plane.
#pragma once
#include <cstddef>

namespace mixot {

// Alvarez-Esteban's iteration S <- T S T, T = sum_j w_j T_j, T_j the optimal map from N(0, S) to N(0, S_j), for each of
// s tuples. covs (s, j, 2, 2), weights (j) -> out (s, 2, 2), costs (s), residuals (s); returns the most steps taken.
// Residual: |F^T (I - T) F| / |S|, S = F F^T, in Frobenius norm.
std::size_t planar_barycenters(const double* covs, const double* weights, std::size_t s, std::size_t j, double tol,
                               std::size_t max_iter, std::size_t threads, double* out, double* costs,
                               double* residuals);

}  // namespace mixot
