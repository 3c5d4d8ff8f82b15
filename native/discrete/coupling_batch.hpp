// Exact couplings of many problems of one size.
#pragma once
#include <cstddef>

#include "discrete/network_simplex.hpp"

namespace mixot {

// cost (count, n, m), a (count, n), b (count, m).
struct CouplingBatch {
  const double *cost, *a, *b;
  std::size_t count, n, m;
};

// How the first problem that was not solved ended, `at` its number; optimal where all were.
struct BatchEnd {
  TransportEnd end = TransportEnd::optimal;
  std::size_t at = 0;
};

// -> values (count); coupling (count, n, m), which must come filled with zeros; f (count, n), g (count, m): potentials,
// balanced (balanced_potentials.hpp) where asked for.
BatchEnd exact_couplings(const CouplingBatch& batch, std::int64_t max_pivots, bool balanced, std::size_t threads,
                         double* values, double* coupling, double* f, double* g);

}  // namespace mixot
