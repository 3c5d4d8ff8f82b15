// One fused pass of expectation-maximisation for mixtures of Student t laws: E step and the sums of the M step.
#pragma once
#include <cstddef>

namespace mixot {

// Points (n, d) and weights (n); locs (k, d); factors (k, d, d), upper triangular P with inverse scale P P'; df (k);
// log_const (k), the logarithm of weight times density at the location.
struct StudentProblem {
  const double *points, *weights;
  std::size_t n, d, k;
  const double *locs, *factors, *log_const, *df;
};

// With q = |(x - m) P|^2, density exp(log_const) (1 + q / df)^(-(df + d) / 2), r weight times responsibility, and
// u = (df + d) / (df + q), the mean latent precision, fills
//   mass (k) = sum r;  pull (k) = sum r u;  log_pull (k) = sum r log u;
//   first (k, d) = sum r u (x - m);  second (k, d, d) = sum r u (x - m)(x - m)', its lower triangle.
// Returns sum w log p(x). Sums are added in one order, whatever `threads` is.
double student_pass(const StudentProblem& problem, std::size_t threads, double* mass, double* pull, double* log_pull,
                    double* first, double* second);

}  // namespace mixot
