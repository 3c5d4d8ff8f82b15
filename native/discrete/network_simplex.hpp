// Exact transport between finitely many atoms by a primal network simplex.
//
//   min sum_ij p_ij c_ij   over p >= 0 with row sums a (n) and column sums b (m), c (n, m) dense and row-major.
//
// The basis is a spanning tree of the n + m atoms (spanning_tree.hpp); only its n + m - 1 arcs are stored, all others
// are implicit in c. Weights become integers of total 2^61, a rounding of 4e-19 of the mass, so that flows are exact and
// the tree stays strongly feasible: no cycling. At the end flows are computed again, in doubles, from the last tree.
// The start is greedy (greedy_tree.hpp).
//
// Pricing: the best of a block of candidate arcs enters (candidate_arcs.hpp). When no candidate is negative, one pass
// over all of c lists what is, and pivots at once on the best of each row; a pass that finds nothing is the proof. Small
// matrices have no lists: rows are priced whole, and the best arc of each enters.
//
// Memory beside c: about 400 max(n, m) + 150 (n + m) bytes, and a transposed copy of c where n > 2 m.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "discrete/candidate_arcs.hpp"
#include "discrete/greedy_tree.hpp"
#include "discrete/spanning_tree.hpp"
#include "machine/compensated_sum.hpp"

namespace mixot {

struct TransportProblem {
  const double *cost, *a, *b;  // (n, m) row-major; (n) and (m), not negative, of one total
  int n, m;
};

enum class TransportEnd { optimal, max_pivots, cost_not_finite, bad_weights, unequal_totals };

struct TransportResult {
  TransportEnd end;
  std::int64_t pivots;
  double cost;            // sum_ij p_ij c_ij
  double lower_bound;     // a f + b g, at most the cost
  double marginal_error;  // the largest of |p 1 - a| and |p^T 1 - b|
};

class NetworkSimplex {
 public:
  // -> coupling (n, m), which must come filled with zeros: a vertex, its support a forest;
  // f (n), g (m): f[i] + g[j] <= c[i, j] to rounding, with equality on the support where the end is optimal. At any end
  // but the last three the coupling is feasible and the bound holds.
  TransportResult solve(const TransportProblem& problem, std::int64_t max_pivots, double* coupling, double* f, double* g);

  // The optimal value alone.
  TransportResult value(const TransportProblem& problem);

 private:
  TransportEnd optimise(const TransportProblem& problem, std::int64_t max_pivots);
  void orient(const TransportProblem& problem);
  TransportEnd start();
  TransportEnd quantise();
  bool price_rows();
  bool price_candidates();
  bool pivot_on_candidates();
  bool pass(bool& found);
  bool enter(int row, int column);
  bool pays(int row, int column) const;
  int paying(int row);
  int best_of_paying(int row, int count) const;
  void compute_flows();
  template <class Visit>
  void for_flows(Visit visit) const;
  void write(double* coupling);
  void place_light_atoms(double* coupling);
  void place(int i, int j, double mass, double* coupling);
  void write_potentials(double* f, double* g);

  const double* row(int i) const { return given_.cost + static_cast<std::size_t>(i) * given_.m; }

  TransportProblem given_{};  // transposed where n > 2 m: rows are kept long
  bool transposed_ = false, listed_ = false;
  int next_row_ = 0;
  double tolerance_ = 0;  // relative to the terms of a reduced cost
  double total_ = 0;      // mass
  std::int64_t pivots_ = 0, max_pivots_ = 0, next_retrace_ = 0, passes_ = 0;
  Masses masses_;
  GreedyTree greedy_;
  SpanningTree tree_;
  CandidateArcs candidates_;
  std::vector<double> turned_, prices_;
  std::vector<CompensatedSum> net_, placed_;
  std::vector<int> columns_;
};

}  // namespace mixot
