// The Schur matrix of one block of a semidefinite program, S_ab += tr(A_a X^-1 A_b Z).
//
// The block's linear part is F(y) = sum_g (T y)_g E_g: sparse symmetric generators E_g (n, n), each a linear form of the
// variables. Of a moment matrix the generators are the sets of entries that hold one moment; where a moment is itself
// a polynomial of others, T says which. S = T' M T with M_gh = tr(E_g X^-1 E_h Z).
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

struct SchurBlock {
  std::size_t n, forms, variables, entries;
  // Generator g has rows row_at[g] .. row_at[g + 1], row q is row_index[q] with entries row_start[q] .. row_start[q + 1].
  const std::int32_t *row_at, *row_index, *row_start, *column;
  const double* value;
  // The same entries once per pair (i, j), (j, i): pairs pair_at[g] .. pair_at[g + 1] at places i * pitch + j and
  // j * pitch + i of a matrix whose rows are `pitch` apart; the weight of a diagonal entry is halved.
  const std::int32_t *pair_at, *place, *mirror;
  const double* weight;
  // T by rows (forms, variables), and the index in the whole problem of each variable of the block, increasing.
  const std::int32_t *form_start, *form_variable;
  const double* form_value;
  const std::int32_t* variable;
};

// A multiple of every register tile: distance between rows of the matrix that `place` points into.
inline std::size_t schur_pitch(std::size_t n) { return (n + 23) / 24 * 24; }

// Adds to the upper triangle of s (m, m); inverse and z (n, n), symmetric; `space` for forms^2 numbers.
void add_schur(const SchurBlock& block, const double* inverse, const double* z, std::size_t m, std::size_t threads,
               double* space, double* s);

// s += sum_r weights[r] g_r g_r', upper triangle, rows g_r sparse: start (rows + 1), column, value.
void add_schur_rows(const std::int32_t* start, const std::int32_t* column, const double* value, const double* weights,
                    std::size_t rows, std::size_t m, double* s);

}  // namespace mixot
