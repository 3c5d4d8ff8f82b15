// Frames of films, plane by plane.
#include <nanobind/stl/array.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "pictures/planes.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

template <class T>
void bind_depth(nb::module_& m) {
  using namespace nb::literals;
  using Field = Dense<const float, 3>;
  using In = Dense<const T, 2>;
  using Out = Dense<T, 2>;
  m.def(
      "move_planes",
      [](In y, In u, In v, Field fy, Field fu, Field fv, std::array<std::size_t, 2> steps,
         std::array<std::size_t, 2> size, std::array<int, 2> coarser, int depth, Dense<const std::int16_t, 4> table,
         Out out_y, Out out_u, Out out_v, std::size_t threads) {
        const auto plane = [](const In& in, const Field& field, std::size_t step, const Out& out) {
          return mixot::Plane<T>{
              in.data(), in.shape(1), out.data(), out.shape(1), {field.data(), field.shape(0), field.shape(1), step}};
        };
        const mixot::Plane<T> planes[3] = {plane(y, fy, steps[0], out_y), plane(u, fu, steps[1], out_u),
                                           plane(v, fv, steps[1], out_v)};
        nb::gil_scoped_release release;
        mixot::move_planes<T>(planes, size[0], size[1], coarser[0], coarser[1], depth, table.data(), threads);
      },
      "y"_a.noconvert(), "u"_a.noconvert(), "v"_a.noconvert(), "fy"_a.noconvert(), "fu"_a.noconvert(),
      "fv"_a.noconvert(), "steps"_a, "size"_a, "coarser"_a, "depth"_a, "table"_a.noconvert(), "out_y"_a.noconvert(),
      "out_u"_a.noconvert(), "out_v"_a.noconvert(), "threads"_a);
  m.def(
      "sum_plane",
      [](In pixels, std::size_t width, std::size_t height, std::size_t step, Dense<float, 3> out,
         std::size_t threads) {
        nb::gil_scoped_release release;
        mixot::sum_plane<T>(pixels.data(), pixels.shape(1), width, height, step, out.data(), threads);
      },
      "pixels"_a.noconvert(), "width"_a, "height"_a, "step"_a, "out"_a.noconvert(), "threads"_a);
}

}  // namespace

void bind_planes(nb::module_& m) {
  bind_depth<std::uint8_t>(m);
  bind_depth<std::uint16_t>(m);
}
