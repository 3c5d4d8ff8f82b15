#include "discrete/network_simplex.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "discrete/reduced_costs.hpp"
#include "machine/interrupt.hpp"

namespace mixot {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr int small = 30000;         // entries of c up to which rows are priced whole: lists pay from about 170 x 170
constexpr double first_tolerance = 4e-15, last_tolerance = 2.5e-13;
constexpr int patient_passes = 20;   // and 20 pivots per atom: from then on the tolerance grows, against pivots on rounding
constexpr double dust = 1e-15;       // of the mass: flows that are the difference of weights that agree but for rounding
constexpr double equal_totals = 1e-7;

}  // namespace

TransportResult NetworkSimplex::solve(const TransportProblem& problem, std::int64_t max_pivots, double* coupling,
                                      double* f, double* g) {
  TransportResult out{optimise(problem, max_pivots), pivots_, 0, 0, 0};
  if (out.end != TransportEnd::optimal && out.end != TransportEnd::max_pivots) return out;
  compute_flows();
  write(coupling);
  write_potentials(transposed_ ? g : f, transposed_ ? f : g);
  CompensatedSum cost, bound;
  for_flows([&](int i, int j, double flow) { cost.add(flow * row(i)[j]); });
  for (int i = 0; i < problem.n; ++i) bound.add(f[i] * problem.a[i]);
  for (int j = 0; j < problem.m; ++j) bound.add(g[j] * problem.b[j]);
  out.cost = cost.value();
  // At the optimum both agree but for rounding, which must not claim a bound above a price that is achieved.
  out.lower_bound = std::min(bound.value(), out.cost);
  for (int x = 0; x < given_.n + given_.m; ++x) {
    const double wanted = x < given_.n ? given_.a[x] : given_.b[x - given_.n];
    out.marginal_error = std::max(out.marginal_error, std::abs(placed_[x].value() - wanted));
  }
  return out;
}

TransportResult NetworkSimplex::value(const TransportProblem& problem) {
  TransportResult out{optimise(problem, std::numeric_limits<std::int64_t>::max()), pivots_, 0, 0, 0};
  if (out.end != TransportEnd::optimal) return out;
  compute_flows();
  CompensatedSum cost;
  for_flows([&](int i, int j, double flow) { cost.add(flow * row(i)[j]); });
  out.cost = cost.value();
  return out;
}

TransportEnd NetworkSimplex::optimise(const TransportProblem& problem, std::int64_t max_pivots) {
  pivots_ = passes_ = 0, max_pivots_ = max_pivots, tolerance_ = first_tolerance, next_row_ = 0;
  next_retrace_ = 10 * (static_cast<std::int64_t>(problem.n) + problem.m);
  orient(problem);
  const TransportEnd end = start();
  if (end != TransportEnd::optimal) return end;
  const bool done = listed_ ? price_candidates() : price_rows();
  tree_.retrace();
  return done ? TransportEnd::optimal : TransportEnd::max_pivots;
}

void NetworkSimplex::orient(const TransportProblem& problem) {
  given_ = problem;
  const int n = problem.n, m = problem.m;
  listed_ = static_cast<std::int64_t>(n) * m > small;
  transposed_ = listed_ && n / 2 > m;
  if (!transposed_) return;
  constexpr int strip = 8;  // rows that are turned together: a cache line of the copy
  turned_.resize(static_cast<std::size_t>(n) * m);
  for (int begin = 0; begin < n; begin += strip)
    for (int j = 0; j < m; ++j)
      for (int i = begin; i < std::min(n, begin + strip); ++i)
        turned_[static_cast<std::size_t>(j) * n + i] = problem.cost[static_cast<std::size_t>(i) * m + j];
  given_ = {turned_.data(), problem.b, problem.a, m, n};
}

TransportEnd NetworkSimplex::start() {
  const TransportEnd masses = quantise();
  if (masses != TransportEnd::optimal) return masses;
  int finite = 1;
  prices_.assign(given_.m, infinity);
  for (int i = 0; i < given_.n; ++i) {
    look_for_interrupt(i);
    lower_to(row(i), 0, given_.m, prices_.data(), &finite);
  }
  if (!finite) return TransportEnd::cost_not_finite;
  columns_.resize(given_.m);
  if (listed_) candidates_.fill(given_.cost, given_.n, given_.m, prices_.data());
  const std::vector<Arc>& arcs = greedy_.grow(given_.cost, masses_, prices_, listed_ ? &candidates_ : nullptr);
  tree_.build(given_.n, given_.m, given_.n + masses_.root, arcs, given_.cost);
  return TransportEnd::optimal;
}

