// The cheapest tuples of a sum of pair costs, for column generation on multi-marginal transport.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// A tuple (k_0, ..., k_{J-1}), 0 <= k_j < sizes[j], has the reduced cost
//     sum_{i<j} pair_ij[k_i, k_j] - sum_j potential_j[k_j].
struct TupleCosts {
  std::size_t count;                // J >= 2
  const std::int32_t* sizes;        // (J)
  const double* pairs;              // all pair_ij, row-major, in the order (0,1) (0,2) ... (0,J-1) (1,2) ...
  const double* potentials;         // all potential_j, one after the other
};

struct PricingLimits {
  double threshold;        // only tuples with a reduced cost below this are wanted
  std::size_t wanted;      // at most so many, the cheapest ones
  std::size_t max_nodes;   // of the search tree, shared evenly by its first branches
  std::size_t threads;
};

struct PricingAnswer {
  std::size_t found;   // rows written
  double lower;        // no tuple that is not known has a reduced cost below this
  std::size_t nodes;   // visited
  bool complete;       // false where max_nodes stopped the search; `lower` holds all the same
};

// The `wanted` cheapest tuples below `threshold` that are not among the `known` ones (known_count, J, sorted rows),
// by depth-first branch and bound. rows (wanted, J), values (wanted), cheapest first.
PricingAnswer price_tuples(const TupleCosts& costs, const std::int32_t* known, std::size_t known_count,
                           const PricingLimits& limits, std::int32_t* rows, double* values);

}  // namespace mixot
