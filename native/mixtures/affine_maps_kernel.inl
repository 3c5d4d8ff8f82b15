// The kernels of affine_maps.cpp, once for each instruction set (see each_isa.inl).

// Points start .. start + count - 1, centered; lanes past the end repeat the origin.
template <class T>
MIXOT_INLINE void gather(const Points<T>& points, size_t start, size_t count, const T* origin, T* x) {
  for (size_t j = 0; j < points.d; ++j) {
    const T* from = points.data + start * points.d + j;
    T* to = x + j * lanes<T>;
    for (size_t b = 0; b < count; ++b) to[b] = from[b * points.d] - origin[j];
    for (size_t b = count; b < lanes<T>; ++b) to[b] = T(0);
  }
}

// The same for points at the places list[0] .. list[count - 1].
template <class T>
MIXOT_INLINE void gather(const Points<T>& points, const std::uint32_t* list, size_t count, const T* origin, T* x) {
  for (size_t b = 0; b < count; ++b) {
    const T* from = points.data + list[b] * points.d;
    for (size_t j = 0; j < points.d; ++j) x[j * lanes<T> + b] = from[j] - origin[j];
  }
  for (size_t j = 0; j < points.d; ++j)
    for (size_t b = count; b < lanes<T>; ++b) x[j * lanes<T> + b] = T(0);
}

// The small dimensions are written out by fold expressions: a loop over j inside the loop over lanes would keep it from
// being a vector loop. sum_j w[j] (x[j] - m[j]) over the given j ...
template <class T, size_t... J>
MIXOT_INLINE T row_times(const T* w, const T* x, const T* m, std::index_sequence<J...>) {
  return (... + (w[J] * (x[J * lanes<T>] - m[J])));
}

// ... and |w (x - m)|^2 for lower triangular w.
template <class T, size_t... I>
MIXOT_INLINE T squared_norm(const T* w, const T* x, const T* m, std::index_sequence<I...>) {
  const T z[] = {row_times(w + I * sizeof...(I), x, m, std::make_index_sequence<I + 1>())...};
  return (... + (z[I] * z[I]));
}

// Rows i .. i + R - 1 of w (d, d) times y (d, lanes), G registers of lanes: all columns, or those up to the diagonal.
template <class T, int R, int G, bool Triangular>
MIXOT_INLINE void tile_product(const T* w, const T* MIXOT_RESTRICT y, size_t d, size_t i, Vec<T> (&sum)[R][G]) {
  constexpr size_t B = lanes<T>, W = kLanes<T>;
  MIXOT_UNROLL for (int r = 0; r < R; ++r) MIXOT_UNROLL for (int g = 0; g < G; ++g) sum[r][g] = splat(T(0));
  const size_t stop = Triangular ? i + 1 : d;
  for (size_t j = 0; j < stop; ++j) {
    Vec<T> from[G];
    MIXOT_UNROLL for (int g = 0; g < G; ++g) from[g] = load<T>(y + j * B + g * W);
    MIXOT_UNROLL for (int r = 0; r < R; ++r) {
      const Vec<T> f = splat(w[(i + r) * d + j]);
      MIXOT_UNROLL for (int g = 0; g < G; ++g) sum[r][g] += f * from[g];
    }
  }
  if constexpr (Triangular)
    MIXOT_UNROLL for (int r = 1; r < R; ++r)
      MIXOT_UNROLL for (int t = 1; t <= r; ++t) {
        const Vec<T> f = splat(w[(i + r) * d + i + t]);
        MIXOT_UNROLL for (int g = 0; g < G; ++g) sum[r][g] += f * load<T>(y + (i + t) * B + g * W);
      }
}

template <class T>
MIXOT_INLINE bool all_above(const Vec<T> (&total)[4], const T* limit) {
  Vec<T> below = splat(T(0));
  MIXOT_UNROLL for (int g = 0; g < 4; ++g)
    below += where_less<T>(load<T>(limit + g * kLanes<T>), total[g], splat(T(0)), splat(T(1)));
  return sum_lanes<T>(below) == 0;
}

