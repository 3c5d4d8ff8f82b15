// Products A' B of matrices stored by rows, in register tiles of kTileRows rows by three vectors. Both factors are read
// along their rows, so panels are packed into strips that the tile reads in order. Included by kernels that
// each_isa.inl compiles; a symmetric factor needs no transposition, which is why everything here is of this form.
constexpr size_t kTileRows = kBytes == 64 ? 8 : 4;
constexpr size_t kTileCols = 3 * kLanes<double>;
constexpr size_t kPanelDepth = 192;  // rows of a packed panel: 192 x 12 doubles stay in the first-level cache
constexpr size_t kPanelRows = 128, kPanelCols = 480;

struct Tile {
  Vec<double> row[kTileRows][3];
};

// The tile of sum_q a[q, :]' b[at(q), :], a (depth, kTileRows), b (., kTileCols); at(q) = q where no list is given.
template <bool Listed>
MIXOT_INLINE void fill_tile(const double* MIXOT_RESTRICT a, const double* MIXOT_RESTRICT b, size_t depth,
                            const std::int32_t* at, Tile& out) {
  constexpr int W = kLanes<double>;
  Vec<double> sum[kTileRows][3];
  MIXOT_UNROLL for (size_t r = 0; r < kTileRows; ++r) MIXOT_UNROLL for (int v = 0; v < 3; ++v) sum[r][v] = splat(0.0);
  for (size_t q = 0; q < depth; ++q, a += kTileRows) {
    const double* from = b + (Listed ? static_cast<size_t>(at[q]) : q) * kTileCols;
    const Vec<double> b0 = load<double>(from), b1 = load<double>(from + W), b2 = load<double>(from + 2 * W);
    MIXOT_UNROLL for (size_t r = 0; r < kTileRows; ++r) {
      const Vec<double> f = splat(a[r]);
      sum[r][0] += f * b0;
      sum[r][1] += f * b1;
      sum[r][2] += f * b2;
    }
  }
  MIXOT_UNROLL for (size_t r = 0; r < kTileRows; ++r) MIXOT_UNROLL for (int v = 0; v < 3; ++v) out.row[r][v] = sum[r][v];
}

// Rows [0, depth) and columns [0, width) of `from` as strips of `Strip` columns, the last padded with zeros.
template <size_t Strip>
MIXOT_INLINE void pack(const double* from, size_t stride, size_t depth, size_t width, double* to) {
  for (size_t at = 0; at < width; at += Strip) {
    const size_t valid = width - at < Strip ? width - at : Strip;
    for (size_t q = 0; q < depth; ++q, to += Strip) {
      const double* row = from + q * stride + at;
      if (valid == Strip) {
        MIXOT_UNROLL for (size_t c = 0; c < Strip; ++c) to[c] = row[c];
      } else {
        for (size_t c = 0; c < Strip; ++c) to[c] = c < valid ? row[c] : 0.0;
      }
    }
  }
}

// c += sign * tile, of which only rows x cols entries lie inside the matrix.
MIXOT_INLINE void add_tile(const Tile& tile, double sign, size_t rows, size_t cols, double* c, size_t stride) {
  constexpr int W = kLanes<double>;
  if (cols == kTileCols) {
    for (size_t r = 0; r < rows; ++r)
      MIXOT_UNROLL for (int v = 0; v < 3; ++v) {
        double* to = c + r * stride + v * W;
        store<double>(to, load<double>(to) + splat(sign) * tile.row[r][v]);
      }
    return;
  }
  double line[kTileCols];
  for (size_t r = 0; r < rows; ++r) {
    MIXOT_UNROLL for (int v = 0; v < 3; ++v) store<double>(line + v * W, tile.row[r][v]);
    for (size_t j = 0; j < cols; ++j) c[r * stride + j] += sign * line[j];
  }
}

// c += sign * a' b; a (depth, rows), b (depth, cols), c (rows, cols). With `upper`, tiles below the diagonal of c are
// left out.
inline void add_product(const double* a, size_t a_stride, const double* b, size_t b_stride, size_t depth, size_t rows,
                        size_t cols, double sign, double* c, size_t c_stride, bool upper, Panels& panels) {
  panels.fit();
  for (size_t q = 0; q < depth; q += kPanelDepth) {
    const size_t deep = std::min(kPanelDepth, depth - q);
    for (size_t j0 = 0; j0 < cols; j0 += kPanelCols) {
      const size_t wide = std::min(kPanelCols, cols - j0);
      pack<kTileCols>(b + q * b_stride + j0, b_stride, deep, wide, panels.b.data());
      for (size_t i0 = 0; i0 < rows && !(upper && i0 >= j0 + wide); i0 += kPanelRows) {
        const size_t high = std::min(kPanelRows, rows - i0);
        look_for_interrupt();
        pack<kTileRows>(a + q * a_stride + i0, a_stride, deep, high, panels.a.data());
        for (size_t j = 0; j < wide; j += kTileCols)
          for (size_t i = 0; i < high && !(upper && i0 + i >= j0 + j + kTileCols); i += kTileRows) {
            Tile tile;
            fill_tile<false>(panels.a.data() + i * deep, panels.b.data() + j * deep, deep, nullptr, tile);
            add_tile(tile, sign, std::min(kTileRows, high - i), std::min(kTileCols, wide - j),
                     c + (i0 + i) * c_stride + j0 + j, c_stride);
          }
      }
    }
  }
}
