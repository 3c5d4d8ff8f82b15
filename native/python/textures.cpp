// Textures from patches of an exemplar.
#include <cstddef>
#include <cstdint>
#include <nanobind/stl/optional.h>

#include <optional>

#include "python/arrays.hpp"
#include "python/bindings.hpp"
#include "textures/patch_blending.hpp"
#include "textures/patch_features.hpp"
#include "textures/patch_filling.hpp"
#include "textures/patch_matching.hpp"

namespace {

using Image = Dense<const float, 3>;
using Floats = Dense<const float, 1>;
using FloatRows = Dense<const float, 2>;
using Ints = Dense<const std::int32_t, 1>;
using IntRows = Dense<const std::int32_t, 2>;
template <class Array>
using Maybe = std::optional<Array>;

template <class Array>
auto* pointer(const Maybe<Array>& array) {
  return array ? array->data() : nullptr;
}

mixot::PatchSource source_of(const Image& image, std::size_t w) {
  return {image.data(), image.shape(0), image.shape(1), image.shape(2), w};
}

// The arguments that the three steps of matching share.
struct Matching {
  Image image;
  std::size_t w;
  FloatRows basis;
  Floats offset;
  Maybe<FloatRows> features;
  Maybe<Dense<const std::uint8_t, 2>> usable;
  Ints rows, cols;
  std::int32_t height, width;
  bool wraps;

  mixot::ExemplarPatches exemplar() const {
    const auto side = static_cast<std::int32_t>(w) - 1;
    return {pointer(features), source_of(image, w), basis.data(), offset.data(),
            static_cast<std::int32_t>(image.shape(1)) - side, static_cast<std::int32_t>(image.shape(2)) - side, pointer(usable)};
  }
  mixot::PatchGrid grid() const { return {rows.data(), cols.data(), rows.size(), cols.size(), height, width, wraps}; }
};

struct Capacity {
  Ints cell;
  Floats share;
  std::int32_t bin;
  float most;

  mixot::Capacities kernel() const { return {cell.data(), share.data(), share.size(), bin, most}; }
};

using Mask = Maybe<Dense<const std::uint8_t, 1>>;
using Places = Dense<std::int32_t, 2>;
using Gaps = Dense<float, 2>;

mixot::ShortLists lists_of(const Ints& row_ids, const Ints& col_ids, const Places& places, const Gaps& gaps) {
  return {row_ids.data(), col_ids.data(), row_ids.size(), col_ids.size(), places.shape(1), places.data(), gaps.data()};
}

}  // namespace

