// The basis of a network simplex for transport: a spanning tree of rows and columns that every arc of the tree joins.
//
// Nodes 0 .. rows - 1 are the rows, the columns follow; the root is a column. Of every node the tree knows its parent,
// how many nodes hang below it, and its place in the preorder, in which each subtree is one run of nodes (the *thread*,
// linked both ways and closed to a ring, with the last node of every run). Flows are integers, so that they are exact.
//
// The tree is *strongly feasible* (Cunningham 1976): every arc without flow leads from a row up towards the root. A pivot
// that keeps it so cannot be part of a cycle, however many weights are equal.
#pragma once
#include <cstdint>
#include <vector>

namespace mixot {

struct Arc {
  int row, column;
  std::int64_t flow;
};

class SpanningTree {
 public:
  // arcs.size() == rows + columns - 1 arcs that form a tree, strongly feasible seen from this root, a node; cost
  // (rows, columns) row-major, of which only the entries of the tree are read, now and in every pivot.
  void build(int rows, int columns, int root, const std::vector<Arc>& arcs, const double* cost);

  // The arc (row, column), whose reduced cost is negative, enters; the arc that it runs dry leaves.
  void pivot(int row, int column);

  // Potentials anew from the root, without the rounding that pivots pile up.
  void retrace();

  // Potentials of the nodes: row i has -u[i], column j v[j], u[i] + v[j] = cost[i, j] on the tree. The reduced cost of
  // any arc is cost[i, j] + potentials()[i] - potentials()[rows + j].
  const double* potentials() const { return potential_.data(); }

  int root() const { return root_; }
  int parent(int node) const { return link_[node].parent; }
  // The node before this one in the preorder: from the root backwards, children come before their parents.
  int before(int node) const { return back_[node]; }

 private:
  struct Link {  // the arc between a node and its parent
    std::int64_t flow;
    int parent, size;  // nodes below, the node itself included
  };
  struct Leaving {
    int node, join;  // the lower end of the arc that leaves; where the paths from both ends of the new arc meet
    std::int64_t flow;
    bool on_row_side;
  };

  double reduced(int row, int column) const {
    return cost_[static_cast<std::size_t>(row) * columns_ + column] + potential_[row] - potential_[rows_ + column];
  }
  double tree_cost(int node) const;  // of the arc to the parent
  void hang(const std::vector<Arc>& arcs);
  void order(const std::vector<int>& preorder);
  Leaving leaving(int row, int column) const;
  void push(int row, int column, const Leaving& out);
  void cut(int node, int join);
  int turn(int in, int out);
  void attach(int in, int tail, int to, int join);
  void shift(int in, int tail, int to, double by);

  int rows_ = 0, columns_ = 0, root_ = 0;
  const double* cost_ = nullptr;
  std::vector<Link> link_;
  std::vector<int> next_, back_, last_;
  std::vector<double> potential_;
  std::vector<int> first_, incident_, preorder_, stack_;  // scratch of build()
};

}  // namespace mixot
