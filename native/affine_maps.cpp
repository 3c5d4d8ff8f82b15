#include "affine_maps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "parallel.hpp"
#include "simd.hpp"

namespace mixot {
namespace {

constexpr std::size_t task_points = 4096;  // what a thread takes at a time

// Points are handled `lanes` at a time, one coordinate after the other (structure of arrays), so that every loop over
// a lane b is a vector loop: 4 registers of AVX-512, 8 of AVX2.
template <class T>
constexpr std::size_t lanes = 256 / sizeof(T);

// Buffers of one task, all (rows, lanes).
template <class T>
struct Desk {
  std::vector<T> memory;
  T *MIXOT_RESTRICT x, *MIXOT_RESTRICT y, *MIXOT_RESTRICT e, *MIXOT_RESTRICT moved, *MIXOT_RESTRICT top, *MIXOT_RESTRICT total;

  Desk(std::size_t d, std::size_t k) : memory((3 * d + k + 2) * lanes<T>) {
    x = memory.data();
    y = x + d * lanes<T>;
    moved = y + d * lanes<T>;
    e = moved + d * lanes<T>;
    top = e + k * lanes<T>;
    total = top + lanes<T>;
  }
};

// Points start .. start + count - 1, centered; lanes past the end repeat the origin.
template <class T>
MIXOT_INLINE void load(const Points<T>& points, std::size_t start, std::size_t count, const T* origin, T* x) {
  for (std::size_t j = 0; j < points.d; ++j) {
    const T* from = points.data + start * points.d + j;
    T* to = x + j * lanes<T>;
    for (std::size_t b = 0; b < count; ++b) to[b] = from[b * points.d] - origin[j];
    for (std::size_t b = count; b < lanes<T>; ++b) to[b] = T(0);
  }
}

// The small dimensions are written out by fold expressions: a loop over j inside the loop over lanes would keep it from
// being a vector loop. sum_j w[j] (x[j] - m[j]) over the given j ...
template <class T, std::size_t... J>
MIXOT_INLINE T row_times(const T* w, const T* x, const T* m, std::index_sequence<J...>) {
  return (... + (w[J] * (x[J * lanes<T>] - m[J])));
}

// ... and |w (x - m)|^2 for lower triangular w.
template <class T, std::size_t... I>
MIXOT_INLINE T squared_norm(const T* w, const T* x, const T* m, std::index_sequence<I...>) {
  const T z[] = {row_times(w + I * sizeof...(I), x, m, std::make_index_sequence<I + 1>())...};
  return (... + (z[I] * z[I]));
}

// q[b] = |w y_b|^2 for lower triangular w (d, d).
template <class T>
MIXOT_INLINE void squared_norms(const T* w, const T* y, std::size_t d, T* q) {
  for (std::size_t b = 0; b < lanes<T>; ++b) q[b] = T(0);
  for (std::size_t i = 0; i < d; ++i) {
    T z[lanes<T>] = {};
    for (std::size_t j = 0; j <= i; ++j)
      for (std::size_t b = 0; b < lanes<T>; ++b) z[b] += w[i * d + j] * y[j * lanes<T> + b];
    for (std::size_t b = 0; b < lanes<T>; ++b) q[b] += z[b] * z[b];
  }
}

// e[c][b] = exp(l[c][b] - top[b]), total[b] = sum_c e[c][b], with l the log-joint and top its maximum over c. The floor
// keeps a point that overflows every component finite: it is shared between them.
template <class T, std::size_t D>
MIXOT_INLINE void weigh(const Whitened<T>& law, std::size_t dim, Desk<T>& desk) {
  constexpr std::size_t B = lanes<T>;
  constexpr T floor = -std::numeric_limits<T>::max() / 4;
  const std::size_t d = D ? D : dim;
  const T* const MIXOT_RESTRICT x = desk.x;
  T* const MIXOT_RESTRICT y = desk.y;
  T top[B], total[B];
  for (std::size_t b = 0; b < B; ++b) top[b] = floor;
  for (std::size_t c = 0; c < law.k; ++c) {
    const T *mean = law.mean + c * d, *whiten = law.whiten + c * d * d;
    const T level = law.log_weight[c];
    T q[B];
    if constexpr (D > 0) {
      T m[D], w[D * D];
      for (std::size_t j = 0; j < D; ++j) m[j] = mean[j];
      for (std::size_t j = 0; j < D * D; ++j) w[j] = whiten[j];
      for (std::size_t b = 0; b < B; ++b) q[b] = squared_norm(w, x + b, m, std::make_index_sequence<D>());
    } else {
      for (std::size_t j = 0; j < d; ++j)
        for (std::size_t b = 0; b < B; ++b) y[j * B + b] = x[j * B + b] - mean[j];
      squared_norms(whiten, y, d, q);
    }
    T* const MIXOT_RESTRICT e = desk.e + c * B;
    for (std::size_t b = 0; b < B; ++b) {
      const T l = level - T(0.5) * q[b];
      e[b] = l > floor ? l : floor;  // also where l is NaN
      top[b] = e[b] > top[b] ? e[b] : top[b];
    }
  }
  for (std::size_t b = 0; b < B; ++b) total[b] = T(0);
  for (std::size_t c = 0; c < law.k; ++c) {
    T* const MIXOT_RESTRICT e = desk.e + c * B;
    for (std::size_t b = 0; b < B; ++b) {
      e[b] = fast_exp(e[b] - top[b]);
      total[b] += e[b];
    }
  }
  for (std::size_t b = 0; b < B; ++b) {
    desk.top[b] = top[b];
    desk.total[b] = total[b];
  }
}

// moved[i][b] += e[b] (shift + linear (x_b - mean))[i]
template <class T, std::size_t D>
MIXOT_INLINE void add_image(const T* mean, const T* shift, const T* linear, std::size_t dim, const T* MIXOT_RESTRICT e, Desk<T>& desk) {
  constexpr std::size_t B = lanes<T>;
  const std::size_t d = D ? D : dim;
  const T* const MIXOT_RESTRICT x = desk.x;
  T* const MIXOT_RESTRICT y = desk.y;
  if constexpr (D > 0) {
    T m[D], s[D], a[D * D];
    for (std::size_t j = 0; j < D; ++j) m[j] = mean[j], s[j] = shift[j];
    for (std::size_t j = 0; j < D * D; ++j) a[j] = linear[j];
    T weight[B];
    for (std::size_t b = 0; b < B; ++b) weight[b] = e[b];
    for (std::size_t i = 0; i < D; ++i) {
      T* const MIXOT_RESTRICT moved = desk.moved + i * B;
      for (std::size_t b = 0; b < B; ++b)
        moved[b] += weight[b] * (s[i] + row_times(a + i * D, x + b, m, std::make_index_sequence<D>()));
    }
  } else {
    for (std::size_t j = 0; j < d; ++j)
      for (std::size_t b = 0; b < B; ++b) y[j * B + b] = x[j * B + b] - mean[j];
    for (std::size_t i = 0; i < d; ++i) {
      T image[B];
      for (std::size_t b = 0; b < B; ++b) image[b] = shift[i];
      for (std::size_t j = 0; j < d; ++j)
        for (std::size_t b = 0; b < B; ++b) image[b] += linear[i * d + j] * y[j * B + b];
      T* const MIXOT_RESTRICT moved = desk.moved + i * B;
      for (std::size_t b = 0; b < B; ++b) moved[b] += e[b] * image[b];
    }
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

  template <std::size_t D>
  MIXOT_INLINE void run(std::size_t start, std::size_t stop, Desk<T>& desk) const {
    constexpr std::size_t B = lanes<T>;
    // A weight below the square of the rounding unit changes no digit: whole groups of them are skipped.
    constexpr T least = std::numeric_limits<T>::epsilon() * std::numeric_limits<T>::epsilon();
    const std::size_t d = D ? D : x.d;
    for (std::size_t at = start; at < stop; at += B) {
      const std::size_t count = std::min(B, stop - at);
      load(x, at, count, law.origin, desk.x);
      weigh<T, D>(law, d, desk);
      for (std::size_t i = 0; i < d * B; ++i) desk.moved[i] = T(0);
      for (std::size_t c = 0; c < law.k; ++c) {
        const T* e = desk.e + c * B;
        unsigned heavy = 0;
        for (std::size_t b = 0; b < B; ++b) heavy |= e[b] >= least;
        if (heavy) add_image<T, D>(law.mean + c * d, maps.shift + c * d, maps.linear + c * d * d, d, e, desk);
      }
      for (std::size_t i = 0; i < d; ++i)
        for (std::size_t b = 0; b < count; ++b)
          out[(at + b) * d + i] = maps.origin[i] + desk.moved[i * B + b] / desk.total[b];
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

  template <std::size_t D>
  MIXOT_INLINE void run(std::size_t start, std::size_t stop, Desk<T>& desk) const {
    constexpr std::size_t B = lanes<T>;
    const std::size_t d = D ? D : x.d;
    for (std::size_t at = start; at < stop; at += B) {
      const std::size_t count = std::min(B, stop - at);
      load(x, at, count, law.origin, desk.x);
      weigh<T, D>(law, d, desk);
      for (std::size_t b = 0; b < count; ++b) {
        std::size_t c;
        const std::size_t r = draw(desk.e + b, uniform[at + b], c);
        picked[at + b] = static_cast<std::int64_t>(r);
        const T *mean = law.mean + c * d, *linear = maps.linear + r * d * d;
        for (std::size_t i = 0; i < d; ++i) {
          T image = maps.shift[r * d + i];
          for (std::size_t j = 0; j < d; ++j) image += linear[i * d + j] * (desk.x[j * B + b] - mean[j]);
          out[(at + b) * d + i] = maps.origin[i] + image;
        }
      }
    }
  }

  // Component c by inverse distribution function; what is left of u, again uniform, picks its map.
  MIXOT_INLINE std::size_t draw(const T* e, double u, std::size_t& c) const {
    constexpr std::size_t B = lanes<T>;
    double total = 0;
    for (std::size_t k = 0; k < law.k; ++k) total += static_cast<double>(e[k * B]);
    double left = u * total;
    std::size_t last = 0;  // of positive weight: where rounding leaves some of u at the end
    for (c = 0; c < law.k; ++c) {
      const double weight = static_cast<double>(e[c * B]);
      if (weight > 0) last = c;
      if (left < weight) break;
      left -= weight;
    }
    c = std::min(c, last);
    left /= static_cast<double>(e[c * B]);
    std::size_t r = first[c];
    while (r + 1 < first[c + 1] && left >= share[r]) left -= share[r++];
    return r;
  }
};

struct Posterior {
  using Real = double;
  const Points<double>& x;
  const Whitened<double>& law;
  double *responsibilities, *log_density;

  template <std::size_t D>
  MIXOT_INLINE void run(std::size_t start, std::size_t stop, Desk<double>& desk) const {
    constexpr std::size_t B = lanes<double>;
    for (std::size_t at = start; at < stop; at += B) {
      const std::size_t count = std::min(B, stop - at);
      load(x, at, count, law.origin, desk.x);
      weigh<double, D>(law, x.d, desk);
      if (responsibilities)
        for (std::size_t b = 0; b < count; ++b)
          for (std::size_t c = 0; c < law.k; ++c)
            responsibilities[(at + b) * law.k + c] = desk.e[c * B + b] / desk.total[b];
      if (log_density)
        for (std::size_t b = 0; b < count; ++b) log_density[at + b] = desk.top[b] + std::log(desk.total[b]);
    }
  }
};

// The small dimensions have loops of their own.
template <class Job>
MIXOT_INLINE void run_task_body(const Job& job, std::size_t start, std::size_t stop, Desk<typename Job::Real>& desk) {
  switch (job.x.d) {
    case 1: return job.template run<1>(start, stop, desk);
    case 2: return job.template run<2>(start, stop, desk);
    case 3: return job.template run<3>(start, stop, desk);
    case 4: return job.template run<4>(start, stop, desk);
    default: return job.template run<0>(start, stop, desk);
  }
}

#define MIXOT_TASK(Job) (const Job& job, std::size_t start, std::size_t stop, Desk<Job::Real>& desk)
MIXOT_MULTIVERSION(run_task, MIXOT_TASK(Blend<float>), (job, start, stop, desk))
MIXOT_MULTIVERSION(run_task, MIXOT_TASK(Blend<double>), (job, start, stop, desk))
MIXOT_MULTIVERSION(run_task, MIXOT_TASK(Pick<float>), (job, start, stop, desk))
MIXOT_MULTIVERSION(run_task, MIXOT_TASK(Pick<double>), (job, start, stop, desk))
MIXOT_MULTIVERSION(run_task, MIXOT_TASK(Posterior), (job, start, stop, desk))
#undef MIXOT_TASK

template <class Job>
void run_all(const Job& job, std::size_t threads) {
  parallel_blocks((job.x.n + task_points - 1) / task_points, threads, [&](std::size_t block, std::size_t) {
    Desk<typename Job::Real> desk(job.x.d, job.law.k);
    run_task(job, block * task_points, std::min(job.x.n, (block + 1) * task_points), desk);
  });
}

}  // namespace

template <class T>
void blend_affine(const Points<T>& x, const Whitened<T>& law, const AffineMaps<T>& maps, T* out, std::size_t threads) {
  run_all(Blend<T>{x, law, maps, out}, threads);
}

template <class T>
void pick_affine(const Points<T>& x, const Whitened<T>& law, const AffineMaps<T>& maps, const std::uint64_t* first,
                 const double* share, const double* uniform, T* out, std::int64_t* picked, std::size_t threads) {
  run_all(Pick<T>{x, law, maps, first, share, uniform, out, picked}, threads);
}

void posterior(const Points<double>& x, const Whitened<double>& law, double* responsibilities, double* log_density,
               std::size_t threads) {
  run_all(Posterior{x, law, responsibilities, log_density}, threads);
}

#define MIXOT_INSTANCE(T)                                                                                            \
  template void blend_affine(const Points<T>&, const Whitened<T>&, const AffineMaps<T>&, T*, std::size_t);           \
  template void pick_affine(const Points<T>&, const Whitened<T>&, const AffineMaps<T>&, const std::uint64_t*,        \
                            const double*, const double*, T*, std::int64_t*, std::size_t);
MIXOT_INSTANCE(float)
MIXOT_INSTANCE(double)

}  // namespace mixot