// q[b] = |w (x_b - mean)|^2 for the first rows of lower triangular w (d, d); y takes the differences as they are needed.
// Given a limit for each lane, it may stop and return less where all lanes of a block are above theirs.
template <class T>
MIXOT_INLINE void squared_norms(const T* w, const T* MIXOT_RESTRICT x, const T* mean, size_t d, size_t rows,
                                const T* limit, T* MIXOT_RESTRICT y, T* q) {
  constexpr int G = 4, W = kLanes<T>;
  for (size_t at = 0; at < lanes<T>; at += G * W) {
    Vec<T> sum[2][G], last[1][G], total[G];
    MIXOT_UNROLL for (int g = 0; g < G; ++g) total[g] = splat(T(0));
    const auto center = [&](size_t j) {
      MIXOT_UNROLL for (int g = 0; g < G; ++g) {
        const size_t to = j * lanes<T> + at + g * W;
        store<T>(y + to, load<T>(x + to) - splat(mean[j]));
      }
    };
    size_t i = 0;
    for (; i + 2 <= rows; i += 2) {
      center(i);
      center(i + 1);
      tile_product<T, 2, G, true>(w, y + at, d, i, sum);
      MIXOT_UNROLL for (int g = 0; g < G; ++g) total[g] += sum[0][g] * sum[0][g] + sum[1][g] * sum[1][g];
      if (limit && i % 4 == 2 && all_above<T>(total, limit + at)) break;
    }
    if (i + 1 == rows) {
      center(i);
      tile_product<T, 1, G, true>(w, y + at, d, i, last);
      MIXOT_UNROLL for (int g = 0; g < G; ++g) total[g] += last[0][g] * last[0][g];
    }
    MIXOT_UNROLL for (int g = 0; g < G; ++g) store<T>(q + at + g * W, total[g]);
  }
}

// moved[i][b] = (moved[i][b] where Add) + e[b] (shift[i] + (linear y_b)[i]).
template <class T, int R, bool Add>
MIXOT_INLINE void image_rows(const T* shift, const T* linear, const T* y, size_t d, const T* e, size_t i, T* moved) {
  constexpr int G = 4, W = kLanes<T>;
  for (size_t at = 0; at < lanes<T>; at += G * W) {
    Vec<T> sum[R][G];
    tile_product<T, R, G, false>(linear, y + at, d, i, sum);
    MIXOT_UNROLL for (int r = 0; r < R; ++r) MIXOT_UNROLL for (int g = 0; g < G; ++g) {
      T* to = moved + (i + r) * lanes<T> + at + g * W;
      const Vec<T> image = load<T>(e + at + g * W) * (splat(shift[i + r]) + sum[r][g]);
      store<T>(to, Add ? load<T>(to) + image : image);
    }
  }
}

template <class T, bool Add>
MIXOT_INLINE void images(const T* shift, const T* linear, const T* y, size_t d, const T* e, T* moved) {
  size_t i = 0;
  for (; i + 2 <= d; i += 2) image_rows<T, 2, Add>(shift, linear, y, d, e, i, moved);
  if (i < d) image_rows<T, 1, Add>(shift, linear, y, d, e, i, moved);
}

