// Costs between points and between laws.
#include <cstddef>
#include <cstdint>

#include "linear_algebra/psd_factor.hpp"
#include "mixtures/bures.hpp"
#include "mixtures/bures_gradients.hpp"
#include "mixtures/cost_batch.hpp"
#include "mixtures/gaussian_costs.hpp"
#include "mixtures/integer_laws.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

using Factors = Dense<const double, 3>;
using Ranks = Dense<const std::int64_t, 1>;

mixot::Factors as_factors(const Factors& rows, const Ranks& ranks) {
  return {rows.data(), ranks.data(), rows.shape(0), rows.shape(1), rows.shape(2)};
}

template <class Kernel>
auto on_all_pairs(Kernel kernel) {
  return [kernel](Factors a, Ranks a_ranks, Factors b, Ranks b_ranks, Dense<double, 2> out, std::size_t threads) {
    nb::gil_scoped_release release;
    kernel(as_factors(a, a_ranks), as_factors(b, b_ranks), out.data(), threads);
  };
}

// What is computed of many pairs at once: gradients, and the costs of a batch of mixtures.
void bind_pairs(nb::module_& m) {
  using Covs = Dense<const double, 3>;
  using Index = Dense<const std::int64_t, 1>;
  m.def(
      "bures_gradients",
      [](Covs a, Covs b, Index rows, Index cols, Dense<double, 3> in_a, Dense<double, 3> in_b,
         Dense<std::uint8_t, 1> hard, std::size_t threads) {
        nb::gil_scoped_release release;
        mixot::bures_gradients({a.data(), a.shape(0), a.shape(1)}, {b.data(), b.shape(0), b.shape(1)}, rows.data(),
                               cols.data(), rows.shape(0), in_a.data(), in_b.data(), hard.data(), threads);
      },
      nb::arg("a").noconvert(), nb::arg("b").noconvert(), nb::arg("rows").noconvert(), nb::arg("cols").noconvert(),
      nb::arg("in_a").noconvert(), nb::arg("in_b").noconvert(), nb::arg("hard").noconvert(), nb::arg("threads"));
  m.def(
      "squared_distance_batch",
      [](Dense<const double, 3> x, Dense<const double, 3> y, Dense<double, 3> out, std::size_t threads) {
        nb::gil_scoped_release release;
        mixot::squared_distance_batch(x.data(), y.data(), out.shape(0), out.shape(1), out.shape(2), x.shape(2),
                                      out.data(), threads);
      },
      nb::arg("x").noconvert(), nb::arg("y").noconvert(), nb::arg("out").noconvert(), nb::arg("threads"));
  // -> how many pairs are too close for the formula.
  m.def(
      "gaussian_cost_batch",
      [](Covs p_means, Dense<const double, 4> p_covs, Covs q_means, Dense<const double, 4> q_covs, double s2,
         Dense<double, 3> out, Dense<std::uint8_t, 3> close, std::size_t threads) {
        nb::gil_scoped_release release;
        return mixot::gaussian_cost_batch({p_means.data(), p_covs.data(), q_means.data(), q_covs.data(),
                                           out.shape(0), out.shape(1), out.shape(2), p_means.shape(2)},
                                          s2, out.data(), close.data(), threads);
      },
      nb::arg("p_means").noconvert(), nb::arg("p_covs").noconvert(), nb::arg("q_means").noconvert(),
      nb::arg("q_covs").noconvert(), nb::arg("s2"), nb::arg("out").noconvert(), nb::arg("close").noconvert(),
      nb::arg("threads"));
}

void bind_integer_laws(nb::module_& m) {
  using Reals = Dense<const double, 1>;
  using Integers = Dense<const std::int64_t, 1>;
  m.def(
      "comonotone_cost",
      [](Reals p_below, Reals p_above, Integers p_first, Integers p_start, Reals q_below, Reals q_above,
         Integers q_first, Integers q_start, Dense<double, 2> out, std::size_t threads) {
        const mixot::IntegerLaws p{p_below.data(), p_above.data(), p_first.data(), p_start.data(), p_first.shape(0)};
        const mixot::IntegerLaws q{q_below.data(), q_above.data(), q_first.data(), q_start.data(), q_first.shape(0)};
        nb::gil_scoped_release release;
        mixot::comonotone_cost(p, q, out.data(), threads);
      },
      "Squared W2 between laws on the integers, (k, l), into `out`.");
}

}  // namespace

void bind_costs(nb::module_& m) {
  m.def("squared_distances",
        [](Dense<const double, 2> x, Dense<const double, 2> y, Dense<double, 2> out, std::size_t threads) {
          nb::gil_scoped_release release;
          mixot::squared_distances(x.data(), x.shape(0), y.data(), y.shape(0), x.shape(1), out.data(), threads);
        });
  m.def("psd_factors", [](Dense<const double, 3> covs, Dense<double, 3> factors, Dense<std::int64_t, 1> ranks,
                          std::size_t threads) {
    nb::gil_scoped_release release;
    mixot::psd_factors(covs.data(), covs.shape(0), covs.shape(1), factors.data(), ranks.data(), threads);
  });
  // -> how many pairs are too close for the formula.
  m.def(
      "bures_costs",
      [](Dense<const double, 3> a, Dense<const double, 3> b, Dense<const double, 2> apart, Dense<double, 2> out,
         Dense<std::uint8_t, 2> close, std::size_t threads) {
        nb::gil_scoped_release release;
        return mixot::bures_costs({a.data(), a.shape(0), a.shape(1)}, {b.data(), b.shape(0), b.shape(1)}, apart.data(),
                                  out.data(), close.data(), threads);
      },
      nb::arg("a").noconvert(), nb::arg("b").noconvert(), nb::arg("apart").noconvert(), nb::arg("out").noconvert(),
      nb::arg("close").noconvert(), nb::arg("threads"));
  m.def("plane_bures", on_all_pairs(&mixot::plane_bures));
  m.def("nuclear_norms", on_all_pairs(&mixot::nuclear_norms));
  m.def("entropic_excess", [](Factors a, Ranks a_ranks, Factors b, Ranks b_ranks, double s2, Dense<double, 2> out,
                              std::size_t threads) {
    nb::gil_scoped_release release;
    mixot::entropic_excess(as_factors(a, a_ranks), as_factors(b, b_ranks), s2, out.data(), threads);
  });
  m.def("diagonal_excess", [](Dense<const double, 2> a, Dense<const double, 2> b, double s2, Dense<double, 2> out,
                              std::size_t threads) {
    nb::gil_scoped_release release;
    mixot::diagonal_excess(a.data(), a.shape(0), b.data(), b.shape(0), a.shape(1), s2, out.data(), threads);
  });
  bind_pairs(m);
  bind_integer_laws(m);
}
