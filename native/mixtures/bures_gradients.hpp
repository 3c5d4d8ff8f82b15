// Gradients of the Bures part of W2^2 between pairs of covariances.
#pragma once
#include <cstddef>
#include <cstdint>

#include "mixtures/gaussian_costs.hpp"

namespace mixot {

// For pair s, A = a[rows[s]] and B = b[cols[s]]: in_a[s] = I - T, T the optimal map from N(0, A) to N(0, B), and
// in_b[s] = I - T^-1, both symmetric, (pairs, dim, dim); zero where A and B are the same. With A = L L^T, B = R R^T and
// L^T R = U S V^T it is T = R V U^T L^-1: no matrix is squared, no eigenvector differentiated.
//
// hard[s], (pairs), is 1 where a covariance is nearly singular, or its coordinates have unlike units, so that the order
// of its coordinates matters: those pairs are left alone.
void bures_gradients(Covariances a, Covariances b, const std::int64_t* rows, const std::int64_t* cols,
                     std::size_t pairs, double* in_a, double* in_b, std::uint8_t* hard, std::size_t threads);

}  // namespace mixot