// e[c][b] = exp(l[c][b] - top[b]), total[b] = sum_c e[c][b], with l the log-joint and top its maximum over c. The floor
// keeps a point that overflows every component finite: it is shared between them. With a guess at the first lane's
// component, that one comes first, those of the other lanes soon after, and weights that are negligible are not exact.
template <class T, size_t D>
MIXOT_INLINE void weigh(const Whitened<T>& law, size_t dim, const std::uint32_t* guess, Desk<T>& desk) {
  constexpr size_t B = lanes<T>;
  constexpr T floor = -std::numeric_limits<T>::max() / 4;
  const size_t d = D ? D : dim;
  const T* const MIXOT_RESTRICT x = desk.x;
  T* const MIXOT_RESTRICT y = desk.y;
  T top[B], total[B];
  for (size_t b = 0; b < B; ++b) top[b] = floor;
  for (size_t s = 0; s < law.k; ++s) {
    const size_t c = !guess ? s : s + *guess < law.k ? s + *guess : s + *guess - law.k;
    const T *mean = law.mean + c * d, *whiten = law.whiten + c * d * d;
    const T level = law.log_weight[c];
    T q[B];
    if constexpr (D > 0) {
      T m[D], w[D * D];
      for (size_t j = 0; j < D; ++j) m[j] = mean[j];
      for (size_t j = 0; j < D * D; ++j) w[j] = whiten[j];
      for (size_t b = 0; b < B; ++b) q[b] = squared_norm(w, x + b, m, std::make_index_sequence<D>());
    } else {
      T limit[B];
      for (size_t b = 0; b < B; ++b) limit[b] = T(2) * (level - top[b] + negligible<T>);
      squared_norms<T>(whiten, x, mean, d, d, guess ? limit : nullptr, y, q);
    }
    T* const MIXOT_RESTRICT e = desk.e + c * B;
    for (size_t b = 0; b < B; ++b) {
      const T l = level - T(0.5) * q[b];
      e[b] = l > floor ? l : floor;  // also where l is NaN
      top[b] = e[b] > top[b] ? e[b] : top[b];
    }
  }
  for (size_t b = 0; b < B; ++b) total[b] = T(0);
  for (size_t c = 0; c < law.k; ++c) {
    T* const MIXOT_RESTRICT e = desk.e + c * B;
    for (size_t b = 0; b < B; ++b) {
      e[b] = fast_exp(e[b] - top[b]);
      total[b] += e[b];
    }
  }
  for (size_t b = 0; b < B; ++b) {
    desk.top[b] = top[b];
    desk.total[b] = total[b];
  }
}

// The marginal laws of the first coordinates, `rows` of them, whose whitening maps are the first rows of whiten.
template <class T>
class Leading {
 public:
  MIXOT_INLINE Leading(const Whitened<T>& law, size_t d) : law_(law), d_(d), rows_(d / 3), level_(law.k) {
    for (size_t c = 0; c < law.k; ++c) {
      level_[c] = law.log_weight[c];
      for (size_t i = rows_; i < d; ++i) level_[c] -= std::log(law.whiten[(c * d + i) * d + i]);
    }
  }

  // The component that is most likely for each point of desk.x, and the logarithm of its weighted density.
  MIXOT_INLINE void likeliest(Desk<T>& desk, std::uint32_t* which, T* best) const {
    T l[lanes<T>];
    std::fill_n(best, lanes<T>, -std::numeric_limits<T>::max());
    for (size_t c = 0; c < law_.k; ++c) {
      log_densities(c, desk, l);
      for (size_t b = 0; b < lanes<T>; ++b) {
        which[b] = l[b] > best[b] ? static_cast<std::uint32_t>(c) : which[b];
        best[b] = l[b] > best[b] ? l[b] : best[b];
      }
    }
  }

  // How likely that component is, on average over the first points of desk.x.
  MIXOT_INLINE T confidence(Desk<T>& desk, size_t count, const T* best) const {
    T l[lanes<T>], total[lanes<T>] = {}, sum = 0;
    for (size_t c = 0; c < law_.k; ++c) {
      log_densities(c, desk, l);
      for (size_t b = 0; b < count; ++b) total[b] += std::exp(l[b] - best[b]);
    }
    for (size_t b = 0; b < count; ++b) sum += 1 / total[b];
    return sum / static_cast<T>(count);
  }

