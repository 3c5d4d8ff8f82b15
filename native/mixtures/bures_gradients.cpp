#include "mixtures/bures_gradients.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "linear_algebra/polar_factor.hpp"
#include "linear_algebra/psd_factor.hpp"
#include "machine/parallel.hpp"

namespace mixot {

namespace {

constexpr double least_pivot = 1e-8;  // share of a variance that the coordinates before it leave unexplained
constexpr double unlike = 256;        // ratio of products of variances from which coordinates have unlike units

// Cholesky factors of covariances divided by powers of four, so that products of them neither overflow nor vanish.
struct ScaledFactors {
  const Covariances& covs;
  std::vector<double> rows;  // row c is column c of L
  std::vector<std::int64_t> ranks;
  std::vector<int> exponents;
  std::vector<char> sound;  // of full rank, with room to spare

  ScaledFactors(const Covariances& given, std::size_t threads)
      : covs(given), rows(given.count * given.dim * given.dim, 0.0), ranks(given.count), exponents(given.count),
        sound(given.count) {
    const std::size_t d = covs.dim;
    psd_factors(covs.values, covs.count, d, rows.data(), ranks.data(), threads);
    for (std::size_t k = 0; k < covs.count; ++k) {
      double top = 0;
      bool full = ranks[k] == static_cast<std::int64_t>(d);
      for (std::size_t i = 0; i < d; ++i) {
        const double variance = covs.values[(k * d + i) * d + i], pivot = rows[(k * d + i) * d + i];
        top = std::max(top, variance);
        full = full && pivot * pivot > least_pivot * variance;
      }
      sound[k] = full;
      std::frexp(top, &exponents[k]);
      exponents[k] = static_cast<int>(std::floor(0.5 * exponents[k]));
      const double unit = std::ldexp(1.0, -exponents[k]);
      for (std::size_t at = k * d * d; at < (k + 1) * d * d; ++at) rows[at] *= unit;
    }
  }

  const double* cov(std::size_t k) const { return covs.values + k * covs.dim * covs.dim; }
  const double* factor(std::size_t k) const { return rows.data() + k * covs.dim * covs.dim; }
};

bool unlike_units(const double* a, const double* b, std::size_t d) {
  double low = a[0] * b[0], high = low;
  for (std::size_t i = 1; i < d; ++i) {
    const double unit = a[i * d + i] * b[i * d + i];
    low = std::min(low, unit), high = std::max(high, unit);
  }
  return !(high <= unlike * low);
}

// I - scale (R Q L^-1), its symmetric part, from factors in rows: row c of l is column c of L, and q (d, d) has Q in rows.
void one_minus_map(const double* l, const double* r, const double* q, std::size_t d, double scale, double* row,
                   double* out) {
  for (std::size_t i = 0; i < d; ++i) {
    std::fill(row, row + d, 0.0);
    for (std::size_t e = 0; e <= i; ++e)  // R is lower triangular
      for (std::size_t c = 0; c < d; ++c) row[c] += r[e * d + i] * q[e * d + c];
    for (std::size_t c = d; c-- > 0;) {  // t L = row, L lower triangular: from the last entry up
      for (std::size_t j = c + 1; j < d; ++j) row[c] -= row[j] * l[c * d + j];
      row[c] /= l[c * d + c];
    }
    for (std::size_t c = 0; c < d; ++c) out[i * d + c] = -scale * row[c];
    out[i * d + i] += 1;
  }
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < i; ++j) out[i * d + j] = out[j * d + i] = 0.5 * (out[i * d + j] + out[j * d + i]);
}

}  // namespace

void bures_gradients(Covariances a, Covariances b, const std::int64_t* rows, const std::int64_t* cols,
                     std::size_t pairs, double* in_a, double* in_b, std::uint8_t* hard, std::size_t threads) {
  const std::size_t d = a.dim, size = d * d;
  const ScaledFactors left(a, threads), right(b, threads);
  struct Scratch {
    PolarFactor polar;
    std::vector<double> product, back, row;
  };
  constexpr std::size_t share = 64;  // pairs handed out together
  const std::size_t shares = (pairs + share - 1) / share;
  std::vector<Scratch> spaces(threads ? threads : 1);
  const bool short_work = pairs * size * d < 50000;
  parallel_blocks(shares, short_work ? 1 : threads, [&](std::size_t block, std::size_t worker) {
    Scratch& space = spaces[worker];
    space.product.resize(size), space.back.resize(size), space.row.resize(d);
    for (std::size_t s = block * share; s < std::min(pairs, (block + 1) * share); ++s) {
      const std::size_t i = rows[s], j = cols[s];
      std::fill(in_a + s * size, in_a + (s + 1) * size, 0.0);
      std::fill(in_b + s * size, in_b + (s + 1) * size, 0.0);
      hard[s] = 0;
      if (!std::memcmp(left.cov(i), right.cov(j), size * sizeof(double))) continue;
      if (!left.sound[i] || !right.sound[j] || unlike_units(left.cov(i), right.cov(j), d)) {
        hard[s] = 1;
        continue;
      }
      const double *l = left.factor(i), *r = right.factor(j);
      double* product = space.product.data();  // (L^T R)^T = R^T L, by rows: columns of L^T R
      for (std::size_t e = 0; e < d; ++e)
        for (std::size_t c = 0; c < d; ++c) {
          double sum = 0;
          for (std::size_t t = std::max(c, e); t < d; ++t) sum += r[e * d + t] * l[c * d + t];
          product[e * d + c] = sum;
        }
      space.polar.replace(product, d);  // V U^T by rows
      double* back = space.back.data();
      for (std::size_t e = 0; e < d; ++e)
        for (std::size_t c = 0; c < d; ++c) back[c * d + e] = product[e * d + c];
      const int power = right.exponents[j] - left.exponents[i];
      one_minus_map(l, r, product, d, std::ldexp(1.0, power), space.row.data(), in_a + s * size);
      one_minus_map(r, l, back, d, std::ldexp(1.0, -power), space.row.data(), in_b + s * size);
    }
  });
}

}  // namespace mixot
