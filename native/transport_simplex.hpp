// The transport linear program between finitely many atoms.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

struct FlowProblem {
  const double* cost;  // (rows, cols) row-major, not negative, of unit size
  const double* a;     // (rows), positive
  const double* b;     // (cols), positive, of the same sum but for rounding
  std::size_t rows, cols;
};

// min sum_ij w_ij cost_ij over w >= 0 with row sums a and column sums b, by the primal network simplex.
// -> coupling (rows, cols), zero on entry; potentials u (rows), v (cols), u_i + v_j = cost_ij on the support and, at the
// optimum, u_i + v_j <= cost_ij up to rounding. Returns the pivots it took; max_pivots + 1 where they did not suffice,
// and then the coupling is feasible all the same. Fastest with rows <= cols.
std::int64_t transport_simplex(const FlowProblem& problem, std::int64_t max_pivots, double* coupling, double* u,
                               double* v);

}  // namespace mixot
