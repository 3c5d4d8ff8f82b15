// EM, batches of costs and couplings, seeds and draws at every awkward size; called by the main of semidiscrete.cpp.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "discrete/coupling_batch.hpp"
#include "discrete/entropic_batch.hpp"
#include "mixtures/cost_batch.hpp"
#include "mixtures/draws.hpp"
#include "mixtures/em_run.hpp"
#include "mixtures/gaussian_costs.hpp"
#include "mixtures/k_means.hpp"
#include "pictures/png.hpp"

namespace {

std::mt19937_64 engine(11);
double uniform() { return std::uniform_real_distribution<double>(0, 1)(engine); }
double normal() { return std::normal_distribution<double>()(engine); }
int failures = 0;

void expect(bool good, const char* what, std::size_t size) {
  if (good) return;
  std::printf("failed: %s, size %zu\n", what, size);
  ++failures;
}

// Rows in k lumps, fitted from their k-means clusters; one row in nine has no weight to speak of.
template <class T>
void fit(std::size_t n, std::size_t d, std::size_t k, mixot::Structure structure, bool spherical,
         const char* model = "") {
  std::vector<T> points(n * d);
  std::vector<double> doubles(n * d), weights(n), center(d, 0.0), scale(d, 1.0), noise(d, 1e-6), spread(d, 1.0);
  for (std::size_t i = 0; i < n; ++i) {
    weights[i] = i % 9 == 8 ? 1e-300 : 1;
    for (std::size_t a = 0; a < d; ++a) points[i * d + a] = T(doubles[i * d + a] = normal() + 8 * double(i % k));
  }
  double mean_weight = 0;
  for (double w : weights) mean_weight += w / double(n);
  for (double& w : weights) w /= mean_weight;
  const std::size_t candidates = 3;
  std::vector<double> numbers(k * candidates), centers(k * d);
  for (double& u : numbers) u = uniform();
  std::vector<std::int64_t> chosen(k), labels(n);
  mixot::spread_out(doubles.data(), weights.data(), n, d, k, 0, numbers.data(), candidates, chosen.data());
  for (std::size_t j = 0; j < k; ++j)
    std::copy_n(&doubles[std::size_t(chosen[j]) * d], d, &centers[j * d]);
  mixot::lloyd(doubles.data(), weights.data(), n, d, k, 50, centers.data(), labels.data());
  expect(*std::min_element(labels.begin(), labels.end()) >= 0 &&
             *std::max_element(labels.begin(), labels.end()) < std::int64_t(k), "labels", n);
  const mixot::EmRows<T> rows{points.data(), weights.data(), n,         d,         center.data(),               scale.data(),
                              noise.data(),  spread.data(),  structure, spherical, mixot::covariance_model(model)};
  const mixot::EmState start = mixot::em_state_of_labels(rows, labels.data(), k);
  for (bool accelerated : {false, true}) {
    const mixot::EmLimits limits{40, 2, 1e-10, 0, -std::numeric_limits<double>::infinity(), accelerated, {}};
    const mixot::EmOutcome outcome = mixot::em_run(rows, start, limits);
    double sum = 0;
    for (double w : outcome.state.weights) sum += w;
    expect(std::abs(sum - 1) < 1e-6, "weights of EM", n);
    for (std::size_t i = 1; i < outcome.history.size(); ++i)
      expect(outcome.history[i] >= outcome.history[i - 1] - 1e-4 * double(n), "history of EM", n);
  }
}

void fit_all() {
  for (std::size_t n : {1, 2, 17, 300, 1025})
    for (std::size_t d : {1, 2, 3, 9, 17})
      for (std::size_t k : {1, 2, 5}) {
        if (k > n) continue;
        fit<double>(n, d, k, mixot::Structure::full, false), fit<float>(n, d, k, mixot::Structure::full, false);
        fit<double>(n, d, k, mixot::Structure::tied, false), fit<float>(n, d, k, mixot::Structure::diagonal, false);
        fit<double>(n, d, k, mixot::Structure::diagonal, true);
        for (const char* model : {"EII", "EEI", "VEI", "EVI"}) fit<double>(n, d, k, mixot::Structure::diagonal, false, model);
        for (const char* model : {"VEE", "EVE", "VVE", "EEV", "VEV", "EVV"})
          fit<double>(n, d, k, mixot::Structure::full, false, model);
      }
}

// Pairs of mixtures, their costs and their couplings, exact and entropic; every other covariance is singular.
void couple_batch(std::size_t count, std::size_t k, std::size_t l, std::size_t d) {
  std::vector<double> means[2], covs[2], masses[2];
  const std::size_t sizes[] = {k, l};
  for (int side = 0; side < 2; ++side) {
    const std::size_t size = sizes[side];
    for (std::size_t i = 0; i < count * size * d; ++i) means[side].push_back(normal());
    covs[side].assign(count * size * d * d, 0.0);
    for (std::size_t i = 0; i < count * size; ++i)
      for (std::size_t r = 0; r < (i % 2 ? d : (d + 1) / 2); ++r) {
        std::vector<double> v(d);
        for (double& x : v) x = normal();
        for (std::size_t a = 0; a < d; ++a)
          for (std::size_t b = 0; b < d; ++b) covs[side][(i * d + a) * d + b] += v[a] * v[b];
      }
    for (std::size_t s = 0; s < count; ++s) {
      double total = 0;
      for (std::size_t i = 0; i < size; ++i) masses[side].push_back(0.1 + uniform()), total += masses[side].back();
      for (std::size_t i = 0; i < size; ++i) masses[side][s * size + i] /= total;
    }
  }
  const std::size_t cells = count * k * l;
  std::vector<double> cost(cells), far(cells), coupling(cells, 0.0), f(count * k), g(count * l), values(count),
      errors(count);
  std::vector<std::uint8_t> close(cells);
  const mixot::MixturePairs pairs{means[0].data(), covs[0].data(), means[1].data(), covs[1].data(), count, k, l, d};
  for (double s2 : {0.0, 0.5}) {
    mixot::gaussian_cost_batch(pairs, s2, cost.data(), close.data(), 2);
    for (double c : cost) expect(std::isfinite(c), "costs", d);
  }
  mixot::squared_distance_batch(means[0].data(), means[1].data(), count, k, l, d, cost.data(), 2);
  mixot::bures_costs({covs[0].data(), count * k, d}, {covs[1].data(), l, d}, far.data(), far.data(), close.data(), 2);
  for (bool balanced : {false, true}) {
    std::fill(coupling.begin(), coupling.end(), 0.0);
    const mixot::BatchEnd end =
        mixot::exact_couplings({cost.data(), masses[0].data(), masses[1].data(), count, k, l},
                               std::numeric_limits<std::int64_t>::max(), balanced, 2, values.data(), coupling.data(),
                               f.data(), g.data());
    double sum = 0;
    for (double w : coupling) sum += w;
    expect(end.end == mixot::TransportEnd::optimal && std::abs(sum - double(count)) < 1e-12 * double(count),
           "batch of couplings", k);
  }
  const double infinity = std::numeric_limits<double>::infinity();
  for (double rho : {infinity, 1.0}) {
    mixot::entropic_couplings({cost.data(), masses[0].data(), masses[1].data(), count, k, l, 0.5, rho, rho}, 200, 2,
                              f.data(), g.data(), coupling.data(), errors.data());
    for (double w : coupling) expect(std::isfinite(w) && w >= 0, "batch of entropic couplings", k);
  }
}

void draw(std::size_t n, std::size_t k, std::size_t d) {
  std::vector<double> numbers(n), reach(k), means(k * d, 1.0), roots(k * d * d, 0.0), z(n * d, 0.5);
  for (std::size_t i = 0; i < n; ++i) numbers[i] = i % 3 ? uniform() : std::nextafter(1.0, 0.0);
  for (std::size_t j = 0; j < k; ++j) reach[j] = double(j + 1) / double(k);
  std::vector<std::int64_t> labels(n);
  mixot::draw_labels(numbers.data(), n, reach.data(), k, labels.data());
  for (std::int64_t label : labels) expect(label >= 0 && label < std::int64_t(k), "labels of draws", k);
  mixot::place_draws(labels.data(), n, means.data(), roots.data(), k, d, z.data());
  for (double x : z) expect(x == 1, "draws", d);
}

void unfilter(std::size_t height, std::size_t stride, std::size_t step) {
  std::vector<std::uint8_t> lines(height * (stride + 1)), out(height * stride);
  for (std::uint8_t& byte : lines) byte = std::uint8_t(engine());
  for (std::size_t y = 0; y < height; ++y) lines[y * (stride + 1)] = std::uint8_t(y % 5);
  mixot::png_unfilter(lines.data(), height, stride, step, out.data());
}

}  // namespace

int fit_and_couple() {
  fit_all();
  for (std::size_t d : {1, 2, 3, 8, 17}) couple_batch(3, 4, 5, d), couple_batch(9, 1, 3, d), couple_batch(1, 33, 9, d);
  for (std::size_t n : {0, 1, 7, 1000})
    for (std::size_t d : {1, 4, 17}) draw(n, 1, d), draw(n, 40, d);
  for (std::size_t step : {1, 3, 4, 8}) unfilter(11, 7 * step, step), unfilter(1, step, step);
  return failures;
}
