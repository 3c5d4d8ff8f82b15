// Exact couplings of finitely many atoms.
#include <nanobind/stl/tuple.h>

#include <cstdint>
#include <tuple>

#include "discrete/balanced_potentials.hpp"
#include "discrete/coupling_batch.hpp"
#include "discrete/network_simplex.hpp"
#include "discrete/transport_batch.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

const char* name(mixot::TransportEnd end) {
  switch (end) {
    case mixot::TransportEnd::optimal: return "optimal";
    case mixot::TransportEnd::max_pivots: return "max pivots";
    case mixot::TransportEnd::cost_not_finite: return "cost not finite";
    case mixot::TransportEnd::bad_weights: return "bad weights";
    default: return "unequal totals";
  }
}

using Vector = Dense<const double, 1>;
using Index = Dense<const std::int64_t, 1>;

}  // namespace

void bind_exact_couplings(nb::module_& m) {
  // -> end, pivots, cost, lower bound, marginal error; coupling comes filled with zeros.
  m.def(
      "network_simplex",
      [](Dense<const double, 2> cost, Vector a, Vector b, std::int64_t max_pivots, Dense<double, 2> coupling,
         Dense<double, 1> f, Dense<double, 1> g) {
        mixot::TransportResult found;
        {
          nb::gil_scoped_release release;
          // Its scratch space stays with the thread while problems are small: most calls are.
          static thread_local mixot::NetworkSimplex kept;
          const bool small = cost.size() <= 10000;
          mixot::NetworkSimplex fresh;
          found = (small ? kept : fresh)
                      .solve({cost.data(), a.data(), b.data(), static_cast<int>(cost.shape(0)),
                              static_cast<int>(cost.shape(1))},
                             max_pivots, coupling.data(), f.data(), g.data());
        }
        return std::make_tuple(name(found.end), found.pivots, found.cost, found.lower_bound, found.marginal_error);
      },
      nb::arg("cost").noconvert(), nb::arg("a").noconvert(), nb::arg("b").noconvert(), nb::arg("max_pivots"),
      nb::arg("coupling").noconvert(), nb::arg("f").noconvert(), nb::arg("g").noconvert());
  m.def(
      "transport_values",
      [](Dense<const double, 2> cost, Vector a, Vector b, Index first_row, Index first_column,
         Dense<const std::int64_t, 2> pairs, std::size_t threads, Dense<double, 1> out) {
        nb::gil_scoped_release release;
        mixot::transport_values({cost.data(), a.data(), b.data(), cost.shape(1), first_row.data(), first_column.data()},
                                pairs.data(), pairs.shape(0), threads, out.data());
      },
      nb::arg("cost").noconvert(), nb::arg("a").noconvert(), nb::arg("b").noconvert(), nb::arg("first_row"),
      nb::arg("first_column"), nb::arg("pairs"), nb::arg("threads"), nb::arg("out").noconvert());
  // -> end, and the number of the first problem that ended so; coupling comes filled with zeros.
  m.def(
      "exact_couplings",
      [](Dense<const double, 3> cost, Dense<const double, 2> a, Dense<const double, 2> b, std::int64_t max_pivots,
         bool balanced, std::size_t threads, Dense<double, 1> values, Dense<double, 3> coupling, Dense<double, 2> f,
         Dense<double, 2> g) {
        mixot::BatchEnd found;
        {
          nb::gil_scoped_release release;
          found = mixot::exact_couplings({cost.data(), a.data(), b.data(), cost.shape(0), cost.shape(1), cost.shape(2)},
                                         max_pivots, balanced, threads, values.data(), coupling.data(), f.data(),
                                         g.data());
        }
        return std::make_tuple(name(found.end), found.at);
      },
      nb::arg("cost").noconvert(), nb::arg("a").noconvert(), nb::arg("b").noconvert(), nb::arg("max_pivots"),
      nb::arg("balanced"), nb::arg("threads"), nb::arg("values").noconvert(), nb::arg("coupling").noconvert(),
      nb::arg("f").noconvert(), nb::arg("g").noconvert());
  m.def(
      "balanced_potentials",
      [](Dense<const double, 2> cost, Dense<const double, 2> coupling, Dense<double, 1> f, Dense<double, 1> g) {
        nb::gil_scoped_release release;
        mixot::BalancedPotentials().balance(cost.data(), coupling.data(), cost.shape(0), cost.shape(1), f.data(),
                                            g.data());
      },
      nb::arg("cost").noconvert(), nb::arg("coupling").noconvert(), nb::arg("f").noconvert(),
      nb::arg("g").noconvert());
}
