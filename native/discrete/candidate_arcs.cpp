#include "discrete/candidate_arcs.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include "discrete/reduced_costs.hpp"
#include "machine/interrupt.hpp"

namespace mixot {

void CandidateArcs::fill(const double* cost, int rows, int columns, const double* prices) {
  cost_ = cost, rows_ = rows, columns_ = columns, next_row_ = 0, next_place_ = 0;
  room_ = static_cast<int>(
      std::min<std::int64_t>(columns, static_cast<std::int64_t>(per_node) * std::max(rows, columns) / rows));
  column_.resize(at(rows)), listed_cost_.resize(at(rows)), count_.resize(rows);
  for (int i = 0; i < rows; ++i) {
    look_for_interrupt(i);
    int* const listed = column_.data() + at(i);
    count_[i] = cheapest(i, prices, room_ * 3 / 4, listed);  // the rest is room for what later passes find
    const double* c = cost + static_cast<std::size_t>(i) * columns;
    for (int q = 0; q < count_[i]; ++q) listed_cost_[at(i) + q] = c[listed[q]];
  }
}

// About `wanted` columns of the least reduced cost, at most room_ -> columns; how many. The cut is a quantile that is
// estimated from the minima of groups of columns: if a share x of the minima of g random groups lies below it, about
// -g log(1 - x) columns do.
int CandidateArcs::cheapest(int row, const double* prices, int wanted, int* columns) const {
  const double* c = cost_ + static_cast<std::size_t>(row) * columns_;
  double cut = std::numeric_limits<double>::infinity();
  if (2 * wanted < columns_) {
    double least[minima_groups];
    grouped_reduced_costs(c, prices, columns_, least);
    const int groups = std::min(minima_groups, columns_);
    const int rank = std::min(groups - 1, static_cast<int>(groups * -std::expm1(-static_cast<double>(wanted) / groups)));
    std::nth_element(least, least + rank, least + groups);
    cut = std::nextafter(least[rank], cut);  // equal costs count
  }
  // Each row starts elsewhere: where costs are equal and a list is full before its row ends, lists still differ.
  const int half = static_cast<int>(static_cast<std::int64_t>(row) * 7919 % columns_);
  int some = 0, more = 0;
  reduced_costs_below(c + half, prices + half, columns_ - half, cut, columns, room_, &some);
  for (int q = 0; q < some; ++q) columns[q] += half;
  reduced_costs_below(c, prices, half, cut, columns + some, room_ - some, &more);
  return some + more;
}

std::size_t CandidateArcs::total() const { return std::accumulate(count_.begin(), count_.end(), std::size_t{0}); }

CandidateArcs::Best CandidateArcs::next_block(const double* potentials) {
  const double* const v = potentials + rows_;
  Best best{-1, -1, 0};
  for (int left = block; left > 0;) {
    const int* const listed = columns(next_row_);
    const double* const c = costs(next_row_);
    const double u = potentials[next_row_];
    const int begin = next_place_, end = std::min(count_[next_row_], begin + left);
    int hit = -1;
    for (int q = begin; q < end; ++q) {
      const double reduced = c[q] - v[listed[q]] + u;
      if (reduced < best.reduced) best.reduced = reduced, hit = q;
    }
    if (hit >= 0) best.row = next_row_, best.column = listed[hit];
    left -= end - begin + 1;  // an empty list is a step, too
    next_place_ = end;
    if (end >= count_[next_row_]) next_place_ = 0, next_row_ = next_row_ + 1 == rows_ ? 0 : next_row_ + 1;
  }
  return best;
}

void CandidateArcs::add(int row, const double* prices, int* columns, int count) {
  const double* c = cost_ + static_cast<std::size_t>(row) * columns_;
  const auto cheaper = [&](int x, int y) { return c[x] - prices[x] < c[y] - prices[y]; };
  const int most = std::max(1, room_ / 2);
  if (count > most) std::nth_element(columns, columns + most, columns + count, cheaper), count = most;
  int* const listed = column_.data() + at(row);
  const int keep = std::min(count_[row], room_ - count);
  if (keep < count_[row]) std::nth_element(listed, listed + keep, listed + count_[row], cheaper);
  std::copy(columns, columns + count, listed + keep);
  count_[row] = keep + count;
  for (int q = 0; q < count_[row]; ++q) listed_cost_[at(row) + q] = c[listed[q]];
}

}  // namespace mixot
