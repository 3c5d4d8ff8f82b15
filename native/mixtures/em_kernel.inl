// The kernels of em.cpp, once for each instruction set (see each_isa.inl): W lanes, strips of 3 W points.

// Points [begin, begin + count) in units of the kernel, (block, pitch) by rows and then (strips, d, strip) by strips; the
// rest of the block is zero.
template <class T>
void write_block(const EmProblem<T>& in, size_t pitch, size_t begin, size_t count, T* rows) {
  constexpr size_t Strip = 3 * kLanes<T>;
  const size_t d = in.d;
  const T* x = in.points + begin * d;
  for (size_t i = 0; i < count; ++i)
    for (size_t a = 0; a < d; ++a)
      rows[i * pitch + a] = static_cast<T>((static_cast<double>(x[i * d + a]) - in.center[a]) * in.inv_scale[a]);
  for (size_t i = count; i < kBlock; ++i)
    for (size_t a = 0; a < d; ++a) rows[i * pitch + a] = T(0);
  T* strips = rows + kBlock * pitch;
  for (size_t at = 0; at < kBlock; at += Strip)
    for (size_t a = 0; a < d; ++a) {
      T* to = strips + at * d + a * Strip;
      const T* from = rows + at * pitch + a;
      for (size_t i = 0; i < Strip; ++i) to[i] = from[i * pitch];
    }
}

// The block at `begin` in both layouts, read now or before, and its weights: zero beyond `count`.
template <class T>
MIXOT_INLINE void load_block(const Model<T>& model, size_t begin, size_t count, Scratch<T>& s) {
  const size_t each = kBlock * (model.pitch + model.in.d);
  if (!model.in.blocks) write_block<T>(model.in, model.pitch, begin, count, s.own.data());
  s.rows = model.in.blocks ? model.in.blocks + begin / kBlock * each : s.own.data();
  s.strips = s.rows + kBlock * model.pitch;
  if (model.in.weights)
    for (size_t i = 0; i < kBlock; ++i) s.weight[i] = i < count ? static_cast<T>(model.in.weights[begin + i]) : T(0);
}

// Columns c .. c + R of y = (x - mean) P for one strip, c a multiple of 4: columns before c were centred by the groups
// before. Adds y^2 to `maha`, or writes y to `keep` (d, strip).
template <class T, int R, bool Keep>
MIXOT_INLINE void whiten_group(const T* x, const T* mean, const T*& p, size_t c, T* centred, Vec<T>* maha, T* keep) {
  using V = Vec<T>;
  constexpr int W = kLanes<T>, Strip = 3 * W;
  V y[R][3];
  MIXOT_UNROLL for (int r = 0; r < R; ++r) MIXOT_UNROLL for (int v = 0; v < 3; ++v) y[r][v] = splat<T>(T(0));
  for (size_t a = 0; a < c; ++a, p += R) {
    const V z0 = load<T>(centred + a * Strip), z1 = load<T>(centred + a * Strip + W),
            z2 = load<T>(centred + a * Strip + 2 * W);
    MIXOT_UNROLL for (int r = 0; r < R; ++r) {
      const V f = splat<T>(p[r]);
      y[r][0] += f * z0;
      y[r][1] += f * z1;
      y[r][2] += f * z2;
    }
  }
  MIXOT_UNROLL for (int t = 0; t < R; ++t, p += R) {
    const V m = splat<T>(mean[c + t]);
    V z[3];
    MIXOT_UNROLL for (int v = 0; v < 3; ++v) {
      z[v] = load<T>(x + (c + t) * Strip + v * W) - m;
      store<T>(centred + (c + t) * Strip + v * W, z[v]);
    }
    MIXOT_UNROLL for (int r = t; r < R; ++r) {
      const V f = splat<T>(p[r]);
      MIXOT_UNROLL for (int v = 0; v < 3; ++v) y[r][v] += f * z[v];
    }
  }
  MIXOT_UNROLL for (int r = 0; r < R; ++r) MIXOT_UNROLL for (int v = 0; v < 3; ++v) {
    if (Keep)
      store<T>(keep + (c + r) * Strip + v * W, y[r][v]);
    else
      maha[v] += y[r][v] * y[r][v];
  }
}

