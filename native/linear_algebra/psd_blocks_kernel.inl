// The kernels of psd_blocks.cpp, once for each instruction set (see each_isa.inl).
#include "linear_algebra/product.inl"
#include "linear_algebra/cholesky.inl"

// Upper R'R = x, then upper T = R^-1, so that x^-1 = T T'; x (n, n) -> t (n, n), zero below the diagonal.
inline bool inverse_factor(const double* x, size_t n, double* r, double* t, Panels& panels) {
  size_t replaced = 0;
  std::copy(x, x + n * n, r);
  if (!factor_upper(r, n, n, nullptr, replaced, panels)) return false;
  for (size_t i = n; i-- > 0;) {  // row i of T: (e_i - sum_{k>i} R[i,k] T[k]) / R[i,i]
    double* MIXOT_RESTRICT row = t + i * n;
    std::fill(row, row + n, 0.0);
    row[i] = 1.0;
    for (size_t k = i + 1; k < n; ++k) {
      const double f = r[i * n + k];
      const double* from = t + k * n;
      for (size_t j = k; j < n; ++j) row[j] -= f * from[j];
    }
    const double inverse = 1.0 / r[i * n + i];
    for (size_t j = i; j < n; ++j) row[j] *= inverse;
  }
  return true;
}

MIXOT_INLINE void transpose(const double* from, size_t n, double* to) {
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) to[j * n + i] = from[i * n + j];
}

MIXOT_INLINE void symmetrise(double* x, size_t n) {
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i + 1; j < n; ++j) x[i * n + j] = x[j * n + i] = 0.5 * (x[i * n + j] + x[j * n + i]);
}

// out = t t'.
inline void outer_square(const double* t, size_t n, double* space, double* out, Panels& panels) {
  transpose(t, n, space);
  std::fill(out, out + n * n, 0.0);
  add_product(space, n, space, n, n, n, n, 1.0, out, n, true, panels);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < i; ++j) out[i * n + j] = out[j * n + i];
}

// out = a' (b c) with symmetric b; all (n, n).
inline void triple_product(const double* a, const double* b, const double* c, size_t n, double* space, double* out,
                           Panels& panels) {
  std::fill(space, space + n * n, 0.0);
  add_product(b, n, c, n, n, n, n, 1.0, space, n, false, panels);
  std::fill(out, out + n * n, 0.0);
  add_product(a, n, space, n, n, n, n, 1.0, out, n, false, panels);
}

// Householder's reduction of symmetric w (n, n) to tridiagonal form: diagonal (n), squares of the off-diagonal (n - 1).
inline void tridiagonalise(double* w, size_t n, double* v, double* p, double* diagonal, double* squares) {
  for (size_t k = 0; k + 2 < n; ++k) {
    const double* row = w + k * n;
    const size_t first = k + 1;
    double norm = 0;
    for (size_t j = first; j < n; ++j) norm += row[j] * row[j];
    squares[k] = norm;
    double tail = norm - row[first] * row[first];
    if (!(tail > 0)) continue;
    const double alpha = row[first] > 0 ? -std::sqrt(norm) : std::sqrt(norm);
    for (size_t j = first; j < n; ++j) v[j] = row[j];
    v[first] -= alpha;
    const double beta = 1.0 / (norm - alpha * row[first]);  // 2 / |v|^2
    double along = 0;
    for (size_t i = first; i < n; ++i) {
      const double* from = w + i * n;
      Vec<double> lanes = splat(0.0);
      size_t j = first;
      for (; j + kLanes<double> <= n; j += kLanes<double>) lanes += load<double>(from + j) * load<double>(v + j);
      double sum = sum_lanes<double>(lanes);
      for (; j < n; ++j) sum += from[j] * v[j];
      p[i] = beta * sum;
      along += p[i] * v[i];
    }
    const double share = 0.5 * beta * along;
    for (size_t j = first; j < n; ++j) p[j] -= share * v[j];
    for (size_t i = first; i < n; ++i) {
      double* MIXOT_RESTRICT to = w + i * n;
      const double f = v[i], g = p[i];
      for (size_t j = first; j < n; ++j) to[j] -= f * p[j] + g * v[j];
    }
  }
  if (n > 1) squares[n - 2] = w[(n - 2) * n + n - 1] * w[(n - 2) * n + n - 1];
  for (size_t k = 0; k < n; ++k) diagonal[k] = w[k * n + k];
}

// Whether the tridiagonal matrix has an eigenvalue below `shift` (Sturm).
MIXOT_INLINE bool any_below(const double* diagonal, const double* squares, size_t n, double shift) {
  double q = diagonal[0] - shift;
  for (size_t k = 1; k < n; ++k) {
    if (q < 0) return true;
    q = diagonal[k] - shift - squares[k - 1] / (q > 1e-300 ? q : 1e-300);
  }
  return q < 0;
}

