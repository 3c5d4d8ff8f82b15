#include "linear_algebra/laplacian.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "machine/parallel.hpp"

namespace mixot {

namespace {

constexpr std::size_t direct_size = 64, dense_limit = 1024, max_levels = 30;
constexpr std::size_t entries = 4096;  // of a vector, that one thread takes at a time
constexpr double strong = 0.25;  // of the strongest neighbor: whom a node may be paired with

// body(first, last) over blocks of rows.
template <class Body>
void for_rows(std::size_t n, std::size_t threads, Body&& body) {
  parallel_blocks((n + Laplacian::block - 1) / Laplacian::block, threads, [&](std::size_t b, std::size_t) {
    body(b * Laplacian::block, std::min(n, (b + 1) * Laplacian::block));
  });
}

// body(first, last) over entries of vectors, shared only between threads that stand by: these loops are short.
template <class Body>
void for_entries(std::size_t n, std::size_t threads, Body&& body) {
  parallel_blocks((n + entries - 1) / entries, Crew::current() ? threads : 1, [&](std::size_t b, std::size_t) {
    body(b * entries, std::min(n, (b + 1) * entries));
  });
}

// Sum of term(i), in an order that does not depend on the number of threads.
template <class Term>
double sum_of(std::size_t n, std::size_t threads, Term&& term) {
  std::vector<double> part((n + entries - 1) / entries);
  for_entries(n, threads, [&](std::size_t begin, std::size_t end) {
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += term(i);
    part[begin / entries] = sum;
  });
  return std::accumulate(part.begin(), part.end(), 0.0);
}

double dot(const double* a, const double* b, std::size_t n, std::size_t threads) {
  return sum_of(n, threads, [&](std::size_t i) { return a[i] * b[i]; });
}

// Each node with its strongest free neighbor; who finds none joins the aggregate of a strong one. -> aggregates
int pair_up(const Laplacian& graph, std::vector<int>& aggregate) {
  aggregate.assign(graph.n, -1);
  std::vector<unsigned char> members;
  int count = 0;
  const auto open = [&](std::size_t i, int partner) {
    aggregate[i] = count++;
    members.push_back(partner < 0 ? 1 : 2);
    if (partner >= 0) aggregate[partner] = aggregate[i];
  };
  for (std::size_t i = 0; i < graph.n; ++i) {
    if (aggregate[i] >= 0) continue;
    int free = -1, any = -1;
    double free_weight = 0, any_weight = 0;
    for (std::int64_t q = graph.first[i]; q < graph.first[i + 1]; ++q) {
      const int j = graph.to[q];
      const double w = graph.weight[q];
      if (w > any_weight) any_weight = w, any = j;
      if (w > free_weight && aggregate[j] < 0) free_weight = w, free = j;
    }
    if (any < 0) continue;  // nothing to solve for
    if (free >= 0 && free_weight >= strong * any_weight) {
      open(i, free);
    } else if (aggregate[any] >= 0 && members[aggregate[any]] < 4) {
      aggregate[i] = aggregate[any];
      ++members[aggregate[i]];
    } else {
      open(i, free);
    }
  }
  return count;
}

// Members of each aggregate: those of a are list[begin[a]] .. list[begin[a + 1] - 1].
struct Members {
  std::vector<int> begin, list;
  Members(const std::vector<int>& aggregate, std::size_t count) : begin(count + 1, 0), list(aggregate.size()) {
    for (int a : aggregate)
      if (a >= 0) ++begin[a + 1];
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    std::vector<int> fill(begin.begin(), begin.end() - 1);
    for (std::size_t i = 0; i < aggregate.size(); ++i)
      if (aggregate[i] >= 0) list[fill[aggregate[i]]++] = int(i);
  }
};

// The graph of the aggregates, weights between two summed: rows in chunks, which are joined in the end.
void coarsen(const Laplacian& graph, const std::vector<int>& aggregate, std::size_t count, std::size_t threads,
             Laplacian& out) {
  constexpr std::size_t chunk = 4096;
  const Members members(aggregate, count);
  const std::size_t chunks = (count + chunk - 1) / chunk;
  struct Rows {
    std::vector<int> to;
    std::vector<double> weight;
  };
  std::vector<Rows> rows(chunks);
  std::vector<std::int64_t> length(count);
  parallel_blocks(chunks, threads, [&](std::size_t c, std::size_t) {
    Rows& part = rows[c];
    std::vector<std::int64_t> seen(count, -1);
    for (std::size_t a = c * chunk, last = std::min(count, a + chunk); a < last; ++a) {
      const std::int64_t start = std::int64_t(part.to.size());
      for (int z = members.begin[a]; z < members.begin[a + 1]; ++z) {
        const int i = members.list[z];
        for (std::int64_t q = graph.first[i]; q < graph.first[i + 1]; ++q) {
          const int b = aggregate[graph.to[q]];
          if (b < 0 || b == int(a) || graph.weight[q] == 0) continue;
          if (seen[b] >= start) {
            part.weight[seen[b]] += graph.weight[q];
          } else {
            seen[b] = std::int64_t(part.to.size());
            part.to.push_back(b), part.weight.push_back(graph.weight[q]);
          }
        }
      }
      length[a] = std::int64_t(part.to.size()) - start;
    }
  });
  out.resize(count, 0);
  std::partial_sum(length.begin(), length.end(), out.first.begin() + 1);
  out.to.resize(std::size_t(out.first[count])), out.weight.resize(out.to.size());
  out.ground.assign(graph.ground.empty() ? 0 : count, 0.0);
  for (std::size_t i = 0; i < graph.ground.size(); ++i)
    if (aggregate[i] >= 0) out.ground[aggregate[i]] += graph.ground[i];
  parallel_blocks(chunks, threads, [&](std::size_t c, std::size_t) {
    const std::size_t first = c * chunk, last = std::min(count, first + chunk);
    std::copy(rows[c].to.begin(), rows[c].to.end(), out.to.begin() + out.first[first]);
    std::copy(rows[c].weight.begin(), rows[c].weight.end(), out.weight.begin() + out.first[first]);
    for (std::size_t a = first; a < last; ++a) out.finish_row(a);
  });
}

}  // namespace

// ---- the graph ----

void Laplacian::resize(std::size_t rows, std::size_t entries) {
  n = rows;
  first.assign(rows + 1, 0), upper.resize(rows), outer.resize(rows), diagonal.resize(rows);
  to.resize(entries), weight.resize(entries);
}

void Laplacian::finish_row(std::size_t i) {
  const std::int64_t low = std::int64_t(i / block * block), high = low + std::int64_t(block), row = std::int64_t(i);
  std::int64_t at = first[i];
  const auto gather = [&](auto&& wanted) {
    for (std::int64_t q = at; q < first[i + 1]; ++q)
      if (wanted(std::int64_t(to[q]))) {
        std::swap(to[q], to[at]), std::swap(weight[q], weight[at]);
        ++at;
      }
    return at;
  };
  upper[i] = gather([&](std::int64_t j) { return j >= low && j < row; });
  outer[i] = gather([&](std::int64_t j) { return j > row && j < high; });
  double sum = ground.empty() ? 0 : ground[i];
  for (std::int64_t q = first[i]; q < first[i + 1]; ++q) sum += weight[q];
  diagonal[i] = sum;
}

void Laplacian::multiply(const double* x, double* out, std::size_t threads) const {
  for_rows(n, threads, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      double sum = diagonal[i] * x[i];
      for (std::int64_t q = first[i]; q < first[i + 1]; ++q) sum -= weight[q] * x[to[q]];
      out[i] = sum;
    }
  });
}

