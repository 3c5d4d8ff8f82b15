#include "schur.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "panels.hpp"
#include "parallel.hpp"
#include "simd.hpp"

namespace mixot {
namespace {

using std::size_t;

struct Factors {
  AlignedVector<double> inverse_strips, z_strips, half, local;
};

struct Worker {
  AlignedVector<double> u, rows;
};

}  // namespace
}  // namespace mixot

#define MIXOT_KERNEL "schur_kernel.inl"
#include "each_isa.inl"

#ifdef MIXOT_X86
#define MIXOT_DISPATCH(call)                            \
  switch (isa()) {                                      \
    case Isa::avx512: return avx512::call;              \
    case Isa::avx2: return avx2::call;                  \
    default: return baseline::call;                     \
  }
#else
#define MIXOT_DISPATCH(call) return baseline::call;
#endif

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
void transform(const SchurBlock& b, const double* m_forms, Factors& f, size_t m, double* s) {
  MIXOT_DISPATCH(add_transformed(b, m_forms, f, m, s))
}

// Each form is one variable of its own, unscaled: M is S.
bool plain(const SchurBlock& b) {
  if (b.forms != b.variables) return false;
  for (size_t g = 0; g < b.forms; ++g)
    if (b.form_start[g + 1] - b.form_start[g] != 1 || b.form_value[b.form_start[g]] != 1.0) return false;
  return true;
}

}  // namespace

void add_schur(const SchurBlock& b, const double* inverse, const double* z, size_t m, size_t threads, double* s) {
  Factors factors;
  pack_all(b, inverse, z, factors);
  AlignedVector<double> forms(b.forms * b.forms);
  std::vector<Worker> workers(std::max<size_t>(threads, 1));
  parallel_blocks(b.forms, threads, [&](size_t g, size_t worker) {
    double* row = forms.data() + g * b.forms;
    const auto own = static_cast<size_t>(b.row_start[b.row_at[g + 1]] - b.row_start[b.row_at[g]]);
    const auto rest = b.entries - static_cast<size_t>(b.row_start[b.row_at[g]]);
    if (8 * own * rest < b.n * b.n * static_cast<size_t>(b.row_at[g + 1] - b.row_at[g]) + 16 * rest)
      return read_row_directly(b, g, inverse, z, row);
    Worker& w = workers[worker];
    form_image(b, g, factors, w);
    read_row(b, g, w.u.data(), row);
  });
  if (plain(b)) {
    for (size_t g = 0; g < b.forms; ++g)
      for (size_t h = g; h < b.forms; ++h) {
        const auto v = static_cast<size_t>(b.variable[b.form_variable[b.form_start[g]]]),
                   w = static_cast<size_t>(b.variable[b.form_variable[b.form_start[h]]]);
        s[std::min(v, w) * m + std::max(v, w)] += forms[g * b.forms + h];
      }
    return;
  }
  for (size_t g = 0; g < b.forms; ++g)
    for (size_t h = 0; h < g; ++h) forms[g * b.forms + h] = forms[h * b.forms + g];
  transform(b, forms.data(), factors, m, s);
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
