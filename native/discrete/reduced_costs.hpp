// Loops over one row of a cost matrix c (m) at the prices v (m) of its columns: the reduced costs c[j] - v[j].
#pragma once
#include <cstddef>

namespace mixot {

// *least = min_j c[j] - v[j]
void least_reduced_cost(const double* c, const double* v, int m, double* least);

// *sum = sum_j c[j] - v[j]
void sum_reduced_costs(const double* c, const double* v, int m, double* sum);

// The first j with c[j] - v[j] == value, which must exist.
void find_reduced_cost(const double* c, const double* v, int m, double value, int* where);

// All j with c[j] - v[j] < cut, in order, but at most `most` -> index; how many -> *count.
void reduced_costs_below(const double* c, const double* v, int m, double cut, int* index, int most, int* count);

// Minima of c[j] - v[j] over the columns of one remainder j % minima_groups -> least (minima_groups).
constexpr int minima_groups = 64;
void grouped_reduced_costs(const double* c, const double* v, int m, double* least);

// least[j] = min(least[j], c[j] - shift), (m); *finite is set to 0 where c holds NaN or infinity.
void lower_to(const double* c, double shift, int m, double* least, int* finite);

}  // namespace mixot
