#include "semidiscrete/semidiscrete.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "cells/point_tree.hpp"
#include "machine/crew.hpp"
#include "semidiscrete/ascent.hpp"
#include "semidiscrete/block_start.hpp"
#include "semidiscrete/hierarchy.hpp"

namespace mixot {

namespace {

constexpr std::size_t coarsest = 60;  // points; a cloud of more than stride times as many is made coarser
constexpr std::size_t stride = 8;     // points that become one of the next coarser cloud
constexpr double rough = 0.1;         // share of the cells: where interpolation leaves more empty, steps get smaller,
constexpr int easy = 40;              // unless the coarser levels took more updates each: then they do not help
constexpr std::size_t crowd = 2000;    // points from which threads are kept for the whole solve
constexpr double coarse_tol = 0.03;   // of a mean mass
// Shares of a density that vanishes nowhere, in which regions of density zero or nearly zero are left step by step.
constexpr double shares[] = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 0};
constexpr int patience = 100;  // updates from interpolated weights where the density is thin, and in each turn of blocks
constexpr std::size_t block_points = 20000;  // up to which points are transported to blocks of the density at once,
constexpr std::size_t block_costs = 12000000, blocks_each = 4;  // so many costs at most, and blocks for each point
constexpr double few_empty = 0.05;  // share of the cells, at which Newton's method takes over
constexpr int turns = 4;            // of both methods
constexpr double thin = 1e-3;  // of the mean density, what counts as nearly zero

// What it costs at most to turn the cells into a feasible plan: excess mass is handed from cell to neighboring cell
// along a tree, and what a cell hands to the next pays at most the largest detour in it. Infinite where a cell would
// have to hand on more than it has.
double proven_gap(const CellSystem& system, const DualState& state) {
  const Laplacian& graph = state.cells.graph;
  const std::size_t n = state.target.size();
  std::vector<int> order{0}, parent(n, -1);
  order.reserve(n);
  parent[0] = 0;
  for (std::size_t at = 0; at < order.size(); ++at)
    for (std::int64_t q = graph.first[order[at]]; q < graph.first[order[at] + 1]; ++q)
      if (parent[graph.to[q]] < 0) {
        parent[graph.to[q]] = order[at];
        order.push_back(graph.to[q]);
      }
  if (order.size() < n) return std::numeric_limits<double>::infinity();  // a cell has no neighbors: it is empty
  std::vector<double> excess(n), left = state.cells.mass;
  for (std::size_t i = 0; i < n; ++i) excess[i] = state.cells.mass[i] - state.target[i];
  double gap = 0;
  for (std::size_t at = n; at-- > 1;) {
    const int child = order[at], up = parent[child];
    const int from = excess[child] > 0 ? child : up, to = excess[child] > 0 ? up : child;
    const double flow = std::abs(excess[child]);
    gap += flow * system.detour(std::size_t(from), std::size_t(to));
    left[from] -= flow;
    if (left[from] < 0) return std::numeric_limits<double>::infinity();
    excess[up] += excess[child];
  }
  return gap;
}

template <int D>
class Descent {
 public:
  Descent(const TransportProblem<D>& problem, Budget budget) : problem_(problem), budget_(budget) {
    order_ = kd_order<D>(problem.points, problem.n, budget.threads);
    clouds_.emplace_back();
    Cloud<D>& finest = clouds_[0];
    finest.points.resize(problem.n * D), finest.target.resize(problem.n);
    for (std::size_t i = 0; i < problem.n; ++i) {
      std::copy_n(problem.points + std::size_t(order_[i]) * D, D, &finest.points[i * D]);
      finest.target[i] = problem.target[order_[i]];
    }
  }

