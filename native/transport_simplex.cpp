#include "transport_simplex.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "simd.hpp"

namespace mixot {

// least[0] = min_j cost[j] - v[j]; cost (cols), v (cols).
MIXOT_INLINE void least_reduced_body(const double* MIXOT_RESTRICT cost, const double* MIXOT_RESTRICT v,
                                     std::size_t cols, double* least) {
  constexpr std::size_t width = 16;
  double lane[width];
  for (std::size_t t = 0; t < width; ++t) lane[t] = std::numeric_limits<double>::infinity();
  std::size_t j = 0;
  for (; j + width <= cols; j += width)
    for (std::size_t t = 0; t < width; ++t) {
      const double x = cost[j + t] - v[j + t];
      lane[t] = x < lane[t] ? x : lane[t];
    }
  for (; j < cols; ++j) lane[0] = std::min(lane[0], cost[j] - v[j]);
  *least = *std::min_element(lane, lane + width);
}
MIXOT_MULTIVERSION(least_reduced, (const double* cost, const double* v, std::size_t cols, double* least),
                   (cost, v, cols, least))

namespace {

using Node = std::int32_t;  // rows first, then columns
constexpr Node none = -1;

// A mass plus `tiny` infinitesimals. Every row supplies one infinitesimal more than its weight, and the last column
// takes them all: no flow of a spanning tree is then zero, every pivot lowers the cost, and the simplex cannot cycle
// however many weights are equal.
struct Mass {
  double value = 0;
  std::int64_t tiny = 0;
  bool operator<(const Mass& other) const {
    return value < other.value || (value == other.value && tiny < other.tiny);
  }
  Mass& operator+=(const Mass& other) {
    value += other.value;
    tiny += other.tiny;
    return *this;
  }
  Mass& operator-=(const Mass& other) {
    value = std::max(value - other.value, 0.0);
    tiny -= other.tiny;
    return *this;
  }
};

// A spanning tree of rows and columns, hung from a root. What belongs to the arc between a node and its parent is kept
// with the node.
class Tree {
 public:
  explicit Tree(const FlowProblem& problem)
      : p_(problem), size_(static_cast<Node>(problem.rows + problem.cols)), node_(size_), potential_(size_) {
    start();
  }

  // Runs until no arc is worth entering; returns the number of pivots, or max_pivots + 1. The best arc of a row enters,
  // row after row.
  std::int64_t run(std::int64_t max_pivots) {
    std::int64_t pivots = 0;
    for (Node i = 0, idle = 0; idle < rows(); i = i + 1 == rows() ? 0 : i + 1) {
      const Node j = entering(i);
      if (j == none) {
        ++idle;
        continue;
      }
      if (++pivots > max_pivots) break;
      pivot(i, j);
      if (pivots % size_ == 0) refresh();
      idle = 0;
    }
    return pivots;
  }

  // Flows and potentials afresh from the tree, without the rounding of the pivots.
  void write(double* coupling, double* u, double* v) {
    refresh();
    std::vector<double> net(size_);
    for (Node x = 0; x < size_; ++x) net[x] = is_row(x) ? p_.a[x] : -p_.b[x - rows()];
    for (std::size_t at = below_.size(); at-- > 1;) {
      const Node x = below_[at], up = node_[x].parent;
      net[up] += net[x];
      const Node i = is_row(x) ? x : up, j = (is_row(x) ? up : x) - rows();
      coupling[static_cast<std::size_t>(i) * p_.cols + j] = std::max(is_row(x) ? net[x] : -net[x], 0.0);
    }
    std::copy(potential_.begin(), potential_.begin() + rows(), u);
    std::copy(potential_.begin() + rows(), potential_.end(), v);
  }

 private:
  struct Link {
    Node parent = none, child = none, next = none, before = none;  // first child, siblings
    std::int32_t depth = 0, count = 1;                             // nodes below, itself included
    double cost = 0;
    Mass flow;
  };

