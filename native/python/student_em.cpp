// EM for mixtures of Student t laws.
#include <cstddef>

#include "mixtures/student_em.hpp"
#include "python/arrays.hpp"
#include "python/bindings.hpp"

void bind_student_em(nb::module_& m) {
  m.def(
      "student_pass",
      [](Dense<const double, 2> points, Dense<const double, 1> weights, Dense<const double, 2> locs,
         Dense<const double, 3> factors, Dense<const double, 1> log_const, Dense<const double, 1> df,
         std::size_t threads, Dense<double, 1> mass, Dense<double, 1> pull, Dense<double, 1> log_pull,
         Dense<double, 2> first, Dense<double, 3> second) {
        const mixot::StudentProblem problem{points.data(), weights.data(), points.shape(0),  points.shape(1), locs.shape(0),
                                            locs.data(),   factors.data(), log_const.data(), df.data()};
        nb::gil_scoped_release release;
        return mixot::student_pass(problem, threads, mass.data(), pull.data(), log_pull.data(), first.data(),
                                   second.data());
      },
      "E step and sums of the M step; fills the last five arrays, returns the weighted log-likelihood.");
}
