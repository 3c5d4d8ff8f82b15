// Entropic coupling of two weight vectors, balanced or with marginals that are relaxed by KL.
#pragma once
#include <cstddef>

namespace mixot {

// min over w >= 0 of  <C, w> + lam KL(w | a b') + rho_a KL(w 1 | a) + rho_b KL(w' 1 | b),
//
// cost (k, l), positive weights by their logarithms, log_a (k), log_b (l); rho = infinity asks for the marginal itself.
struct EntropicProblem {
  const double *cost, *log_a, *log_b;
  std::size_t k, l;
  double lam, rho_a, rho_b;
};

struct EntropicReport {
  std::size_t levels = 0, sweeps = 0, newton = 0;
  double error = 0;  // sum_j |column sum - its target|, of what is returned
};

// f (k) and g (l) hold potentials to set out from, and then those of the answer
//
//   w_ij = a_i b_j exp((f_i + g_j - C_ij) / lam),
//
// w (k, l). `first` >= lam is where the continuation in lam starts; max_newton bounds the Newton steps of all levels.
EntropicReport entropic_coupling(const EntropicProblem& problem, double first, std::size_t max_newton, double* f,
                                 double* g, double* w);

// max |C_ij + C_i'j' - C_ij' - C_i'j| over all rows and columns: what of the costs does not separate; cost (k, l).
double largest_interaction(const double* cost, std::size_t k, std::size_t l, std::size_t threads);

}  // namespace mixot
