// Pictures through tables of colors: counted before, moved after.
#include <nanobind/stl/optional.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "pictures/box_means.hpp"
#include "pictures/color_counts.hpp"
#include "pictures/color_table.hpp"
#include "pictures/grain.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

using Weights = std::optional<Dense<const float, 2>>;

template <class T>
mixot::Photo<T> as_photo(const Dense<const T, 3>& pixels, const Weights& weights) {
  return {pixels.data(), weights ? weights->data() : nullptr, pixels.shape(0), pixels.shape(1)};
}

template <class T>
void bind_pixels(nb::module_& m) {
  using namespace nb::literals;
  m.def(
      "look_up_colors",
      [](Dense<const float, 4> values, Dense<const T, 2> pixels, Dense<T, 2> out, std::size_t threads) {
        nb::gil_scoped_release release;
        mixot::look_up_colors<T>(values.data(), values.shape(0), pixels.data(), pixels.shape(0), out.data(), threads);
      },
      "values"_a.noconvert(), "pixels"_a.noconvert(), "out"_a.noconvert(), "threads"_a);
  m.def(
      "count_colors",
      [](Dense<const T, 2> pixels, std::optional<Dense<const float, 1>> weights, Dense<double, 2> totals) {
        nb::gil_scoped_release release;
        mixot::count_colors<T>(pixels.data(), weights ? weights->data() : nullptr, pixels.shape(0), totals.data());
      },
      "pixels"_a.noconvert(), "weights"_a.noconvert().none(), "totals"_a.noconvert());
  m.def(
      "sum_blocks",
      [](Dense<const T, 3> pixels, Weights weights, std::size_t step, Dense<float, 3> out, std::size_t threads) {
        nb::gil_scoped_release release;
        mixot::sum_blocks<T>(as_photo(pixels, weights), step, out.data(), threads);
      },
      "pixels"_a.noconvert(), "weights"_a.noconvert().none(), "step"_a, "out"_a.noconvert(), "threads"_a);
  m.def(
      "move_smoothed",
      [](Dense<const T, 3> pixels, Weights weights, Dense<const float, 4> values, Dense<const float, 3> coefficients,
         std::size_t step, Dense<T, 3> out, std::size_t threads) {
        nb::gil_scoped_release release;
        mixot::move_smoothed<T>(as_photo(pixels, weights), values.data(), values.shape(0), coefficients.data(),
                                coefficients.shape(0), coefficients.shape(1), step, out.data(), threads);
      },
      "pixels"_a.noconvert(), "weights"_a.noconvert().none(), "values"_a.noconvert(), "coefficients"_a.noconvert(),
      "step"_a, "out"_a.noconvert(), "threads"_a);
}

}  // namespace

void bind_color_tables(nb::module_& m) {
  bind_pixels<std::uint8_t>(m);
  bind_pixels<std::uint16_t>(m);
  bind_pixels<float>(m);
  bind_pixels<double>(m);
  m.def("box_means", [](Dense<const float, 3> field, std::size_t radius, Dense<float, 3> out) {
    nb::gil_scoped_release release;
    mixot::box_means(field.data(), field.shape(0), field.shape(1), field.shape(2), radius, out.data());
  });
  m.def("smoothing_coefficients", [](Dense<const float, 2> sums, float eps, Dense<float, 2> out) {
    nb::gil_scoped_release release;
    mixot::smoothing_coefficients(sums.data(), sums.shape(0), eps, out.data());
  });
}
