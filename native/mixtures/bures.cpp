#include "mixtures/bures.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "linear_algebra/bidiagonal.hpp"
#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

// ---- points ---------------------------------------------------------------------------------------------------

// x (d), columns (d, m) -> out[j] = sum_i (x[i] - columns[i, j])^2.
MIXOT_INLINE void distances_row_body(const double* x, const double* columns, std::size_t m, std::size_t d,
                                     double* out) {
  std::fill(out, out + m, 0.0);
  for (std::size_t i = 0; i < d; ++i) {
    const double value = x[i];
    const double* column = columns + i * m;
    for (std::size_t j = 0; j < m; ++j) out[j] += (value - column[j]) * (value - column[j]);
  }
}

MIXOT_MULTIVERSION(distances_row,
                   (const double* x, const double* columns, std::size_t m, std::size_t d, double* out),
                   (x, columns, m, d, out))

// ---- the plane ------------------------------------------------------------------------------------------------

MIXOT_INLINE double dot2(double x0, double y0, double x1, double y1) { return x0 * y0 + x1 * y1; }

// a: the columns (a0, a1), (a2, a3) of one factor; b (4, m): those of m factors; all of determinant >= 0.
// out[j] = min over rotations U of |a - b_j U|^2. In the plane the best U is the rotation whose angle has cosine
// <a, b> and sine b_2 . a_1 - b_1 . a_2, up to a common factor: nothing cancels, and equal factors give exactly zero.
MIXOT_INLINE void plane_row_body(const double* a, const double* b, std::size_t m, double* out) {
  const double a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
  for (std::size_t j = 0; j < m; ++j) {
    const double b0 = b[j], b1 = b[m + j], b2 = b[2 * m + j], b3 = b[3 * m + j];
    const double along = dot2(a0, b0, a1, b1) + dot2(a2, b2, a3, b3);
    const double across = dot2(a0, b2, a1, b3) - dot2(b0, a2, b1, a3);
    const double size = std::sqrt(along * along + across * across);
    const double inverse = size > 0.0 ? 1.0 / size : 0.0;
    const double c = size > 0.0 ? along * inverse : 1.0, s = across * inverse;
    const double r0 = a0 - (c * b0 + s * b2), r1 = a1 - (c * b1 + s * b3);
    const double r2 = a2 - (c * b2 - s * b0), r3 = a3 - (c * b3 - s * b1);
    out[j] = dot2(r0, r0, r1, r1) + dot2(r2, r2, r3, r3);
  }
}

MIXOT_MULTIVERSION(plane_row, (const double* a, const double* b, std::size_t m, double* out), (a, b, m, out))

// The two columns of a 2 x 2 factor, the second turned round where the determinant is negative: L L^T stays.
void oriented(const double* rows, double* columns) {
  const double sign = rows[0] * rows[3] < rows[1] * rows[2] ? -1.0 : 1.0;
  columns[0] = rows[0], columns[1] = rows[1], columns[2] = sign * rows[2], columns[3] = sign * rows[3];
}

// ---- any dimension --------------------------------------------------------------------------------------------

// Up to four factors side by side, lanes (rank, dim); missing ones and rows beyond a rank are zero.
struct Quartet {
  LaneBuffer lanes;
  std::size_t rank = 0;
  bool triangular = false;  // row c starts at column c

  void pack(const Factors& b, std::size_t from) {
    const std::size_t count = std::min(lane_count, b.count - from), size = b.height * b.dim;
    rank = 0;
    triangular = true;
    for (std::size_t l = 0; l < count; ++l) {
      const auto mine = static_cast<std::size_t>(b.ranks[from + l]);
      rank = std::max(rank, mine);
      triangular = triangular && mine == b.dim;
    }
    lanes.fit(rank * b.dim);
    std::fill(lanes.data(), lanes.data() + rank * b.dim, Lanes{});
    for (std::size_t l = 0; l < count; ++l)
      for (std::size_t at = 0; at < rank * b.dim; ++at)
        lanes.scalars()[at * lane_count + l] = b.rows[(from + l) * size + at];
  }
};

struct Workspace {
  Quartet quartet;
  LaneBuffer matrix;
  Reflectors reflectors;
  QdArrays arrays;
};

// out[r, c] = <a_r, b_c> over columns from .. dim-1, R x C of them.
template <int R, int C>
MIXOT_INLINE void product_block(const double* a, const Lanes* b, std::size_t from, std::size_t dim, Lanes* out,
                                std::size_t row_step, std::size_t col_step) {
  Lanes sum[R][C] = {};
  for (std::size_t i = from; i < dim; ++i)
    for (int c = 0; c < C; ++c)
      for (int r = 0; r < R; ++r) sum[r][c] += a[r * dim + i] * b[c * dim + i];
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) out[r * row_step + c * col_step] = sum[r][c];
}

