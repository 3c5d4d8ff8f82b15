#include "mixtures/draws.hpp"

#include <algorithm>
#include <vector>

#include "machine/interrupt.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;
constexpr size_t kBlock = 256;  // points whose labels are counted at once
constexpr size_t kCounted = 32;  // components up to which counting all is quicker than to search

MIXOT_INLINE void count_below_body(const double* uniform, size_t n, const double* reach, size_t k,
                                   std::int64_t* labels) {
  double count[kBlock];
  for (size_t at = 0; at < n; at += kBlock) {
    const size_t some = std::min(kBlock, n - at);
    std::fill(count, count + some, 0.0);
    for (size_t j = 0; j + 1 < k; ++j) {
      const double level = reach[j];
      for (size_t i = 0; i < some; ++i) count[i] += uniform[at + i] >= level ? 1.0 : 0.0;
    }
    for (size_t i = 0; i < some; ++i) labels[at + i] = static_cast<std::int64_t>(count[i]);
  }
}
MIXOT_MULTIVERSION(count_below,
                   (const double* uniform, size_t n, const double* reach, size_t k, std::int64_t* labels),
                   (uniform, n, reach, k, labels))

// `columns` (k, d, d): the roots, column after column.
MIXOT_INLINE void place_body(const std::int64_t* labels, size_t n, const double* means, const double* columns, size_t d,
                             double* z, double* moved) {
  for (size_t i = 0; i < n; ++i, z += d) {
    const size_t j = static_cast<size_t>(labels[i]);
    const double* column = columns + j * d * d;
    for (size_t a = 0; a < d; ++a) moved[a] = means[j * d + a];
    for (size_t c = 0; c < d; ++c, column += d) {
      const double x = z[c];
      for (size_t a = 0; a < d; ++a) moved[a] += x * column[a];
    }
    for (size_t a = 0; a < d; ++a) z[a] = moved[a];
  }
}
MIXOT_MULTIVERSION(place,
                   (const std::int64_t* labels, size_t n, const double* means, const double* columns, size_t d,
                    double* z, double* moved),
                   (labels, n, means, columns, d, z, moved))

}  // namespace

void draw_labels(const double* uniform, size_t n, const double* reach, size_t k, std::int64_t* labels) {
  if (k <= kCounted) return count_below(uniform, n, reach, k, labels);
  for (size_t i = 0; i < n; ++i)
    labels[i] = std::upper_bound(reach, reach + k - 1, uniform[i]) - reach;
}

void place_draws(const std::int64_t* labels, size_t n, const double* means, const double* roots, size_t k, size_t d,
                 double* z) {
  constexpr size_t Part = 16384;
  std::vector<double> columns(k * d * d), moved(d);
  for (size_t j = 0; j < k; ++j)
    for (size_t a = 0; a < d; ++a)
      for (size_t c = 0; c < d; ++c) columns[(j * d + c) * d + a] = roots[(j * d + a) * d + c];
  for (size_t at = 0; at < n; at += Part) {
    place(labels + at, std::min(Part, n - at), means, columns.data(), d, z + at * d, moved.data());
    look_for_interrupt();
  }
}

}  // namespace mixot
