#include "mixtures/gaussian_costs.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "linear_algebra/psd_factor.hpp"
#include "mixtures/bures.hpp"

namespace mixot {

namespace {

// The sum of singular values is right to about 1e-15 of the traces.
constexpr double close_share = 2e-3, equal_share = 1e-10;

double largest_variance(const Covariances& a) {
  double top = 0;
  for (std::size_t k = 0; k < a.count; ++k)
    for (std::size_t i = 0; i < a.dim; ++i) top = std::max(top, a.values[(k * a.dim + i) * a.dim + i]);
  return top;
}

// Factors and traces of the covariances divided by 4^exponent. Powers of two change no digit, and then no square
// overflows, whatever the unit.
struct Scaled {
  std::vector<double> rows, traces;
  std::vector<std::int64_t> ranks;
  Factors factors;

  Scaled(const Covariances& a, int exponent, std::size_t threads)
      : rows(a.count * a.dim * a.dim, 0.0), traces(a.count), ranks(a.count) {
    psd_factors(a.values, a.count, a.dim, rows.data(), ranks.data(), threads);
    const double unit = std::ldexp(1.0, -exponent);
    for (double& x : rows) x *= unit;
    for (std::size_t k = 0; k < a.count; ++k) {
      double sum = 0;
      for (std::size_t i = 0; i < a.dim; ++i) sum += a.values[(k * a.dim + i) * a.dim + i];
      traces[k] = std::ldexp(sum, -2 * exponent);
    }
    factors = {rows.data(), ranks.data(), a.count, a.dim, a.dim};
  }
};

}  // namespace

std::size_t bures_costs(Covariances a, Covariances b, const double* apart, double* out, std::uint8_t* close,
                        std::size_t threads) {
  int exponent = 0;
  std::frexp(std::max(largest_variance(a), largest_variance(b)), &exponent);
  exponent = static_cast<int>(std::floor(0.5 * exponent));
  const Scaled left(a, exponent, threads), right(b, exponent, threads);
  const double back = std::ldexp(1.0, 2 * exponent);
  std::fill(close, close + a.count * b.count, std::uint8_t{0});
  if (a.dim == 2) {
    plane_bures(left.factors, right.factors, out, threads);
    for (std::size_t s = 0; s < a.count * b.count; ++s) out[s] *= back;
    return 0;
  }
  nuclear_norms(left.factors, right.factors, out, threads);
  const std::size_t size = a.dim * a.dim;
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.count; ++i)
    for (std::size_t j = 0; j < b.count; ++j) {
      const std::size_t s = i * b.count + j;
      const double traces = left.traces[i] + right.traces[j];
      double part = std::max(traces - 2 * out[s], 0.0);
      const bool equal = part <= equal_share * traces &&
                         !std::memcmp(a.values + i * size, b.values + j * size, size * sizeof(double));
      if (equal)
        part = 0;
      else if (part + std::ldexp(apart[s], -2 * exponent) < close_share * traces)
        close[s] = 1, ++count;
      out[s] = part * back;
    }
  return count;
}

}  // namespace mixot
