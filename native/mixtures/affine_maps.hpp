// Points weighed by the components of a Gaussian mixture and moved by affine maps, in one pass over them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// x (n, d), row-major.
template <class T>
struct Points {
  const T* data;
  std::size_t n, d;
};

// k Gaussian components relative to `origin` (d): log(weight * density) of component c at x is
// log_weight[c] - |whiten[c] (x - origin - mean[c])|^2 / 2, with whiten (k, d, d) lower triangular, mean (k, d).
template <class T>
struct Whitened {
  const T *origin, *mean, *whiten, *log_weight;
  std::size_t k;
};

// s affine maps, map r of component c sends x to origin + shift[r] + linear[r] (x - source origin - mean[c]);
// origin (d), shift (s, d), linear (s, d, d).
template <class T>
struct AffineMaps {
  const T *origin, *shift, *linear;
};

// out (n, d): y = origin + sum_c p(c | x) (shift[c] + linear[c] (x - mean[c])), one map per component.
template <class T>
void blend_affine(const Points<T>& x, const Whitened<T>& law, const AffineMaps<T>& maps, T* out, std::size_t threads);

// The maps first[c] .. first[c + 1] - 1 belong to component c and are taken with the probabilities share[] (which sum
// to one over them); uniform (n) picks (c, r) by inverse distribution function, out (n, d) = map r of x, picked (n) = r.
template <class T>
void pick_affine(const Points<T>& x, const Whitened<T>& law, const AffineMaps<T>& maps, const std::uint64_t* first,
                 const double* share, const double* uniform, T* out, std::int64_t* picked, std::size_t threads);

// responsibilities (n, k) or null; log_density (n) = log sum_c exp(...) or null.
void posterior(const Points<double>& x, const Whitened<double>& law, double* responsibilities, double* log_density,
               std::size_t threads);

}  // namespace mixot