template <int C>
MIXOT_INLINE void product_columns(const double* a, std::size_t rows, bool a_triangular, const Lanes* b,
                                  std::size_t start, std::size_t dim, Lanes* out, std::size_t row_step,
                                  std::size_t col_step) {
  std::size_t r = 0;
  for (; r + 4 <= rows; r += 4)
    product_block<4, C>(a + r * dim, b, a_triangular ? std::max(start, r) : start, dim, out + r * row_step, row_step,
                        col_step);
  for (; r < rows; ++r)
    product_block<1, C>(a + r * dim, b, a_triangular ? std::max(start, r) : start, dim, out + r * row_step, row_step,
                        col_step);
}

// L_A^T L_B for one factor a (rank, dim) against four b, (rank of a, rank of b), or its transpose if that is tall.
MIXOT_INLINE void product(const double* a, std::size_t rank, Quartet& b, std::size_t dim, Lanes* out) {
  const bool tall = rank >= b.rank, triangular = rank == dim;
  const std::size_t row_step = tall ? b.rank : 1, col_step = tall ? 1 : rank;
  std::size_t c = 0;
  for (; c + 3 <= b.rank; c += 3)
    product_columns<3>(a, rank, triangular, b.lanes.data() + c * dim, b.triangular ? c : 0, dim, out + c * col_step,
                       row_step, col_step);
  for (; c < b.rank; ++c)
    product_columns<1>(a, rank, triangular, b.lanes.data() + c * dim, b.triangular ? c : 0, dim, out + c * col_step,
                       row_step, col_step);
}

// Components from .. from + count - 1 of a against the quartet at column `col`: count <= qd_packs.
template <class Value>
MIXOT_INLINE void block(const Factors& a, std::size_t from, std::size_t count, Workspace& space, std::size_t col,
                        std::size_t cols, const Value& value, double* out) {
  Quartet& quartet = space.quartet;
  std::size_t rows[qd_lanes] = {};
  for (std::size_t p = 0; p < count; ++p) {
    const auto rank = static_cast<std::size_t>(a.ranks[from + p]);
    const std::size_t tall = std::max(rank, quartet.rank), wide = std::min(rank, quartet.rank);
    if (wide == 0) continue;
    product(a.rows + (from + p) * a.height * a.dim, rank, quartet, a.dim, space.matrix.data());
    bidiagonalise(space.matrix.data(), tall, wide, wide, space.reflectors, space.arrays.q.data() + p,
                  space.arrays.e.data() + p, qd_packs);
    for (std::size_t l = 0; l < lane_count; ++l) rows[p * lane_count + l] = wide;
  }
  double sums[qd_lanes];
  sum_singular_values(space.arrays, rows, value, sums);
  for (std::size_t p = 0; p < count; ++p)
    for (std::size_t l = 0; l < std::min(lane_count, cols - col); ++l)
      out[(from + p) * cols + col + l] = sums[p * lane_count + l];
}

#define MIXOT_BLOCK(Value)                                                                                   \
  (const Factors& a, std::size_t from, std::size_t count, Workspace& space, std::size_t col, std::size_t cols, \
   const Value& value, double* out)
template <class Value>
MIXOT_INLINE void spectral_block_body MIXOT_BLOCK(Value) { block(a, from, count, space, col, cols, value, out); }
MIXOT_MULTIVERSION(spectral_block, MIXOT_BLOCK(SingularValue), (a, from, count, space, col, cols, value, out))
MIXOT_MULTIVERSION(spectral_block, MIXOT_BLOCK(EntropicExcess), (a, from, count, space, col, cols, value, out))
#undef MIXOT_BLOCK

