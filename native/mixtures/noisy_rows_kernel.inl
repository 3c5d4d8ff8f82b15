// The kernels of noisy_rows.cpp, once for each instruction set (see each_isa.inl). Entry e of an array in lanes begins at
// e W.

inline size_t lanes() { return kLanes<double>; }

// Rows at `begin` into lanes, the last one again where there are no more, of weight zero.
inline void load_rows(const NoisyRows& in, const Shape& shape, size_t begin, RowLanes& s) {
  constexpr size_t W = kLanes<double>;
  for (size_t l = 0; l < W; ++l) {
    const size_t i = std::min(begin + l, in.n - 1);
    s.weight[l] = begin + l < in.n && in.weights ? in.weights[i] : 0.0;
    const double *x = in.points + i * in.d, *noise = in.noise[i];
    for (size_t r = 0; r < in.o; ++r) {
      const size_t a = in.seen[r];
      s.x[r * W + l] = (x[a] - in.center[a]) * in.inv_scale[a];
      if (shape.plain) {
        s.noise[r * W + l] = noise[a];
        continue;
      }
      for (size_t c = 0; c <= r; ++c)
        s.noise[(r * in.o + c) * W + l] = in.full_noise ? noise[a * in.d + in.seen[c]] : r == c ? noise[a] : 0.0;
    }
  }
}

// The factor of T under one covariance, its diagonal 1 / D, and log det T; `good` becomes -1 where D is not positive.
inline Vec<double> factor(const NoisyRows& in, const Shape& shape, size_t m, RowLanes& s, Vec<double>& good) {
  using V = Vec<double>;
  constexpr size_t W = kLanes<double>;
  const size_t o = in.o;
  const V zero = splat<double>(0.0), one = splat<double>(1.0), bad = splat<double>(-1.0);
  double* f = s.factor.data() + m * shape.entries * W;
  V logs = zero, product = one;
  int held = 0;
  auto take = [&](const V& each) {
    good = where_less<double>(zero, each, good, bad);
    product = product * each;
    if (++held == kFactors) logs += vec_log<double>(product), product = one, held = 0;
  };
  for (size_t r = 0; r < o; ++r) {
    if (shape.plain) {
      const V t = splat<double>(cov(in, m, in.seen[r], in.seen[r])) + load<double>(s.noise.data() + r * W);
      take(t);
      store<double>(f + r * W, one / t);
      continue;
    }
    double* row = f + r * o * W;
    V rest = splat<double>(cov(in, m, in.seen[r], in.seen[r])) + load<double>(s.noise.data() + (r * o + r) * W);
    for (size_t c = 0; c < r; ++c) {  // first L D, in place
      V sum = splat<double>(cov(in, m, in.seen[r], in.seen[c])) + load<double>(s.noise.data() + (r * o + c) * W);
      const double* other = f + c * o * W;
      for (size_t q = 0; q < c; ++q) sum = sum - load<double>(row + q * W) * load<double>(other + q * W);
      store<double>(row + c * W, sum);
    }
    for (size_t c = 0; c < r; ++c) {
      const V scaled = load<double>(row + c * W), l = scaled * load<double>(f + (c * o + c) * W);
      rest = rest - scaled * l;
      store<double>(row + c * W, l);
    }
    take(rest);
    store<double>(row + r * W, one / rest);
  }
  return logs + vec_log<double>(product);
}

// w = L^-1 z of one component, and z' T^-1 z.
inline Vec<double> whiten(const NoisyRows& in, const Shape& shape, size_t m, size_t j, RowLanes& s) {
  using V = Vec<double>;
  constexpr size_t W = kLanes<double>;
  const size_t o = in.o;
  const double *f = s.factor.data() + m * shape.entries * W, *mean = in.means + j * in.d;
  double* w = s.white.data() + j * o * W;
  V square = splat<double>(0.0);
  for (size_t r = 0; r < o; ++r) {
    V y = load<double>(s.x.data() + r * W) - splat<double>(mean[in.seen[r]]);
    for (size_t c = 0; c < r && !shape.plain; ++c)
      y = y - load<double>(f + (r * o + c) * W) * load<double>(w + c * W);
    store<double>(w + r * W, y);
    square += y * y * load<double>(f + (shape.plain ? r : r * o + r) * W);
  }
  return square;
}

// joint becomes weight times responsibility; adds weight times log-density to the objective.
inline void soft_max(const NoisyRows& in, RowLanes& s) {
  using V = Vec<double>;
  constexpr size_t W = kLanes<double>;
  double* joint = s.joint.data();
  V top = load<double>(joint), total = splat<double>(0.0);
  for (size_t j = 1; j < in.k; ++j) top = vec_max<double>(load<double>(joint + j * W), top);
  for (size_t j = 0; j < in.k; ++j) {
    const V e = vec_exp<double>(load<double>(joint + j * W) - top);
    store<double>(joint + j * W, e);
    total += e;
  }
  const V weight = load<double>(s.weight.data()), share = weight / total;
  for (size_t j = 0; j < in.k; ++j) store<double>(joint + j * W, share * load<double>(joint + j * W));
  add_lanes<double>(s.objective.data(), weight * (top + vec_log<double>(total)));
}