  TransportAnswer run() {
    if (problem_.start) {
      warm();
      warm_ = outcome_ == Outcome::converged;
      if (outcome_ == Outcome::converged || budget_.updates >= budget_.max_updates) return answer();
    }
    while (clouds_.back().size() > coarsest * stride) clouds_.push_back(clouds_.back().coarser(stride));
    for (std::size_t level = clouds_.size(); level-- > 0;) {
      if (level + 1 == clouds_.size()) {
        level = begin(level);
        continue;
      }
      const Descended went = descend(level, 0, may_halve(level));
      if (went == Descended::too_far) {
        halve(level);
        level += 3;
      } else if (went == Descended::failed) {
        if (through_blocks(blocks_level(level))) {
          level = blocks_level(level);
          continue;
        }
        blended_descent(level);
        continuation(level);
      }
    }
    if (!tried_blocks_ && outcome_ != Outcome::converged) last_resort();
    return answer();
  }

 private:
  // Of a level, where this share of another density is blended in.
  double tolerance(std::size_t level, double share) const {
    const double mean = 1.0 / double(clouds_[level].size());
    return share > 2e-3 ? 0.3 * mean : share > 0 || level > 0 ? coarse_tol * mean : problem_.tol;
  }

  void update() {
    ++budget_.updates;
    system_->update(state_.weights.data(), state_.cells);
  }

  void open(std::size_t level) {
    const Cloud<D>& cloud = clouds_[level];
    system_ = problem_.cells(cloud.points.data(), cloud.size());
    state_.target = cloud.target;
  }

  void solve(double tol, bool few_empty) { outcome_ = newton(*system_, state_, tol, few_empty, budget_); }

  // What run() does within so many updates.
  template <class Run>
  void within(int updates, Run&& run) {
    const int all = budget_.max_updates;
    budget_.max_updates = std::min(all, budget_.updates + updates);
    run();
    budget_.max_updates = all;
  }

  std::size_t empty_cells() const {
    return std::size_t(std::count_if(state_.cells.mass.begin(), state_.cells.mass.end(), [](double m) { return m <= 0; }));
  }

  void warm() {
    open(0);
    state_.weights.resize(problem_.n);
    for (std::size_t i = 0; i < problem_.n; ++i) state_.weights[i] = problem_.start[order_[i]];
    if (problem_.neighbors) seed_warm();
    update();
    system_->accept();
    outcome_ = Outcome::empty_cells;
    if (double(empty_cells()) <= 0.05 * double(problem_.n)) solve(problem_.tol, true);
  }

  void seed_warm() {
    std::vector<int> place(problem_.n);
    for (std::size_t i = 0; i < problem_.n; ++i) place[order_[i]] = int(i);
    system_->seed(state_.weights.data(), [&](std::size_t i, std::vector<int>& out) {
      problem_.neighbors(std::size_t(order_[i]), out);
      for (int& j : out) j = place[j];
    });
  }

  // The best of three starts.
  void start(std::size_t level) {
    const Cloud<D>& cloud = clouds_[level];
    double best = std::numeric_limits<double>::infinity();
    std::vector<double> weights;
    int last = 0, chosen = 0;
    for (int kind = 0; kind < 3 && (kind < 2 || best >= 1e4); ++kind) {
      state_.weights = kind == 0   ? std::vector<double>(cloud.size(), 0.0)
                       : kind == 1 ? separable_start<D>(cloud, problem_.box, problem_.marginals)
                                   : boxed_start<D>(cloud, problem_.box);
      update();
      double merit = 0;
      for (std::size_t i = 0; i < cloud.size(); ++i) {
        const double x = state_.cells.mass[i] / state_.target[i], log = std::log(std::max(x, 1e-12));
        merit += state_.target[i] * (x > 0 ? log * log : 1e6);
      }
      last = kind;
      if (merit < best) best = merit, weights = state_.weights, chosen = kind;
    }
    if (chosen != last) {
      state_.weights = weights;
      update();
    }
    system_->accept();
  }

  void blend(double share) {
    system_->blend(share);
    update();
    system_->accept();
  }