 private:
  MIXOT_INLINE void log_densities(size_t c, Desk<T>& desk, T* l) const {
    squared_norms<T>(law_.whiten + c * d_ * d_, desk.x, law_.mean + c * d_, d_, rows_, nullptr, desk.y, l);
    for (size_t b = 0; b < lanes<T>; ++b) l[b] = level_[c] - T(0.5) * l[b];
  }

  const Whitened<T>& law_;
  size_t d_, rows_;
  std::vector<T> level_;
};

// The order of a task's points, by the component that is most likely given their first coordinates; as they come where
// guessing does not pay, as it does not where components overlap.
template <class T>
MIXOT_INLINE void put_in_order(const Points<T>& x, const Whitened<T>& law, size_t start, size_t stop, Desk<T>& desk) {
  desk.guess.clear();
  desk.order.resize(stop - start);
  std::iota(desk.order.begin(), desk.order.end(), static_cast<std::uint32_t>(start));
  if (x.d < guess_dim || law.k < guess_components) return;
  const Leading<T> leading(law, x.d);
  std::vector<std::uint32_t> guess(stop - start);
  for (size_t at = start; at < stop; at += lanes<T>) {
    const size_t count = std::min(lanes<T>, stop - at);
    std::uint32_t which[lanes<T>] = {};
    T best[lanes<T>];
    gather(x, at, count, law.origin, desk.x);
    leading.likeliest(desk, which, best);
    if (at == start && leading.confidence(desk, count, best) < T(confident)) return;
    std::copy(which, which + count, guess.begin() + static_cast<std::ptrdiff_t>(at - start));
  }
  std::vector<std::uint32_t> place(law.k + 1);
  for (const std::uint32_t c : guess) ++place[c + 1];
  std::partial_sum(place.begin(), place.end(), place.begin());
  desk.guess.resize(stop - start);
  for (size_t i = 0; i < guess.size(); ++i) {
    const std::uint32_t to = place[guess[i]]++;
    desk.order[to] = static_cast<std::uint32_t>(start + i);
    desk.guess[to] = guess[i];
  }
}

// The next points of a task and the weights of their components. -> their places, where they do not come as they stand.
template <class T, size_t D>
MIXOT_INLINE const std::uint32_t* take(const Points<T>& x, const Whitened<T>& law, size_t start, size_t at, size_t count,
                                       Desk<T>& desk) {
  const std::uint32_t* list = D ? nullptr : &desk.order[at - start];
  if constexpr (D > 0)
    gather(x, at, count, law.origin, desk.x);
  else
    gather(x, list, count, law.origin, desk.x);
  weigh<T, D>(law, D ? D : x.d, desk.guess.empty() ? nullptr : &desk.guess[at - start], desk);
  return list;
}

// moved[i][b] += e[b] (shift + linear (x_b - mean))[i]
template <class T, size_t D>
MIXOT_INLINE void add_image(const T* mean, const T* shift, const T* linear, size_t dim, const T* MIXOT_RESTRICT e, Desk<T>& desk) {
  constexpr size_t B = lanes<T>;
  const size_t d = D ? D : dim;
  const T* const MIXOT_RESTRICT x = desk.x;
  T* const MIXOT_RESTRICT y = desk.y;
  if constexpr (D > 0) {
    T m[D], s[D], a[D * D];
    for (size_t j = 0; j < D; ++j) m[j] = mean[j], s[j] = shift[j];
    for (size_t j = 0; j < D * D; ++j) a[j] = linear[j];
    T weight[B];
    for (size_t b = 0; b < B; ++b) weight[b] = e[b];
    for (size_t i = 0; i < D; ++i) {
      T* const MIXOT_RESTRICT moved = desk.moved + i * B;
      for (size_t b = 0; b < B; ++b)
        moved[b] += weight[b] * (s[i] + row_times(a + i * D, x + b, m, std::make_index_sequence<D>()));
    }
  } else {
    for (size_t j = 0; j < d; ++j)
      for (size_t b = 0; b < B; ++b) y[j * B + b] = x[j * B + b] - mean[j];
    images<T, true>(shift, linear, y, d, e, desk.moved);
  }
}

