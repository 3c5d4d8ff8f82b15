#include "discrete/tuple_pricing.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;
constexpr double infinity = std::numeric_limits<double>::infinity();

// Where things lie, and what the search may assume of the levels it has not reached.
struct Layout {
  size_t count = 0, width = 0;
  std::vector<size_t> sizes, at;              // at[j]: first entry of marginal j among all sum K_j
  std::vector<const double*> pair;            // pair[i * J + j], i < j
  // ahead[m * width + at[j] + k]: sum over m <= i < j of min_a pair_ij[a, k], so that the pairs among the levels
  // that are still open cost at least the sum of these.
  std::vector<double> ahead;

  explicit Layout(const TupleCosts& c) : count(c.count), sizes(c.sizes, c.sizes + c.count), at(c.count) {
    for (size_t j = 0; j < count; ++j) {
      at[j] = width;
      width += sizes[j];
    }
    pair.assign(count * count, nullptr);
    const double* next = c.pairs;
    for (size_t i = 0; i < count; ++i)
      for (size_t j = i + 1; j < count; ++j) {
        pair[i * count + j] = next;
        next += sizes[i] * sizes[j];
      }
    ahead.assign((count + 1) * width, 0.0);
    for (size_t m = count; m-- > 0;) {
      std::copy_n(&ahead[(m + 1) * width], width, &ahead[m * width]);
      for (size_t j = m + 1; j < count; ++j)
        for (size_t k = 0; k < sizes[j]; ++k) {
          double least = infinity;
          for (size_t a = 0; a < sizes[m]; ++a) least = std::min(least, pair[m * count + j][a * sizes[j] + k]);
          ahead[m * width + at[j] + k] += least;
        }
    }
  }
};

// The cheapest tuples seen so far: a heap with the dearest on top. Ties go to the lexicographically smaller tuple, so
// that the answer does not depend on the number of threads.
struct Best {
  struct Entry {
    double value;
    size_t slot;
  };
  size_t count, wanted;
  std::vector<Entry> heap;
  std::vector<std::int32_t> rows;

  Best(size_t count_, size_t wanted_) : count(count_), wanted(wanted_) {}
  const std::int32_t* row(const Entry& e) const { return &rows[e.slot * count]; }
  bool before(double x, const std::int32_t* a, double y, const std::int32_t* b) const {
    return x != y ? x < y : std::lexicographical_compare(a, a + count, b, b + count);
  }
  bool operator()(const Entry& x, const Entry& y) const { return before(x.value, row(x), y.value, row(y)); }
  double worst() const { return heap.size() < wanted ? infinity : heap.front().value; }

  void offer(double value, const std::int32_t* tuple) {
    auto order = [this](const Entry& x, const Entry& y) { return (*this)(x, y); };
    size_t slot = heap.size();
    if (slot == wanted) {
      if (!before(value, tuple, heap.front().value, row(heap.front()))) return;
      std::pop_heap(heap.begin(), heap.end(), order);
      slot = heap.back().slot;
      heap.pop_back();
    } else {
      rows.resize((slot + 1) * count);
    }
    std::copy_n(tuple, count, &rows[slot * count]);
    heap.push_back({value, slot});
    std::push_heap(heap.begin(), heap.end(), order);
  }
};

struct Worker {
  Best best;
  std::vector<double> open;           // open[m * width + at[j] + k]: cost of taking k at level j >= m, given levels < m
  std::vector<double> spent;          // spent[m]: cost of the levels < m
  std::vector<std::int32_t> tuple;
  double lower = infinity;
  size_t nodes = 0, budget = 0;
  bool complete = true;
};

struct Search {
  const Layout& layout;
  const std::int32_t* known;
  size_t known_count;
  double threshold;

  bool is_known(const std::int32_t* tuple) const {
    const size_t n = layout.count;
    size_t low = 0, high = known_count;
    while (low < high) {
      const size_t mid = (low + high) / 2;
      if (std::lexicographical_compare(known + mid * n, known + (mid + 1) * n, tuple, tuple + n))
        low = mid + 1;
      else
        high = mid;
    }
    return low < known_count && std::equal(tuple, tuple + n, known + low * n);
  }
};

MIXOT_INLINE double add_rows(const double* x, const double* y, size_t n, double* out) {
  double least = infinity;
  for (size_t k = 0; k < n; ++k) {
    out[k] = x[k] + y[k];
    least = out[k] < least ? out[k] : least;
  }
  return least;
}

MIXOT_INLINE double least_sum(const double* x, const double* y, size_t n) {
  double least = infinity;
  for (size_t k = 0; k < n; ++k) {
    const double sum = x[k] + y[k];
    least = sum < least ? sum : least;
  }
  return least;
}

