#include "mixtures/affine_maps.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;

constexpr std::size_t task_points = 4096;  // what a thread takes at a time

// Points are handled `lanes` at a time, one coordinate after the other (structure of arrays), so that every loop over
// a lane b is a vector loop: 4 registers of AVX-512, 8 of AVX2.
template <class T>
constexpr std::size_t lanes = 256 / sizeof(T);
constexpr std::size_t small_dim = 4;  // up to here a map stays at hand, and points are moved as they are picked
// From here on it pays to guess each point's component from its first coordinates and to handle alike points together:
// all other components are then seen to be far away before the whole of their distance is known.
constexpr std::size_t guess_dim = 12, guess_components = 8;
constexpr double confident = 0.9;  // how likely a guess has to be
// Minus the logarithm of a weight that changes no digit, the square of the rounding unit.
template <class T>
constexpr T negligible = sizeof(T) == 8 ? T(72.5) : T(32.25);

// Buffers of one task, all (rows, lanes); the places of its points in the order in which they are handled, and which
// component each of these is guessed to come from (empty: no guess was made).
template <class T>
struct Desk {
  std::vector<T> memory;
  std::vector<std::uint32_t> order, guess;
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

}  // namespace
}  // namespace mixot

#define MIXOT_KERNEL "mixtures/affine_maps_kernel.inl"
#include "machine/each_isa.inl"

namespace mixot {
namespace {

// task(start, stop, desk) for runs of points.
template <class T, class Task>
void in_tasks(const Points<T>& x, size_t components, size_t threads, Task task) {
  parallel_blocks((x.n + task_points - 1) / task_points, threads, [&](size_t block, size_t) {
    Desk<T> desk(x.d, components);
    task(block * task_points, std::min(x.n, (block + 1) * task_points), desk);
  });
}

// Points sorted by the map they picked, so that a map is read once: with many large maps they do not stay at hand.
template <class T>
void move_picked(const Points<T>& x, const Whitened<T>& law, const AffineMaps<T>& maps, const std::uint64_t* first,
                 const std::int64_t* picked, T* out, size_t threads) {
  const size_t d = x.d, count = first[law.k];
  std::vector<size_t> ends(count + 1);
  for (size_t i = 0; i < x.n; ++i) ++ends[static_cast<size_t>(picked[i]) + 1];
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<size_t> at(ends.begin(), ends.end() - 1);
  std::vector<std::uint32_t> order(x.n);
  for (size_t i = 0; i < x.n; ++i) order[at[static_cast<size_t>(picked[i])]++] = static_cast<std::uint32_t>(i);
  parallel_blocks(law.k, threads, [&](size_t c, size_t) {
    Desk<T> desk(d, 0);
    const auto move = [&](size_t r) {
      MIXOT_DISPATCH(move_pair(x, law.origin, law.mean + c * d, maps.origin, maps.shift + r * d,
                               maps.linear + r * d * d, order.data() + ends[r], ends[r + 1] - ends[r], out, desk))
    };
    for (size_t r = first[c]; r < first[c + 1]; ++r)
      if (ends[r + 1] > ends[r]) move(r);
  });
}

}  // namespace

template <class T>
void blend_affine(const Points<T>& x, const Whitened<T>& law, const AffineMaps<T>& maps, T* out, std::size_t threads) {
  in_tasks(x, law.k, threads, [&](size_t start, size_t stop, Desk<T>& desk) {
    MIXOT_DISPATCH(blend_task(x, law, maps, out, start, stop, desk))
  });
}

template <class T>
void pick_affine(const Points<T>& x, const Whitened<T>& law, const AffineMaps<T>& maps, const std::uint64_t* first,
                 const double* share, const double* uniform, T* out, std::int64_t* picked, std::size_t threads) {
  in_tasks(x, law.k, threads, [&](size_t start, size_t stop, Desk<T>& desk) {
    MIXOT_DISPATCH(pick_task(x, law, maps, first, share, uniform, out, picked, start, stop, desk))
  });
  if (x.d > small_dim) move_picked(x, law, maps, first, picked, out, threads);
}

void posterior(const Points<double>& x, const Whitened<double>& law, double* responsibilities, double* log_density,
               std::size_t threads) {
  in_tasks(x, law.k, threads, [&](size_t start, size_t stop, Desk<double>& desk) {
    MIXOT_DISPATCH(posterior_task(x, law, responsibilities, log_density, start, stop, desk))
  });
}

#define MIXOT_INSTANCE(T)                                                                                            \
  template void blend_affine(const Points<T>&, const Whitened<T>&, const AffineMaps<T>&, T*, std::size_t);           \
  template void pick_affine(const Points<T>&, const Whitened<T>&, const AffineMaps<T>&, const std::uint64_t*,        \
                            const double*, const double*, T*, std::int64_t*, std::size_t);
MIXOT_INSTANCE(float)
MIXOT_INSTANCE(double)

}  // namespace mixot
