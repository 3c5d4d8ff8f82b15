// The kernels of schur.cpp, once for each instruction set (see each_isa.inl).
#include "linear_algebra/product.inl"

inline void pack_factors(const SchurBlock& b, const double* inverse, const double* z, Factors& f) {
  const size_t high = (b.n + kTileRows - 1) / kTileRows * kTileRows, wide = (b.n + kTileCols - 1) / kTileCols * kTileCols;
  f.inverse_strips.resize(high * b.n);
  f.z_strips.resize(wide * b.n);
  pack<kTileRows>(inverse, b.n, b.n, b.n, f.inverse_strips.data());
  pack<kTileCols>(z, b.n, b.n, b.n, f.z_strips.data());
}

// u = X^-1 E_g Z, rows `pitch` apart: the rows of E_g that are not zero, times Z.
inline void image(const SchurBlock& b, size_t g, const Factors& f, Worker& w) {
  const size_t first = static_cast<size_t>(b.row_at[g]), depth = static_cast<size_t>(b.row_at[g + 1]) - first;
  const size_t pitch = schur_pitch(b.n);
  w.u.resize(pitch * pitch);
  w.rows.resize(depth * kTileRows);
  for (size_t i = 0; i < b.n; i += kTileRows) {
    const double* strip = f.inverse_strips.data() + i * b.n;
    double* to = w.rows.data();
    for (size_t q = first; q < first + depth; ++q, to += kTileRows) {
      std::int32_t e = b.row_start[q];
      const double* from = strip + static_cast<size_t>(b.column[e]) * kTileRows;
      MIXOT_UNROLL for (size_t r = 0; r < kTileRows; ++r) to[r] = b.value[e] * from[r];
      for (++e; e < b.row_start[q + 1]; ++e) {
        from = strip + static_cast<size_t>(b.column[e]) * kTileRows;
        MIXOT_UNROLL for (size_t r = 0; r < kTileRows; ++r) to[r] += b.value[e] * from[r];
      }
    }
    for (size_t j = 0; j < b.n; j += kTileCols) {
      Tile tile;
      fill_tile<true>(w.rows.data(), f.z_strips.data() + j * b.n, depth, b.row_index + first, tile);
      MIXOT_UNROLL for (size_t r = 0; r < kTileRows; ++r) MIXOT_UNROLL for (int v = 0; v < 3; ++v)
          store<double>(w.u.data() + (i + r) * pitch + j + v * kLanes<double>, tile.row[r][v]);
    }
  }
}

// row[h] = <E_h, u> for h = g .. forms - 1.
inline void read_forms(const SchurBlock& b, size_t g, const double* u, double* row) {
  for (size_t h = g; h < b.forms; ++h) {
    double even = 0, odd = 0;
    std::int32_t e = b.pair_at[h];
    const std::int32_t end = b.pair_at[h + 1];
    for (; e + 1 < end; e += 2) {
      even += b.weight[e] * (u[b.place[e]] + u[b.mirror[e]]);
      odd += b.weight[e + 1] * (u[b.place[e + 1]] + u[b.mirror[e + 1]]);
    }
    if (e < end) even += b.weight[e] * (u[b.place[e]] + u[b.mirror[e]]);
    row[h] = even + odd;
  }
}

// The same entry by entry, for generators with so few entries that most of u would not be looked at.
inline void read_forms_directly(const SchurBlock& b, size_t g, const double* inverse, const double* z, double* row) {
  const size_t n = b.n;
  for (size_t h = g; h < b.forms; ++h) {
    double sum = 0;
    for (std::int32_t p = b.row_at[h]; p < b.row_at[h + 1]; ++p)
      for (std::int32_t d = b.row_start[p]; d < b.row_start[p + 1]; ++d) {
        const double *x_row = inverse + static_cast<size_t>(b.row_index[p]) * n,
                     *z_row = z + static_cast<size_t>(b.column[d]) * n;
        double inner = 0;
        for (std::int32_t q = b.row_at[g]; q < b.row_at[g + 1]; ++q)
          for (std::int32_t e = b.row_start[q]; e < b.row_start[q + 1]; ++e)
            inner += b.value[e] * x_row[b.column[e]] * z_row[b.row_index[q]];
        sum += b.value[d] * inner;
      }
    row[h] = sum;
  }
}

// The lower triangle of x (n, n) from the upper, in tiles that stay in the first-level cache.
inline void mirror_upper(double* x, size_t n) {
  constexpr size_t Side = 16;
  for (size_t i = 0; i < n; i += Side)
    for (size_t j = 0; j <= i; j += Side)
      for (size_t r = i; r < std::min(n, i + Side); ++r)
        for (size_t c = j; c < std::min(r, j + Side); ++c) x[r * n + c] = x[c * n + r];
}

// s += T' M T for symmetric M (forms, forms), upper triangle; `line` (variables).
inline void add_transformed(const SchurBlock& b, const double* forms, double* line, size_t m, double* s) {
  const size_t k = b.variables;
  const bool dense = b.variable[k - 1] - b.variable[0] == static_cast<std::int32_t>(k) - 1;
  for (size_t h = 0; h < b.forms; ++h) {
    const double* from = forms + h * b.forms;
    std::fill(line, line + k, 0.0);
    for (size_t g = 0; g < b.forms; ++g)
      for (std::int32_t e = b.form_start[g]; e < b.form_start[g + 1]; ++e)
        line[b.form_variable[e]] += b.form_value[e] * from[g];
    for (std::int32_t e = b.form_start[h]; e < b.form_start[h + 1]; ++e) {
      const size_t a = static_cast<size_t>(b.form_variable[e]);
      const double t = b.form_value[e];
      double* MIXOT_RESTRICT to = s + static_cast<size_t>(b.variable[a]) * m;
      if (dense) {
        to += b.variable[0];
        for (size_t c = a; c < k; ++c) to[c] += t * line[c];
      } else {
        for (size_t c = a; c < k; ++c) to[b.variable[c]] += t * line[c];
      }
    }
  }
}
