#include "semidiscrete/newton.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mixot {

namespace {

constexpr double forcing = 0.03;      // relative residual at which a linear solve stops, far from the solution
constexpr double each_forcing = 0.1;  // the same for each cell, against its own mass
constexpr double far = 2;             // ratio of mass and target beyond which the root of the masses is solved for
constexpr double raised_share = 0.2;  // of its target, for a cell that was empty
constexpr int max_halvings = 16;

double least_ratio(const std::vector<double>& mass, const std::vector<double>& target) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < mass.size(); ++i) least = std::min(least, mass[i] / target[i]);
  return least;
}

// Newton's method is run on F_i = ((m_i / nu_i)^p - 1) / p, p = 1 near the solution and 1/2 far from it, where masses
// that are a hundred times too large would otherwise take many halvings to come down.
double merit(const std::vector<double>& mass, const std::vector<double>& target, bool root) {
  double sum = 0;
  for (std::size_t i = 0; i < mass.size(); ++i) {
    const double x = mass[i] / target[i], f = root ? 2 * (std::sqrt(x) - 1) : x - 1;
    sum += target[i] * f * f;
  }
  return std::sqrt(sum);
}

class Newton {
 public:
  Newton(CellSystem& system, DualState& state, double tol, Budget& budget)
      : system_(system), state_(state), tol_(tol), budget_(budget), n_(state.target.size()) {
    step_.resize(n_), right_.resize(n_), scale_.resize(n_), trial_.resize(n_);
  }

  Outcome run(bool few_empty) {
    if (!fill_cells(few_empty)) return Outcome::empty_cells;
    double t = 1;
    while (state_.residual() > tol_) {
      if (budget_.updates >= budget_.max_updates) return Outcome::max_iter;
      ++budget_.iterations;
      const bool root = direction();
      t = std::min(1.0, 4 * t);
      if (!search(root, t)) return budget_.updates >= budget_.max_updates ? Outcome::max_iter : Outcome::stalled;
    }
    return Outcome::converged;
  }

 private:
  void update(const std::vector<double>& weights, CellIntegrals& out) {
    ++budget_.updates;
    system_.update(weights.data(), out);
  }

