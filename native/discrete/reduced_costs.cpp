#include "discrete/reduced_costs.hpp"

#include <cstring>
#include <limits>

#include "machine/simd.hpp"

namespace mixot {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr int width = lane_count, unrolled = 4 * width;  // minima that run beside each other: none waits for another

MIXOT_INLINE Lanes load(const double* x) {
  Lanes out;
  std::memcpy(&out, x, sizeof out);
  return out;
}

MIXOT_INLINE void store(const Lanes& x, double* out) { std::memcpy(out, &x, sizeof x); }

// Said of vectors: compilers turn the same loop over doubles into moves one by one.
#if defined(__GNUC__) || defined(__clang__)
MIXOT_INLINE Lanes lesser(Lanes x, Lanes y) { return x < y ? x : y; }
#else
MIXOT_INLINE Lanes lesser(const Lanes& x, const Lanes& y) {
  Lanes out;
  for (int l = 0; l < width; ++l) out[l] = x[l] < y[l] ? x[l] : y[l];
  return out;
}
#endif

MIXOT_INLINE double lesser(double x, double y) { return x < y ? x : y; }
MIXOT_INLINE double least_of(const Lanes& x) { return lesser(lesser(x[0], x[1]), lesser(x[2], x[3])); }
MIXOT_INLINE Lanes everywhere(double x) {
  Lanes out;
  for (int l = 0; l < width; ++l) out[l] = x;
  return out;
}

MIXOT_INLINE Lanes reduced(const double* c, const double* v) { return load(c) - load(v); }

// min of the next `unrolled` reduced costs, four at a time
MIXOT_INLINE Lanes least_block(const double* c, const double* v) {
  return lesser(lesser(reduced(c, v), reduced(c + width, v + width)),
                lesser(reduced(c + 2 * width, v + 2 * width), reduced(c + 3 * width, v + 3 * width)));
}

}  // namespace

MIXOT_INLINE void least_reduced_cost_body(const double* c, const double* v, int m, double* least) {
  double out = infinity;
  int j = 0;
  if (m >= width) {
    Lanes low = reduced(c, v), high = low;
    for (; j + unrolled <= m; j += unrolled) {
      low = lesser(low, lesser(reduced(c + j, v + j), reduced(c + j + width, v + j + width)));
      high = lesser(high, lesser(reduced(c + j + 2 * width, v + j + 2 * width),
                                 reduced(c + j + 3 * width, v + j + 3 * width)));
    }
    for (; j + width <= m; j += width) low = lesser(low, reduced(c + j, v + j));
    if (j < m) high = lesser(high, reduced(c + m - width, v + m - width));  // some once more
    out = least_of(lesser(low, high));
  } else {
    for (; j < m; ++j) out = lesser(out, c[j] - v[j]);
  }
  *least = out;
}
MIXOT_MULTIVERSION(least_reduced_cost, (const double* c, const double* v, int m, double* least), (c, v, m, least))

MIXOT_INLINE void sum_reduced_costs_body(const double* c, const double* v, int m, double* sum) {
  Lanes part{};
  int j = 0;
  for (; j + width <= m; j += width) part += reduced(c + j, v + j);
  double out = (part[0] + part[1]) + (part[2] + part[3]);
  for (; j < m; ++j) out += c[j] - v[j];
  *sum = out;
}
MIXOT_MULTIVERSION(sum_reduced_costs, (const double* c, const double* v, int m, double* sum), (c, v, m, sum))

MIXOT_INLINE void find_reduced_cost_body(const double* c, const double* v, int m, double value, int* where) {
  int j = 0;
  while (j + unrolled <= m && least_of(least_block(c + j, v + j)) != value) j += unrolled;
  while (j + 1 < m && c[j] - v[j] != value) ++j;
  *where = j;
}
MIXOT_MULTIVERSION(find_reduced_cost, (const double* c, const double* v, int m, double value, int* where),
                   (c, v, m, value, where))

MIXOT_INLINE void reduced_costs_below_body(const double* c, const double* v, int m, double cut, int* index, int most,
                                           int* count) {
  int k = 0;
  for (int j = 0; j < m && k < most;) {
    if (j + unrolled <= m && !(least_of(least_block(c + j, v + j)) < cut)) {
      j += unrolled;
      continue;
    }
    for (const int end = j + unrolled < m ? j + unrolled : m; j < end; ++j)
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
    for (int t = 0; t < minima_groups; t += width)
      store(lesser(load(least + t), reduced(c + j + t, v + j + t)), least + t);
  for (int t = 0; j < m; ++j, ++t) least[t] = lesser(least[t], c[j] - v[j]);
}
MIXOT_MULTIVERSION(grouped_reduced_costs, (const double* c, const double* v, int m, double* least), (c, v, m, least))

MIXOT_INLINE void lower_to_body(const double* c, double shift, int m, double* MIXOT_RESTRICT least, int* finite) {
  const Lanes by = everywhere(shift);
  Lanes lost{};  // a finite number times zero is zero, NaN and infinity become NaN
  int j = 0;
  for (; j + width <= m; j += width) {
    const Lanes x = load(c + j);
    store(lesser(load(least + j), x - by), least + j);
    lost += 0.0 * x;
  }
  double all = (lost[0] + lost[1]) + (lost[2] + lost[3]);
  for (; j < m; ++j) {
    least[j] = lesser(least[j], c[j] - shift);
    all += 0.0 * c[j];
  }
  if (!(all == 0)) *finite = 0;
}
MIXOT_MULTIVERSION(lower_to, (const double* c, double shift, int m, double* least, int* finite),
                   (c, shift, m, least, finite))

}  // namespace mixot
