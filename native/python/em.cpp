// EM and draws: the arrays of one mixture in the order the kernels want them; the last ones are written.
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "mixtures/component_splits.hpp"
#include "mixtures/dense_balls.hpp"
#include "mixtures/draws.hpp"
#include "mixtures/em.hpp"
#include "mixtures/em_run.hpp"
#include "mixtures/exchanges.hpp"
#include "mixtures/k_means.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

namespace {

using Vector = Dense<const double, 1>;
using Matrix = Dense<const double, 2>;
template <class T>
using AnyShape = nb::ndarray<T, nb::c_contig, nb::device::cpu>;

mixot::Structure em_structure(const std::string& name) {
  const bool model = name.size() == 3;  // "EII" to "VVV"
  return name == "full" || (model && name[2] != 'I') ? mixot::Structure::full
         : name == "tied"                            ? mixot::Structure::tied
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
void bind_passes(nb::module_& m) {
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

const char* name_of(mixot::EmEnd end) {
  switch (end) {
    case mixot::EmEnd::converged: return "converged";
    case mixot::EmEnd::emptied: return "emptied";
    case mixot::EmEnd::singular: return "singular";
    case mixot::EmEnd::not_finite: return "not_finite";
    case mixot::EmEnd::fell: return "fell";
    default: return "limit";
  }
}

template <class Array>
std::vector<double> copied(const Array& from) {
  return {from.data(), from.data() + from.size()};
}

nb::tuple arrays_of(mixot::EmState& s) {
  const std::size_t weights = s.weights.size(), means = s.means.size(), covs = s.covs.size();
  return nb::make_tuple(to_python(std::move(s.weights), {weights}), to_python(std::move(s.means), {means}),
                        to_python(std::move(s.covs), {covs}));
}

// What is seen of the rows, and how noisily: (begin, pattern, seen, noise, "none", "diagonal" or "full"), or None.
class Groups {
 public:
  explicit Groups(const nb::object& given) : given_(given) {
    if (given.is_none()) return;
    const auto parts = nb::cast<nb::tuple>(given);
    const auto begin = nb::cast<Dense<const std::int64_t, 1>>(parts[0], false);
    const auto shape = nb::cast<std::string>(parts[4]);
    groups_ = {begin.shape(0) - 1,
               begin.data(),
               nb::cast<Dense<const std::int64_t, 1>>(parts[1], false).data(),
               nb::cast<Dense<const std::uint8_t, 2>>(parts[2], false).data(),
               nb::cast<AnyShape<const double>>(parts[3], false).data(),
               shape == "none"       ? mixot::NoiseShape::none
               : shape == "diagonal" ? mixot::NoiseShape::diagonal
                                     : mixot::NoiseShape::full};
  }
  const mixot::EmGroups* get() const { return given_.is_none() ? nullptr : &groups_; }

 private:
  nb::object given_;  // holds the arrays
  mixot::EmGroups groups_{};
};

// A prior as Python has it: observations, shrinkage, degrees of freedom, mean and scale, in the kernels' units.
class GivenPrior {
 public:
  explicit GivenPrior(nb::object given) {
    if (given.is_none()) return;
    const auto [observations, shrinkage, dof, mean, scale] =
        nb::cast<std::tuple<double, double, double, AnyShape<const double>, AnyShape<const double>>>(given);
    mean_ = copied(mean), scale_ = copied(scale);
    prior_ = {observations, shrinkage, dof, mean_.data(), scale_.data()};
  }
  const mixot::CovariancePrior* get() const { return mean_.empty() ? nullptr : &prior_; }

 private:
  std::vector<double> mean_, scale_;
  mixot::CovariancePrior prior_;
};

template <class T>
void bind_runs(nb::module_& m) {
  using Points = Dense<const T, 2>;
  using Flat = AnyShape<const double>;
  m.def(
      "em_run",
      [](Points points, Vector weights, Vector center, Vector inv_scale, Vector noise, Vector spread,
         const std::string& structure, Vector shares, Flat means, Flat covs, std::size_t max_passes, double tol,
         double least, double before, bool accelerated, std::size_t threads, nb::object report, nb::object parts,
         nb::object given, double ahead) {
        const Groups groups(parts);
        const GivenPrior prior(given);
        const mixot::EmRows<T> rows{points.data(), weights.data(),   points.shape(0),
                                    points.shape(1), center.data(),  inv_scale.data(),
                                    noise.data(),  spread.data(),    em_structure(structure),
                                    structure == "spherical", mixot::covariance_model(structure),
                                    groups.get(),  prior.get(),      ahead};
        mixot::EmLimits limits{max_passes, threads, tol, least, before, accelerated, {}};
        if (!report.is_none())
          limits.report = [&report](double objective) {
            nb::gil_scoped_acquire acquire;
            report(objective);
          };
        const mixot::EmState start{copied(shares), copied(means), copied(covs)};
        mixot::EmOutcome out;
        {
          nb::gil_scoped_release release;
          out = mixot::em_run(rows, start, limits);
        }
        const std::size_t k = out.shares.size(), steps = out.history.size();
        return nb::make_tuple(name_of(out.end), arrays_of(out.state), arrays_of(out.following),
                              to_python(std::move(out.shares), {k}), to_python(std::move(out.history), {steps}),
                              out.component, out.noise_share);
      },
      nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(),
      nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(),
      nb::arg().none() = nb::none(), nb::arg().none() = nb::none(), nb::arg() = 0.0,
      "EM from a state in the kernels' units: (end, state, following, shares, history, component,\nnoise_share), arrays flat.");
  m.def(
      "em_state_of_labels",
      [](Points points, Vector weights, Vector center, Vector inv_scale, Vector noise, Vector spread,
         const std::string& structure, Dense<const std::int64_t, 1> labels, std::size_t k, nb::object given) {
        const GivenPrior prior(given);
        mixot::EmRows<T> rows{points.data(), weights.data(),    points.shape(0),         points.shape(1),
                              center.data(), inv_scale.data(),  noise.data(),            spread.data(),
                              em_structure(structure), structure == "spherical", mixot::covariance_model(structure)};
        rows.prior = prior.get();
        auto state = mixot::em_state_of_labels(rows, labels.data(), k);
        return arrays_of(state);
      },
      nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(),
      nb::arg().none() = nb::none(), "Weights, means and covariances of labelled rows in the kernels' units, flat arrays.");
  m.def(
      "em_into_model",
      [](Points points, Vector weights, Vector center, Vector inv_scale, Vector noise, Vector spread,
         const std::string& structure, Vector shares, Flat means, Flat covs) {
        const mixot::EmRows<T> rows{points.data(), weights.data(),    points.shape(0),         points.shape(1),
                                    center.data(), inv_scale.data(),  noise.data(),            spread.data(),
                                    em_structure(structure), structure == "spherical",
                                    mixot::covariance_model(structure)};
        mixot::EmState state{copied(shares), copied(means), copied(covs)};
        mixot::em_into_model(rows, state);
        return arrays_of(state);
      },
      nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(),
      nb::arg(), "A state with covariances of the model, flat arrays.");
  m.def(
      "exchange_rows",
      [](Points points, Vector weights, Vector center, Vector inv_scale, Vector noise, Vector spread,
         const std::string& structure, Vector shares, Flat means, Flat covs, double observations) -> nb::object {
        const mixot::EmRows<T> rows{points.data(), weights.data(),    points.shape(0),         points.shape(1),
                                    center.data(), inv_scale.data(),  noise.data(),            spread.data(),
                                    em_structure(structure), structure == "spherical",
                                    mixot::covariance_model(structure)};
        mixot::EmState state{copied(shares), copied(means), copied(covs)};
        bool changed = false;
        {
          nb::gil_scoped_release release;
          changed = mixot::exchange_rows(rows, state, observations);
        }
        return changed ? nb::object(arrays_of(state)) : nb::none();
      },
      nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(),
      nb::arg(), nb::arg(), "The state after rows have changed components, or None where none gains.");
  m.def(
      "em_state_log_joint",
      [](Points points, Vector weights, Vector center, Vector inv_scale, Vector noise, Vector spread,
         const std::string& structure, Vector shares, Flat means, Flat covs, std::size_t threads,
         nb::object parts) -> nb::object {
        const Groups groups(parts);
        const mixot::EmRows<T> rows{points.data(), weights.data(),    points.shape(0),         points.shape(1),
                                    center.data(), inv_scale.data(),  noise.data(),            spread.data(),
                                    em_structure(structure), structure == "spherical",
                                    mixot::covariance_model(structure), groups.get()};
        const mixot::EmState state{copied(shares), copied(means), copied(covs)};
        std::vector<double> out(rows.n * state.weights.size());
        bool done = false;
        {
          nb::gil_scoped_release release;
          done = mixot::em_state_log_joint(rows, state, threads, out.data());
        }
        if (!done) return nb::none();
        return nb::cast(to_python(std::move(out), {rows.n, state.weights.size()}));
      },
      nb::arg().noconvert(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(),
      nb::arg(), nb::arg(), nb::arg().none() = nb::none(),
      "Log-joint densities of rows and components of a state, (n, k), or None where singular.");
}

void bind_moves(nb::module_& m) {
  m.def(
      "component_splits",
      [](Matrix points, Vector weights, Matrix shares, double noise, const std::string& structure, std::size_t passes,
         std::size_t threads) {
        const std::size_t d = points.shape(1), k = shares.shape(1);
        const mixot::SplitProblem problem{points.data(), weights.data(), shares.data(), points.shape(0), d, k, noise,
                                          em_structure(structure), structure == "spherical", passes, threads};
        const std::size_t each = structure == "full" ? 2 * d * d : structure == "tied" ? d * d : 2 * d;
        std::vector<double> gains(k), halves(2 * k), means(2 * k * d), covs(k * each);
        {
          nb::gil_scoped_release release;
          mixot::component_splits(problem, gains.data(), halves.data(), means.data(), covs.data());
        }
        return nb::make_tuple(to_python(std::move(gains), {k}), to_python(std::move(halves), {k, std::size_t(2)}),
                              to_python(std::move(means), {k, std::size_t(2), d}), to_python(std::move(covs), {k, each}));
      },
      "Two components for each: gains (k), weights (k, 2), means (k, 2, d) and flat covariances.");
  m.def(
      "dense_balls",
      [](Matrix points, Vector count, Vector density, std::size_t least, Dense<double, 1> excess,
         Dense<double, 1> square) {
        nb::gil_scoped_release release;
        mixot::dense_balls(points.data(), count.data(), density.data(), points.shape(0), points.shape(1), least,
                           excess.data(), square.data());
      },
      "How far the densest ball around each point is off, and its squared radius, into `excess` and `square`.");
}

void bind_k_means(nb::module_& m) {
  m.def(
      "spread_out",
      [](Matrix points, Vector weights, std::size_t first, Matrix uniform, Dense<std::int64_t, 1> chosen) {
        nb::gil_scoped_release release;
        mixot::spread_out(points.data(), weights.data(), points.shape(0), points.shape(1), chosen.shape(0), first,
                          uniform.data(), uniform.shape(1), chosen.data());
      },
      "Rows that are seeds of k-means, into `chosen`.");
  m.def(
      "lloyd",
      [](Matrix points, Vector weights, Dense<double, 2> centers, std::size_t max_iter, Dense<std::int64_t, 1> labels) {
        nb::gil_scoped_release release;
        return mixot::lloyd(points.data(), weights.data(), points.shape(0), points.shape(1), centers.shape(0), max_iter,
                            centers.data(), labels.data());
      },
      "Lloyd's iteration on `centers`; fills `labels`, returns the number of iterations.");
}

void bind_draws(nb::module_& m) {
  m.def(
      "draw_labels",
      [](Vector uniform, Vector reach, Dense<std::int64_t, 1> labels) {
        nb::gil_scoped_release release;
        mixot::draw_labels(uniform.data(), uniform.shape(0), reach.data(), reach.shape(0), labels.data());
      },
      "The component of each uniform number, into `labels`.");
  m.def(
      "place_draws",
      [](Dense<const std::int64_t, 1> labels, Matrix means, Dense<const double, 3> roots, Dense<double, 2> z) {
        nb::gil_scoped_release release;
        mixot::place_draws(labels.data(), labels.shape(0), means.data(), roots.data(), means.shape(0), means.shape(1),
                           z.data());
      },
      "Standard normal draws become those of their components, in place.");
}

}  // namespace

void bind_em(nb::module_& m) {
  bind_draws(m);
  bind_passes<float>(m);
  bind_passes<double>(m);
  bind_runs<float>(m);
  bind_runs<double>(m);
  bind_moves(m);
  bind_k_means(m);
}