int Laplacian::parts(std::vector<int>& label) const {
  label.assign(n, -1);
  std::vector<int> stack;
  int count = 0;
  for (std::size_t root = 0; root < n; ++root) {
    if (label[root] >= 0) continue;
    stack.assign(1, int(root));
    label[root] = count;
    while (!stack.empty()) {
      const int i = stack.back();
      stack.pop_back();
      for (std::int64_t q = first[i]; q < first[i + 1]; ++q)
        if (weight[q] > 0 && label[to[q]] < 0) {
          label[to[q]] = count;
          stack.push_back(to[q]);
        }
    }
    ++count;
  }
  return count;
}

// ---- few nodes ----

void DenseLaplacian::factor(const Laplacian& graph) {
  n_ = graph.n;
  weight_.assign(n_ * n_, 0.0), pivot_.assign(n_, 0.0);
  if (!graph.ground.empty()) pivot_ = graph.ground;
  for (std::size_t i = 0; i < n_; ++i)
    for (std::int64_t q = graph.first[i]; q < graph.first[i + 1]; ++q) weight_[i * n_ + graph.to[q]] = graph.weight[q];
  for (std::size_t k = 0; k < n_; ++k) {
    const double *row = &weight_[k * n_], ground = pivot_[k];
    for (std::size_t j = k + 1; j < n_; ++j) pivot_[k] += row[j];
    if (pivot_[k] == 0) continue;
    for (std::size_t i = k + 1; i < n_; ++i) {
      const double f = row[i] / pivot_[k];
      if (f == 0) continue;
      for (std::size_t j = i + 1; j < n_; ++j) weight_[i * n_ + j] += f * row[j];
      pivot_[i] += f * ground;
    }
  }
}

