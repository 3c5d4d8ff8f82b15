// Pictures through tables of colors.
#include <cstddef>
#include <cstdint>

#include "pictures/color_table.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

template <class T>
void bind_look_up(nb::module_& m) {
  using namespace nb::literals;
  m.def(
      "look_up_colors",
      [](Dense<const float, 4> values, Dense<const T, 2> pixels, Dense<T, 2> out, std::size_t threads) {
        nb::gil_scoped_release release;
        mixot::look_up_colors<T>(values.data(), values.shape(0), pixels.data(), pixels.shape(0), out.data(), threads);
      },
      "values"_a.noconvert(), "pixels"_a.noconvert(), "out"_a.noconvert(), "threads"_a);
}

}  // namespace

void bind_color_tables(nb::module_& m) {
  bind_look_up<std::uint8_t>(m);
  bind_look_up<std::uint16_t>(m);
  bind_look_up<float>(m);
  bind_look_up<double>(m);
}
