// The only file that knows Python. One function per topic; each kernel gets its arrays as pointers and sizes, outputs
// are allocated by the Python that calls, and the interpreter lock is released while a kernel runs.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "mixtures/affine_maps.hpp"
#include "python/bindings.hpp"
#include "mixtures/bures.hpp"
#include "mixtures/em.hpp"
#include "discrete/entropic.hpp"
#include "mixtures/gaussian_barycenter.hpp"
#include "mixtures/integer_laws.hpp"
#include "mixtures/moment_fit.hpp"
#include "machine/parallel.hpp"
#include "pictures/png.hpp"
#include "linear_algebra/psd_blocks.hpp"
#include "linear_algebra/psd_factor.hpp"
#include "linear_algebra/schur.hpp"
#include "machine/simd.hpp"
#include "discrete/tuple_pricing.hpp"

namespace mixot {
template <class Real>
MIXOT_INLINE void exp_all_body(const Real* x, std::size_t n, Real* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = fast_exp(x[i]);
}
MIXOT_MULTIVERSION(exp_all, (const double* x, std::size_t n, double* out), (x, n, out))
MIXOT_MULTIVERSION(exp_all, (const float* x, std::size_t n, float* out), (x, n, out))
}  // namespace mixot

namespace {

// ---- instruction sets; the exponential and the hand-out of blocks, for tests ----

template <class Real>
void bind_exponential(nb::module_& m) {
  m.def("fast_exp", [](Dense<const Real, 1> x, Dense<Real, 1> out) { mixot::exp_all(x.data(), x.shape(0), out.data()); },
        nb::arg("x").noconvert(), nb::arg("out").noconvert());
}

void bind_machine(nb::module_& m) {
  // The instruction set the multiversioned loops run on.
  m.def("isa", [] {
    switch (mixot::isa()) {
      case mixot::Isa::avx512: return "avx512";
      case mixot::Isa::avx2: return "avx2";
      default: return "baseline";
    }
  });
  bind_exponential<float>(m);
  bind_exponential<double>(m);
  // Hands out the blocks 0 .. n - 1, adds one to hits[block], and throws in block `fail`.
  m.def("parallel_hits", [](Dense<double, 1> hits, std::size_t threads, std::size_t fail) {
    nb::gil_scoped_release release;
    double* count = hits.data();
    mixot::parallel_blocks(hits.shape(0), threads, [=](std::size_t block, std::size_t worker) {
      if (block == fail || worker >= threads) throw std::runtime_error("this block fails");
      count[block] += 1;
    });
  });
}

// ---- costs between points and between Gaussian laws ----

using Factors = Dense<const double, 3>;
using Ranks = Dense<const std::int64_t, 1>;

template <class Kernel>
auto on_all_pairs(Kernel kernel) {
  return [kernel](Factors a, Ranks a_ranks, Factors b, Ranks b_ranks, Dense<double, 2> out, std::size_t threads) {
    nb::gil_scoped_release release;
    kernel({a.data(), a_ranks.data(), a.shape(0), a.shape(1), a.shape(2)},
           {b.data(), b_ranks.data(), b.shape(0), b.shape(1), b.shape(2)}, out.data(), threads);
  };
}

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
  m.def("plane_bures", on_all_pairs(&mixot::plane_bures));
  m.def("nuclear_norms", on_all_pairs(&mixot::nuclear_norms));
}

