#include "discrete/greedy_tree.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "discrete/reduced_costs.hpp"
#include "machine/interrupt.hpp"

namespace mixot {

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
}

const std::vector<Arc>& GreedyTree::grow(const double* cost, const Masses& masses, std::vector<double>& prices,
                                         const CandidateArcs* candidates) {
  open(masses);
  rank_rows(cost, prices, candidates);
  const int columns = static_cast<int>(demand_.size());
  for (const int i : order_) {
    look_for_interrupt(i);
    if (candidates) take_listed(i, *candidates, prices);
    const double* c = cost + static_cast<std::size_t>(i) * columns;
    while (wants_more(i)) {
      double least;
      int where;
      least_reduced_cost(c, prices.data(), columns, &least);
      find_reduced_cost(c, prices.data(), columns, least, &where);
      take(i, where, prices);
    }
  }
  return arcs_;
}

void GreedyTree::open(const Masses& masses) {
  rows_open_ = static_cast<int>(masses.rows.size()), columns_open_ = static_cast<int>(masses.columns.size());
  supply_.resize(rows_open_), demand_.resize(columns_open_), row_shut_.assign(rows_open_, 0);
  for (int i = 0; i < rows_open_; ++i) supply_[i] = {masses.rows[i], 1};
  for (int j = 0; j < columns_open_; ++j) demand_[j] = {masses.columns[j], 0};
  demand_[masses.root].tiny = rows_open_;
  arcs_.clear();
}

// Rows by their mean reduced cost above the least -> order_; over what is listed, where there are lists.
void GreedyTree::rank_rows(const double* cost, const std::vector<double>& prices, const CandidateArcs* candidates) {
  const int rows = rows_open_, columns = columns_open_;
  spread_.resize(rows), order_.resize(rows);
  for (int i = 0; i < rows; ++i) {
    double least = infinity, sum = 0;
    if (candidates) {
      const int count = candidates->count(i);
      for (int q = 0; q < count; ++q) {
        const double reduced = candidates->costs(i)[q] - prices[candidates->columns(i)[q]];
        sum += reduced, least = std::min(least, reduced);
      }
      spread_[i] = sum / std::max(1, count) - least;
    } else {
      const double* c = cost + static_cast<std::size_t>(i) * columns;
      least_reduced_cost(c, prices.data(), columns, &least);
      sum_reduced_costs(c, prices.data(), columns, &sum);
      spread_[i] = sum / columns - least;
    }
  }
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(),
            [&](int x, int y) { return spread_[x] > spread_[y] || (spread_[x] == spread_[y] && x < y); });
}

void GreedyTree::take_listed(int row, const CandidateArcs& candidates, std::vector<double>& prices) {
  sorted_.clear();
  for (int q = 0; q < candidates.count(row); ++q) {
    const int j = candidates.columns(row)[q];
    if (prices[j] != -infinity) sorted_.push_back({candidates.costs(row)[q] - prices[j], j});
  }
  std::sort(sorted_.begin(), sorted_.end());
  for (std::size_t q = 0; q < sorted_.size() && wants_more(row); ++q) take(row, sorted_[q].second, prices);
}

// The arc (row, column) carries what it can, and shuts the end that it exhausts; a column that is shut has the price
// -infinity, and so an infinite reduced cost.
void GreedyTree::take(int row, int column, std::vector<double>& prices) {
  Mass &supply = supply_[row], &demand = demand_[column];
  if (rows_open_ > 1 && (columns_open_ == 1 || supply < demand)) {
    arcs_.push_back({row, column, supply.value});
    demand.value -= supply.value, demand.tiny -= supply.tiny;
    row_shut_[row] = 1, --rows_open_;
  } else {
    arcs_.push_back({row, column, demand.value});
    supply.value -= demand.value, supply.tiny -= demand.tiny;
    prices[column] = -infinity, --columns_open_;
  }
}

}  // namespace mixot