template <class T, bool Keep>
MIXOT_INLINE void whiten_strip(const T* x, const T* mean, const T* p, size_t d, T* centred, Vec<T>* maha, T* keep) {
  size_t c = 0;
  for (; c + kGroup <= d; c += kGroup) whiten_group<T, 4, Keep>(x, mean, p, c, centred, maha, keep);
  switch (d - c) {
    case 3: return whiten_group<T, 3, Keep>(x, mean, p, c, centred, maha, keep);
    case 2: return whiten_group<T, 2, Keep>(x, mean, p, c, centred, maha, keep);
    case 1: return whiten_group<T, 1, Keep>(x, mean, p, c, centred, maha, keep);
    default: return;
  }
}

// joint[j] = log_const[j] - |(x - mean[j]) P[j]|^2 / 2 over the block, full factors.
template <class T>
MIXOT_INLINE void joint_full(const Model<T>& model, Scratch<T>& s) {
  using V = Vec<T>;
  constexpr int W = kLanes<T>, Strip = 3 * W;
  const size_t d = model.in.d;
  for (size_t j = 0; j < model.in.k; ++j)
    for (size_t at = 0; at < kBlock; at += Strip) {
      V maha[3] = {splat<T>(T(0)), splat<T>(T(0)), splat<T>(T(0))};
      whiten_strip<T, false>(s.strips + at * d, model.means.data() + j * model.pitch,
                                model.factors.data() + j * model.packed, d, s.centred.data(), maha, nullptr);
      MIXOT_UNROLL for (int v = 0; v < 3; ++v)
        store<T>(s.joint.data() + j * kBlock + at + v * W, splat<T>(model.log_const[j]) - splat<T>(T(0.5)) * maha[v]);
    }
}

// The same for d = D <= 4: factor, mean and point in registers.
template <class T, int D>
MIXOT_INLINE void joint_small(const Model<T>& model, Scratch<T>& s) {
  using V = Vec<T>;
  constexpr int W = kLanes<T>, Strip = 3 * W;
  for (size_t j = 0; j < model.in.k; ++j) {
    const T* mean = model.means.data() + j * model.pitch;
    const T* p = model.factors.data() + j * model.packed;
    V m[D], f[D][D];
    MIXOT_UNROLL for (int a = 0; a < D; ++a) {
      m[a] = splat<T>(mean[a]);
      MIXOT_UNROLL for (int c = a; c < D; ++c) f[a][c] = splat<T>(p[a * D + c]);
    }
    const V base = splat<T>(model.log_const[j]), half = splat<T>(T(-0.5));
    for (size_t at = 0; at < kBlock; at += Strip) {
      const T* x = s.strips + at * D;
      MIXOT_UNROLL for (int v = 0; v < 3; ++v) {
        V z[D], maha = splat<T>(T(0));
        MIXOT_UNROLL for (int a = 0; a < D; ++a) z[a] = load<T>(x + a * Strip + v * W) - m[a];
        MIXOT_UNROLL for (int c = 0; c < D; ++c) {
          V y = f[0][c] * z[0];
          MIXOT_UNROLL for (int a = 1; a <= c; ++a) y += f[a][c] * z[a];
          maha += y * y;
        }
        store<T>(s.joint.data() + j * kBlock + at + v * W, base + half * maha);
      }
    }
  }
}

// joint[j] = log_const[j] - sum_a ((x[a] - mean[j, a]) factor[j, a])^2 / 2; a factor of null is one.
template <class T>
MIXOT_INLINE void joint_diagonal(const Model<T>& model, const T* strips, const T* means, size_t pitch, const T* factors,
                                 Scratch<T>& s) {
  using V = Vec<T>;
  constexpr int W = kLanes<T>, Strip = 3 * W;
  const size_t d = model.in.d;
  for (size_t j = 0; j < model.in.k; ++j) {
    const T *mean = means + j * pitch, *f = factors ? factors + j * d : nullptr;
    for (size_t at = 0; at < kBlock; at += Strip) {
      const T* x = strips + at * d;
      V maha[3] = {splat<T>(T(0)), splat<T>(T(0)), splat<T>(T(0))};
      for (size_t a = 0; a < d; ++a) {
        const V m = splat<T>(mean[a]), scale = splat<T>(f ? f[a] : T(1));
        MIXOT_UNROLL for (int v = 0; v < 3; ++v) {
          const V y = (load<T>(x + a * Strip + v * W) - m) * scale;
          maha[v] += y * y;
        }
      }
      MIXOT_UNROLL for (int v = 0; v < 3; ++v)
        store<T>(s.joint.data() + j * kBlock + at + v * W, splat<T>(model.log_const[j]) - splat<T>(T(0.5)) * maha[v]);
    }
  }
}

