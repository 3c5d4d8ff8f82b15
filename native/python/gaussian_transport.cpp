// Weighted points against sums of Gaussians in a box.
#include "densities/gaussian_density.hpp"
#include "python/bindings.hpp"
#include "python/transport.hpp"

namespace {

constexpr std::size_t slabs = 4096;  // along each axis, for the masses that a start is made from

struct Names {
  const char *moments, *transport;
};

template <int D>
void bind_sums(nb::module_& m, const Names& names) {
  using Covs = Dense<const double, 3>;
  m.def(names.moments, [](Rows points, Vector potentials, Vector weights, Rows means, Covs covs, Rows bounds,
                          std::size_t threads, Dense<double, 2> out) {
    nb::gil_scoped_release release;
    mixot::GaussianDensity<D> density({weights.data(), means.data(), covs.data(), weights.shape(0)});
    mixot::cell_moments<D>(as_cloud(points, potentials), as_box<D>(bounds), density, threads, out.data());
  });
  m.def(
      names.transport,
      [](Rows points, Vector target, Vector weights, Rows means, Covs covs, Rows bounds, Start start, double tol,
         int max_updates, std::size_t threads, Dense<double, 1> potentials, Dense<double, 2> moments) {
        nb::gil_scoped_release release;
        const mixot::GaussianLaws laws{weights.data(), means.data(), covs.data(), weights.shape(0)};
        const mixot::Box<D> box = as_box<D>(bounds);
        mixot::GaussianDensity<D> density(laws);
        std::vector<double> marginals[D];
        mixot::gaussian_marginals<D>(laws, box.lo, box.hi, slabs, marginals);
        return solve<D>(as_task(points, target, start, tol, max_updates, threads), box, density, marginals,
                        potentials.data(), moments.data());
      },
      nb::arg("points"), nb::arg("target"), nb::arg("weights"), nb::arg("means"), nb::arg("covs"), nb::arg("bounds"),
      nb::arg("start").none(), nb::arg("tol"), nb::arg("max_updates"), nb::arg("threads"),
      nb::arg("potentials").noconvert(), nb::arg("moments").noconvert());
}

}  // namespace

void bind_gaussian_transport(nb::module_& m) {
  bind_sums<2>(m, {"gaussian_moments", "gaussian_transport"});
  bind_sums<3>(m, {"solid_gaussian_moments", "solid_gaussian_transport"});
}