// Weights as integers of total 2^61. The heaviest atom of the lighter side takes up what rounding left over; a column
// never has mass zero, so that only arcs from rows can be without flow at the start. The heaviest column is the root,
// where the difference of both totals goes that doubles have.
TransportEnd NetworkSimplex::quantise() {
  const int n = given_.n, m = given_.m;
  CompensatedSum a, b;
  for (int i = 0; i < n; ++i)
    if (given_.a[i] >= 0 && given_.a[i] < infinity) a.add(given_.a[i]); else return TransportEnd::bad_weights;
  for (int j = 0; j < m; ++j)
    if (given_.b[j] >= 0 && given_.b[j] < infinity) b.add(given_.b[j]); else return TransportEnd::bad_weights;
  total_ = a.value();
  if (!(total_ > 0 && total_ < infinity)) return TransportEnd::bad_weights;
  if (!(std::abs(b.value() - total_) <= equal_totals * total_)) return TransportEnd::unequal_totals;
  const double to_rows = std::ldexp(1.0, 61) / total_, to_columns = std::ldexp(1.0, 61) / b.value();
  masses_.rows.resize(n), masses_.columns.resize(m);
  std::int64_t left = 0;
  for (int i = 0; i < n; ++i) left += masses_.rows[i] = static_cast<std::int64_t>(given_.a[i] * to_rows);
  for (int j = 0; j < m; ++j)
    left -= masses_.columns[j] = std::max<std::int64_t>(1, static_cast<std::int64_t>(given_.b[j] * to_columns));
  const auto heaviest = std::max_element(masses_.columns.begin(), masses_.columns.end());
  masses_.root = static_cast<int>(heaviest - masses_.columns.begin());
  if (left > 0)
    *heaviest += left;
  else
    *std::max_element(masses_.rows.begin(), masses_.rows.end()) -= left;
  return TransportEnd::optimal;
}

// ---- pricing; each returns false where the pivots ran out ----

bool NetworkSimplex::price_rows() {
  const double *u = tree_.potentials(), *v = u + given_.n;
  for (int i = 0, idle = 0; idle < given_.n; i = i + 1 == given_.n ? 0 : i + 1) {
    double least;
    least_reduced_cost(row(i), v, given_.m, &least);
    int j = -1;
    if (least + u[i] < 0) {
      find_reduced_cost(row(i), v, given_.m, least, &j);
      if (!pays(i, j)) {  // the least may be rounding of large terms where another, of small ones, is not
        const int count = paying(i);
        j = count ? best_of_paying(i, count) : -1;
      }
    }
    if (j < 0) {
      ++idle;
      continue;
    }
    if (!enter(i, j)) return false;
    idle = 0;
  }
  return true;
}

bool NetworkSimplex::price_candidates() {
  for (bool found = true; found;) {
    if (!pivot_on_candidates()) return false;
    tree_.retrace();
    if (++passes_ > patient_passes) tolerance_ = std::min(2 * tolerance_, last_tolerance);
    if (!pass(found)) return false;
  }
  return true;
}

bool NetworkSimplex::pivot_on_candidates() {
  const std::size_t total = candidates_.total();
  for (std::size_t idle = 0; idle < total;) {
    const CandidateArcs::Best best = candidates_.next_block(tree_.potentials());
    if (best.row < 0 || !pays(best.row, best.column)) {
      idle += CandidateArcs::block / 2;  // blocks end early where lists do
      continue;
    }
    if (!enter(best.row, best.column)) return false;
    idle = 0;
  }
  return true;
}

// All of c once: what pays is listed, and the best of each row enters. found: whether anything did.
bool NetworkSimplex::pass(bool& found) {
  found = false;
  for (int t = 0; t < given_.n; ++t) {
    look_for_interrupt(t);
    const int i = next_row_;
    next_row_ = next_row_ + 1 == given_.n ? 0 : next_row_ + 1;
    const int count = paying(i);
    if (!count) continue;
    found = true;
    const int j = best_of_paying(i, count);
    candidates_.add(i, tree_.potentials() + given_.n, columns_.data(), count);
    if (!enter(i, j)) return false;
  }
  return true;
}

bool NetworkSimplex::enter(int i, int j) {
  if (pivots_ == max_pivots_) return false;
  tree_.pivot(i, j);
  ++pivots_;
  if (pivots_ % 64 == 0) look_for_interrupt();
  if (pivots_ == next_retrace_) {
    const std::int64_t atoms = given_.n + given_.m;
    tree_.retrace();
    if (pivots_ % (20 * atoms) == 0) tolerance_ = std::min(2 * tolerance_, last_tolerance);
    next_retrace_ += 10 * atoms;
  }
  return true;
}

