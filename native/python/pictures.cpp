// Line filters of 16-bit PNG.
#include <cstddef>
#include <cstdint>

#include "pictures/png.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

void bind_pictures(nb::module_& m) {
  m.def("png_unfilter", [](Dense<const std::uint8_t, 2> lines, std::size_t step, Dense<std::uint8_t, 2> out) {
    nb::gil_scoped_release release;
    mixot::png_unfilter(lines.data(), lines.shape(0), lines.shape(1) - 1, step, out.data());
  });
}
