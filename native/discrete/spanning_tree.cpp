#include "discrete/spanning_tree.hpp"

#include <limits>

// Loops hold the arrays in local pointers: nanobind's flags forbid the compiler to assume that a store of an integer
// leaves those of the class alone.
namespace mixot {

void SpanningTree::build(int rows, int columns, int root, const std::vector<Arc>& arcs, const double* cost) {
  rows_ = rows, columns_ = columns, root_ = root, cost_ = cost;
  hang(arcs);
  order(preorder_);
  retrace();
}

// Parents and flows from a list of arcs, depth first from the root -> preorder_.
void SpanningTree::hang(const std::vector<Arc>& arcs) {
  const int nodes = rows_ + columns_, count = static_cast<int>(arcs.size());
  first_.assign(nodes + 2, 0);  // arcs by node: those of x stand at first_[x] .. first_[x + 1] once all are sorted in
  for (const Arc& arc : arcs) ++first_[arc.row + 2], ++first_[rows_ + arc.column + 2];
  for (int x = 2; x <= nodes + 1; ++x) first_[x] += first_[x - 1];
  incident_.resize(2 * arcs.size());
  for (int k = 0; k < count; ++k) {
    incident_[first_[arcs[k].row + 1]++] = k;
    incident_[first_[rows_ + arcs[k].column + 1]++] = k;
  }
  link_.assign(nodes, {0, -1, 1});
  preorder_.clear();
  stack_.assign(1, root_);
  while (!stack_.empty()) {
    const int x = stack_.back();
    stack_.pop_back();
    preorder_.push_back(x);
    for (int e = first_[x]; e < first_[x + 1]; ++e) {
      const Arc& arc = arcs[incident_[e]];
      const int y = x < rows_ ? rows_ + arc.column : arc.row;
      if (y == link_[x].parent) continue;
      link_[y].parent = x, link_[y].flow = arc.flow;
      stack_.push_back(y);
    }
  }
}

// Sizes and the thread.
void SpanningTree::order(const std::vector<int>& preorder) {
  const int nodes = rows_ + columns_;
  next_.resize(nodes), back_.resize(nodes), last_.resize(nodes), potential_.resize(nodes);
  for (int k = nodes - 1; k > 0; --k) link_[link_[preorder[k]].parent].size += link_[preorder[k]].size;
  for (int k = 0; k < nodes; ++k) {
    const int x = preorder[k], y = preorder[k + 1 < nodes ? k + 1 : 0];
    next_[x] = y, back_[y] = x, last_[x] = preorder[k + link_[x].size - 1];
  }
}

double SpanningTree::tree_cost(int node) const {
  const int up = link_[node].parent;
  const std::size_t row = node < rows_ ? node : up, column = (node < rows_ ? up : node) - rows_;
  return cost_[row * columns_ + column];
}

void SpanningTree::retrace() {
  potential_[root_] = 0;
  for (int x = next_[root_]; x != root_; x = next_[x]) {
    const double above = potential_[link_[x].parent];
    potential_[x] = x < rows_ ? above - tree_cost(x) : above + tree_cost(x);
  }
}

// Both ends of the arc climb, whoever has fewer nodes below first, until they meet. Flow goes round the cycle from the
// row to the column: it shrinks on the arcs that leave rows of the row's path and on those that enter columns of the
// column's path. Of the arcs that run dry the last one leaves, counted along the cycle from where the paths meet: on the
// column's side the highest, on the row's side the lowest. This keeps the tree strongly feasible.
SpanningTree::Leaving SpanningTree::leaving(int row, int column) const {
  const Link* const link = link_.data();
  const int rows = rows_;
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  int x = row, y = rows_ + column, out_x = -1, out_y = -1;
  std::int64_t least_x = most, least_y = most;
  while (x != y) {
    if (link[x].size < link[y].size) {
      if (x < rows && link[x].flow < least_x) least_x = link[x].flow, out_x = x;
      x = link[x].parent;
    } else {
      if (y >= rows && link[y].flow <= least_y) least_y = link[y].flow, out_y = y;
      y = link[y].parent;
    }
  }
  const bool on_row_side = least_x < least_y;
  return {on_row_side ? out_x : out_y, x, on_row_side ? least_x : least_y, on_row_side};
}

void SpanningTree::push(int row, int column, const Leaving& out) {
  if (out.flow == 0) return;
  Link* const link = link_.data();
  const int rows = rows_;
  const std::int64_t flow = out.flow;
  for (int x = row; x != out.join; x = link[x].parent) link[x].flow += x < rows ? -flow : flow;
  for (int y = rows_ + column; y != out.join; y = link[y].parent) link[y].flow += y < rows ? flow : -flow;
}

// Takes the subtree of a node out of the thread and off the sizes below `join`, above which it will hang again.
void SpanningTree::cut(int node, int join) {
  Link* const link = link_.data();
  int *const next = next_.data(), *const back = back_.data(), *const last = last_.data();
  const int end = last[node], before = back[node], after = next[end], size = link[node].size;
  next[before] = after, back[after] = before;
  for (int z = link[node].parent; z != -1 && last[z] == end; z = link[z].parent) last[z] = before;
  for (int z = link[node].parent; z != join; z = link[z].parent) link[z].size -= size;
}

// Turns the path from `out`, the root of a subtree that was cut off, to `in` round, so that `in` is its root. Each node w
// of the path then follows what was below the node s before it; of its run in the thread, from w to its last node, the
// run of s drops out. Returns the last node of the new order.
int SpanningTree::turn(int in, int out) {
  Link* const link = link_.data();
  int *const next = next_.data(), *const back = back_.data(), *const last = last_.data();
  const int size = link[out].size;
  int tail = last[in];
  if (in == out) return tail;
  int s = in, w = link[in].parent;
  int end = last[in], after = next[end], before = back[in], count = link[in].size;
  std::int64_t flow = link[in].flow;
  while (true) {
    // What the thread says of w, before it is written over: the run of w may end where that of s does, whose successor is
    // known already.
    const int w_end = last[w], w_before = back[w], w_count = link[w].size, up = link[w].parent;
    const int w_after = w_end == end ? after : next[w_end];
    const std::int64_t w_flow = link[w].flow;
    next[tail] = w, back[w] = tail;
    if (end != w_end)
      next[before] = after, back[after] = before, tail = w_end;
    else
      tail = before;
    link[w] = {flow, s, size - count};
    if (w == out) break;
    s = w, w = up, flow = w_flow, end = w_end, after = w_after, before = w_before, count = w_count;
  }
  for (int z = out; z != in; z = link[z].parent) last[z] = tail;
  last[in] = tail;
  return tail;
}

// Hangs the subtree `in` .. `tail`, its sizes known, below `to`, first among its children.
void SpanningTree::attach(int in, int tail, int to, int join) {
  Link* const link = link_.data();
  int *const next = next_.data(), *const back = back_.data(), *const last = last_.data();
  const int after = next[to];
  next[to] = in, back[in] = to, next[tail] = after, back[after] = tail;
  for (int z = to; z != -1 && last[z] == to; z = link[z].parent) last[z] = tail;
  for (int z = to; z != join; z = link[z].parent) link[z].size += link[in].size;
}

// Moves the potentials of the subtree, or those of all others the other way where these are fewer. The run is followed
// from both ends at once: reading one link does not wait for the other.
void SpanningTree::shift(int in, int tail, int to, double by) {
  const int *const next = next_.data(), *const back = back_.data();
  const int nodes = rows_ + columns_, size = link_[in].size;
  int x = in, y = tail, left = size;
  if (2 * size > nodes) x = next[tail], y = to, left = nodes - size, by = -by;
  double* const potential = potential_.data();
  for (; left > 1; left -= 2) {
    potential[x] += by, potential[y] += by;
    x = next[x], y = back[y];
  }
  if (left) potential[x] += by;
}

void SpanningTree::pivot(int row, int column) {
  const Leaving out = leaving(row, column);
  const double gain = reduced(row, column);
  const int in = out.on_row_side ? row : rows_ + column, to = out.on_row_side ? rows_ + column : row;
  push(row, column, out);
  const int size = link_[out.node].size;
  cut(out.node, out.join);
  const int tail = turn(in, out.node);
  link_[in] = {out.flow, to, size};
  attach(in, tail, to, out.join);
  shift(in, tail, to, out.on_row_side ? -gain : gain);
}

}  // namespace mixot
