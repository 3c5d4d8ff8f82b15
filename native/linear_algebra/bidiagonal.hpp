// Sums of singular values of many small matrices at once: Householder bidiagonalisation, then a qd iteration.
//
// Every lane is a matrix of its own. All lanes do the same arithmetic, so nothing branches on a value but the
// book-keeping between two sweeps of the qd iteration.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "machine/simd.hpp"

namespace mixot {

// ---- bidiagonalisation ------------------------------------------------------------------------------------------

// Room for one bidiagonalisation of at most (rows, cols).
struct Reflectors {
  LaneBuffer left, old_left, image, right, old_row, row;
  void fit(std::size_t rows, std::size_t cols) {
    for (auto* part : {&left, &old_left, &image}) part->fit(rows);
    for (auto* part : {&right, &old_row, &row}) part->fit(cols);
  }
};

// The reflection I - inverse u u^T that sends (alpha, z) to (beta, 0): u = (alpha - beta, z). rest = |z|^2.
MIXOT_INLINE Lanes reflect(Lanes& alpha, Lanes rest, Lanes& inverse) {
  const Lanes squared = alpha * alpha + rest;
  const Lanes norm = sqrt(squared);
  const Lanes beta = norm * where_positive(alpha, Lanes{} - 1.0, Lanes{} + 1.0);
  const Lanes half = squared - alpha * beta;  // |u|^2 / 2, a sum of positive terms
  inverse = where_positive(half, 1.0 / half, Lanes{});
  alpha = alpha - beta;
  return beta;
}

// R rows of: a -= old_left old_row^T + image right^T (the two reflections still owed), row += left^T a.
template <int R>
MIXOT_INLINE void settle_rows(Lanes* a, std::size_t stride, const Lanes* old_left, const Lanes* image,
                              const Lanes* left, const Lanes* old_row, const Lanes* right, Lanes* row,
                              std::size_t from, std::size_t cols) {
  for (std::size_t c = from; c < cols; ++c) {
    const Lanes y = old_row[c], v = right[c];
    Lanes sum = row[c];
    for (int r = 0; r < R; ++r) {
      const Lanes value = a[r * stride + c] - old_left[r] * y - image[r] * v;
      a[r * stride + c] = value;
      sum += left[r] * value;
    }
    row[c] = sum;
  }
}

// R rows of: image = a right.
template <int R>
MIXOT_INLINE void times_rows(const Lanes* a, std::size_t stride, const Lanes* right, Lanes* image, std::size_t from,
                             std::size_t cols) {
  Lanes sum[R] = {};
  for (std::size_t c = from; c < cols; ++c)
    for (int r = 0; r < R; ++r) sum[r] += a[r * stride + c] * right[c];
  for (int r = 0; r < R; ++r) image[r] = sum[r];
}

// a (rows, cols), rows >= cols, overwritten -> squares of the diagonal q (cols) and of the superdiagonal e (cols), the
// last e zero; consecutive entries of q and e lie `step` apart. Each reflection is applied while the next one reads the
// matrix, so a column costs one pass that updates and one that only reads (Howell et al. 2008, BLAS 2.5).
MIXOT_INLINE void bidiagonalise(Lanes* a, std::size_t rows, std::size_t cols, std::size_t stride, Reflectors& space,
                                Lanes* q, Lanes* e, std::size_t step) {
  Lanes *left = space.left.data(), *old_left = space.old_left.data(), *image = space.image.data();
  Lanes *right = space.right.data(), *old_row = space.old_row.data(), *row = space.row.data();
  std::fill(old_left, old_left + rows, Lanes{});
  std::fill(image, image + rows, Lanes{});
  std::fill(old_row, old_row + cols, Lanes{});
  std::fill(right, right + cols, Lanes{});
  for (std::size_t k = 0; k < cols; ++k) {
    const Lanes y = old_row[k], v = right[k];
    Lanes rest{}, inverse;
    left[k] = a[k * stride + k] - old_left[k] * y - image[k] * v;
    for (std::size_t r = k + 1; r < rows; ++r) {
      left[r] = a[r * stride + k] - old_left[r] * y - image[r] * v;
      rest += left[r] * left[r];
    }
    const Lanes diagonal = reflect(left[k], rest, inverse);
    q[k * step] = diagonal * diagonal;
    if (k + 1 == cols) {
      e[k * step] = Lanes{};
      return;
    }

    const std::size_t next = k + 1;
    std::fill(row + next, row + cols, Lanes{});
    std::size_t r = k;
    for (; r + 4 <= rows; r += 4)
      settle_rows<4>(a + r * stride, stride, old_left + r, image + r, left + r, old_row, right, row, next, cols);
    for (; r < rows; ++r)
      settle_rows<1>(a + r * stride, stride, old_left + r, image + r, left + r, old_row, right, row, next, cols);

    rest = Lanes{};
    for (std::size_t c = next; c < cols; ++c) {
      row[c] *= inverse;
      right[c] = a[k * stride + c] - left[k] * row[c];
      if (c > next) rest += right[c] * right[c];
    }
    const Lanes above = reflect(right[next], rest, inverse);
    e[k * step] = above * above;
    Lanes overlap{};
    for (std::size_t c = next; c < cols; ++c) overlap += row[c] * right[c];
    for (r = next; r + 8 <= rows; r += 8)
      times_rows<8>(a + r * stride, stride, right, image + r, next, cols);
    for (; r < rows; ++r) times_rows<1>(a + r * stride, stride, right, image + r, next, cols);
    for (r = next; r < rows; ++r) image[r] = (image[r] - left[r] * overlap) * inverse;
    std::swap(left, old_left);
    std::swap(row, old_row);
  }
}

// ---- singular values of bidiagonal matrices ----------------------------------------------------------------------
//
// B upper bidiagonal, q and e the squares of its diagonals. A sweep of the differential qd algorithm with shift tau
// (dqds, Fernando and Parlett 1994) turns B B^T - tau into B'^T B'. It keeps every singular value to full relative
// accuracy as long as tau stays below the smallest eigenvalue of B B^T. The shift is Laguerre's bound, which does:
//
//   tau = m / (t1 + sqrt((m - 1) (m t2 - t1^2))),   t1 = tr (B B^T)^-1,  t2 = tr (B B^T)^-2,
//
// cubically convergent, so there are no failed sweeps and no case distinctions. Both traces come from recurrences
// without subtractions that ride along with the sweep,
//
//   w_i = (1 + e_{i-1} w_{i-1}) / q_i,        t1 = sum w_i,
//   s_i = e_{i-1} / q_i (s_{i-1} + w_{i-1}^2),  t2 = sum w_i^2 + 2 s_i,
//
// (w_i: the last diagonal entry of the inverse of the leading i x i block) and hold for every leading block at once, so
// a new bound is at hand whenever an eigenvalue is split off the end.

constexpr std::size_t qd_packs = 4;  // packs of lanes that run together, to hide the latency of the divisions
constexpr std::size_t qd_lanes = qd_packs * lane_count;
constexpr int qd_patience = 1000;  // sweeps for one eigenvalue; three are usual, but a loop must end

// Rows of qd_packs Lanes each: q and e in, the recurrences out.
struct QdArrays {
  LaneBuffer q, e, t1, t2, w, saved;
  void fit(std::size_t rows) {
    for (auto* part : {&q, &e, &t1, &t2, &w, &saved}) part->fit((rows + 1) * qd_packs);
  }
};

// One sweep over rows [0, rows). Where Split, a lane's rows above `first` keep shift zero and stay out of its traces.
template <bool Split>
MIXOT_INLINE void qd_sweep(QdArrays& arrays, std::size_t rows, const Lanes* tau, const Lanes* first) {
  Lanes *q = arrays.q.data(), *e = arrays.e.data();
  Lanes *t1 = arrays.t1.data(), *t2 = arrays.t2.data(), *last = arrays.w.data();
  Lanes d[qd_packs], w[qd_packs] = {}, s[qd_packs] = {}, one[qd_packs] = {}, two[qd_packs] = {}, above[qd_packs] = {};
  for (std::size_t p = 0; p < qd_packs; ++p)
    d[p] = q[p] - (Split ? where_positive(first[p], Lanes{}, tau[p]) : tau[p]);
  for (std::size_t i = 0; i < rows; ++i) {
    const double row = static_cast<double>(i);
    for (std::size_t p = 0; p < qd_packs; ++p) {
      const std::size_t at = i * qd_packs + p;
      const Lanes pivot = d[p] + e[at];
      const Lanes inverse = 1.0 / pivot;
      s[p] = above[p] * inverse * (s[p] + w[p] * w[p]);
      w[p] = (1.0 + above[p] * w[p]) * inverse;
      one[p] += w[p];
      two[p] += w[p] * w[p] + 2.0 * s[p];
      if (Split) {
        one[p] = where_positive(first[p] - row, Lanes{}, one[p]);
        two[p] = where_positive(first[p] - row, Lanes{}, two[p]);
      }
      const Lanes ratio = q[at + qd_packs] * inverse;
      above[p] = e[at] * ratio;
      d[p] = d[p] * ratio - (Split ? where_positive(first[p] - (row + 1.0), Lanes{}, tau[p]) : tau[p]);
      q[at] = pivot, e[at] = above[p], t1[at] = one[p], t2[at] = two[p], last[at] = w[p];
    }
  }
}

// What is summed over the squares of the singular values: the values themselves, ...
struct SingularValue {
  MIXOT_INLINE double operator()(double squared) const { return std::sqrt(squared); }
};

// ... or phi(2 sigma / s2), phi(z) = 1 - 1 / (z + r) + log((1 + r) / 2) with r = sqrt(1 + z^2). Where z is small both
// parts are differences of numbers near one: r - 1 = z^2 / (1 + r) is put in so that nothing cancels.
struct EntropicExcess {
  double inverse;  // 2 / s2
  MIXOT_INLINE double operator()(double squared) const {
    const double z = std::sqrt(squared) * inverse, r = std::sqrt(1.0 + z * z), bend = z * z / (1.0 + r);
    return (z + bend) / (z + r) + std::log1p(0.5 * bend);
  }
};

// Where one lane stands: its active block is rows [first, end), whose eigenvalues are those of the arrays plus `shift`.
struct QdLane {
  std::size_t first = 0, end = 0;
  double shift = 0, sum = 0, negligible = 0;
  int waited = 0;
  bool bounded = false;  // the traces are those of the arrays
};

// The columns of one lane in the arrays.
struct QdColumn {
  double *q, *e, *t1, *t2, *w, *saved;
  MIXOT_INLINE QdColumn(QdArrays& arrays, std::size_t lane)
      : q(arrays.q.scalars() + lane),
        e(arrays.e.scalars() + lane),
        t1(arrays.t1.scalars() + lane),
        t2(arrays.t2.scalars() + lane),
        w(arrays.w.scalars() + lane),
        saved(arrays.saved.scalars() + lane) {}
};

// Moves `first` below the last negligible e of the active block. The rows above go their own way, later, from the shift
// saved there; a place that was split before keeps the shift of that time.
MIXOT_INLINE void qd_split(QdLane& lane, QdColumn at) {
  for (std::size_t i = lane.end - 1; i-- > lane.first;)
    if (at.e[i * qd_lanes] <= lane.negligible) {
      at.e[i * qd_lanes] = 0.0;
      if (at.saved[i * qd_lanes] < 0.0) at.saved[i * qd_lanes] = lane.shift;
      lane.first = i + 1;
      lane.bounded = false;
      return;
    }
}

MIXOT_INLINE void qd_begin(QdLane& lane, QdColumn at, std::size_t rows) {
  double trace = 0;
  for (std::size_t i = 0; i < rows; ++i) trace += at.q[i * qd_lanes] + at.e[i * qd_lanes];
  if (!(trace > 0)) return;
  lane.end = rows;
  lane.negligible = 1e-34 * trace;  // dropping e disturbs no singular value by more than sqrt(e) = 1e-17 |B|
  for (std::size_t i = 0; i < rows; ++i) {
    at.q[i * qd_lanes] = std::max(at.q[i * qd_lanes], 1e-40 * trace);
    at.saved[i * qd_lanes] = -1.0;
  }
  qd_split(lane, at);
}

// Splits converged eigenvalues off the end of the active block. The last row of B B^T is (.., sqrt(e' q), q + e), e'
// the entry above: its coupling moves the eigenvalue by e' q w' at most, w' of the block above, while q + e lies well
// below that block's smallest eigenvalue, 1 / t1' or more.
template <class Value>
MIXOT_INLINE void qd_deflate(QdLane& lane, QdColumn at, const Value& value) {
  while (lane.end > 0) {
    const std::size_t i = (lane.end - 1) * qd_lanes;
    const double last = at.q[i] + at.e[i];
    if (lane.end - 1 > lane.first) {
      const std::size_t up = i - qd_lanes;
      const double drift = at.e[up] * at.q[i] * at.w[up];
      const bool apart = lane.bounded && last * at.t1[up] < 0.25 && drift <= 1e-17 * (last + lane.shift);
      if (!apart && at.e[up] > lane.negligible && lane.waited < qd_patience) return;
    }
    lane.sum += value(last + lane.shift);
    lane.waited = 0;
    if (--lane.end == lane.first && lane.first > 0) {
      lane.shift = at.saved[(lane.end - 1) * qd_lanes];
      lane.first = 0;
      lane.bounded = false;
      qd_split(lane, at);
    }
  }
}

// Laguerre's bound from m and the traces; zero where m is.
MIXOT_INLINE Lanes qd_shift(Lanes m, Lanes one, Lanes two) {
  // The difference cancels where all eigenvalues agree: its rounding error is added, so that the bound stays a bound.
  const Lanes spread = (m - 1.0) * (m * two - one * one);
  const Lanes rounding = 1e-15 * (m * one) * (m * one);
  return m / (one + sqrt(where_positive(spread, spread, Lanes{}) + rounding)) * (1.0 - 1e-14 * m);
}

// q, e of qd_lanes matrices with rows[lane] rows each -> the sums of value(sigma^2) over their singular values sigma.
template <class Value>
MIXOT_INLINE void sum_singular_values(QdArrays& arrays, const std::size_t* rows, const Value& value, double* sums) {
  QdLane lanes[qd_lanes];
  Lanes tau[qd_packs], first[qd_packs], m[qd_packs], one[qd_packs], two[qd_packs];
  for (std::size_t l = 0; l < qd_lanes; ++l) qd_begin(lanes[l], QdColumn(arrays, l), rows[l]);
  for (;;) {
    std::size_t longest = 0;
    bool split = false;
    for (std::size_t l = 0; l < qd_lanes; ++l) {
      QdLane& lane = lanes[l];
      const QdColumn at(arrays, l);
      qd_deflate(lane, at, value);
      if (lane.end > 0 && ++lane.waited % 8 == 0) qd_split(lane, at);
      const bool known = lane.end > 0 && lane.bounded;
      const std::size_t last = known ? (lane.end - 1) * qd_lanes : 0;
      scalars(m)[l] = known ? static_cast<double>(lane.end - lane.first) : 0.0;
      scalars(one)[l] = known ? at.t1[last] : 1.0;
      scalars(two)[l] = known ? at.t2[last] : 1.0;
      scalars(first)[l] = static_cast<double>(lane.first);
      longest = std::max(longest, lane.end);
      split = split || lane.first > 0;
    }
    if (longest == 0) break;
    for (std::size_t p = 0; p < qd_packs; ++p) tau[p] = qd_shift(m[p], one[p], two[p]);
    if (split)
      qd_sweep<true>(arrays, longest, tau, first);
    else
      qd_sweep<false>(arrays, longest, tau, first);
    for (std::size_t l = 0; l < qd_lanes; ++l)
      if (lanes[l].end > 0) {
        QdColumn(arrays, l).e[(lanes[l].end - 1) * qd_lanes] = 0.0;
        lanes[l].shift += scalars(tau)[l];
        lanes[l].bounded = true;
      }
  }
  for (std::size_t l = 0; l < qd_lanes; ++l) sums[l] = lanes[l].sum;
}

}  // namespace mixot
