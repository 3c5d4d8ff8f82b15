// The kernels of student_em.cpp, once for each instruction set (see each_isa.inl).

// The block at `begin` by coordinates, and its weights: zero beyond `count`.
MIXOT_INLINE void load_block(const StudentProblem& in, size_t begin, size_t count, Scratch& s) {
  for (size_t a = 0; a < in.d; ++a)
    for (size_t i = 0; i < kBlock; ++i) s.x[a * kBlock + i] = i < count ? in.points[(begin + i) * in.d + a] : in.locs[a];
  for (size_t i = 0; i < kBlock; ++i) s.weight[i] = i < count ? in.weights[begin + i] : 0.0;
}

// joint[j] = log_const[j] - (df + d) / 2 log(1 + q / df), ratio[j] that logarithm.
MIXOT_INLINE void log_joint(const StudentProblem& in, size_t j, Scratch& s) {
  using V = Vec<double>;
  constexpr int W = kLanes<double>;
  const size_t d = in.d;
  const double *m = in.locs + j * d, *p = in.factors + j * d * d;
  const V one = splat<double>(1.0), scale = splat<double>(1 / in.df[j]);
  const V half = splat<double>((in.df[j] + static_cast<double>(d)) / 2), base = splat<double>(in.log_const[j]);
  for (size_t i = 0; i < kBlock; i += W) {
    for (size_t a = 0; a < d; ++a)
      store<double>(s.centred.data() + a * W, load<double>(s.x.data() + a * kBlock + i) - splat<double>(m[a]));
    V q = splat<double>(0.0);
    for (size_t c = 0; c < d; ++c) {
      V y = splat<double>(0.0);
      for (size_t a = 0; a <= c; ++a) y += splat<double>(p[a * d + c]) * load<double>(s.centred.data() + a * W);
      q += y * y;
    }
    const V t = q * scale, w = one + t;
    const V ratio = vec_log<double>(w) + (t - (w - one)) / w;  // what 1 + t has lost comes back: df may be a million
    store<double>(s.ratio.data() + j * kBlock + i, ratio);
    store<double>(s.joint.data() + j * kBlock + i, base - half * ratio);
  }
}

// joint becomes weight times responsibility; adds weight times log-density to the log-likelihood.
MIXOT_INLINE void soft_max(const StudentProblem& in, Scratch& s) {
  using V = Vec<double>;
  constexpr int W = kLanes<double>;
  V likelihood = splat<double>(0.0);
  for (size_t i = 0; i < kBlock; i += W) {
    double* joint = s.joint.data() + i;
    V top = load<double>(joint), total = splat<double>(0.0);
    for (size_t j = 1; j < in.k; ++j) top = vec_max<double>(load<double>(joint + j * kBlock), top);
    for (size_t j = 0; j < in.k; ++j) {
      const V e = vec_exp<double>(load<double>(joint + j * kBlock) - top);
      store<double>(joint + j * kBlock, e);
      total += e;
    }
    const V weight = load<double>(s.weight.data() + i), share = weight / total;
    for (size_t j = 0; j < in.k; ++j)
      store<double>(joint + j * kBlock, share * load<double>(joint + j * kBlock));
    likelihood += weight * (top + vec_log<double>(total));
  }
  s.log_likelihood += sum_lanes<double>(likelihood);
}

// sums of one component: u = (df + d) / df exp(-ratio).
MIXOT_INLINE void add_sums(const StudentProblem& in, size_t j, Scratch& s) {
  using V = Vec<double>;
  constexpr int W = kLanes<double>;
  const size_t d = in.d;
  double* sums = s.sums.data() + j * (3 + d + d * d);
  const double *m = in.locs + j * d, level = (in.df[j] + static_cast<double>(d)) / in.df[j];
  const V zero = splat<double>(0.0), rise = splat<double>(level);
  V mass = zero, pull = zero, logs = zero;
  double* pulls = s.weight.data() + kBlock;
  for (size_t i = 0; i < kBlock; i += W) {
    const V r = load<double>(s.joint.data() + j * kBlock + i), ratio = load<double>(s.ratio.data() + j * kBlock + i);
    const V ru = r * rise * vec_exp<double>(zero - ratio);
    mass += r;
    pull += ru;
    logs += r * ratio;
    store<double>(pulls + i, ru);
  }
  const double weight = sum_lanes<double>(mass);
  sums[0] += weight;
  sums[1] += sum_lanes<double>(pull);
  sums[2] += weight * std::log(level) - sum_lanes<double>(logs);
  for (size_t a = 0; a < d; ++a) {
    V first = zero;
    const V center = splat<double>(m[a]);
    for (size_t i = 0; i < kBlock; i += W) {
      const V z = load<double>(s.x.data() + a * kBlock + i) - center, uz = load<double>(pulls + i) * z;
      store<double>(s.centred.data() + a * kBlock + i, z);
      store<double>(s.pulled.data() + a * kBlock + i, uz);
      first += uz;
    }
    sums[3 + a] += sum_lanes<double>(first);
  }
  for (size_t a = 0; a < d; ++a) {
    const double* left = s.pulled.data() + a * kBlock;
    double* out = sums + 3 + d + a * d;
    size_t c = 0;
    for (; c + 4 <= a + 1; c += 4) {
      const double* right = s.centred.data() + c * kBlock;
      V sum[4] = {zero, zero, zero, zero};
      for (size_t i = 0; i < kBlock; i += W) {
        const V u = load<double>(left + i);
        MIXOT_UNROLL for (int t = 0; t < 4; ++t) sum[t] += u * load<double>(right + t * kBlock + i);
      }
      MIXOT_UNROLL for (int t = 0; t < 4; ++t) out[c + t] += sum_lanes<double>(sum[t]);
    }
    for (; c <= a; ++c) {
      V sum = zero;
      for (size_t i = 0; i < kBlock; i += W) sum += load<double>(left + i) * load<double>(s.centred.data() + c * kBlock + i);
      out[c] += sum_lanes<double>(sum);
    }
  }
}

inline void pass_range(const StudentProblem& in, size_t begin, size_t end, Scratch& s) {
  s.clear();
  for (; begin < end; begin += kBlock) {
    load_block(in, begin, std::min(kBlock, end - begin), s);
    for (size_t j = 0; j < in.k; ++j) log_joint(in, j, s);
    soft_max(in, s);
    for (size_t j = 0; j < in.k; ++j) add_sums(in, j, s);
  }
}
