// Passes over rows seen in part, over t laws, and colors through tables, at every awkward size; called by `main`.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "mixtures/covariance_prior.hpp"
#include "mixtures/incomplete_em.hpp"
#include "mixtures/student_em.hpp"
#include "pictures/color_table.hpp"

namespace {

std::mt19937_64 engine(13);
double normal() { return std::normal_distribution<double>()(engine); }
int failures = 0;

void expect(bool good, const char* what, std::size_t size) {
  if (good) return;
  std::printf("failed: %s, size %zu\n", what, size);
  ++failures;
}

std::vector<double> normals(std::size_t count) {
  std::vector<double> out(count);
  for (double& x : out) x = normal();
  return out;
}

// count matrices (d, d): the identity times `diagonal`, with everything else `rest`.
std::vector<double> matrices(std::size_t count, std::size_t d, double diagonal, double rest) {
  std::vector<double> out(count * d * d, rest);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t a = 0; a < d; ++a) out[(i * d + a) * d + a] = diagonal;
  return out;
}

// Rows in groups of unlike sizes, one of them empty-handed: its rows show no coordinate. What is not seen is NaN.
void incomplete(std::size_t n, std::size_t d, std::size_t k, mixot::Structure structure, mixot::NoiseShape shape) {
  const bool diagonal = structure == mixot::Structure::diagonal;
  const std::size_t groups = n < 4 ? 1 : 4, patterns = groups;
  std::vector<std::int64_t> begin(groups + 1), pattern(groups);
  std::vector<std::uint8_t> seen(patterns * d, 1);
  for (std::size_t g = 0; g <= groups; ++g) begin[g] = std::int64_t(g == groups ? n : g * g * n / (groups * groups));
  for (std::size_t g = 0; g < groups; ++g) {
    pattern[g] = std::int64_t(g);
    for (std::size_t a = 0; a < d; ++a) seen[g * d + a] = g == 1 ? 0 : g == 2 ? a % 2 : g == 3 ? a == 0 : 1;
  }
  std::vector<double> points = normals(n * d), means = normals(k * d);
  for (std::size_t g = 0; g < groups; ++g)
    for (std::int64_t i = begin[g]; i < begin[g + 1]; ++i)
      for (std::size_t a = 0; a < d; ++a)
        if (!seen[g * d + a]) points[std::size_t(i) * d + a] = std::numeric_limits<double>::quiet_NaN();
  const std::size_t spread = structure == mixot::Structure::tied ? 1 : k;
  const std::vector<double> weights(n, 1.0), center(d, 0.0), scale(d, 1.0), log_weights(k, -std::log(double(k))),
      covs = diagonal ? std::vector<double>(k * d, 1.5) : matrices(spread, d, 1.5, 0.1),
      noise = shape == mixot::NoiseShape::full ? matrices(groups, d, 0.5, 0.01) : std::vector<double>(groups * d, 0.5);
  const mixot::EmGroups parts{groups, begin.data(), pattern.data(), seen.data(),
                              shape == mixot::NoiseShape::none ? nullptr : noise.data(), shape};
  const mixot::IncompleteProblem problem{points.data(), weights.data(), n, d, k, center.data(), scale.data(),
                                         means.data(), covs.data(), log_weights.data(), structure, &parts};
  std::vector<double> mass(k), first(k * d), second(k * d * d), joint(n * k);
  std::size_t singular = 0;
  const double sum = mixot::incomplete_pass(problem, 2, mass.data(), first.data(), second.data(), singular);
  double total = 0;
  for (double m : mass) total += m;
  expect(std::isfinite(sum) && std::abs(total - double(n)) < 1e-9 * double(n), "pass over incomplete rows", d);
  expect(mixot::incomplete_log_joint(problem, 2, joint.data()), "densities of incomplete rows", d);
  for (double value : joint) expect(std::isfinite(value), "densities of incomplete rows", d);
}