void DenseLaplacian::solve(const double* b, double* x) const {
  std::copy(b, b + n_, x);
  for (std::size_t k = 0; k < n_; ++k)
    if (pivot_[k] > 0)
      for (std::size_t i = k + 1; i < n_; ++i) x[i] += weight_[k * n_ + i] / pivot_[k] * x[k];
  for (std::size_t k = n_; k-- > 0;) {
    double sum = x[k];
    for (std::size_t j = k + 1; j < n_; ++j) sum += weight_[k * n_ + j] * x[j];
    x[k] = pivot_[k] > 0 ? sum / pivot_[k] : 0;
  }
}

// ---- many nodes ----

void AggregationMultigrid::setup(const Laplacian& graph, bool connected) {
  if (!graph.ground.empty())
    part_.clear(), parts_ = 0;
  else if (connected)
    part_.assign(graph.n, 0), parts_ = 1;
  else
    parts_ = graph.parts(part_);
  levels_.clear();
  levels_.reserve(max_levels + 1);
  levels_.emplace_back();
  levels_[0].graph = &graph;
  for (;;) {
    Level& level = levels_.back();
    const std::size_t n = level.graph->n;
    level.inverse.resize(n);
    if (levels_.size() > 1)  // the finest one is solved by the caller's vectors
      for (auto* v : {&level.x, &level.b, &level.r, &level.c1, &level.v1, &level.c2, &level.v2}) v->resize(n);
    for (std::size_t i = 0; i < n; ++i) level.inverse[i] = level.graph->diagonal[i] > 0 ? 1 / level.graph->diagonal[i] : 0;
    if (n <= direct_size || levels_.size() > max_levels) break;
    Laplacian half;
    std::vector<int> once, twice;
    const int pairs = pair_up(*level.graph, once);
    coarsen(*level.graph, once, std::size_t(pairs), threads_, half);
    const int fours = pair_up(half, twice);
    if (fours == 0 || std::size_t(fours) > n - n / 10) break;
    level.aggregate.resize(n);
    for (std::size_t i = 0; i < n; ++i) level.aggregate[i] = once[i] < 0 ? -1 : twice[once[i]];
    levels_.emplace_back();
    Level& next = levels_.back();
    coarsen(half, twice, std::size_t(fours), threads_, next.own);
    next.graph = &next.own;
  }
  direct_ = levels_.back().graph->n <= dense_limit;
  if (direct_) coarsest_.factor(*levels_.back().graph);
}

// z = M^-1 r: a forward sweep from zero, the coarser graph, a backward sweep.
void AggregationMultigrid::precondition(std::size_t at, const double* r, double* z) {
  Level& level = levels_[at];
  const Laplacian& g = *level.graph;
  const std::size_t n = g.n;
  const bool last = at + 1 == levels_.size();
  if (last && direct_) return coarsest_.solve(r, z);
  for_rows(n, threads_, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      double sum = r[i];
      for (std::int64_t q = g.first[i]; q < g.upper[i]; ++q) sum += g.weight[q] * z[g.to[q]];
      z[i] = sum * level.inverse[i];
    }
  });
  if (!last) {
    Level& next = levels_[at + 1];
    std::vector<double>& rest = level.old;  // r - L z: what the sweep has not seen
    rest.resize(n);
    for_rows(n, threads_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        double sum = 0;
        for (std::int64_t q = g.upper[i]; q < g.first[i + 1]; ++q) sum += g.weight[q] * z[g.to[q]];
        rest[i] = sum;
      }
    });
    std::fill(next.b.begin(), next.b.end(), 0.0);
    for (std::size_t i = 0; i < n; ++i)
      if (level.aggregate[i] >= 0) next.b[level.aggregate[i]] += rest[i];
    k_cycle(at + 1);
    for_entries(n, threads_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        if (level.aggregate[i] >= 0) z[i] += next.x[level.aggregate[i]];
    });
  }
  const bool several = n > Laplacian::block;
  if (several) {
    level.old.resize(n);
    for_entries(n, threads_, [&](std::size_t begin, std::size_t end) { std::copy(z + begin, z + end, &level.old[begin]); });
  }
  const double* old = several ? level.old.data() : z;
  for_rows(n, threads_, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = end; i-- > begin;) {
      double sum = r[i];
      for (std::int64_t q = g.first[i]; q < g.outer[i]; ++q) sum += g.weight[q] * z[g.to[q]];
      for (std::int64_t q = g.outer[i]; q < g.first[i + 1]; ++q) sum += g.weight[q] * old[g.to[q]];
      z[i] = sum * level.inverse[i];
    }
  });
}

