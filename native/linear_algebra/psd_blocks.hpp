// Symmetric matrices of an interior-point method: many small blocks, and one large Schur matrix.
//
// Blocks lie one after the other in one array, block k as (sizes[k], sizes[k]) by rows. One thread: the blocks are too
// small to share.
#pragma once
#include <cstddef>
#include <cstdint>

#include "linear_algebra/panels.hpp"

namespace mixot {

struct Sizes {
  const std::int64_t* data;
  std::size_t count;
  std::size_t operator[](std::size_t k) const { return static_cast<std::size_t>(data[k]); }
  std::size_t squared(std::size_t k) const { return (*this)[k] * (*this)[k]; }
};

// Upper triangular t with x^-1 = t t'; false where a block is not positive definite.
bool psd_inverse_factors(Sizes blocks, const double* x, double* t);

// out = t t'.
void psd_inverses(Sizes blocks, const double* t, double* out);

// out = (a b c + (a b c)') / 2 for symmetric a, b, c.
void psd_sandwich(Sizes blocks, const double* a, const double* b, const double* c, double* out);

// The least eigenvalue of t' d t over all blocks, from below and tight to a thousandth; infinity without blocks.
double psd_least_eigenvalue(Sizes blocks, const double* t, const double* d);

// In place, R'R = s (n, n): the upper triangle is read and overwritten. Pivots not above floors (n) are replaced by
// huge ones, which leaves their unknowns at zero; returns how many.
std::size_t cholesky(double* s, std::size_t n, const double* floors);

std::size_t cholesky(double* s, std::size_t n, const double* floors, Panels& panels);

// s += sign m'm, upper triangle; m (rows, n), s (n, n).
void add_gram(const double* m, std::size_t rows, std::size_t n, double sign, double* s, Panels& panels);

// x := (R'R)^-1 x.
void cholesky_solve(const double* r, std::size_t n, double* x);

// out = s x for symmetric s given by its upper triangle.
void symmetric_product(const double* s, std::size_t n, const double* x, double* out);

}  // namespace mixot
