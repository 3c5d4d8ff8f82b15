#include "semidiscrete/ascent.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "machine/compensated_sum.hpp"

namespace mixot {

namespace {

// Damping of the first step, of the sum of all curvatures, and where it ends.
constexpr double first_damping = 1e-2, least_damping = 1e-12, most_damping = 1e12;
constexpr double forcing = 0.03;       // relative residual at which a linear solve stops, far from the solution
constexpr double each_forcing = 0.1;   // the same for each cell, against its target
constexpr double rounding = 1e-13;     // of the value, next to the squared size of the box, which is about one
constexpr double enough = 1e-3, good = 0.5, very_good = 0.9, bad = 0.1;  // shares of the gain that was predicted

// The value D(w) = sum_i nu_i w_i + int min_i (|x - y_i|^2 - w_i) has the gradient nu - m(w) and the Hessian -L(w). A
// step solves (L + damping diag(nu)) d = nu - m: damped in proportion to nu, so that nothing changes where a point is
// split in two.
class Ascent {
 public:
  Ascent(CellSystem& system, DualState& state, double tol, Budget& budget)
      : system_(system), state_(state), tol_(tol), budget_(budget), multigrid_(budget.threads), n_(state.target.size()) {
    for (auto* v : {&gradient_, &step_, &bent_, &scale_, &trial_, &fresh_gradient_}) v->resize(n_);
    for (std::size_t i = 0; i < n_; ++i) scale_[i] = 1 / state_.target[i];
    to_gradient(state_.cells.mass, gradient_);
    value_ = value(state_.weights);
    const auto& diagonal = state_.cells.graph.diagonal;
    damping_ = first_damping * std::max(1.0, std::accumulate(diagonal.begin(), diagonal.end(), 0.0));
  }

  Outcome run(double few_empty) {
    while (state_.residual() > tol_) {
      if (budget_.updates >= budget_.max_updates) return Outcome::max_iter;
      if (double(empty_cells()) <= few_empty * double(n_)) return Outcome::empty_cells;
      ++budget_.iterations;
      if (!climb()) return budget_.updates >= budget_.max_updates ? Outcome::max_iter : Outcome::stalled;
    }
    return Outcome::converged;
  }

 private:
  std::size_t empty_cells() const {
    const auto& mass = state_.cells.mass;
    return std::size_t(std::count_if(mass.begin(), mass.end(), [](double m) { return m <= 0; }));
  }

  void to_gradient(const std::vector<double>& mass, std::vector<double>& out) const {
    for (std::size_t i = 0; i < n_; ++i) out[i] = state_.target[i] - mass[i];
  }

  // At the weights of the last update.
  double value(const std::vector<double>& weights) {
    CompensatedSum sum;
    for (std::size_t i = 0; i < n_; ++i) sum.add(state_.target[i] * weights[i]);
    sum.add(system_.potential());
    return sum.value();
  }

  static double dot(const std::vector<double>& a, const std::vector<double>& b) {
    CompensatedSum sum;
    for (std::size_t i = 0; i < a.size(); ++i) sum.add(a[i] * b[i]);
    return sum.value();
  }

  // The damped step. -> what the quadratic model says it gains
  double direction() {
    Laplacian& graph = state_.cells.graph;
    const std::vector<double> diagonal = graph.diagonal;
    graph.ground.resize(n_);
    double off = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      graph.ground[i] = damping_ * state_.target[i];
      graph.diagonal[i] += graph.ground[i];
      off = std::max(off, std::abs(gradient_[i]) * scale_[i]);
    }
    multigrid_.setup(graph, false);
    const double need = 0.2 * tol_ / state_.residual();
    const double relative = std::min(forcing, std::max(std::min(1e-2, 0.1 * off), need));
    const double each = each_forcing * std::min(1.0, off);
    budget_.linear_iterations += multigrid_.solve(gradient_.data(), step_.data(), {relative, scale_.data(), each, 300});
    graph.diagonal = diagonal, graph.ground.clear();
    graph.multiply(step_.data(), bent_.data(), budget_.threads);
    return dot(gradient_, step_) - 0.5 * dot(step_, bent_);
  }

  // A trial step. -> its gain; where two values agree but for rounding, from the slopes at both ends.
  double attempt() {
    const double mean = dot(state_.target, step_) / std::accumulate(state_.target.begin(), state_.target.end(), 0.0);
    for (std::size_t i = 0; i < n_; ++i) trial_[i] = state_.weights[i] + (step_[i] - mean);
    ++budget_.updates;
    system_.update(trial_.data(), fresh_);
    to_gradient(fresh_.mass, fresh_gradient_);
    fresh_value_ = value(trial_);
    const double gain = fresh_value_ - value_;
    return std::abs(gain) < rounding ? 0.5 * (dot(gradient_, step_) + dot(fresh_gradient_, step_)) : gain;
  }

  // Damp more until a step gains a share of what it promised.
  bool climb() {
    while (budget_.updates < budget_.max_updates && damping_ <= most_damping) {
      const double predicted = direction(), share = attempt() / predicted;
      if (!(share > enough)) {
        damping_ *= 4;
        continue;
      }
      state_.weights.swap(trial_);
      std::swap(state_.cells, fresh_);
      gradient_.swap(fresh_gradient_);
      value_ = fresh_value_;
      system_.accept();
      if (share > good)
        damping_ = std::max(damping_ / (share > very_good ? 10 : 4), least_damping);
      else if (share < bad)
        damping_ *= 3;
      return true;
    }
    return false;
  }

  CellSystem& system_;
  DualState& state_;
  double tol_;
  Budget& budget_;
  AggregationMultigrid multigrid_;
  std::size_t n_;
  CellIntegrals fresh_;
  std::vector<double> gradient_, step_, bent_, scale_, trial_, fresh_gradient_;
  double value_, fresh_value_ = 0, damping_;
};

}  // namespace

Outcome ascend(CellSystem& system, DualState& state, double tol, double few_empty, Budget& budget) {
  return Ascent(system, state, tol, budget).run(few_empty);
}

}  // namespace mixot