  Node rows() const { return static_cast<Node>(p_.rows); }
  bool is_row(Node x) const { return x < rows(); }
  double arc_cost(Node x, Node y) const {
    const Node i = is_row(x) ? x : y, j = (is_row(x) ? y : x) - rows();
    return p_.cost[static_cast<std::size_t>(i) * p_.cols + j];
  }
  void set_potential(Node x) { potential_[x] = node_[x].cost - potential_[node_[x].parent]; }

  void attach(Node x, Node parent) {
    Link& me = node_[x];
    me.parent = parent;
    me.before = none;
    me.next = node_[parent].child;
    if (me.next != none) node_[me.next].before = x;
    node_[parent].child = x;
  }
  void detach(Node x) {
    const Link& me = node_[x];
    (me.before == none ? node_[me.parent].child : node_[me.before].next) = me.next;
    if (me.next != none) node_[me.next].before = me.before;
  }

  // The nodes below x, itself first, each after its parent -> below_.
  void collect(Node x) {
    below_.assign(1, x);
    for (std::size_t at = 0; at < below_.size(); ++at)
      for (Node c = node_[below_[at]].child; c != none; c = node_[c].next) below_.push_back(c);
  }

  // A first tree: each row in turn fills the cheapest columns that are open. Every arc exhausts its row or its column.
  void start() {
    std::vector<Mass> demand(p_.cols);
    for (std::size_t j = 0; j < p_.cols; ++j) demand[j].value = p_.b[j];
    demand.back().tiny = rows();
    std::vector<Node> open(p_.cols);
    for (std::size_t j = 0; j < p_.cols; ++j) open[j] = static_cast<Node>(j);
    std::vector<std::vector<std::pair<Node, Mass>>> arcs(size_);
    for (Node i = 0; i < rows(); ++i) {
      Mass supply{p_.a[i], 1};
      const double* cost = p_.cost + static_cast<std::size_t>(i) * p_.cols;
      const bool last = i + 1 == rows();
      const auto dearer = [cost](Node x, Node y) { return cost[x] > cost[y]; };
      std::make_heap(open.begin(), open.end(), dearer);  // the cheapest in front
      for (bool more = true; more && !open.empty();) {
        const Node j = open.front();
        const bool row_ends = !last && (open.size() == 1 || supply < demand[j]);
        const Mass flow = row_ends ? supply : demand[j];
        arcs[i].push_back({rows() + j, flow});
        arcs[rows() + j].push_back({i, flow});
        if (row_ends) {
          demand[j] -= flow;
          more = false;
        } else {
          supply -= flow;
          std::pop_heap(open.begin(), open.end(), dearer);
          open.pop_back();
        }
      }
    }
    hang(arcs);
  }

  void hang(const std::vector<std::vector<std::pair<Node, Mass>>>& arcs) {
    below_.assign(1, 0);
    potential_[0] = 0;
    for (std::size_t at = 0; at < below_.size(); ++at) {
      const Node x = below_[at];
      for (const auto& [y, flow] : arcs[x]) {
        if (y == node_[x].parent) continue;
        attach(y, x);
        node_[y].depth = node_[x].depth + 1;
        node_[y].flow = flow;
        node_[y].cost = arc_cost(x, y);
        set_potential(y);
        below_.push_back(y);
      }
    }
    for (std::size_t at = below_.size(); at-- > 1;) node_[node_[below_[at]].parent].count += node_[below_[at]].count;
  }

  // The column with the least reduced cost against row i, or none where that is not negative beyond rounding.
  Node entering(Node i) const {
    const double* cost = p_.cost + static_cast<std::size_t>(i) * p_.cols;
    const double* v = potential_.data() + rows();
    double least;
    least_reduced(cost, v, p_.cols, &least);
    const double u = potential_[i];
    if (!(least - u < -1e-14 * std::max(1.0, std::abs(u)))) return none;
    std::size_t j = 0;
    while (cost[j] - v[j] != least) ++j;
    return static_cast<Node>(j);
  }

