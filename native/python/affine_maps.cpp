// One pass that weighs points by the components of a mixture and moves them.
#include <nanobind/stl/optional.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "mixtures/affine_maps.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

template <class T>
mixot::Points<T> as_points(const Dense<const T, 2>& x) {
  return {x.data(), x.shape(0), x.shape(1)};
}

template <class T>
mixot::Whitened<T> as_law(const Dense<const T, 1>& origin, const Dense<const T, 2>& mean,
                          const Dense<const T, 3>& whiten, const Dense<const T, 1>& log_weight) {
  return {origin.data(), mean.data(), whiten.data(), log_weight.data(), mean.shape(0)};
}

template <class T>
void bind_maps(nb::module_& m) {
  using namespace nb::literals;
  m.def(
      "blend_affine",
      [](Dense<const T, 2> x, Dense<const T, 1> origin, Dense<const T, 2> mean, Dense<const T, 3> whiten,
         Dense<const T, 1> log_weight, Dense<const T, 1> target_origin, Dense<const T, 2> shift,
         Dense<const T, 3> linear, Dense<T, 2> out, std::size_t threads) {
        nb::gil_scoped_release release;
        return mixot::blend_affine<T>(as_points(x), as_law(origin, mean, whiten, log_weight),
                                      {target_origin.data(), shift.data(), linear.data()}, out.data(), threads);
      },
      "x"_a.noconvert(), "origin"_a, "mean"_a, "whiten"_a, "log_weight"_a, "target_origin"_a, "shift"_a, "linear"_a,
      "out"_a.noconvert(), "threads"_a);
  m.def(
      "pick_affine",
      [](Dense<const T, 2> x, Dense<const T, 1> origin, Dense<const T, 2> mean, Dense<const T, 3> whiten,
         Dense<const T, 1> log_weight, Dense<const T, 1> target_origin, Dense<const T, 2> shift,
         Dense<const T, 3> linear, Dense<const std::uint64_t, 1> first, Dense<const double, 1> share,
         Dense<const double, 1> uniform, Dense<T, 2> out, Dense<std::int64_t, 1> picked, std::size_t threads) {
        nb::gil_scoped_release release;
        return mixot::pick_affine<T>(as_points(x), as_law(origin, mean, whiten, log_weight),
                                     {target_origin.data(), shift.data(), linear.data()}, first.data(), share.data(),
                                     uniform.data(), out.data(), picked.data(), threads);
      },
      "x"_a.noconvert(), "origin"_a, "mean"_a, "whiten"_a, "log_weight"_a, "target_origin"_a, "shift"_a, "linear"_a,
      "first"_a, "share"_a, "uniform"_a, "out"_a.noconvert(), "picked"_a.noconvert(), "threads"_a);
}

}  // namespace

void bind_affine_maps(nb::module_& m) {
  bind_maps<float>(m);
  bind_maps<double>(m);
  m.def(
      "posterior",
      [](Dense<const double, 2> x, Dense<const double, 1> origin, Dense<const double, 2> mean,
         Dense<const double, 3> whiten, Dense<const double, 1> log_weight,
         std::optional<Dense<double, 2>> responsibilities, std::optional<Dense<double, 1>> log_density,
         std::size_t threads) {
        nb::gil_scoped_release release;
        return mixot::posterior(as_points(x), as_law(origin, mean, whiten, log_weight),
                                responsibilities ? responsibilities->data() : nullptr,
                                log_density ? log_density->data() : nullptr, threads);
      },
      nb::arg("x").noconvert(), nb::arg("origin"), nb::arg("mean"), nb::arg("whiten"), nb::arg("log_weight"),
      nb::arg("responsibilities").none(), nb::arg("log_density").none(), nb::arg("threads"));
}