void student(std::size_t n, std::size_t d, std::size_t k) {
  const std::vector<double> points = normals(n * d), weights(n, 1.0), locs = normals(k * d),
                            factors = matrices(k, d, 1, 0), log_const(k, -1.0), df(k, 3.0);
  std::vector<double> mass(k), pull(k), log_pull(k), first(k * d), second(k * d * d);
  const double sum = mixot::student_pass({points.data(), weights.data(), n, d, k, locs.data(), factors.data(),
                                          log_const.data(), df.data()},
                                         2, mass.data(), pull.data(), log_pull.data(), first.data(), second.data());
  double total = 0;
  for (double m : mass) total += m;
  expect(std::isfinite(sum) && std::abs(total - double(n)) < 1e-9 * double(n + 1), "pass of t laws", d);
}

void prior(std::size_t k, std::size_t d, mixot::Structure structure) {
  const bool diagonal = structure == mixot::Structure::diagonal;
  const std::vector<double> units(d, 1.0), mean(d, 0.0), weights(k, 1.0 / double(k)),
      scale = diagonal ? std::vector<double>(d, 1.0) : matrices(1, d, 1, 0);
  std::vector<double> means = normals(k * d);
  const std::size_t spread = structure == mixot::Structure::tied ? 1 : k;
  std::vector<double> covs = diagonal ? std::vector<double>(k * d, 0.0) : matrices(spread, d, 0, 0);
  const mixot::CovariancePrior law{50, 0.1, double(d) + 2, mean.data(), scale.data()};
  mixot::shrink(law, {k, d, structure, false, units.data()}, weights.data(), means.data(), covs.data());
  for (std::size_t a = 0; a < d; ++a) expect(covs[diagonal ? a : a * d + a] > 0, "covariances under a prior", d);
}

template <class T>
void look_up(std::size_t n, std::size_t count, T top) {
  std::vector<float> values(n * n * n * 3);
  for (std::size_t i = 0; i < n * n * n; ++i)  // the identity
    for (std::size_t c = 0; c < 3; ++c)
      values[3 * i + c] = float(i / (c == 0 ? n * n : c == 1 ? n : 1) % n) / float(n - 1);
  std::vector<T> pixels(3 * count), out(3 * count);
  for (std::size_t i = 0; i < 3 * count; ++i) pixels[i] = i % 5 == 4 ? top : i % 5 == 0 ? T(0) : T(0.3 * double(top));
  mixot::look_up_colors(values.data(), n, pixels.data(), count, out.data(), 2);
  for (std::size_t i = 0; i < 3 * count; ++i)
    expect(std::abs(double(out[i]) - double(pixels[i])) <= (top > T(1) ? 1 : 1e-6), "colors looked up", n);
}

}  // namespace

int pass_over_rows() {
  for (std::size_t n : {1, 5, 64, 1001})
    for (std::size_t d : {1, 2, 3, 9, 17})
      for (auto structure : {mixot::Structure::full, mixot::Structure::diagonal, mixot::Structure::tied})
        for (auto shape : {mixot::NoiseShape::none, mixot::NoiseShape::diagonal, mixot::NoiseShape::full})
          incomplete(n, d, n < 5 ? 1 : 3, structure, shape);
  for (std::size_t n : {0, 1, 7, 1025})
    for (std::size_t d : {1, 2, 8, 17}) student(n, d, 1), student(n, d, 5);
  for (std::size_t d : {1, 2, 9})
    for (auto structure : {mixot::Structure::full, mixot::Structure::diagonal, mixot::Structure::tied})
      prior(3, d, structure);
  for (std::size_t n : {2, 3, 33})
    for (std::size_t count : {0, 1, 70001}) {
      look_up<std::uint8_t>(n, count, 255), look_up<std::uint16_t>(n, count, 65535);
      look_up<float>(n, count, 1.0f), look_up<double>(n, count, 1.0);
    }
  return failures;
}