template <class T>
MIXOT_INLINE void joint_tied(const Model<T>& model, Scratch<T>& s) {
  constexpr int W = kLanes<T>, Strip = 3 * W;
  const size_t d = model.in.d;
  for (size_t at = 0; at < kBlock; at += Strip)
    whiten_strip<T, true>(s.strips + at * d, model.means.data() + model.in.k * model.pitch, model.factors.data(),
                             d, s.centred.data(), nullptr, s.whitened.data() + at * d);
  joint_diagonal<T>(model, s.whitened.data(), model.images.data(), d, nullptr, s);
}

template <class T>
MIXOT_INLINE void log_joint(const Model<T>& model, Scratch<T>& s) {
  if (model.in.structure == Structure::diagonal)
    return joint_diagonal<T>(model, s.strips, model.means.data(), model.pitch, model.factors.data(), s);
  if (model.in.structure == Structure::tied) return joint_tied<T>(model, s);
  switch (model.in.d) {
    case 1: return joint_small<T, 1>(model, s);
    case 2: return joint_small<T, 2>(model, s);
    case 3: return joint_small<T, 3>(model, s);
    case 4: return joint_small<T, 4>(model, s);
    default: return joint_full<T>(model, s);
  }
}

// joint[j, i] becomes exp(joint - max over j); share[i] = weight / sum over j, so that their product is weight times
// responsibility. Adds weight times log-density to the log-likelihood.
template <class T>
MIXOT_INLINE void soft_max(const Model<T>& model, Scratch<T>& s) {
  constexpr int W = kLanes<T>;
  using V = Vec<T>;
  const size_t k = model.in.k;
  V likelihood = splat<T>(T(0));
  for (size_t i = 0; i < kBlock; i += W) {
    T* joint = s.joint.data() + i;
    V top = load<T>(joint), total = splat<T>(T(0));
    for (size_t j = 1; j < k; ++j) top = vec_max<T>(load<T>(joint + j * kBlock), top);
    for (size_t j = 0; j < k; ++j) {
      const V e = vec_exp<T>(load<T>(joint + j * kBlock) - top);
      store<T>(joint + j * kBlock, e);
      total += e;
    }
    const V weight = load<T>(s.weight.data() + i);
    store<T>(s.share.data() + i, weight / total);
    likelihood += weight * (top + vec_log<T>(total));
  }
  s.log_likelihood += sum_lanes<T>(likelihood);
}

// Sums of the M step for d = D <= 4, points in the lanes, 1 + D + D (D + 1) / 2 accumulators.
template <class T, int D>
MIXOT_INLINE void sums_small(const Model<T>& model, Scratch<T>& s) {
  using V = Vec<T>;
  constexpr int W = kLanes<T>, Strip = 3 * W;
  for (size_t j = 0; j < model.in.k; ++j) {
    const T* mean = model.means.data() + j * model.pitch;
    V m[D], mass = splat<T>(T(0)), first[D], second[D][D];
    MIXOT_UNROLL for (int a = 0; a < D; ++a) {
      m[a] = splat<T>(mean[a]);
      first[a] = mass;
      MIXOT_UNROLL for (int c = 0; c <= a; ++c) second[a][c] = mass;
    }
    for (size_t at = 0; at < kBlock; at += Strip) {
      const T* x = s.strips + at * D;
      MIXOT_UNROLL for (int v = 0; v < 3; ++v) {
        const V r = load<T>(s.joint.data() + j * kBlock + at + v * W) * load<T>(s.share.data() + at + v * W);
        mass += r;
        V z[D];
        MIXOT_UNROLL for (int a = 0; a < D; ++a) {
          z[a] = load<T>(x + a * Strip + v * W) - m[a];
          const V u = r * z[a];
          first[a] += u;
          MIXOT_UNROLL for (int c = 0; c <= a; ++c) second[a][c] += u * z[c];
        }
      }
    }
    s.mass[j] += sum_lanes<T>(mass);
    MIXOT_UNROLL for (int a = 0; a < D; ++a) {
      s.first[j * model.pitch + a] += sum_lanes<T>(first[a]);
      MIXOT_UNROLL for (int c = 0; c <= a; ++c)
        s.second[(j * model.pitch + a) * model.pitch + c] += sum_lanes<T>(second[a][c]);
    }
  }
}

