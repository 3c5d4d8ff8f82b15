// Steps of sliced transport between colors.
#include <cstddef>

#include "pictures/sliced_step.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

void bind_sliced_steps(nb::module_& m) {
  using namespace nb::literals;
  m.def(
      "sliced_step",
      [](Dense<const double, 2> points, Dense<const double, 1> weights, Dense<const double, 2> directions,
         Dense<const double, 1> levels, Dense<const double, 2> quantiles,
         Dense<double, 2> step) {
        nb::gil_scoped_release release;
        mixot::sliced_step(points.data(), weights.data(), points.shape(0), directions.data(), directions.shape(0),
                           levels.data(), quantiles.data(), levels.shape(0), step.data());
      },
      "points"_a.noconvert(), "weights"_a.noconvert(), "directions"_a.noconvert(), "levels"_a.noconvert(),
      "quantiles"_a.noconvert(), "step"_a.noconvert());
}