// out[i, j] = sum of value(sigma^2) over the singular values sigma of L_i^T R_j.
template <class Value>
void spectral_sums(const Factors& a, const Factors& b, const Value& value, double* out, std::size_t threads) {
  constexpr std::size_t chunk = 16 * qd_packs;  // rows that share one packing of a quartet
  const auto top = [](const Factors& f) {
    return f.count ? static_cast<std::size_t>(*std::max_element(f.ranks, f.ranks + f.count)) : std::size_t{0};
  };
  const std::size_t tall = std::max(top(a), top(b)), wide = std::min(top(a), top(b));
  const std::size_t quartets = (b.count + lane_count - 1) / lane_count, chunks = (a.count + chunk - 1) / chunk;
  const double work = static_cast<double>(a.count) * b.count * wide * wide * (tall + a.dim);
  std::vector<Workspace> spaces(threads ? threads : 1);
  parallel_blocks(quartets * chunks, work < 1e6 ? 1 : threads, [&](std::size_t block, std::size_t worker) {
    Workspace& space = spaces[worker];
    const std::size_t col = block / chunks * lane_count, begin = block % chunks * chunk;
    space.matrix.fit(tall * wide);
    space.reflectors.fit(tall, wide);
    space.arrays.fit(wide);
    space.quartet.pack(b, col);
    for (std::size_t from = begin; from < std::min(begin + chunk, a.count); from += qd_packs)
      spectral_block(a, from, std::min({qd_packs, a.count - from, begin + chunk - from}), space, col, b.count, value,
                     out);
  });
}

// a (d), b (d, m) -> out[j] = sum_i phi(2 a_i b_ij / s2); the logarithms as products of eight.
MIXOT_INLINE void excess_row_body(const double* a, const double* MIXOT_RESTRICT b, std::size_t m, std::size_t d,
                                  double inverse, double* MIXOT_RESTRICT product, double* MIXOT_RESTRICT out) {
  for (std::size_t j = 0; j < m; ++j) out[j] = 0.0, product[j] = 1.0;
  for (std::size_t i = 0; i < d; ++i) {
    const double scale = a[i] * inverse;
    const double* MIXOT_RESTRICT row = b + i * m;
    for (std::size_t j = 0; j < m; ++j) {
      const double z = scale * row[j], r = std::sqrt(1.0 + z * z), bend = z * z / (1.0 + r);
      out[j] += (z + bend) / (z + r);
      product[j] *= 1.0 + 0.5 * bend;
    }
    if (i % 8 == 7 || i + 1 == d)
      for (std::size_t j = 0; j < m; ++j) out[j] += fast_log(product[j]), product[j] = 1.0;
  }
}

MIXOT_MULTIVERSION(excess_row,
                   (const double* a, const double* b, std::size_t m, std::size_t d, double inverse, double* product,
                    double* out),
                   (a, b, m, d, inverse, product, out))

}  // namespace

void squared_distances(const double* x, std::size_t n, const double* y, std::size_t m, std::size_t d, double* out,
                       std::size_t threads) {
  std::vector<double> columns(d * m);
  for (std::size_t j = 0; j < m; ++j)
    for (std::size_t i = 0; i < d; ++i) columns[i * m + j] = y[j * d + i];
  parallel_blocks(n, n * m * d < 100000 ? 1 : threads, [&](std::size_t i, std::size_t) {
    distances_row(x + i * d, columns.data(), m, d, out + i * m);
  });
}

void plane_bures(Factors a, Factors b, double* out, std::size_t threads) {
  const std::size_t m = b.count;
  std::vector<double> columns(4 * m);
  double one[4];
  for (std::size_t j = 0; j < m; ++j) {
    oriented(b.rows + 4 * j, one);
    for (int i = 0; i < 4; ++i) columns[i * m + j] = one[i];
  }
  parallel_blocks(a.count, a.count * m < 20000 ? 1 : threads, [&](std::size_t i, std::size_t) {
    double mine[4];
    oriented(a.rows + 4 * i, mine);
    plane_row(mine, columns.data(), m, out + i * m);
  });
}

void nuclear_norms(Factors a, Factors b, double* out, std::size_t threads) {
  spectral_sums(a, b, SingularValue{}, out, threads);
}

void entropic_excess(Factors a, Factors b, double s2, double* out, std::size_t threads) {
  spectral_sums(a, b, EntropicExcess{2 / s2}, out, threads);
}

void diagonal_excess(const double* a, std::size_t n, const double* b, std::size_t m, std::size_t d, double s2,
                     double* out, std::size_t threads) {
  std::vector<double> columns(d * m);
  for (std::size_t j = 0; j < m; ++j)
    for (std::size_t i = 0; i < d; ++i) columns[i * m + j] = b[j * d + i];
  std::vector<std::vector<double>> scratch(threads ? threads : 1);
  parallel_blocks(n, n * m * d < 50000 ? 1 : threads, [&](std::size_t i, std::size_t worker) {
    scratch[worker].resize(m);
    excess_row(a + i * d, columns.data(), m, d, 2 / s2, scratch[worker].data(), out + i * m);
  });
}

}  // namespace mixot
