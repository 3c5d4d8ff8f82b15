// One pair of dual potentials out of all that are optimal.
#pragma once
#include <cstddef>
#include <vector>

namespace mixot {

// Where the support of an optimal coupling falls apart into T > 1 trees, tree s may shift by an offset of its own,
// f + o_s and g - o_s, within o_s - o_t <= w_st, the least slack between a row of s and a column of t. With D the
// shortest paths under w, o_s = D_st and o_s = -D_ts are extreme offsets for each t; this takes their mean over all t.
class BalancedPotentials {
 public:
  // cost, coupling (n, m); f (n), g (m) are potentials of the coupling, and those of the answer. Atoms without mass get
  // the derivative towards the inside: the c-transform.
  void balance(const double* cost, const double* coupling, std::size_t n, std::size_t m, double* f, double* g);

 private:
  std::size_t find_trees(const double* coupling, std::size_t n, std::size_t m);
  void shift_trees(const double* cost, std::size_t n, std::size_t m, std::size_t trees, double* f, double* g);
  std::size_t root(std::size_t node);

  std::vector<std::size_t> parent_, label_;  // of rows, then columns; the label of the root is its tree's number
  std::vector<char> live_;
  std::vector<double> slack_, offset_;
};

}  // namespace mixot
