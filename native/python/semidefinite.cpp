// Semidefinite programs: blocks one after the other in one array, and the Schur matrix.
#include <cstddef>
#include <cstdint>

#include "linear_algebra/psd_blocks.hpp"
#include "linear_algebra/schur.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

void bind_semidefinite(nb::module_& m) {
  using Blocks = Dense<const std::int64_t, 1>;
  using Reals = Dense<const double, 1>;
  using Index = Dense<const std::int32_t, 1>;
  const auto sizes = [](const Blocks& blocks) { return mixot::Sizes{blocks.data(), blocks.shape(0)}; };
  m.def("psd_inverse_factors", [sizes](Blocks blocks, Reals x, Dense<double, 1> out) {
    nb::gil_scoped_release release;
    return mixot::psd_inverse_factors(sizes(blocks), x.data(), out.data());
  });
  m.def("psd_inverses", [sizes](Blocks blocks, Reals factors, Dense<double, 1> out) {
    nb::gil_scoped_release release;
    mixot::psd_inverses(sizes(blocks), factors.data(), out.data());
  });
  m.def("psd_sandwich", [sizes](Blocks blocks, Reals a, Reals b, Reals c, Dense<double, 1> out) {
    nb::gil_scoped_release release;
    mixot::psd_sandwich(sizes(blocks), a.data(), b.data(), c.data(), out.data());
  });
  m.def("psd_least_eigenvalue", [sizes](Blocks blocks, Reals factors, Reals d) {
    nb::gil_scoped_release release;
    return mixot::psd_least_eigenvalue(sizes(blocks), factors.data(), d.data());
  });
  m.def("cholesky", [](Dense<double, 2> s, Reals floors) {
    nb::gil_scoped_release release;
    return mixot::cholesky(s.data(), s.shape(0), floors.data());
  });
  m.def("cholesky_solve", [](Dense<const double, 2> factor, Dense<double, 1> x) {
    nb::gil_scoped_release release;
    mixot::cholesky_solve(factor.data(), factor.shape(0), x.data());
  });
  m.def("symmetric_product", [](Dense<const double, 2> s, Reals x, Dense<double, 1> out) {
    nb::gil_scoped_release release;
    mixot::symmetric_product(s.data(), s.shape(0), x.data(), out.data());
  });
  m.def("add_schur", [](std::size_t n, Index row_at, Index row_index, Index row_start, Index column, Reals value,
                        Index pair_at, Index place, Index mirror, Reals weight, Index form_start, Index form_variable,
                        Reals form_value, Index variable, Reals inverse, Reals z, std::size_t threads,
                        Dense<double, 1> space, Dense<double, 2> s) {
    const mixot::SchurBlock block{n, form_start.shape(0) - 1, variable.shape(0), column.shape(0), row_at.data(),
                                  row_index.data(), row_start.data(), column.data(), value.data(), pair_at.data(),
                                  place.data(), mirror.data(), weight.data(), form_start.data(), form_variable.data(),
                                  form_value.data(), variable.data()};
    nb::gil_scoped_release release;
    mixot::add_schur(block, inverse.data(), z.data(), s.shape(0), threads, space.data(), s.data());
  });
  m.def("add_schur_rows", [](Index start, Index column, Reals value, Reals weights, Dense<double, 2> s) {
    nb::gil_scoped_release release;
    mixot::add_schur_rows(start.data(), column.data(), value.data(), weights.data(), weights.shape(0), s.shape(0),
                          s.data());
  });
}
