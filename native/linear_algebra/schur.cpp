#include "linear_algebra/schur.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "linear_algebra/panels.hpp"
#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;

struct Factors {
  AlignedVector<double> inverse_strips, z_strips;
};

struct Worker {
  AlignedVector<double> u, rows;
};

}  // namespace
}  // namespace mixot

#define MIXOT_KERNEL "linear_algebra/schur_kernel.inl"
#include "machine/each_isa.inl"

namespace mixot {
namespace {

void pack_all(const SchurBlock& b, const double* inverse, const double* z, Factors& f) {
  MIXOT_DISPATCH(pack_factors(b, inverse, z, f))
}
void form_image(const SchurBlock& b, size_t g, const Factors& f, Worker& w) { MIXOT_DISPATCH(image(b, g, f, w)) }
void read_row(const SchurBlock& b, size_t g, const double* u, double* row) { MIXOT_DISPATCH(read_forms(b, g, u, row)) }
void read_row_directly(const SchurBlock& b, size_t g, const double* inverse, const double* z, double* row) {
  MIXOT_DISPATCH(read_forms_directly(b, g, inverse, z, row))
}
void mirror(double* x, size_t n) { MIXOT_DISPATCH(mirror_upper(x, n)) }
void transform(const SchurBlock& b, const double* forms, double* line, size_t m, double* s) {
  MIXOT_DISPATCH(add_transformed(b, forms, line, m, s))
}

}  // namespace

void add_schur(const SchurBlock& b, const double* inverse, const double* z, size_t m, size_t threads, double* forms,
               double* s) {
  Factors factors;
  pack_all(b, inverse, z, factors);
  std::vector<Worker> workers(std::max<size_t>(threads, 1));
  parallel_blocks(b.forms, threads, [&](size_t g, size_t worker) {
    double* row = forms + g * b.forms;
    const auto first = static_cast<size_t>(b.row_start[b.row_at[g]]);
    const size_t own = static_cast<size_t>(b.row_start[b.row_at[g + 1]]) - first, rest = b.entries - first;
    const auto rows = static_cast<size_t>(b.row_at[g + 1] - b.row_at[g]);
    if (8 * own * rest < b.n * b.n * rows + 16 * rest) return read_row_directly(b, g, inverse, z, row);
    Worker& w = workers[worker];
    form_image(b, g, factors, w);
    read_row(b, g, w.u.data(), row);
  });
  mirror(forms, b.forms);
  AlignedVector<double> line(b.variables);
  transform(b, forms, line.data(), m, s);
}

void add_schur_rows(const std::int32_t* start, const std::int32_t* column, const double* value, const double* weights,
                    size_t rows, size_t m, double* s) {
  for (size_t r = 0; r < rows; ++r)
    for (std::int32_t i = start[r]; i < start[r + 1]; ++i) {
      const double f = weights[r] * value[i];
      double* to = s + static_cast<size_t>(column[i]) * m;
      for (std::int32_t j = i; j < start[r + 1]; ++j) to[column[j]] += f * value[j];
    }
}

}  // namespace mixot