// A lower bound on the least eigenvalue of t' d t, tight to a thousandth of it; positive where all are. d symmetric.
inline double least_scaled(const double* t, const double* d, size_t n, double* space, Panels& panels) {
  if (n == 1) return t[0] * t[0] * d[0];
  double *w = space, *other = w + n * n, *v = other + n * n;
  triple_product(t, d, t, n, other, w, panels);
  symmetrise(w, n);
  double *p = v + n, *diagonal = p + n, *squares = diagonal + n;
  tridiagonalise(w, n, v, p, diagonal, squares);
  double low = diagonal[0], high = diagonal[0];
  for (size_t k = 0; k < n; ++k) {
    const double radius = (k ? std::sqrt(squares[k - 1]) : 0.0) + (k + 1 < n ? std::sqrt(squares[k]) : 0.0);
    low = std::min(low, diagonal[k] - radius);
    high = std::min(high, diagonal[k]);
  }
  if (!(low < high)) return low;
  for (int step = 0; step < 60 && high - low > 1e-3 * std::fabs(low); ++step) {
    const double middle = 0.5 * (low + high);
    (any_below(diagonal, squares, n, middle) ? high : low) = middle;
  }
  return low;
}

inline bool inverse_factors(const Sizes& blocks, const double* x, double* t, Scratch& s) {
  for (size_t k = 0, at = 0; k < blocks.count; at += blocks.squared(k), ++k) {
    const size_t n = blocks[k];
    if (n == 1) {
      if (!(x[at] > 0)) return false;
      t[at] = 1.0 / std::sqrt(x[at]);
    } else if (!inverse_factor(x + at, n, s.fit(n * n), t + at, s.panels)) {
      return false;
    }
  }
  return true;
}

inline void inverses(const Sizes& blocks, const double* t, double* out, Scratch& s) {
  for (size_t k = 0, at = 0; k < blocks.count; at += blocks.squared(k), ++k) {
    if (blocks[k] == 1)
      out[at] = t[at] * t[at];
    else
      outer_square(t + at, blocks[k], s.fit(blocks.squared(k)), out + at, s.panels);
  }
}

inline void sandwiches(const Sizes& blocks, const double* a, const double* b, const double* c, double* out, Scratch& s) {
  for (size_t k = 0, at = 0; k < blocks.count; at += blocks.squared(k), ++k) {
    const size_t n = blocks[k];
    if (n == 1) {
      out[at] = a[at] * b[at] * c[at];
      continue;
    }
    triple_product(a + at, b + at, c + at, n, s.fit(n * n), out + at, s.panels);
    symmetrise(out + at, n);
  }
}

inline double least_eigenvalue(const Sizes& blocks, const double* t, const double* d, Scratch& s) {
  double least = std::numeric_limits<double>::infinity();
  for (size_t k = 0, at = 0; k < blocks.count; at += blocks.squared(k), ++k) {
    const size_t n = blocks[k];
    least = std::min(least, least_scaled(t + at, d + at, n, s.fit(2 * n * n + 4 * n), s.panels));
  }
  return least;
}

inline size_t factor_matrix(double* s, size_t n, const double* floors, Panels& panels) {
  size_t replaced = 0;
  factor_upper(s, n, n, floors, replaced, panels);
  return replaced;
}

// s += sign m'm, upper triangle; m (rows, n).
inline void gram(const double* m, size_t rows, size_t n, double sign, double* s, Panels& panels) {
  add_product(m, n, m, n, rows, n, n, sign, s, n, true, panels);
}

// x := (R'R)^-1 x for upper r (n, n).
inline void solve_factored(const double* r, size_t n, double* x) {
  for (size_t k = 0; k < n; ++k) {
    const double* row = r + k * n;
    const double f = x[k] /= row[k];
    for (size_t j = k + 1; j < n; ++j) x[j] -= f * row[j];
  }
  for (size_t k = n; k-- > 0;) {
    const double* row = r + k * n;
    Vec<double> lanes[2] = {splat(0.0), splat(0.0)};
    constexpr size_t W = kLanes<double>;
    size_t j = k + 1;
    for (; j + 2 * W <= n; j += 2 * W) {
      lanes[0] += load<double>(row + j) * load<double>(x + j);
      lanes[1] += load<double>(row + j + W) * load<double>(x + j + W);
    }
    double sum = sum_lanes<double>(lanes[0] + lanes[1]);
    for (; j < n; ++j) sum += row[j] * x[j];
    x[k] = (x[k] - sum) / row[k];
  }
}

// out = s x, of symmetric s (n, n) the upper triangle is read.
inline void symmetric_times(const double* s, size_t n, const double* x, double* MIXOT_RESTRICT out) {
  std::fill(out, out + n, 0.0);
  for (size_t k = 0; k < n; ++k) {
    const double* row = s + k * n;
    const double f = x[k];
    Vec<double> lanes = splat(0.0);
    const Vec<double> ff = splat(f);
    constexpr size_t W = kLanes<double>;
    size_t j = k + 1;
    for (; j + W <= n; j += W) {
      const Vec<double> entries = load<double>(row + j);
      lanes += entries * load<double>(x + j);
      store<double>(out + j, load<double>(out + j) + ff * entries);
    }
    double sum = row[k] * f + sum_lanes<double>(lanes);
    for (; j < n; ++j) {
      sum += row[j] * x[j];
      out[j] += f * row[j];
    }
    out[k] += sum;
  }
}
