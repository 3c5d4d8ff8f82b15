// What mixing laws of Gaussian mixtures are found and proven by.
#include <nanobind/stl/tuple.h>

#include <cstddef>
#include <tuple>
#include <utility>

#include "mixtures/mixing_supremum.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

using Rows = Dense<const double, 2>;
using Weights = Dense<const double, 1>;

mixot::WeightedPoints as_points(const Rows& z, const Weights& v) {
  return {z.data(), v.data(), z.shape(0), z.shape(1)};
}

}  // namespace

void bind_mixing_laws(nb::module_& m) {
  m.def(
      "mixing_supremum",
      [](Rows z, Weights v, double tol, std::size_t threads) {
        mixot::Supremum found;
        {
          nb::gil_scoped_release release;
          found = mixot::mixing_supremum(as_points(z, v), tol, threads);
        }
        const std::size_t width = z.shape(1) + 1, rows = found.peaks.size() / width;
        return std::make_tuple(found.upper, found.best, found.boxes,
                               to_python(std::move(found.peaks), {rows, width}));
      },
      nb::arg("z").noconvert(), nb::arg("v").noconvert(), nb::arg("tol"), nb::arg("threads"),
      "A proven bound of D, the best value seen, how many boxes were looked at, and peaks (value, place).");
  m.def(
      "mixing_climb",
      [](Rows z, Weights v, Dense<double, 2> places, std::size_t steps, Dense<double, 1> values, std::size_t threads) {
        nb::gil_scoped_release release;
        mixot::mixing_climb(as_points(z, v), places.data(), places.shape(0), steps, values.data(), threads);
      },
      nb::arg("z").noconvert(), nb::arg("v").noconvert(), nb::arg("places").noconvert(), nb::arg("steps"),
      nb::arg("values").noconvert(), nb::arg("threads"), "Newton's ascents of log D from `places`, in place.");
}
