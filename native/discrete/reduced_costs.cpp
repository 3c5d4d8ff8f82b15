#include "discrete/reduced_costs.hpp"

#include <limits>

#include "machine/simd.hpp"

namespace mixot {

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr int lanes = 16;  // minima that run beside each other, so that none waits for the one before
}  // namespace

MIXOT_INLINE void least_reduced_cost_body(const double* c, const double* v, int m, double* least) {
  double lane[lanes], out = infinity;
  int j = 0;
  if (m >= lanes) {
    for (int t = 0; t < lanes; ++t) lane[t] = infinity;
    for (; j + lanes <= m; j += lanes)
      for (int t = 0; t < lanes; ++t) {
        const double x = c[j + t] - v[j + t];
        lane[t] = x < lane[t] ? x : lane[t];
      }
    for (int t = 0; t < lanes; ++t) out = lane[t] < out ? lane[t] : out;
  }
  for (; j < m; ++j) {
    const double x = c[j] - v[j];
    out = x < out ? x : out;
  }
  *least = out;
}
MIXOT_MULTIVERSION(least_reduced_cost, (const double* c, const double* v, int m, double* least), (c, v, m, least))

MIXOT_INLINE void sum_reduced_costs_body(const double* c, const double* v, int m, double* sum) {
  double lane[lanes] = {}, out = 0;
  int j = 0;
  for (; j + lanes <= m; j += lanes)
    for (int t = 0; t < lanes; ++t) lane[t] += c[j + t] - v[j + t];
  for (; j < m; ++j) out += c[j] - v[j];
  for (int t = 0; t < lanes; ++t) out += lane[t];
  *sum = out;
}
MIXOT_MULTIVERSION(sum_reduced_costs, (const double* c, const double* v, int m, double* sum), (c, v, m, sum))

// Whether any of so many reduced costs is below the cut; without a branch, so that the compiler takes them at once.
MIXOT_INLINE bool any_below(const double* c, const double* v, double cut) {
  long long hit = 0;
  for (int t = 0; t < lanes; ++t) hit |= -static_cast<long long>(c[t] - v[t] < cut);
  return hit != 0;
}

MIXOT_INLINE void find_reduced_cost_body(const double* c, const double* v, int m, double value, int* where) {
  int j = 0;
  for (; j + lanes <= m; j += lanes) {
    long long hit = 0;
    for (int t = 0; t < lanes; ++t) hit |= -static_cast<long long>(c[j + t] - v[j + t] == value);
    if (hit) break;
  }
  while (j + 1 < m && c[j] - v[j] != value) ++j;
  *where = j;
}
MIXOT_MULTIVERSION(find_reduced_cost, (const double* c, const double* v, int m, double value, int* where),
                   (c, v, m, value, where))

MIXOT_INLINE void reduced_costs_below_body(const double* c, const double* v, int m, double cut, int* index, int most,
                                           int* count) {
  int k = 0;
  for (int j = 0; j < m && k < most;) {
    if (j + lanes <= m && !any_below(c + j, v + j, cut)) {
      j += lanes;
      continue;
    }
    for (const int end = j + lanes < m ? j + lanes : m; j < end; ++j)
      if (c[j] - v[j] < cut && k < most) index[k++] = j;
  }
  *count = k;
}
MIXOT_MULTIVERSION(reduced_costs_below,
                   (const double* c, const double* v, int m, double cut, int* index, int most, int* count),
                   (c, v, m, cut, index, most, count))

MIXOT_INLINE void grouped_reduced_costs_body(const double* c, const double* v, int m, double* least) {
  for (int t = 0; t < minima_groups; ++t) least[t] = infinity;
  int j = 0;
  for (; j + minima_groups <= m; j += minima_groups)
    for (int t = 0; t < minima_groups; ++t) {
      const double x = c[j + t] - v[j + t];
      least[t] = x < least[t] ? x : least[t];
    }
  for (int t = 0; j < m; ++j, ++t) {
    const double x = c[j] - v[j];
    least[t] = x < least[t] ? x : least[t];
  }
}
MIXOT_MULTIVERSION(grouped_reduced_costs, (const double* c, const double* v, int m, double* least), (c, v, m, least))

MIXOT_INLINE void lower_to_body(const double* c, double shift, int m, double* MIXOT_RESTRICT least, int* finite) {
  double lost[8] = {};  // a finite number times zero is zero, NaN and infinity become NaN
  int j = 0;
  for (; j + 8 <= m; j += 8)
    for (int t = 0; t < 8; ++t) {
      const double x = c[j + t] - shift;
      least[j + t] = x < least[j + t] ? x : least[j + t];
      lost[t] += 0 * c[j + t];
    }
  for (; j < m; ++j) {
    const double x = c[j] - shift;
    least[j] = x < least[j] ? x : least[j];
    lost[0] += 0 * c[j];
  }
  double all = 0;
  for (int t = 0; t < 8; ++t) all += lost[t];
  if (!(all == 0)) *finite = 0;
}
MIXOT_MULTIVERSION(lower_to, (const double* c, double shift, int m, double* least, int* finite),
                   (c, shift, m, least, finite))

}  // namespace mixot
