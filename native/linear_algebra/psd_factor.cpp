// Cholesky factors in twice the working precision.
//
// Why: the derivative of W2^2 in a covariance A is I - T, T the optimal map, and |T| grows like the root of the
// condition number. A Cholesky in doubles disturbs A by its rounding unit and so loses half the digits of W2 on
// ill-conditioned pairs; rounding L itself does no harm (T L is bounded). Factors are made once a component, costs
// once a pair, so the extra digits are nearly free.
//
// The error-free sums below need every operation rounded on its own: CMakeLists.txt turns contraction off here.
#include "linear_algebra/psd_factor.hpp"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

// The unevaluated sum high + low, |low| <= ulp(high) / 2.
struct Twin {
  double high, low;
};

MIXOT_INLINE Twin renormalised(double high, double low) {
  const double sum = high + low;
  return {sum, low - (sum - high)};
}

// a - x y, in twice the precision (Knuth's two-sum, products made exact by fma).
MIXOT_INLINE Twin minus_product(Twin a, Twin x, Twin y) {
  const double product = x.high * y.high;
  const double tail = std::fma(x.high, y.high, -product) + (x.high * y.low + x.low * y.high);
  const double sum = a.high - product;
  const double back = sum - a.high;
  const double error = (a.high - (sum - back)) - (product + back);
  return {sum, a.low + (error - tail)};
}

MIXOT_INLINE Twin divided(Twin a, Twin by) {
  const double first = a.high / by.high;
  const Twin rest = minus_product(a, {first, 0.0}, by);
  return renormalised(first, (rest.high + rest.low) / by.high);
}

MIXOT_INLINE Twin root(Twin a) {
  const double first = std::sqrt(a.high);
  const Twin rest = minus_product(a, {first, 0.0}, {first, 0.0});
  return renormalised(first, (rest.high + rest.low) / (2.0 * first));
}

enum class Order { pivoted, natural };

// Left-looking Cholesky of one matrix, cov (d, d) -> rank columns of L in high + low (d, d). Pivoted, it
// takes the largest diagonal left, and stops where every diagonal left is below the rounding level of that diagonal's
// own entry in cov; in natural order it takes what is positive. left (2 d) holds the diagonal of the Schur complement.
MIXOT_INLINE void factor_body(const double* cov, std::size_t d, Order order, double* high, double* low, double* left,
                              std::int64_t* rank) {
  const double rounding = order == Order::pivoted ? (8.0 + static_cast<double>(d)) * DBL_EPSILON : 0.0;
  double *left_high = left, *left_low = left + d;
  for (std::size_t i = 0; i < d; ++i) left_high[i] = cov[i * d + i], left_low[i] = 0.0;

  std::size_t c = 0;
  for (; c < d; ++c) {
    std::size_t pivot = d;
    for (std::size_t i = 0; i < d; ++i)
      if (left_high[i] > rounding * cov[i * d + i] && (pivot == d || left_high[i] > left_high[pivot])) {
        pivot = i;
        if (order == Order::natural) break;
      }
    if (pivot == d) break;

    const std::size_t from = order == Order::natural ? pivot : 0;  // rows above are done
    double *column_high = high + c * d, *column_low = low + c * d;
    std::copy(cov + pivot * d, cov + (pivot + 1) * d, column_high);
    std::fill(column_low, column_low + d, 0.0);
    for (std::size_t j = 0; j < c; ++j) {
      const double *before_high = high + j * d, *before_low = low + j * d;
      const Twin at_pivot{before_high[pivot], before_low[pivot]};
      for (std::size_t i = from; i < d; ++i) {
        const Twin next = minus_product({column_high[i], column_low[i]}, {before_high[i], before_low[i]}, at_pivot);
        column_high[i] = next.high, column_low[i] = next.low;
      }
    }
    const Twin diagonal = root(renormalised(left_high[pivot], left_low[pivot]));
    for (std::size_t i = 0; i < d; ++i) {
      const bool done = left_high[i] < 0.0;
      const Twin entry = done ? Twin{0.0, 0.0} : divided(renormalised(column_high[i], column_low[i]), diagonal);
      column_high[i] = entry.high, column_low[i] = entry.low;
      const Twin rest = minus_product({left_high[i], left_low[i]}, entry, entry);
      left_high[i] = rest.high, left_low[i] = rest.low;
    }
    column_high[pivot] = diagonal.high, column_low[pivot] = diagonal.low;
    left_high[pivot] = -1.0, left_low[pivot] = 0.0;
  }
  *rank = static_cast<std::int64_t>(c);
}

MIXOT_MULTIVERSION(factor,
                   (const double* cov, std::size_t d, Order order, double* high, double* low, double* left,
                    std::int64_t* rank),
                   (cov, d, order, high, low, left, rank))

}  // namespace

void psd_factors(const double* covs, std::size_t count, std::size_t dim, double* factors, std::int64_t* ranks,
                 std::size_t threads) {
  std::vector<std::vector<double>> scratch(threads ? threads : 1);
  const bool short_work = count * dim * dim * dim < 100000;  // shorter than starting threads
  parallel_blocks(count, short_work ? 1 : threads, [&](std::size_t k, std::size_t worker) {
    auto& space = scratch[worker];
    space.resize(dim * dim + 2 * dim);
    const double* cov = covs + k * dim * dim;
    double *high = factors + k * dim * dim, *low = space.data(), *left = low + dim * dim;
    factor(cov, dim, Order::pivoted, high, low, left, ranks + k);
    // Pivots decide the rank; at full rank the natural order saves the costs two thirds of their products.
    if (ranks[k] == static_cast<std::int64_t>(dim)) factor(cov, dim, Order::natural, high, low, left, ranks + k);
  });
}

}  // namespace mixot
