#include "discrete/entropic_batch.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "discrete/entropic.hpp"
#include "machine/parallel.hpp"

namespace mixot {

namespace {

// One problem, its atoms of positive weight alone, turned where it has more columns than rows: Newton's system is in the
// columns.
class Worker {
 public:
  double solve(const EntropicBatch& batch, std::size_t s, std::size_t max_newton, double* f, double* g, double* w) {
    const double *cost = batch.cost + s * batch.k * batch.l, *a = batch.a + s * batch.k, *b = batch.b + s * batch.l;
    live(a, batch.k, rows_, log_a_), live(b, batch.l, cols_, log_b_);
    const bool turned = cols_.size() > rows_.size();
    if (turned) rows_.swap(cols_), log_a_.swap(log_b_);
    const std::size_t n = rows_.size(), m = cols_.size();
    const auto place = [&](std::size_t i, std::size_t j) {
      return turned ? cols_[j] * batch.l + rows_[i] : rows_[i] * batch.l + cols_[j];
    };
    cost_.resize(n * m), w_.resize(n * m);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j) cost_[i * m + j] = cost[place(i, j)];
    const double first = std::max(batch.lam, reduce(n, m));
    const EntropicProblem problem{cost_.data(), log_a_.data(), log_b_.data(), n, m, batch.lam,
                                  turned ? batch.rho_b : batch.rho_a, turned ? batch.rho_a : batch.rho_b};
    const double error = entropic_coupling(problem, first, max_newton, f_.data(), g_.data(), w_.data()).error;
    std::fill(f, f + batch.k, 0.0), std::fill(g, g + batch.l, 0.0), std::fill(w, w + batch.k * batch.l, 0.0);
    for (std::size_t i = 0; i < n; ++i) (turned ? g : f)[rows_[i]] = f_[i];
    for (std::size_t j = 0; j < m; ++j) (turned ? f : g)[cols_[j]] = g_[j];
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j) w[place(i, j)] = w_[i * m + j];
    return error;
  }

 private:
  static void live(const double* weights, std::size_t n, std::vector<std::size_t>& at, std::vector<double>& logs) {
    at.clear(), logs.clear();
    for (std::size_t i = 0; i < n; ++i)
      if (weights[i] > 0) at.push_back(i), logs.push_back(std::log(weights[i]));
  }

  // Potentials to set out from: minima of the rows, and of the columns of the rest. -> the largest cost that is left
  double reduce(std::size_t n, std::size_t m) {
    f_.resize(n), g_.assign(m, HUGE_VAL);
    for (std::size_t i = 0; i < n; ++i) f_[i] = *std::min_element(&cost_[i * m], &cost_[i * m] + m);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j) g_[j] = std::min(g_[j], cost_[i * m + j] - f_[i]);
    double most = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j) most = std::max(most, (cost_[i * m + j] - f_[i]) - g_[j]);
    return most;
  }

  std::vector<std::size_t> rows_, cols_;
  std::vector<double> log_a_, log_b_, cost_, f_, g_, w_;
};

}  // namespace

void entropic_couplings(const EntropicBatch& batch, std::size_t max_newton, std::size_t threads, double* f, double* g,
                        double* w, double* errors) {
  const std::size_t size = batch.k * batch.l, share = std::clamp<std::size_t>(1024 / size, 1, 16);
  const std::size_t shares = (batch.count + share - 1) / share;
  std::vector<Worker> workers(std::max<std::size_t>(threads, 1));
  parallel_blocks(shares, batch.count * size < 2000 ? 1 : threads, [&](std::size_t block, std::size_t worker) {
    for (std::size_t s = block * share; s < std::min(batch.count, (block + 1) * share); ++s)
      errors[s] = workers[worker].solve(batch, s, max_newton, f + s * batch.k, g + s * batch.l, w + s * size);
  });
}

}  // namespace mixot
