// Chebyshev moments of Gaussian laws, E T_a(x) = E T_a1(x_1) .. T_ad(x_d), by a recursion in that basis.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mixot {

// How a covariance S (d, d) is written in c numbers: spherical (1) v I; diagonal (d); full (d (d + 1) / 2), the lower
// triangle row by row.
enum class CovShape { spherical, diagonal, full };

constexpr std::size_t cov_size(CovShape shape, std::size_t d) {
  return shape == CovShape::spherical ? 1 : shape == CovShape::diagonal ? d : d * (d + 1) / 2;
}

// Place of entry (i, j) in the lower triangle.
constexpr std::size_t lower(std::size_t i, std::size_t j) {
  return i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i;
}

// Components are computed eight at a time: `padded` is how many lanes k of them take.
constexpr std::size_t component_lanes = 8;
constexpr std::size_t padded(std::size_t k) {
  return (k + component_lanes - 1) / component_lanes * component_lanes;
}

// Where the recursion finds lower exponents; powers (s, d) are all a with |a| <= degree, in graded order.
struct ChebyshevPlan {
  std::size_t s, d;
  std::vector<std::size_t> axis;       // (s), the first axis along which a is positive
  std::vector<std::int64_t> one, two;  // (s, d), places of a - e_j and a - 2 e_j, or -1
  std::vector<double> power;           // (s, d)

  ChebyshevPlan(const std::int64_t* powers, std::size_t s_, std::size_t d_);
};

// Room for the recursion, which only grows.
struct ChebyshevScratch {
  std::vector<double> mean, cov, slopes;

  // means (k, d), covs (k, c) -> p (s, padded(k)), p[a, k] = E T_a; lanes beyond k repeat the last component.
  void moments(const ChebyshevPlan& plan, CovShape shape, const double* means, const double* covs, std::size_t k,
               double* p);
};

// E T_a of k Gaussian laws: means (k, d), covs (k, c) -> out (k, s).
void chebyshev_moments(const std::int64_t* powers, std::size_t s, std::size_t d, CovShape shape, const double* means,
                       const double* covs, std::size_t k, double* out);

}  // namespace mixot