// Whether the reduced cost of (i, j) is negative beyond rounding.
bool NetworkSimplex::pays(int i, int j) const {
  const double c = row(i)[j], u = tree_.potentials()[i], v = tree_.potentials()[given_.n + j];
  return c - v + u < -tolerance_ * std::max(std::max(std::abs(c), std::abs(u)), std::abs(v));
}

// All columns whose arcs with row i pay -> columns_; how many.
int NetworkSimplex::paying(int i) {
  int below, count = 0;
  reduced_costs_below(row(i), tree_.potentials() + given_.n, given_.m, -tree_.potentials()[i], columns_.data(),
                      given_.m, &below);
  for (int q = 0; q < below; ++q)
    if (pays(i, columns_[q])) columns_[count++] = columns_[q];
  return count;
}

int NetworkSimplex::best_of_paying(int i, int count) const {
  const double *c = row(i), *v = tree_.potentials() + given_.n;
  return *std::min_element(columns_.begin(), columns_.begin() + count,
                           [&](int x, int y) { return c[x] - v[x] < c[y] - v[y]; });
}

// ---- what the last tree says, in doubles ----

// The flow between each node and its parent: what the weights below leave over -> net_, negative from parents that are
// rows. Sums are as large as the flows and carry their rounding along, so that marginals are right to the last digits of
// each weight, however many arcs share it.
void NetworkSimplex::compute_flows() {
  const int n = given_.n, m = given_.m, root = tree_.root();
  net_.assign(n + m, CompensatedSum());
  for (int i = 0; i < n; ++i) net_[i].add(given_.a[i]);
  for (int j = 0; j < m; ++j) net_[n + j].add(-given_.b[j]);
  for (int x = tree_.before(root); x != root; x = tree_.before(x)) net_[tree_.parent(x)].add(net_[x].value());
}

// visit(i, j, flow) for all arcs that carry more than rounding.
template <class Visit>
void NetworkSimplex::for_flows(Visit visit) const {
  const int n = given_.n, root = tree_.root();
  for (int x = tree_.before(root); x != root; x = tree_.before(x)) {
    const double flow = x < n ? net_[x].value() : -net_[x].value();
    if (!(flow > 0)) continue;
    const int i = x < n ? x : tree_.parent(x), j = (x < n ? tree_.parent(x) : x) - n;
    if (flow <= dust * total_ && flow <= 1e-3 * std::min(given_.a[i], given_.b[j])) continue;
    visit(i, j, flow);
  }
}

void NetworkSimplex::write(double* coupling) {
  placed_.assign(given_.n + given_.m, CompensatedSum());
  for_flows([&](int i, int j, double flow) { place(i, j, flow, coupling); });
  place_light_atoms(coupling);
}

void NetworkSimplex::place(int i, int j, double mass, double* coupling) {
  const std::size_t at = transposed_ ? static_cast<std::size_t>(j) * given_.n + i : static_cast<std::size_t>(i) * given_.m + j;
  coupling[at] = mass;
  placed_[i].add(mass), placed_[given_.n + j].add(mass);
}

// Atoms so light that their flow drowned in the rounding of heavier ones go where that costs nothing.
void NetworkSimplex::place_light_atoms(double* coupling) {
  const int n = given_.n, m = given_.m;
  const double *u = tree_.potentials(), *v = u + n;
  for (int i = 0; i < n; ++i) {
    if (!(given_.a[i] > 0) || placed_[i].value() > 0) continue;
    int best = -1;
    for (int j = 0; j < m; ++j)
      if (given_.b[j] > 0 && (best < 0 || row(i)[j] - v[j] < row(i)[best] - v[best])) best = j;
    place(i, best, given_.a[i], coupling);
  }
  for (int j = 0; j < m; ++j) {
    if (!(given_.b[j] > 0) || placed_[n + j].value() > 0) continue;
    int best = -1;
    for (int i = 0; i < n; ++i)
      if (given_.a[i] > 0 && (best < 0 || row(i)[j] + u[i] < row(best)[j] + u[best])) best = i;
    place(best, j, given_.b[j], coupling);
  }
}

// The tree's potentials are tight on it; each side then becomes the largest that the other allows, which makes them
// feasible to the last digit, and the bound valid at any end. f (given rows), g (given columns).
void NetworkSimplex::write_potentials(double* f, double* g) {
  int finite = 1;
  std::fill(g, g + given_.m, infinity);
  for (int i = 0; i < given_.n; ++i) {
    look_for_interrupt(i);
    lower_to(row(i), -tree_.potentials()[i], given_.m, g, &finite);
  }
  for (int i = 0; i < given_.n; ++i) {
    look_for_interrupt(i);
    least_reduced_cost(row(i), g, given_.m, f + i);
  }
}

}  // namespace mixot