// Takes k at level m and returns a lower bound on every tuple below; exact when one level is left.
MIXOT_INLINE double descend(const Layout& l, Worker& w, size_t m, size_t k) {
  const double* now = &w.open[m * l.width];
  double* next = &w.open[(m + 1) * l.width];
  const double* ahead = &l.ahead[(m + 1) * l.width];
  w.tuple[m] = static_cast<std::int32_t>(k);
  w.spent[m + 1] = w.spent[m] + now[l.at[m] + k];
  double bound = w.spent[m + 1];
  for (size_t j = m + 1; j < l.count; ++j) {
    const size_t at = l.at[j], n = l.sizes[j];
    const double least = add_rows(now + at, l.pair[m * l.count + j] + k * n, n, next + at);
    bound += m + 2 == l.count ? least : least_sum(next + at, ahead + at, n);
  }
  ++w.nodes;
  return bound;
}

inline double cut(const Search& s, const Worker& w) { return std::min(s.threshold, w.best.worst()); }

// All tuples that begin with the first `lead` entries of w.tuple, which have been descended to.
MIXOT_INLINE void explore_body(const Search& s, Worker& w, size_t lead, double bound_here) {
  const Layout& l = s.layout;
  const size_t last = l.count - 1;
  std::int32_t* tuple = w.tuple.data();
  size_t m = lead;
  tuple[m] = -1;
  if (bound_here >= s.threshold || bound_here > cut(s, w)) {
    w.lower = std::min(w.lower, bound_here);
    return;
  }
  for (;;) {
    if (m == last) {  // one level left: its costs are exact
      const double* now = &w.open[m * l.width + l.at[m]];
      for (size_t k = 0; k < l.sizes[m]; ++k) {
        const double value = w.spent[m] + now[k];
        if (value >= w.lower && value > cut(s, w)) continue;
        tuple[m] = static_cast<std::int32_t>(k);
        if (s.is_known(tuple)) continue;
        w.lower = std::min(w.lower, value);
        if (value < s.threshold) w.best.offer(value, tuple);
      }
      if (m == lead) return;
      --m;
      continue;
    }
    const size_t k = static_cast<size_t>(++tuple[m]);
    if (k == l.sizes[m]) {
      if (m == lead) return;
      --m;
      continue;
    }
    const double bound = descend(l, w, m, k);
    if (bound >= s.threshold || bound > w.best.worst()) {
      w.lower = std::min(w.lower, bound);
    } else if (w.nodes >= w.budget) {
      w.lower = std::min(w.lower, bound);
      w.complete = false;
    } else {
      ++m;
      if (m < last) tuple[m] = -1;
    }
  }
}

MIXOT_MULTIVERSION(explore, (const Search& s, Worker& w, size_t lead, double bound_here), (s, w, lead, bound_here))

}  // namespace

PricingAnswer price_tuples(const TupleCosts& costs, const std::int32_t* known, std::size_t known_count,
                           const PricingLimits& limits, std::int32_t* rows, double* values) {
  const Layout layout(costs);
  const Search search{layout, known, known_count, limits.threshold};
  const size_t n = layout.count, lead = n > 2 ? 2 : 1;
  const size_t second = lead == 2 ? layout.sizes[1] : 1, blocks = layout.sizes[0] * second;
  const size_t threads = std::max<size_t>(1, std::min(limits.threads, blocks));
  const size_t share = limits.max_nodes / blocks + 1;
  Worker fresh{Best(n, limits.wanted), std::vector<double>((n + 1) * layout.width),
               std::vector<double>(n + 1, 0.0), std::vector<std::int32_t>(n, 0)};
  for (size_t k = 0; k < layout.width; ++k) fresh.open[k] = -costs.potentials[k];
  std::vector<Worker> crew(threads, fresh);
  parallel_blocks(blocks, threads, [&](size_t block, size_t worker) {
    Worker& w = crew[worker];
    double bound = descend(layout, w, 0, block / second);
    if (lead == 2) bound = descend(layout, w, 1, block % second);
    w.budget = w.nodes + share;
    explore(search, w, lead, bound);
  });
  PricingAnswer answer{0, infinity, 0, true};
  Best merged(n, limits.wanted);
  for (const Worker& w : crew) {
    answer.lower = std::min(answer.lower, w.lower);
    answer.nodes += w.nodes;
    answer.complete = answer.complete && w.complete;
    for (const auto& entry : w.best.heap) merged.offer(entry.value, w.best.row(entry));
  }
  std::sort(merged.heap.begin(), merged.heap.end(), merged);
  for (const auto& entry : merged.heap) {
    std::copy_n(merged.row(entry), n, rows + answer.found * n);
    values[answer.found++] = entry.value;
  }
  return answer;
}

}  // namespace mixot