// Vectors c .. c + N of rows sqrt(r) (z - mean) into the Gram buffer, and sum r (z - mean) into `first`.
template <class T, int N>
MIXOT_INLINE void gather_panel(const Model<T>& model, const T* mean, size_t c, size_t count, const unsigned* index,
                               const T* root, Scratch<T>& s, double* first) {
  constexpr int W = kLanes<T>;
  using V = Vec<T>;
  V m[N], sum[N];
  MIXOT_UNROLL for (int v = 0; v < N; ++v) m[v] = load<T>(mean + c + v * W), sum[v] = splat<T>(T(0));
  const size_t pitch = model.pitch;
  const T* rows = s.rows + c;
  T* to = s.gram.data() + c;
  for (size_t i = 0; i < count; ++i, to += pitch) {
    const T* x = rows + index[i] * pitch;
    const V r = splat<T>(root[i]);
    MIXOT_UNROLL for (int v = 0; v < N; ++v) {
      const V z = r * (load<T>(x + v * W) - m[v]);
      store<T>(to + v * W, z);
      sum[v] += r * z;
    }
  }
  MIXOT_UNROLL for (int v = 0; v < N; ++v) add_lanes<T>(first + c + v * W, sum[v]);
}

// second[a .. a + 4, c .. c + N vectors] += sum_i gram[i, a ..]' gram[i, c ..]
template <class T, int N>
MIXOT_INLINE void gram_tile(const T* gram, size_t count, size_t pitch, size_t a, size_t c, double* second) {
  constexpr int W = kLanes<T>;
  using V = Vec<T>;
  V sum[4][N];
  MIXOT_UNROLL for (int r = 0; r < 4; ++r) MIXOT_UNROLL for (int v = 0; v < N; ++v) sum[r][v] = splat<T>(T(0));
  for (size_t i = 0; i < count; ++i) {
    const T* row = gram + i * pitch;
    V z[N];
    MIXOT_UNROLL for (int v = 0; v < N; ++v) z[v] = load<T>(row + c + v * W);
    MIXOT_UNROLL for (int r = 0; r < 4; ++r) {
      const V u = splat<T>(row[a + r]);
      MIXOT_UNROLL for (int v = 0; v < N; ++v) sum[r][v] += u * z[v];
    }
  }
  MIXOT_UNROLL for (int r = 0; r < 4; ++r)
    MIXOT_UNROLL for (int v = 0; v < N; ++v) add_lanes<T>(second + (a + r) * pitch + c + v * W, sum[r][v]);
}

// second += gram' gram, its lower triangle.
template <class T>
MIXOT_INLINE void add_gram(const T* gram, size_t count, size_t d, size_t pitch, double* second) {
  constexpr int W = kLanes<T>;
  for (size_t a = 0; a < d; a += kGroup) {
    size_t left = (std::min(a + kGroup, pitch) + W - 1) / W;  // vectors up to the diagonal
    for (size_t c = 0; left > 0;) {
      const size_t take = left == 4 || left == 2 ? 2 : left == 1 ? 1 : 3;
      if (take == 3)
        gram_tile<T, 3>(gram, count, pitch, a, c, second);
      else if (take == 2)
        gram_tile<T, 2>(gram, count, pitch, a, c, second);
      else
        gram_tile<T, 1>(gram, count, pitch, a, c, second);
      left -= take;
      c += take * W;
    }
  }
}

// mass, first and second moments about `mean` of the block's rows under weights `part[i] * share[i]`.
template <class T>
MIXOT_INLINE void add_moments(const Model<T>& model, const T* part, const T* share, const T* mean, Scratch<T>& s,
                              double& mass, double* first, double* second) {
  constexpr size_t W = kLanes<T>, Panel = 4 * W;
  size_t count = 0;
  double total = 0;
  T* root = s.root.data();
  unsigned* index = s.index.data();
  for (size_t i = 0; i < kBlock; ++i) {
    const T r = part[i] * share[i];
    index[count] = static_cast<unsigned>(i);
    root[count] = r;
    count += r > T(kNegligible);
    total += static_cast<double>(r);
  }
  mass += total;
  for (size_t i = 0; i < count; ++i) root[i] = std::sqrt(root[i]);
  for (size_t at = 0; at < count; at += s.gram_rows) {
    const size_t some = std::min(s.gram_rows, count - at), width = round_up(model.in.d, W);
    size_t c = 0;
    for (; c + Panel <= width; c += Panel)
      gather_panel<T, 4>(model, mean, c, some, index + at, root + at, s, first);
    for (; c < width; c += W) gather_panel<T, 1>(model, mean, c, some, index + at, root + at, s, first);
    add_gram<T>(s.gram.data(), some, model.in.d, model.pitch, second);
  }
}