// L^-1 below its diagonal of ones, from the factor.
inline void invert(const NoisyRows& in, const double* f, RowLanes& s) {
  using V = Vec<double>;
  constexpr size_t W = kLanes<double>;
  const size_t o = in.o;
  double* u = s.inverse.data();
  for (size_t r = 1; r < o; ++r)
    for (size_t c = 0; c < r; ++c) {
      V sum = load<double>(f + (r * o + c) * W);
      for (size_t q = c + 1; q < r; ++q) sum += load<double>(f + (r * o + q) * W) * load<double>(u + (q * o + c) * W);
      store<double>(u + (r * o + c) * W, splat<double>(0.0) - sum);
    }
}

// v = T^-1 z of one component, from w and L^-1: pulled, and r v added to its sum.
inline void pull(const NoisyRows& in, const double* f, size_t j, const Vec<double>& share, RowLanes& s) {
  using V = Vec<double>;
  constexpr size_t W = kLanes<double>;
  const size_t o = in.o;
  const double *u = s.inverse.data(), *w = s.white.data() + j * o * W;
  for (size_t a = 0; a < o; ++a) {
    V v = load<double>(w + a * W) * load<double>(f + (a * o + a) * W);
    for (size_t q = a + 1; q < o; ++q)
      v += load<double>(u + (q * o + a) * W) * load<double>(w + q * W) * load<double>(f + (q * o + q) * W);
    store<double>(s.pulled.data() + a * W, v);
    add_lanes<double>(s.pull.data() + (j * o + a) * W, share * v);
  }
}

// square += r v v'
inline void add_pulled(const NoisyRows& in, const Vec<double>& share, double* square, RowLanes& s) {
  constexpr size_t W = kLanes<double>;
  for (size_t a = 0; a < in.o; ++a) {
    const Vec<double> v = share * load<double>(s.pulled.data() + a * W);
    for (size_t c = 0; c <= a; ++c)
      add_lanes<double>(square + (a * in.o + c) * W, v * load<double>(s.pulled.data() + c * W));
  }
}

// square -= r T^-1
inline void take_inverse(const NoisyRows& in, const double* f, const Vec<double>& share, double* square, RowLanes& s) {
  using V = Vec<double>;
  constexpr size_t W = kLanes<double>;
  const size_t o = in.o;
  const double* u = s.inverse.data();
  for (size_t a = 0; a < o; ++a)
    for (size_t c = 0; c <= a; ++c) {
      V sum = load<double>(f + (a * o + a) * W) * (c == a ? splat<double>(1.0) : load<double>(u + (a * o + c) * W));
      for (size_t q = a + 1; q < o; ++q)
        sum += load<double>(u + (q * o + a) * W) * load<double>(f + (q * o + q) * W) * load<double>(u + (q * o + c) * W);
      add_lanes<double>(square + (a * o + c) * W, splat<double>(0.0) - share * sum);
    }
}

inline bool negligible(const Vec<double>& share) {
  bool all = true;
  for (int l = 0; l < kLanes<double>; ++l) all &= !(share[l] > kNegligible);
  return all;
}

inline void add_sums(const NoisyRows& in, const Shape& shape, RowLanes& s) {
  using V = Vec<double>;
  constexpr size_t W = kLanes<double>;
  const size_t o = in.o;
  const bool tied = in.structure == Structure::tied;
  V all = splat<double>(0.0);
  if (tied) invert(in, s.factor.data(), s);
  for (size_t j = 0; j < in.k; ++j) {
    const V share = load<double>(s.joint.data() + j * W);
    if (negligible(share)) continue;
    add_lanes<double>(s.mass.data() + j * W, share);
    all += share;
    const size_t m = tied ? 0 : j;
    const double* f = s.factor.data() + m * shape.entries * W;
    double* square = s.square.data() + m * shape.entries * W;
    if (shape.plain) {
      for (size_t r = 0; r < o; ++r) {
        const V inverse = load<double>(f + r * W), v = load<double>(s.white.data() + (j * o + r) * W) * inverse;
        add_lanes<double>(s.pull.data() + (j * o + r) * W, share * v);
        add_lanes<double>(square + r * W, share * (v * v - inverse));
      }
      continue;
    }
    if (!tied) invert(in, f, s);
    pull(in, f, j, share, s);
    add_pulled(in, share, square, s);
    if (!tied) take_inverse(in, f, share, square, s);
  }
  if (tied) take_inverse(in, s.factor.data(), all, s.square.data(), s);
}

inline size_t over_rows(const NoisyRows& in, const Shape& shape, RowLanes& s, double* out) {
  using V = Vec<double>;
  constexpr size_t W = kLanes<double>;
  const V half = splat<double>(-0.5);
  for (size_t begin = 0; begin < in.n; begin += W) {
    load_rows(in, shape, begin, s);
    V log_det = half;
    for (size_t j = 0; j < in.k; ++j) {
      const size_t m = shape.matrices == 1 ? 0 : j;
      if (m == j) {
        V good = splat<double>(1.0);
        log_det = factor(in, shape, m, s, good);
        for (size_t l = 0; l < W; ++l)
          if (!(good[static_cast<int>(l)] > 0)) return m;
      }
      const V joint = splat<double>(in.level[j]) + half * (log_det + whiten(in, shape, m, j, s));
      store<double>(s.joint.data() + j * W, joint);
    }
    if (!out) {
      soft_max(in, s);
      add_sums(in, shape, s);
      continue;
    }
    for (size_t l = 0; l < W && begin + l < in.n; ++l)
      for (size_t j = 0; j < in.k; ++j) out[(begin + l) * in.k + j] = s.joint[j * W + l];
  }
  return in.k;
}
