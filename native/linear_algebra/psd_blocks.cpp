#include "linear_algebra/psd_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "linear_algebra/panels.hpp"
#include "machine/interrupt.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;

struct Scratch {
  Panels panels;
  AlignedVector<double> space;
  double* fit(size_t n) {
    if (space.size() < n) space.resize(n);
    return space.data();
  }
};

}  // namespace
}  // namespace mixot

#define MIXOT_KERNEL "linear_algebra/psd_blocks_kernel.inl"
#include "machine/each_isa.inl"

namespace mixot {

bool psd_inverse_factors(Sizes blocks, const double* x, double* t) {
  Scratch scratch;
  MIXOT_DISPATCH(inverse_factors(blocks, x, t, scratch))
}

void psd_inverses(Sizes blocks, const double* t, double* out) {
  Scratch scratch;
  MIXOT_DISPATCH(inverses(blocks, t, out, scratch))
}

void psd_sandwich(Sizes blocks, const double* a, const double* b, const double* c, double* out) {
  Scratch scratch;
  MIXOT_DISPATCH(sandwiches(blocks, a, b, c, out, scratch))
}

double psd_least_eigenvalue(Sizes blocks, const double* t, const double* d) {
  Scratch scratch;
  MIXOT_DISPATCH(least_eigenvalue(blocks, t, d, scratch))
}

size_t cholesky(double* s, size_t n, const double* floors) {
  Panels panels;
  return cholesky(s, n, floors, panels);
}

size_t cholesky(double* s, size_t n, const double* floors, Panels& panels) {
  MIXOT_DISPATCH(factor_matrix(s, n, floors, panels))
}

void add_gram(const double* m, size_t rows, size_t n, double sign, double* s, Panels& panels) {
  MIXOT_DISPATCH(gram(m, rows, n, sign, s, panels))
}

void cholesky_solve(const double* r, size_t n, double* x) { MIXOT_DISPATCH(solve_factored(r, n, x)) }

void symmetric_product(const double* s, size_t n, const double* x, double* out) {
  MIXOT_DISPATCH(symmetric_times(s, n, x, out))
}

}  // namespace mixot
