// Compiled by patch_features.cpp once for each instruction set; the tiles fill its registers.
constexpr size_t kSide = kLanes<float>;
constexpr size_t kSpans = patch_features / kSide;                          // registers that hold the features of a patch
constexpr size_t kPatches = kBytes == 64 ? 8 : kBytes == 32 ? 3 : 1;       // patches that are projected at a time
constexpr size_t kQueries = kBytes == 64 ? 8 : 4, kColumns = 3;            // tile of the nearest: queries x registers

template <size_t Count>
MIXOT_INLINE void project_some(const PatchSource& source, const float* const* at, const float* basis, const float* offset,
                               float* out) {
  Vec<float> sum[Count][kSpans];
  MIXOT_UNROLL for (size_t p = 0; p < Count; ++p)
    MIXOT_UNROLL for (size_t s = 0; s < kSpans; ++s) sum[p][s] = splat(0.0f) - load<float>(offset + s * kSide);
  for (size_t c = 0; c < source.channels; ++c)
    for (size_t y = 0; y < source.w; ++y) {
      const size_t line = (c * source.height + y) * source.width;
      for (size_t x = 0; x < source.w; ++x, basis += patch_features)
        MIXOT_UNROLL for (size_t p = 0; p < Count; ++p) {
          const Vec<float> value = splat(at[p][line + x]);
          MIXOT_UNROLL for (size_t s = 0; s < kSpans; ++s) sum[p][s] += value * load<float>(basis + s * kSide);
        }
    }
  MIXOT_UNROLL for (size_t p = 0; p < Count; ++p)
    MIXOT_UNROLL for (size_t s = 0; s < kSpans; ++s) store<float>(out + p * patch_features + s * kSide, sum[p][s]);
}

inline void project_row(const PatchSource& source, std::int32_t row, const std::int32_t* cols, size_t n,
                        const float* basis, const float* offset, float* out) {
  const float* line = source.image + static_cast<size_t>(row) * source.width;
  size_t j = 0;
  for (; j + kPatches <= n; j += kPatches) {
    const float* at[kPatches];
    for (size_t p = 0; p < kPatches; ++p) at[p] = line + cols[j + p];
    project_some<kPatches>(source, at, basis, offset, out + j * patch_features);
  }
  for (; j < n; ++j) {
    const float* at[1] = {line + cols[j]};
    project_some<1>(source, at, basis, offset, out + j * patch_features);
  }
}

// The best so far of one query, ascending.
struct Best {
  float* value;
  std::int32_t* column;
  size_t keep;

  float worst() const { return value[keep - 1]; }
  void offer(float v, std::int32_t j) {
    size_t k = keep - 1;
    for (; k > 0 && value[k - 1] > v; --k) {
      value[k] = value[k - 1];
      column[k] = column[k - 1];
    }
    value[k] = v;
    column[k] = j;
  }
};

template <size_t Count>
MIXOT_INLINE void search_tile(const float* x, const float* table, const float* bonus, size_t size, size_t j, Best* best) {
  constexpr size_t wide = kColumns * kSide;
  Vec<float> sum[Count][kColumns];
  MIXOT_UNROLL for (size_t q = 0; q < Count; ++q) MIXOT_UNROLL for (size_t v = 0; v < kColumns; ++v) sum[q][v] = splat(0.0f);
  for (size_t f = 0; f < patch_features; ++f) {
    const float* from = table + f * size + j;
    const Vec<float> t0 = load<float>(from), t1 = load<float>(from + kSide), t2 = load<float>(from + 2 * kSide);
    MIXOT_UNROLL for (size_t q = 0; q < Count; ++q) {
      const Vec<float> value = splat(x[q * patch_features + f]);
      sum[q][0] += value * t0;
      sum[q][1] += value * t1;
      sum[q][2] += value * t2;
    }
  }
  for (size_t q = 0; q < Count; ++q) {
    float line[wide];
    Vec<float> least = load<float>(bonus + j) - splat(2.0f) * sum[q][0];
    store<float>(line, least);
    MIXOT_UNROLL for (size_t v = 1; v < kColumns; ++v) {
      const Vec<float> value = load<float>(bonus + j + v * kSide) - splat(2.0f) * sum[q][v];
      store<float>(line + v * kSide, value);
      least = where_less<float>(value, least, value, least);
    }
    float low = least[0];
    for (size_t l = 1; l < kSide; ++l) low = least[l] < low ? least[l] : low;
    if (!(low < best[q].worst())) continue;
    for (size_t c = 0; c < wide; ++c)
      if (line[c] < best[q].worst()) best[q].offer(line[c], static_cast<std::int32_t>(j + c));
  }
}

inline void nearest_rows(const float* features, size_t n, const float* table, const float* bonus, size_t size,
                         size_t keep, std::int32_t* nearest) {
  std::vector<float> value(n * keep, std::numeric_limits<float>::infinity());
  std::fill(nearest, nearest + n * keep, 0);
  std::vector<Best> best(n);
  for (size_t i = 0; i < n; ++i) best[i] = {value.data() + i * keep, nearest + i * keep, keep};
  for (size_t j = 0; j < size; j += kColumns * kSide) {  // the columns of a tile stay in the first-level cache
    size_t i = 0;
    for (; i + kQueries <= n; i += kQueries)
      search_tile<kQueries>(features + i * patch_features, table, bonus, size, j, best.data() + i);
    for (; i < n; ++i) search_tile<1>(features + i * patch_features, table, bonus, size, j, best.data() + i);
  }
}

// scores (n, 32) = x basis, out (p, 32) = x' scores.
inline void moment_product(const float* x, size_t n, size_t p, const float* basis, float* scores, float* out) {
  std::fill(out, out + p * patch_features, 0.0f);
  for (size_t i = 0; i < n; ++i) {
    const float* row = x + i * p;
    Vec<float> sum[kSpans];
    MIXOT_UNROLL for (size_t s = 0; s < kSpans; ++s) sum[s] = splat(0.0f);
    for (size_t r = 0; r < p; ++r)
      MIXOT_UNROLL for (size_t s = 0; s < kSpans; ++s)
        sum[s] += splat(row[r]) * load<float>(basis + r * patch_features + s * kSide);
    MIXOT_UNROLL for (size_t s = 0; s < kSpans; ++s) store<float>(scores + i * patch_features + s * kSide, sum[s]);
    for (size_t r = 0; r < p; ++r)
      MIXOT_UNROLL for (size_t s = 0; s < kSpans; ++s) {
        float* to = out + r * patch_features + s * kSide;
        store<float>(to, load<float>(to) + splat(row[r]) * sum[s]);
      }
  }
}