  // Where the density is nearly zero somewhere: solve for less and less of one that is not.
  void continuation(std::size_t level) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < state_.target.size(); ++i)
      least = std::min(least, state_.cells.mass[i] / state_.target[i]);
    const bool blended = share_ > 0 || least <= 0 || (system_->floor() < thin && least < 1e-2);
    if (!blended) {
      solve(tolerance(level, 0), false);
      // where no cell joins two parts of the density, mass can only pass between them through a blend
      if (outcome_ == Outcome::converged || outcome_ == Outcome::max_iter || system_->floor() >= thin) return;
    }
    for (double share : shares) {
      if (share != share_) blend(share);
      share_ = share;
      solve(tolerance(level, share), false);
    }
  }

  enum class Descended { solved, failed, too_far };

  // In space smaller steps do not pay.
  bool may_halve(std::size_t level) const {
    const int levels = int(clouds_.size() - level) - 1;
    return D == 2 && clouds_[level + 1].children > 2 && budget_.updates <= easy * levels;
  }

  // Two clouds between this one and the next coarser one, so that each has half as many points as the one before it.
  void halve(std::size_t level) {
    clouds_[level + 1].children = 2;
    Cloud<D> half = clouds_[level].coarser(2), quarter = half.coarser(2);
    const auto coarser = clouds_.begin() + std::ptrdiff_t(level) + 1;
    clouds_.insert(clouds_.insert(coarser, std::move(quarter)), std::move(half));
  }

  // From the next coarser level: interpolated weights, with as much of the separable start as it takes to leave few
  // cells empty. Failed where that is not enough, or Newton's method does not fill them. Too far, if asked to be
  // careful, where interpolation leaves many cells empty: then nothing has changed.
  Descended descend(std::size_t level, double share, bool careful) {
    const Cloud<D>&cloud = clouds_[level], &parent = clouds_[level + 1];
    std::vector<double> centers, spreads;
    system_->centers(centers, spreads);
    std::vector<double> weights = std::move(state_.weights);
    CellIntegrals cells = std::move(state_.cells);
    std::unique_ptr<CellSystem> above = std::move(system_);
    const Solved<D> coarse{parent, weights, cells.graph, centers, spreads};
    const std::vector<double> smooth = interpolate<D>(coarse, cloud, budget_.threads);
    open(level);
    system_->seed(smooth.data(), [&](std::size_t i, std::vector<int>& out) {
      near_points<D>(coarse, cloud.size(), i, out);
    });
    std::vector<double> convex;
    for (double part : {0.0, 0.05, 0.15, 0.4}) {
      state_.weights = smooth;
      if (part > 0) {
        if (convex.empty()) convex = separable_start<D>(cloud, problem_.box, problem_.marginals);
        for (std::size_t i = 0; i < cloud.size(); ++i) state_.weights[i] = (1 - part) * smooth[i] + part * convex[i];
      }
      update();
      const double empty = double(empty_cells()) / double(cloud.size());
      if (careful && part == 0 && empty > rough) {
        system_ = std::move(above), state_.target = parent.target;
        state_.weights = std::move(weights), state_.cells = std::move(cells);
        return Descended::too_far;
      }
      above.reset();
      if (empty > (part > 0 ? 0.01 : parent.children > 2 ? 0.15 : 0.3)) continue;
      system_->accept();
      if (system_->floor() >= thin) {
        solve(tolerance(level, share), true);
      } else {
        within(patience, [&] { solve(tolerance(level, share), true); });
        if (outcome_ == Outcome::max_iter || outcome_ == Outcome::stalled) return Descended::failed;
      }
      if (outcome_ != Outcome::empty_cells) return Descended::solved;
    }
    return Descended::failed;
  }

  // All the way down to a level with a density that vanishes nowhere: its map has fewer jumps, so that interpolation
  // leaves fewer cells empty.
  void blended_descent(std::size_t last) {
    for (std::size_t level = clouds_.size(); level-- > last;) {
      share_ = shares[0];
      if (level + 1 < clouds_.size() && descend(level, share_, false) == Descended::solved) continue;
      open(level);
      system_->blend(share_);
      start(level);
      solve(tolerance(level, share_), false);
    }
  }

  // Solves the coarsest level, or the finest at once where it takes blocks. -> the level that it has come to
  std::size_t begin(std::size_t level) {
    const auto solve_it = [&] {
      open(level);
      system_->blend(share_ = 0);
      start(level);
      continuation(level);
    };
    if (problem_.density->floor() >= thin) {
      solve_it();
      return level;
    }
    within(2 * patience, solve_it);
    if (outcome_ == Outcome::converged) return level;
    if (through_blocks(blocks_level(level))) return blocks_level(level);
    solve_it();
    return level;
  }

  // Where points are transported to blocks: at once if they are not too many.
  std::size_t blocks_level(std::size_t level) const { return problem_.n <= block_points ? 0 : level; }

  // From an exact transport to blocks of the density, by turns on the dual value, cells empty or not, and by Newton's
  // method, which fills the last empty cells more quickly. It takes mass across gaps of the density; but a start from
  // coarse to fine is closer where there are none. -> whether solved
  bool through_blocks(std::size_t level) {
    const Cloud<D>& cloud = clouds_[level];
    if (cloud.size() > block_points || budget_.updates >= budget_.max_updates) return false;
    tried_blocks_ = true;
    outcome_ = Outcome::stalled;
    const std::size_t count = std::min(blocks_each * cloud.size(), block_costs / cloud.size());
    open(level);
    system_->blend(share_ = 0);
    state_.weights = block_start<D>(cloud, density_blocks<D>(*problem_.density, problem_.box, count));
    for (int turn = 0; turn < turns && outcome_ != Outcome::converged; ++turn) {
      update();  // the last cells may be of weights that have been rejected
      system_->accept();
      within(turn == 0 ? patience : 2 * patience, [&] {
        outcome_ = ascend(*system_, state_, tolerance(level, 0), turn == 0 ? few_empty : -1, budget_);
      });
      if (outcome_ != Outcome::converged) within(patience, [&] { solve(tolerance(level, 0), true); });
    }
    return from_blocks_ = outcome_ == Outcome::converged;
  }

  // The better of what has been found and of what a transport to blocks finds.
  void last_resort() {
    update();
    const double residual = state_.residual();
    const std::vector<double> weights = state_.weights;
    const Outcome outcome = outcome_;
    if (through_blocks(0)) return;
    update();
    if (state_.residual() <= residual) return;
    state_.weights = weights, outcome_ = outcome;
  }

  TransportAnswer answer() {
    if (outcome_ != Outcome::converged) update();  // the last cells were of weights that have been rejected
    TransportAnswer out;
    out.residual = state_.residual();
    out.gap = proven_gap(*system_, state_);
    out.order = std::move(order_), out.weights = std::move(state_.weights), out.cells = std::move(state_.cells);
    out.points = std::move(clouds_[0].points);
    out.system = std::move(system_);
    out.outcome = outcome_, out.warm = warm_, out.from_blocks = from_blocks_, out.spent = budget_;
    return out;
  }

  const TransportProblem<D>& problem_;
  Budget budget_;
  std::vector<int> order_;
  std::vector<Cloud<D>> clouds_;  // from fine to coarse
  std::unique_ptr<CellSystem> system_;
  DualState state_;
  double share_ = 0;  // what is blended into the density now
  bool tried_blocks_ = false, from_blocks_ = false;
  Outcome outcome_ = Outcome::stalled;
  bool warm_ = false;
};

}  // namespace

template <int D>
TransportAnswer transport(const TransportProblem<D>& problem, Budget budget) {
  std::optional<Crew> crew;
  if (budget.threads > 1 && problem.n > crowd) crew.emplace(budget.threads);
  return Descent<D>(problem, budget).run();
}

template TransportAnswer transport<2>(const TransportProblem<2>&, Budget);
template TransportAnswer transport<3>(const TransportProblem<3>&, Budget);

}  // namespace mixot
