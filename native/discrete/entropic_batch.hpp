// Entropic couplings of many problems of one size.
#pragma once
#include <cstddef>

namespace mixot {

// cost (count, k, l), a (count, k), b (count, l), not negative, with one weight of the entropy for all, and of what it
// costs to miss the marginals (infinite: they are kept); see entropic.hpp.
struct EntropicBatch {
  const double *cost, *a, *b;
  std::size_t count, k, l;
  double lam, rho_a, rho_b;
};

// -> w (count, k, l) and potentials f (count, k), g (count, l), those of atoms without weight zero; errors (count), what
// is left of the condition on the marginals.
void entropic_couplings(const EntropicBatch& batch, std::size_t max_newton, std::size_t threads, double* f, double* g,
                        double* w, double* errors);

}  // namespace mixot