  // Arc (i, j) enters. Around the cycle it closes, flows fall on the arcs that end in a row on i's side, in a column on
  // j's side (seen from above), and grow on the others; the smallest that falls leaves.
  void pivot(Node i, Node column) {
    const Node j = rows() + column;
    Node x = i, y = j, leaving = none;
    bool on_row_side = true;
    Mass step{std::numeric_limits<double>::infinity(), 0};
    const auto consider = [&](Node z, bool row_side) {
      if (is_row(z) == row_side && node_[z].flow < step) {
        step = node_[z].flow;
        leaving = z;
        on_row_side = row_side;
      }
    };
    while (x != y) {
      if (node_[x].depth >= node_[y].depth) {
        consider(x, true);
        x = node_[x].parent;
      } else {
        consider(y, false);
        y = node_[y].parent;
      }
    }
    push(i, x, true, step);
    push(j, x, false, step);
    exchange(on_row_side ? i : j, on_row_side ? j : i, leaving, step);
  }

  void push(Node from, Node join, bool row_side, const Mass& step) {
    for (Node z = from; z != join; z = node_[z].parent) {
      if (is_row(z) == row_side)
        node_[z].flow -= step;
      else
        node_[z].flow += step;
    }
  }

  // The arc above `leaving` goes, that from `inner`, below `leaving`, to `outer` comes. Of the two parts of the tree the
  // smaller one moves: it is turned to hang from the other, whose top stays the top or becomes it.
  void exchange(Node inner, Node outer, Node leaving, const Mass& flow) {
    const double cost = arc_cost(inner, outer);
    const std::int32_t below = node_[leaving].count;
    const Node above = node_[leaving].parent;
    detach(leaving);
    node_[leaving].parent = none;
    const bool lower_moves = 2 * below <= size_;
    if (lower_moves) {
      grow(above, -below);
    } else {
      std::swap(inner, outer);
      root_ = leaving;
    }
    turn(inner);
    attach(inner, outer);
    node_[inner].flow = flow;
    node_[inner].cost = cost;
    grow(outer, lower_moves ? below : size_ - below);
    update(inner);
  }

  void grow(Node x, std::int32_t change) {
    for (; x != none; x = node_[x].parent) node_[x].count += change;
  }

  // Makes x the top of its tree, by turning round the arcs between it and the old top.
  void turn(Node x) {
    Node up = node_[x].parent;
    Mass flow = node_[x].flow;
    double cost = node_[x].cost;
    if (up != none) detach(x);
    while (up != none) {
      const Node next = node_[up].parent;
      if (next != none) detach(up);
      std::swap(flow, node_[up].flow);
      std::swap(cost, node_[up].cost);
      attach(up, x);
      x = up;
      up = next;
    }
  }

  // All potentials from the root down: parts that stay where they are gather the rounding of those that pass by.
  void refresh() {
    potential_[root_] = 0;
    collect(root_);
    for (std::size_t at = 1; at < below_.size(); ++at) set_potential(below_[at]);
  }

  // Depths, counts and potentials below x.
  void update(Node x) {
    collect(x);
    for (const Node y : below_) {
      node_[y].depth = node_[node_[y].parent].depth + 1;
      node_[y].count = 1;
      set_potential(y);
    }
    for (std::size_t at = below_.size(); at-- > 1;) node_[node_[below_[at]].parent].count += node_[below_[at]].count;
  }

  const FlowProblem& p_;
  Node size_, root_ = 0;
  std::vector<Link> node_;
  AlignedVector<double> potential_;
  std::vector<Node> below_;
};

}  // namespace

std::int64_t transport_simplex(const FlowProblem& problem, std::int64_t max_pivots, double* coupling, double* u,
                               double* v) {
  Tree tree(problem);
  const std::int64_t pivots = tree.run(max_pivots);
  tree.write(coupling, u, v);
  return pivots;
}

}  // namespace mixot