// What a kernel does with a run of points: one struct each, so that one dispatcher serves all of them.

template <class T>
struct Blend {
  using Real = T;
  const Points<T>& x;
  const Whitened<T>& law;
  const AffineMaps<T>& maps;
  T* out;

  template <size_t D>
  MIXOT_INLINE void run(size_t start, size_t stop, Desk<T>& desk) const {
    constexpr size_t B = lanes<T>;
    // A weight below the square of the rounding unit changes no digit: whole groups of them are skipped.
    constexpr T least = std::numeric_limits<T>::epsilon() * std::numeric_limits<T>::epsilon();
    const size_t d = D ? D : x.d;
    if constexpr (D == 0) put_in_order(x, law, start, stop, desk);
    for (size_t at = start; at < stop; at += B) {
      const size_t count = std::min(B, stop - at);
      const std::uint32_t* list = take<T, D>(x, law, start, at, count, desk);
      for (size_t i = 0; i < d * B; ++i) desk.moved[i] = T(0);
      for (size_t c = 0; c < law.k; ++c) {
        const T* e = desk.e + c * B;
        unsigned heavy = 0;
        for (size_t b = 0; b < B; ++b) heavy |= e[b] >= least;
        if (heavy) add_image<T, D>(law.mean + c * d, maps.shift + c * d, maps.linear + c * d * d, d, e, desk);
      }
      if constexpr (D > 0) {
        for (size_t i = 0; i < d; ++i)
          for (size_t b = 0; b < count; ++b)
            out[(at + b) * d + i] = maps.origin[i] + desk.moved[i * B + b] / desk.total[b];
      } else {
        for (size_t b = 0; b < count; ++b)
          for (size_t i = 0; i < d; ++i)
            out[list[b] * d + i] = maps.origin[i] + desk.moved[i * B + b] / desk.total[b];
      }
    }
  }
};

template <class T>
struct Pick {
  using Real = T;
  const Points<T>& x;
  const Whitened<T>& law;
  const AffineMaps<T>& maps;
  const std::uint64_t* first;
  const double *share, *uniform;
  T* out;
  std::int64_t* picked;

  template <size_t D>
  MIXOT_INLINE void run(size_t start, size_t stop, Desk<T>& desk) const {
    constexpr size_t B = lanes<T>;
    const size_t d = D ? D : x.d;
    if constexpr (D == 0) put_in_order(x, law, start, stop, desk);
    for (size_t at = start; at < stop; at += B) {
      const size_t count = std::min(B, stop - at);
      const std::uint32_t* list = take<T, D>(x, law, start, at, count, desk);
      for (size_t b = 0; b < count; ++b) {
        size_t c;
        const size_t place = D ? at + b : list[b];
        const size_t r = draw(desk.e + b, uniform[place], c);
        picked[place] = static_cast<std::int64_t>(r);
        if constexpr (D == 0) continue;  // moved pair by pair, once all are known
        const T *mean = law.mean + c * d, *linear = maps.linear + r * d * d;
        for (size_t i = 0; i < d; ++i) {
          T image = maps.shift[r * d + i];
          for (size_t j = 0; j < d; ++j) image += linear[i * d + j] * (desk.x[j * B + b] - mean[j]);
          out[(at + b) * d + i] = maps.origin[i] + image;
        }
      }
    }
  }

  // Component c by inverse distribution function; what is left of u, again uniform, picks its map.
  MIXOT_INLINE size_t draw(const T* e, double u, size_t& c) const {
    constexpr size_t B = lanes<T>;
    double total = 0;
    for (size_t k = 0; k < law.k; ++k) total += static_cast<double>(e[k * B]);
    double left = u * total;
    size_t last = 0;  // of positive weight: where rounding leaves some of u at the end
    for (c = 0; c < law.k; ++c) {
      const double weight = static_cast<double>(e[c * B]);
      if (weight > 0) last = c;
      if (left < weight) break;
      left -= weight;
    }
    c = std::min(c, last);
    left /= static_cast<double>(e[c * B]);
    size_t r = first[c];
    while (r + 1 < first[c + 1] && left >= share[r]) left -= share[r++];
    return r;
  }
};