// mass, first and, unless `second` is null, diagonal second moments of every component, points in the lanes.
template <class T, bool Second>
MIXOT_INLINE void sums_diagonal(const Model<T>& model, Scratch<T>& s) {
  using V = Vec<T>;
  constexpr int W = kLanes<T>, Strip = 3 * W;
  const size_t d = model.in.d;
  T* r = s.root.data();
  for (size_t j = 0; j < model.in.k; ++j) {
    V mass = splat<T>(T(0));
    for (size_t i = 0; i < kBlock; i += W) {
      const V each = load<T>(s.joint.data() + j * kBlock + i) * load<T>(s.share.data() + i);
      store<T>(r + i, each);
      mass += each;
    }
    const double total = sum_lanes<T>(mass);
    s.mass[j] += total;
    if (total <= kNegligible) continue;
    for (size_t a = 0; a < d; ++a) {
      const V m = splat<T>(model.means[j * model.pitch + a]);
      V first[3], second[3];
      MIXOT_UNROLL for (int v = 0; v < 3; ++v) first[v] = second[v] = splat<T>(T(0));
      for (size_t at = 0; at < kBlock; at += Strip) {
        const T* x = s.strips + at * d + a * Strip;
        MIXOT_UNROLL for (int v = 0; v < 3; ++v) {
          const V z = load<T>(x + v * W) - m, u = load<T>(r + at + v * W) * z;
          first[v] += u;
          if (Second) second[v] += u * z;
        }
      }
      s.first[j * model.pitch + a] += sum_lanes<T>(first[0] + first[1] + first[2]);
      if (Second) s.second[j * model.pitch + a] += sum_lanes<T>(second[0] + second[1] + second[2]);
    }
  }
}

template <class T>
MIXOT_INLINE void add_sums(const Model<T>& model, Scratch<T>& s) {
  const size_t d = model.in.d, k = model.in.k, pitch = model.pitch;
  if (model.in.structure == Structure::diagonal) return sums_diagonal<T, true>(model, s);
  if (model.in.structure == Structure::tied) {
    sums_diagonal<T, false>(model, s);
    double mass = 0;
    std::fill(s.share.begin(), s.share.end(), T(1));
    return add_moments<T>(model, s.weight.data(), s.share.data(), model.means.data() + k * pitch, s, mass,
                             s.first.data() + k * pitch, s.second.data());
  }
  switch (d) {
    case 1: return sums_small<T, 1>(model, s);
    case 2: return sums_small<T, 2>(model, s);
    case 3: return sums_small<T, 3>(model, s);
    case 4: return sums_small<T, 4>(model, s);
    default:
      for (size_t j = 0; j < k; ++j)
        add_moments<T>(model, s.joint.data() + j * kBlock, s.share.data(), model.means.data() + j * pitch, s,
                          s.mass[j], s.first.data() + j * pitch, s.second.data() + j * pitch * pitch);
  }
}

template <class T>
void pass_range(const Model<T>& model, size_t begin, size_t end, Scratch<T>& s) {
  s.clear();
  for (; begin < end; begin += kBlock) {
    load_block<T>(model, begin, std::min(kBlock, end - begin), s);
    log_joint<T>(model, s);
    soft_max<T>(model, s);
    add_sums<T>(model, s);
  }
}

template <class T>
void joint_range(const Model<T>& model, size_t begin, size_t end, Scratch<T>& s, double* out) {
  const size_t k = model.in.k;
  for (; begin < end; begin += kBlock) {
    const size_t count = std::min(kBlock, end - begin);
    load_block<T>(model, begin, count, s);
    log_joint<T>(model, s);
    for (size_t i = 0; i < count; ++i)
      for (size_t j = 0; j < k; ++j) out[(begin + i) * k + j] = static_cast<double>(s.joint[j * kBlock + i]);
  }
}