// ---- affine maps: one pass that weighs points by the components of a mixture and moves them ----

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
void bind_affine_maps(nb::module_& m) {
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

void bind_maps(nb::module_& m) {
  bind_affine_maps<float>(m);
  bind_affine_maps<double>(m);
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

// ---- EM: the arrays of one mixture in the order the kernels want them; the last ones are written ----

using Vector = Dense<const double, 1>;
using Matrix = Dense<const double, 2>;
template <class T>
using AnyShape = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

mixot::Structure em_structure(const std::string& name) {
  return name == "full" ? mixot::Structure::full
         : name == "tied" ? mixot::Structure::tied
                          : mixot::Structure::diagonal;
}

template <class T>
mixot::EmProblem<T> em_problem(const Dense<const T, 2>& points, const double* weights, const Vector& center,
                               const Vector& inv_scale, const Matrix& means, const AnyShape<const double>& factors,
                               const Vector& log_const, const std::string& structure) {
  return {points.data(),      weights,          points.shape(0), points.shape(1),  means.shape(0),         center.data(),
          inv_scale.data(),   means.data(),     factors.data(),  log_const.data(), em_structure(structure)};
}

template <class T>
void bind_em(nb::module_& m) {
  m.def(
      "em_pass",
      [](Dense<const T, 2> points, Vector weights, Vector center, Vector inv_scale, Matrix means,
         AnyShape<const double> factors, Vector log_const, const std::string& structure, std::size_t threads,
         Dense<double, 1> mass, Dense<double, 2> first, AnyShape<double> second) {
        const auto problem =
            em_problem<T>(points, weights.data(), center, inv_scale, means, factors, log_const, structure);
        nb::gil_scoped_release release;
        return mixot::em_pass(problem, threads, mass.data(), first.data(), second.data());
      },
      "E step and sums of the M step; fills mass, first and second, returns the weighted log-likelihood.");
  m.def(
      "em_log_joint",
      [](Dense<const T, 2> points, Vector center, Vector inv_scale, Matrix means, AnyShape<const double> factors,
         Vector log_const, const std::string& structure, std::size_t threads, Dense<double, 2> out) {
        const auto problem =
            em_problem<T>(points, nullptr, center, inv_scale, means, factors, log_const, structure);
        nb::gil_scoped_release release;
        mixot::em_log_joint(problem, threads, out.data());
      },
      "Log-joint densities of points and components, (n, k), into `out`.");
}

// ---- barycenters: Gaussian laws in the plane, and the pricing of tuples for the multi-marginal linear program ----

void bind_barycenters(nb::module_& m) {
  m.def("planar_barycenters",
        [](Dense<const double, 4> covs, Dense<const double, 1> weights, double tol, std::size_t max_iter,
           std::size_t threads, Dense<double, 3> out, Dense<double, 1> costs, Dense<double, 1> residuals) {
          nb::gil_scoped_release release;
          return mixot::planar_barycenters(covs.data(), weights.data(), covs.shape(0), covs.shape(1), tol, max_iter,
                                           threads, out.data(), costs.data(), residuals.data());
        });
  m.def("price_tuples",
        [](Dense<const std::int32_t, 1> sizes, Dense<const double, 1> pairs, Dense<const double, 1> potentials,
           Dense<const std::int32_t, 2> known, double threshold, std::size_t max_nodes, std::size_t threads,
           Dense<std::int32_t, 2> rows, Dense<double, 1> values) {
          nb::gil_scoped_release release;
          const auto answer = mixot::price_tuples({sizes.shape(0), sizes.data(), pairs.data(), potentials.data()},
                                                  known.data(), known.shape(0),
                                                  {threshold, values.shape(0), max_nodes, threads}, rows.data(),
                                                  values.data());
          return std::make_tuple(answer.found, answer.lower, answer.nodes, answer.complete);
        });
}

// ---- integer laws: windows of consecutive integers, one law after the other ----

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

// ---- semidefinite programs: blocks one after the other in one array, and the Schur matrix ----

void bind_semidefinite(nb::module_& m) {
  using Blocks = Dense<const std::int64_t, 1>;
  using Reals = Dense<const double, 1>;
  using Index = Dense<const std::int32_t, 1>;
  const auto sizes = [](const Blocks& blocks) { return mixot::Sizes{blocks.data(), blocks.shape(0)}; };
  m.def("psd_inverse_factors", [sizes](Blocks blocks, Reals x, Dense<double, 1> out) {
    nb::gil_scoped_release release;
    return mixot::psd_inverse_factors(sizes(blocks), x.data(), out.data());
  });
  m.def("psd_inverses", [sizes](Blocks blocks, Reals factors, Dense<double, 1> out) {
    nb::gil_scoped_release release;
    mixot::psd_inverses(sizes(blocks), factors.data(), out.data());
  });
  m.def("psd_sandwich", [sizes](Blocks blocks, Reals a, Reals b, Reals c, Dense<double, 1> out) {
    nb::gil_scoped_release release;
    mixot::psd_sandwich(sizes(blocks), a.data(), b.data(), c.data(), out.data());
  });
  m.def("psd_least_eigenvalue", [sizes](Blocks blocks, Reals factors, Reals d) {
    nb::gil_scoped_release release;
    return mixot::psd_least_eigenvalue(sizes(blocks), factors.data(), d.data());
  });
  m.def("cholesky", [](Dense<double, 2> s, Reals floors) {
    nb::gil_scoped_release release;
    return mixot::cholesky(s.data(), s.shape(0), floors.data());
  });
  m.def("cholesky_solve", [](Dense<const double, 2> factor, Dense<double, 1> x) {
    nb::gil_scoped_release release;
    mixot::cholesky_solve(factor.data(), factor.shape(0), x.data());
  });
  m.def("symmetric_product", [](Dense<const double, 2> s, Reals x, Dense<double, 1> out) {
    nb::gil_scoped_release release;
    mixot::symmetric_product(s.data(), s.shape(0), x.data(), out.data());
  });
  m.def("add_schur", [](std::size_t n, Index row_at, Index row_index, Index row_start, Index column, Reals value,
                        Index pair_at, Index place, Index mirror, Reals weight, Index form_start, Index form_variable,
                        Reals form_value, Index variable, Reals inverse, Reals z, std::size_t threads,
                        Dense<double, 1> space, Dense<double, 2> s) {
    const mixot::SchurBlock block{n, form_start.shape(0) - 1, variable.shape(0), column.shape(0), row_at.data(),
                                  row_index.data(), row_start.data(), column.data(), value.data(), pair_at.data(),
                                  place.data(), mirror.data(), weight.data(), form_start.data(), form_variable.data(),
                                  form_value.data(), variable.data()};
    nb::gil_scoped_release release;
    mixot::add_schur(block, inverse.data(), z.data(), s.shape(0), threads, space.data(), s.data());
  });
  m.def("add_schur_rows", [](Index start, Index column, Reals value, Reals weights, Dense<double, 2> s) {
    nb::gil_scoped_release release;
    mixot::add_schur_rows(start.data(), column.data(), value.data(), weights.data(), weights.shape(0), s.shape(0),
                          s.data());
  });
}

// ---- pictures: line filters of 16-bit PNG ----

void bind_pictures(nb::module_& m) {
  m.def("png_unfilter", [](Dense<const std::uint8_t, 2> lines, std::size_t step, Dense<std::uint8_t, 2> out) {
    nb::gil_scoped_release release;
    mixot::png_unfilter(lines.data(), lines.shape(0), lines.shape(1) - 1, step, out.data());
  });
}

// ---- fits to moments: Gaussian mixtures whose Chebyshev moments are those of a target ----

mixot::CovShape cov_shape(const std::string& structure) {
  if (structure == "spherical") return mixot::CovShape::spherical;
  return structure == "diagonal" ? mixot::CovShape::diagonal : mixot::CovShape::full;
}

// Variances between which the covariances stay, and how far from zero the means go.
using Box = std::tuple<double, double, double>;

mixot::MomentTarget moment_target(const Dense<const std::int64_t, 2>& powers, const Dense<const double, 3>& operators,
                                  const Dense<const double, 1>& target, const std::string& structure, const Box& box) {
  const auto [floor, ceiling, reach] = box;
  return {powers.data(), operators.data(), target.data(), powers.shape(1), powers.shape(0), target.shape(0),
          cov_shape(structure), floor, ceiling, reach};
}

void bind_moment_fits(nb::module_& m) {
  using namespace nb::literals;
  m.def(
      "moment_fit",
      [](Dense<const std::int64_t, 2> powers, Dense<const double, 3> operators, Dense<const double, 1> target,
         const std::string& structure, Box box, Dense<double, 2> weights, Dense<double, 3> means,
         Dense<double, 3> covs, Dense<double, 1> objectives, Dense<std::int64_t, 1> iterations, std::size_t max_iter,
         double tol, bool relative, std::size_t threads) {
        nb::gil_scoped_release release;
        const mixot::MomentStarts starts{weights.data(), means.data(), covs.data(), weights.shape(0), weights.shape(1),
                                         objectives.data(), iterations.data()};
        mixot::moment_fit(moment_target(powers, operators, target, structure, box), starts, {max_iter, tol, relative},
                          threads);
      },
      "Levenberg-Marquardt from each start, in place.");
  m.def(
      "moment_residuals",
      [](Dense<const std::int64_t, 2> powers, Dense<const double, 3> operators, Dense<const double, 1> target,
         const std::string& structure, Box box, Dense<const double, 1> weights, Dense<const double, 2> means,
         Dense<const double, 2> covs, Dense<double, 1> residuals, Dense<double, 2> jacobian) {
        nb::gil_scoped_release release;
        mixot::moment_residuals(moment_target(powers, operators, target, structure, box), weights.data(), means.data(),
                                covs.data(), weights.shape(0), residuals.data(), jacobian.data());
      },
      "Whitened residuals (m) and their derivatives (m, q) by logits, means and shapes.");
  m.def(
      "chebyshev_moments",
      [](Dense<const std::int64_t, 2> powers, const std::string& structure, Dense<const double, 2> means,
         Dense<const double, 2> covs, Dense<double, 2> out) {
        nb::gil_scoped_release release;
        mixot::chebyshev_moments(powers.data(), powers.shape(0), powers.shape(1), cov_shape(structure), means.data(),
                                 covs.data(), means.shape(0), out.data());
      },
      "Expectations of the Chebyshev products under Gaussian laws, (k, s).");
}

// ---- entropic couplings: between the components of mixtures, and between Gaussian laws ----

void bind_entropic(nb::module_& m) {
  m.def(
      "entropic_coupling",
      [](Dense<const double, 2> cost, Dense<const double, 1> log_a, Dense<const double, 1> log_b, double lam,
         std::tuple<double, double> rho, double first, std::size_t max_newton, Dense<double, 1> f, Dense<double, 1> g,
         Dense<double, 2> w) {
        nb::gil_scoped_release release;
        const auto [rho_a, rho_b] = rho;
        const auto report = mixot::entropic_coupling(
            {cost.data(), log_a.data(), log_b.data(), cost.shape(0), cost.shape(1), lam, rho_a, rho_b}, first,
            max_newton, f.data(), g.data(), w.data());
        return std::make_tuple(report.levels, report.sweeps, report.newton, report.error);
      },
      "Potentials and coupling, in place; (levels, sweeps, Newton steps, error).");
  m.def("largest_interaction", [](Dense<const double, 2> cost, std::size_t threads) {
    nb::gil_scoped_release release;
    return mixot::largest_interaction(cost.data(), cost.shape(0), cost.shape(1), threads);
  });
  m.def("entropic_excess", [](Factors a, Ranks a_ranks, Factors b, Ranks b_ranks, double s2, Dense<double, 2> out,
                              std::size_t threads) {
    nb::gil_scoped_release release;
    mixot::entropic_excess({a.data(), a_ranks.data(), a.shape(0), a.shape(1), a.shape(2)},
                           {b.data(), b_ranks.data(), b.shape(0), b.shape(1), b.shape(2)}, s2, out.data(), threads);
  });
  m.def("diagonal_excess", [](Dense<const double, 2> a, Dense<const double, 2> b, double s2, Dense<double, 2> out,
                              std::size_t threads) {
    nb::gil_scoped_release release;
    mixot::diagonal_excess(a.data(), a.shape(0), b.data(), b.shape(0), a.shape(1), s2, out.data(), threads);
  });
}

}  // namespace

NB_MODULE(_native, m) {
  m.doc() = "Compiled loops of mixot. Trusted inputs: everything is checked by the Python that calls them.";
  bind_machine(m);
  bind_costs(m);
  bind_maps(m);
  bind_em<float>(m);
  bind_em<double>(m);
  bind_barycenters(m);
  bind_integer_laws(m);
  bind_transport(m);
  bind_pictures(m);
  bind_semidefinite(m);
  bind_moment_fits(m);
  bind_entropic(m);
}