struct Posterior {
  using Real = double;
  const Points<double>& x;
  const Whitened<double>& law;
  double *responsibilities, *log_density;

  template <size_t D>
  MIXOT_INLINE void run(size_t start, size_t stop, Desk<double>& desk) const {
    constexpr size_t B = lanes<double>;
    for (size_t at = start; at < stop; at += B) {
      const size_t count = std::min(B, stop - at);
      gather(x, at, count, law.origin, desk.x);
      weigh<double, D>(law, x.d, nullptr, desk);
      if (responsibilities)
        for (size_t b = 0; b < count; ++b)
          for (size_t c = 0; c < law.k; ++c)
            responsibilities[(at + b) * law.k + c] = desk.e[c * B + b] / desk.total[b];
      if (log_density)
        for (size_t b = 0; b < count; ++b) log_density[at + b] = desk.top[b] + std::log(desk.total[b]);
    }
  }
};

// The points of one pair: list (count) are their places in x and out, mean is that of the pair's component.
template <class T>
inline void move_pair(const Points<T>& x, const T* origin, const T* mean, const T* target_origin, const T* shift,
                      const T* linear, const std::uint32_t* list, size_t count, T* out, Desk<T>& desk) {
  constexpr size_t B = lanes<T>;
  const size_t d = x.d;
  T one[B];
  for (size_t b = 0; b < B; ++b) one[b] = T(1);
  for (size_t at = 0; at < count; at += B) {
    const size_t n = std::min(B, count - at);
    for (size_t b = 0; b < B; ++b) {
      const T* from = x.data + list[at + std::min(b, n - 1)] * d;
      for (size_t j = 0; j < d; ++j) desk.y[j * B + b] = (from[j] - origin[j]) - mean[j];
    }
    images<T, false>(shift, linear, desk.y, d, one, desk.moved);
    for (size_t b = 0; b < n; ++b) {
      T* to = out + list[at + b] * d;
      for (size_t i = 0; i < d; ++i) to[i] = target_origin[i] + desk.moved[i * B + b];
    }
  }
}

// The small dimensions have loops of their own.
template <class Job>
inline void run_task(const Job& job, size_t start, size_t stop, Desk<typename Job::Real>& desk) {
  switch (job.x.d) {
    case 1: return job.template run<1>(start, stop, desk);
    case 2: return job.template run<2>(start, stop, desk);
    case 3: return job.template run<3>(start, stop, desk);
    case 4: return job.template run<4>(start, stop, desk);
    default: return job.template run<0>(start, stop, desk);
  }
}

template <class T>
inline void blend_task(const Points<T>& x, const Whitened<T>& law, const AffineMaps<T>& maps, T* out, size_t start,
                       size_t stop, Desk<T>& desk) {
  run_task(Blend<T>{x, law, maps, out}, start, stop, desk);
}

template <class T>
inline void pick_task(const Points<T>& x, const Whitened<T>& law, const AffineMaps<T>& maps, const std::uint64_t* first,
                      const double* share, const double* uniform, T* out, std::int64_t* picked, size_t start,
                      size_t stop, Desk<T>& desk) {
  run_task(Pick<T>{x, law, maps, first, share, uniform, out, picked}, start, stop, desk);
}

inline void posterior_task(const Points<double>& x, const Whitened<double>& law, double* responsibilities,
                           double* log_density, size_t start, size_t stop, Desk<double>& desk) {
  run_task(Posterior{x, law, responsibilities, log_density}, start, stop, desk);
}
