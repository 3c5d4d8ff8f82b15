// Upper Cholesky factors R' R = S of matrices stored by rows, by recursion into products (product.inl).
constexpr size_t kSmall = 32;  // below it plain loops are quicker

// Plain loops. A pivot that is not above its floor is replaced by one so large that its row vanishes (the solve then
// leaves that unknown at zero), or, without floors, ends the factorisation.
MIXOT_INLINE bool factor_small(double* s, size_t stride, size_t n, const double* floors, size_t& replaced) {
  for (size_t k = 0; k < n; ++k) {
    double* row = s + k * stride;
    double pivot = row[k];
    if (!(pivot > (floors ? floors[k] : 0.0))) {
      if (!floors) return false;
      ++replaced;
      pivot = 1e200;
    }
    row[k] = std::sqrt(pivot);
    const double inverse = 1.0 / row[k];
    for (size_t j = k + 1; j < n; ++j) row[j] *= inverse;
    for (size_t i = k + 1; i < n; ++i) {
      const double f = row[i];
      double* MIXOT_RESTRICT to = s + i * stride;
      for (size_t j = i; j < n; ++j) to[j] -= f * row[j];
    }
  }
  return true;
}

// b := R'^-1 b; upper r (n, n), b (n, cols).
inline void solve_rows(const double* r, size_t r_stride, size_t n, double* b, size_t b_stride, size_t cols,
                       Panels& panels) {
  constexpr size_t Chunk = 96;
  if (n <= kSmall) {
    for (size_t c = 0; c < cols; c += Chunk) {
      const size_t wide = std::min(Chunk, cols - c);
      for (size_t k = 0; k < n; ++k) {
        double* from = b + k * b_stride + c;
        const double inverse = 1.0 / r[k * r_stride + k];
        for (size_t j = 0; j < wide; ++j) from[j] *= inverse;
        for (size_t i = k + 1; i < n; ++i) {
          const double f = r[k * r_stride + i];
          double* MIXOT_RESTRICT to = b + i * b_stride + c;
          for (size_t j = 0; j < wide; ++j) to[j] -= f * from[j];
        }
      }
    }
    return;
  }
  const size_t half = (n / 2 + 7) / 8 * 8;
  solve_rows(r, r_stride, half, b, b_stride, cols, panels);
  add_product(r + half, r_stride, b, b_stride, half, n - half, cols, -1.0, b + half * b_stride, b_stride, false, panels);
  solve_rows(r + half * (r_stride + 1), r_stride, n - half, b + half * b_stride, b_stride, cols, panels);
}

// s (n, n), of which the upper triangle is read, becomes R; what is below the diagonal is unspecified.
inline bool factor_upper(double* s, size_t stride, size_t n, const double* floors, size_t& replaced, Panels& panels) {
  if (n <= kSmall) return factor_small(s, stride, n, floors, replaced);
  const size_t half = (n / 2 + 7) / 8 * 8;
  double* corner = s + half * (stride + 1);
  if (!factor_upper(s, stride, half, floors, replaced, panels)) return false;
  solve_rows(s, stride, half, s + half, stride, n - half, panels);
  add_product(s + half, stride, s + half, stride, half, n - half, n - half, -1.0, corner, stride, true, panels);
  return factor_upper(corner, stride, n - half, floors ? floors + half : nullptr, replaced, panels);
}
