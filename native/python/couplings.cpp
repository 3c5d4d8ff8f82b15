// Entropic couplings of two weight vectors, and the pricing of tuples for the multi-marginal linear program.
#include <nanobind/stl/tuple.h>

#include <cstddef>
#include <cstdint>
#include <tuple>

#include "discrete/entropic.hpp"
#include "discrete/entropic_batch.hpp"
#include "discrete/tuple_pricing.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

void bind_couplings(nb::module_& m) {
  m.def(
      "entropic_coupling",
      [](Dense<const double, 2> cost, Dense<const double, 1> log_a, Dense<const double, 1> log_b, double lam,
         std::tuple<double, double> rho, double first, std::size_t max_newton, Dense<double, 1> f, Dense<double, 1> g,
         Dense<double, 2> w) {
        nb::gil_scoped_release release;
        const auto [rho_a, rho_b] = rho;
        const auto report = mixot::entropic_coupling(
            {cost.data(), log_a.data(), log_b.data(), cost.shape(0), cost.shape(1), lam, rho_a, rho_b}, first,
            max_newton, f.data(), g.data(), w.data());
        return std::make_tuple(report.levels, report.sweeps, report.newton, report.error);
      },
      "Potentials and coupling, in place; (levels, sweeps, Newton steps, error).");
  m.def(
      "entropic_couplings",
      [](Dense<const double, 3> cost, Dense<const double, 2> a, Dense<const double, 2> b, double lam,
         std::tuple<double, double> rho, std::size_t max_newton, std::size_t threads, Dense<double, 2> f,
         Dense<double, 2> g, Dense<double, 3> w, Dense<double, 1> errors) {
        nb::gil_scoped_release release;
        const auto [rho_a, rho_b] = rho;
        mixot::entropic_couplings({cost.data(), a.data(), b.data(), cost.shape(0), cost.shape(1), cost.shape(2), lam,
                                   rho_a, rho_b},
                                  max_newton, threads, f.data(), g.data(), w.data(), errors.data());
      },
      nb::arg("cost").noconvert(), nb::arg("a").noconvert(), nb::arg("b").noconvert(), nb::arg("lam"), nb::arg("rho"),
      nb::arg("max_newton"), nb::arg("threads"), nb::arg("f").noconvert(), nb::arg("g").noconvert(),
      nb::arg("w").noconvert(), nb::arg("errors").noconvert());
  m.def("largest_interaction", [](Dense<const double, 2> cost, std::size_t threads) {
    nb::gil_scoped_release release;
    return mixot::largest_interaction(cost.data(), cost.shape(0), cost.shape(1), threads);
  });
  m.def("price_tuples",
        [](Dense<const std::int32_t, 1> sizes, Dense<const double, 1> pairs, Dense<const double, 1> potentials,
           Dense<const std::int32_t, 2> known, double threshold, std::size_t max_nodes, std::size_t threads,
           Dense<std::int32_t, 2> rows, Dense<double, 1> values) {
          nb::gil_scoped_release release;
          const auto answer = mixot::price_tuples({sizes.shape(0), sizes.data(), pairs.data(), potentials.data()},
                                                  known.data(), known.shape(0),
                                                  {threshold, values.shape(0), max_nodes, threads}, rows.data(),
                                                  values.data());
          return std::make_tuple(answer.found, answer.lower, answer.nodes, answer.complete);
        });
}