// x = approximate L^-1 b on a coarser level, by at most two steps of conjugate gradients.
void AggregationMultigrid::k_cycle(std::size_t at) {
  Level& l = levels_[at];
  const std::size_t n = l.graph->n;
  if (at + 1 == levels_.size()) return precondition(at, l.b.data(), l.x.data());
  l.r = l.b;
  precondition(at, l.r.data(), l.c1.data());
  l.graph->multiply(l.c1.data(), l.v1.data(), threads_);
  const double rho1 = dot(l.c1.data(), l.v1.data(), n, threads_), alpha1 = dot(l.c1.data(), l.r.data(), n, threads_);
  l.x = l.c1;
  if (!(rho1 > 0)) return;
  const double step = alpha1 / rho1, before = dot(l.r.data(), l.r.data(), n, threads_);
  for (std::size_t i = 0; i < n; ++i) l.r[i] -= step * l.v1[i], l.x[i] *= step;
  if (dot(l.r.data(), l.r.data(), n, threads_) <= 0.0625 * before) return;
  precondition(at, l.r.data(), l.c2.data());
  l.graph->multiply(l.c2.data(), l.v2.data(), threads_);
  const double gamma = dot(l.c2.data(), l.v1.data(), n, threads_), beta = dot(l.c2.data(), l.v2.data(), n, threads_);
  const double alpha2 = dot(l.c2.data(), l.r.data(), n, threads_), rho2 = beta - gamma * gamma / rho1;
  if (!(rho2 > 0)) return;
  const double f1 = step - gamma * alpha2 / (rho1 * rho2), f2 = alpha2 / rho2;
  for (std::size_t i = 0; i < n; ++i) l.x[i] = f1 * l.c1[i] + f2 * l.c2[i];
}

void AggregationMultigrid::remove_constants(double* b) {
  std::vector<double> sum(parts_, 0.0), count(parts_, 0.0);
  for (std::size_t i = 0; i < part_.size(); ++i) sum[part_[i]] += b[i], count[part_[i]] += 1;
  for (std::size_t i = 0; i < part_.size(); ++i) b[i] -= sum[part_[i]] / count[part_[i]];
}

int AggregationMultigrid::solve(const double* b, double* x, const Stop& stop) {
  const Laplacian& g = *levels_[0].graph;
  const std::size_t n = g.n;
  const double* inverse = levels_[0].inverse.data();
  std::vector<double> r(b, b + n), z(n), p(n, 0.0), q(n), previous(n);
  std::fill(x, x + n, 0.0);
  remove_constants(r.data());
  const auto norm = [&] { return std::sqrt(sum_of(n, threads_, [&](std::size_t i) { return r[i] * r[i] * inverse[i]; })); };
  const double start = norm();
  if (start == 0) return 0;
  double rz = 0;
  int iteration = 0;
  while (iteration < stop.max_iter) {
    precondition(0, r.data(), z.data());
    const double fresh = dot(r.data(), z.data(), n, threads_);
    double beta = 0;  // of Polak and Ribiere, since the preconditioner changes a little each time
    if (iteration > 0) beta = sum_of(n, threads_, [&](std::size_t i) { return z[i] * (r[i] - previous[i]); }) / rz;
    for_entries(n, threads_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) p[i] = z[i] + beta * p[i];
    });
    g.multiply(p.data(), q.data(), threads_);
    const double curvature = dot(p.data(), q.data(), n, threads_);
    if (!(curvature > 0)) break;
    const double step = fresh / curvature;
    for_entries(n, threads_, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) x[i] += step * p[i], previous[i] = r[i], r[i] -= step * q[i];
    });
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) worst = std::max(worst, std::abs(r[i]) * stop.scale[i]);
    rz = fresh;
    ++iteration;
    if (norm() <= stop.relative * start && worst <= stop.each) break;
  }
  return iteration;
}

}  // namespace mixot