  // Cells that begin empty, or nearly so: raise their weights, a little less each time, as they crowd each other out.
  bool fill_cells(bool few_empty) {
    const auto& mass = state_.cells.mass;
    std::size_t low = 0, empty = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      low += mass[i] < 1e-4 * state_.target[i];
      empty += mass[i] <= 0;
    }
    const double least = least_ratio(mass, state_.target);
    if (least > 1e-9 && !(few_empty && low > 0 && low < 0.05 * double(n_))) return true;
    if (double(empty) > 0.3 * double(n_)) return false;
    double share = raised_share, enough = 1e-3;
    for (int round = 0; round < 12 && least_ratio(mass, state_.target) < enough; ++round, share *= 0.6) {
      if (round > 3) enough = 1e-4;
      raise(state_.weights, state_.cells.mass, share);
      update(state_.weights, state_.cells);
      system_.accept();
    }
    return least_ratio(mass, state_.target) > 0;
  }

  // Raise the weights of cells with less than a quarter of share * target until they have about that, by bisection.
  std::size_t raise(std::vector<double>& weights, const std::vector<double>& mass, double share) {
    system_.begin_raising(weights.data());
    std::size_t count = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      const double aim = share * state_.target[i], start = weights[i];
      if (mass[i] >= 0.25 * aim || system_.mass_at(i, start) >= 0.25 * aim) continue;
      double low = 0, high = -1, up = 0.05 * typical_area();
      for (int round = 0; round < 80; ++round) {
        const double got = system_.mass_at(i, start + up);
        if (got < 0.7 * aim) {
          low = up;
          up = high < 0 ? 4 * up : 0.5 * (low + high);
        } else if (got > 1.3 * aim) {
          high = up;
          up = 0.5 * (low + high);
        } else {
          break;
        }
        if (high >= 0 && high - low < 1e-13 * (std::abs(start) + high)) break;
      }
      weights[i] = start + up;
      system_.raise(i, weights[i]);
      ++count;
    }
    budget_.raised += int(count);
    return count;
  }

  double typical_area() const { return 1.0 / double(n_); }

  // The step of Newton's method for the transformed equations, by conjugate gradients. -> whether those of the root
  bool direction() {
    const auto& mass = state_.cells.mass;
    const auto& target = state_.target;
    double low = std::numeric_limits<double>::infinity(), high = 0, off = 0, sum = 0, total = 0, largest = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      const double x = mass[i] / target[i];
      low = std::min(low, x), high = std::max(high, x), off = std::max(off, std::abs(x - 1));
      largest = std::max(largest, target[i]);
    }
    const bool root = low < 1 / far || high > far;
    for (std::size_t i = 0; i < n_; ++i) {
      right_[i] = root ? 2 * mass[i] * (std::sqrt(target[i] / mass[i]) - 1) : target[i] - mass[i];
      sum += right_[i], total += mass[i];
    }
    for (std::size_t i = 0; i < n_; ++i) {
      right_[i] -= mass[i] * (sum / total);
      scale_[i] = 1 / std::min(mass[i], target[i]);
    }
    const double residual = state_.residual(), need = 0.2 * tol_ / residual;
    const double relative = std::max(std::min(forcing, std::max(1e-8, 0.1 * off)), std::min(forcing, need));
    AggregationMultigrid multigrid(budget_.threads);  // its memory is wanted for cells in between
    multigrid.setup(state_.cells.graph, system_.floor() > 0);
    const double each = std::max(each_forcing * std::min(1.0, off), 0.2 * tol_ / largest);
    budget_.linear_iterations += multigrid.solve(right_.data(), step_.data(), {relative, scale_.data(), each, 300});
    return root;
  }

  // Halve the step until no cell is empty and the merit falls; a few cells that lose nearly all are raised instead.
  bool search(bool root, double& t) {
    const double before = merit(state_.cells.mass, state_.target, root);
    std::swap(fresh_.graph, state_.cells.graph);  // the step has been computed: its graph may be written over
    for (int halving = 0; halving < max_halvings && budget_.updates < budget_.max_updates; ++halving, t *= 0.5) {
      for (std::size_t i = 0; i < n_; ++i) trial_[i] = state_.weights[i] + t * step_[i];
      if (halving > 0 && still_lost()) continue;
      update(trial_, fresh_);
      const bool rescued = halving == 0 && rescue();
      lost_.clear();
      for (std::size_t i = 0; i < n_; ++i)
        if (fresh_.mass[i] <= 0) lost_.push_back(i);
      if (!lost_.empty() || !(merit(fresh_.mass, state_.target, root) <= (1 - 0.25 * t) * before)) {
        if (rescued) without_rescue_ = 1 + 2 * in_vain_++;
        continue;
      }
      if (rescued) in_vain_ = 0;
      state_.weights.swap(trial_);
      std::swap(state_.cells, fresh_);
      system_.accept();
      return true;
    }
    update(state_.weights, state_.cells);
    return false;
  }

  // Whether one of the cells that the last, longer step has emptied is empty at the trial, too: a few cells tell.
  bool still_lost() {
    if (lost_.empty()) return false;
    system_.begin_raising(trial_.data());
    for (std::size_t& i : lost_)
      if (system_.mass_at(i, trial_[i]) <= 0) {
        std::swap(i, lost_[0]);
        return true;
      }
    return false;
  }

  // -> whether it has tried to: each time in vain, more of the next steps go without.
  bool rescue() {
    if (without_rescue_ > 0) return --without_rescue_, false;
    std::size_t lost = 0;
    for (std::size_t i = 0; i < n_; ++i) lost += fresh_.mass[i] < 0.05 * std::min(state_.cells.mass[i], state_.target[i]);
    if (double(lost) > 10 + 0.01 * double(n_)) return false;
    int round = 0;
    for (; round < 3 && least_ratio(fresh_.mass, state_.target) < 1e-3; ++round) {
      const std::size_t count = raise(trial_, fresh_.mass, raised_share);
      update(trial_, fresh_);
      if (count == 0) return true;
    }
    return round > 0;
  }

  CellSystem& system_;
  DualState& state_;
  double tol_;
  Budget& budget_;
  std::size_t n_;
  CellIntegrals fresh_;
  std::vector<double> step_, right_, scale_, trial_;
  int without_rescue_ = 0, in_vain_ = 0;  // steps that go without one; rescues in vain since the last good one
  std::vector<std::size_t> lost_;         // cells without mass at the last trial
};

}  // namespace

double DualState::residual() const {
  double worst = 0;
  for (std::size_t i = 0; i < target.size(); ++i) worst = std::max(worst, std::abs(cells.mass[i] - target[i]));
  return worst;
}

Outcome newton(CellSystem& system, DualState& state, double tol, bool few_empty, Budget& budget) {
  return Newton(system, state, tol, budget).run(few_empty);
}

}  // namespace mixot
