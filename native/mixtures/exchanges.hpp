// Rows that change their component, where that makes all of them more likely although no step of EM does it.
#pragma once
#include <cstddef>

#include "mixtures/em_run.hpp"

namespace mixot {

// A state after an M step, full covariances, becomes that in which the few rows that gain most have gone from one
// component to another: true, or false where none gains. `observations` is what the weights of all rows stand for.
//
// What the likelihood of a mixture with its rows assigned gains when u of a component's mass m leaves from squared
// Mahalanobis distance D, both components fitted again, is known in closed form: its covariance has the determinant
// det (m / (m - u))^d (1 - u D / (m - u)), that of the other one, where u arrives, det (m / (m + u))^d (1 + u D / (m + u)).
// (Hartigan's rule for k-means, with covariances.)
template <class T>
bool exchange_rows(const EmRows<T>& rows, EmState& state, double observations);

}  // namespace mixot
