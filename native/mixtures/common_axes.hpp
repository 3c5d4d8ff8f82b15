// Axes along which several covariances are as nearly uncorrelated as one rotation can make all of them.
#pragma once
#include <cstddef>

namespace mixot {

// What the rotation D minimises, for masses n and covariances S of k components, with a[j, i] = (D' S[j] D)[i, i]:
//   each:    sum_j n[j] sum_i log a[j, i]        every component has variances of its own (common principal components)
//   shared:  sum_j n[j] prod_i a[j, i]^(1 / d)   all have one determinant
enum class Volumes { each, shared };

// masses (k), covs (k, d, d) -> axes (d, d), orthogonal, in its columns: the start, and the end. Rotations in the planes
// of two axes (Flury and Gautschi, SIAM J. Sci. Stat. Comput. 7, 1986), none of which raises the objective: a step of
// Newton where that falls, or else the minimum over the angle of a function above it, which is concave in a (the
// majorisation of Browne and McNicholas, Adv. Data Anal. Classif. 8, 2014, a plane at a time). Ends where no angle of
// a sweep is above `tol`, or after so many `sweeps`. On return the diagonals are variances (k, d); false where one of
// them is not positive.
bool common_axes(Volumes volumes, const double* masses, const double* covs, std::size_t k, std::size_t d, double tol,
                 int sweeps, double* axes, double* variances);

// The best of several starts for `common_axes`: the data's own axes, those of the mean covariance and of each one.
void first_axes(Volumes volumes, const double* masses, const double* covs, std::size_t k, std::size_t d, double* axes);

}  // namespace mixot
