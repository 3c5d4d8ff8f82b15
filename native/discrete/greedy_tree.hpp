// The spanning tree from which a network simplex for transport sets out.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "discrete/candidate_arcs.hpp"
#include "discrete/spanning_tree.hpp"

namespace mixot {

// Integer masses of equal totals; those of columns are positive. The root is one of the columns.
struct Masses {
  std::vector<std::int64_t> rows, columns;
  int root = 0;
};

// Rows take the cheapest columns that are still open at the prices v[j] = min_i cost[i, j]; those first whose reduced
// costs spread the widest, because they have most to lose. (All arcs in order of their reduced cost make as good a tree
// of random costs, but a very bad one of Monge costs such as i j, for which this one is optimal.)
class GreedyTree {
 public:
  // cost (rows, columns) row-major, prices (columns), which are spent; `candidates` are tried first, where they exist.
  const std::vector<Arc>& grow(const double* cost, const Masses& masses, std::vector<double>& prices,
                               const CandidateArcs* candidates);

 private:
  // A mass, and how many times an infinitesimally small one: every row supplies one more than its weight, and the root
  // takes them all. So each arc exhausts a row or a column, never both, and the tree is strongly feasible.
  struct Mass {
    std::int64_t value;
    int tiny;
    bool operator<(const Mass& other) const {
      return value < other.value || (value == other.value && tiny < other.tiny);
    }
  };

  void open(const Masses& masses);
  void rank_rows(const double* cost, const std::vector<double>& prices, const CandidateArcs* candidates);
  void take_listed(int row, const CandidateArcs& candidates, std::vector<double>& prices);
  void take(int row, int column, std::vector<double>& prices);
  bool wants_more(int row) const { return !row_shut_[row] && columns_open_ > 0; }

  int rows_open_ = 0, columns_open_ = 0;
  std::vector<Mass> supply_, demand_;
  std::vector<char> row_shut_;
  std::vector<double> spread_;
  std::vector<int> order_;
  std::vector<std::pair<double, int>> sorted_;
  std::vector<Arc> arcs_;
};

}  // namespace mixot