void bind_textures(nb::module_& m) {
  m.def("principal_subspace", [](FloatRows x, std::size_t rounds, Gaps basis) {
    nb::gil_scoped_release release;
    mixot::principal_subspace(x.data(), x.shape(0), x.shape(1), rounds, basis.data());
  });
  m.def("project_patches", [](Image image, std::size_t w, Ints rows, Ints cols, FloatRows basis, Floats offset,
                              std::size_t threads, Gaps out) {
    nb::gil_scoped_release release;
    mixot::project_patches(source_of(image, w), rows.data(), rows.size(), cols.data(), cols.size(), basis.data(),
                           offset.data(), threads, out.data());
  });
  m.def("nearest_patches", [](FloatRows features, FloatRows table, Floats bonus, Mask active, std::size_t threads, Places nearest) {
    nb::gil_scoped_release release;
    mixot::nearest_patches(features.data(), features.shape(0), table.data(), bonus.data(), bonus.size(), nearest.shape(1),
                           pointer(active), threads, nearest.data());
  }, nb::arg("features"), nb::arg("table"), nb::arg("bonus"), nb::arg("active").none(), nb::arg("threads"), nb::arg("nearest"));

  nb::class_<Matching>(m, "PatchMatching")
      .def("__init__", [](Matching* self, Image image, std::size_t w, FloatRows basis, Floats offset, Maybe<FloatRows> features,
                          Maybe<Dense<const std::uint8_t, 2>> usable, Ints rows, Ints cols, std::int32_t height,
                          std::int32_t width, bool wraps) {
        new (self) Matching{image, w, basis, offset, features, usable, rows, cols, height, width, wraps};
      }, nb::arg("image"), nb::arg("w"), nb::arg("basis"), nb::arg("offset"), nb::arg("features").none(), nb::arg("usable").none(),
         nb::arg("rows"), nb::arg("cols"), nb::arg("height"), nb::arg("width"), nb::arg("wraps"))
      .def("candidates", [](const Matching& self, Ints row_ids, Ints col_ids, FloatRows features, IntRows found,
                            Maybe<IntRows> last, Mask active, std::size_t threads, Places places, Gaps gaps) {
        nb::gil_scoped_release release;
        mixot::list_candidates(self.exemplar(), self.grid(), features.data(), found.data(), found.shape(1), pointer(last),
                               pointer(active), threads, lists_of(row_ids, col_ids, places, gaps));
      }, nb::arg("row_ids"), nb::arg("col_ids"), nb::arg("features"), nb::arg("found"), nb::arg("last").none(),
         nb::arg("active").none(), nb::arg("threads"), nb::arg("places"), nb::arg("gaps"))
      .def("prices", [](const Matching& self, Ints cell, Floats share, std::int32_t bin, float most, Ints row_ids, Ints col_ids,
                        Places places, Gaps gaps, Mask active, float scale, std::size_t rounds, std::size_t threads,
                        Dense<float, 1> use, Dense<float, 1> copies) {
        nb::gil_scoped_release release;
        mixot::price_candidates(self.exemplar(), self.grid(), Capacity{cell, share, bin, most}.kernel(),
                                lists_of(row_ids, col_ids, places, gaps), pointer(active), scale, rounds, threads, use.data(),
                                copies.data());
      }, nb::arg("cell"), nb::arg("share"), nb::arg("bin"), nb::arg("most"), nb::arg("row_ids"), nb::arg("col_ids"),
         nb::arg("places"), nb::arg("gaps"), nb::arg("active").none(), nb::arg("scale"), nb::arg("rounds"), nb::arg("threads"),
         nb::arg("use"), nb::arg("copies"))
      .def("choose", [](const Matching& self, Ints cell, Floats share, std::int32_t bin, float most, Ints row_ids, Ints col_ids,
                        Places places, Gaps gaps, Mask active, Floats use, Floats copies, std::size_t threads,
                        Dense<std::int32_t, 1> place, Dense<float, 1> gap) {
        nb::gil_scoped_release release;
        mixot::choose_candidates(self.exemplar(), self.grid(), Capacity{cell, share, bin, most}.kernel(),
                                 lists_of(row_ids, col_ids, places, gaps), pointer(active), use.data(), copies.data(), threads,
                                 place.data(), gap.data());
      }, nb::arg("cell"), nb::arg("share"), nb::arg("bin"), nb::arg("most"), nb::arg("row_ids"), nb::arg("col_ids"),
         nb::arg("places"), nb::arg("gaps"), nb::arg("active").none(), nb::arg("use"), nb::arg("copies"), nb::arg("threads"),
         nb::arg("place"), nb::arg("gap"));

  m.def("blend_patches", [](Image source, IntRows places_y, IntRows places_x, FloatRows trust, FloatRows window, Ints rows, Ints cols,
                            bool wraps, std::size_t shifts, float bandwidth, bool vote, std::size_t threads, Dense<float, 3> out) {
    nb::gil_scoped_release release;
    const mixot::PatchLayers layers{source.data(), source.shape(0), source.shape(1), source.shape(2), window.shape(0),
                                    places_y.data(), places_x.data(), trust.data(), window.data(), rows.data(), cols.data(),
                                    rows.size(), cols.size()};
    mixot::blend_patches(layers, out.shape(1), out.shape(2), wraps, shifts, bandwidth, vote, threads, out.data());
  });
  m.def("fill_from_border", [](Dense<float, 3> image, Dense<std::uint8_t, 2> known, Ints centers, FloatRows window, std::size_t threads) {
    nb::gil_scoped_release release;
    mixot::fill_from_border({image.data(), known.data(), image.shape(0), image.shape(1), image.shape(2), window.shape(0),
                             centers.data(), centers.size()}, window.data(), threads);
  });
  m.def("match_ranks", [](Dense<float, 1> values, Floats sorted) {
    nb::gil_scoped_release release;
    mixot::match_ranks(values.data(), values.size(), sorted.data(), sorted.size());
  });
}
