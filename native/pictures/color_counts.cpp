#include "pictures/color_counts.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "machine/interrupt.hpp"
#include "pictures/color_entry.hpp"

namespace mixot {

using std::size_t;

template <class T>
void count_colors(const T* pixels, const float* weights, size_t count, double* totals) {
  constexpr size_t run = 1 << 16;
  const double scale = 1.0 / static_cast<double>(full_scale<T>());
  for (size_t start = 0; start < count; start += run) {
    const size_t stop = std::min(count, start + run);
    for (size_t i = start; i < stop; ++i) {
      const double weight = weights ? weights[i] : 1.0;
      double value[3];
      size_t cell = 0;
      for (size_t j = 0; j < 3; ++j) {
        value[j] = static_cast<double>(pixels[3 * i + j]) * scale;
        const double at = value[j] * static_cast<double>(count_cells);
        const size_t low = at > 0 ? static_cast<size_t>(std::min(at, count_cells - 1.0)) : 0;
        cell = cell * count_cells + low;
      }
      double* total = totals + 4 * cell;
      total[0] += weight;
      for (size_t j = 0; j < 3; ++j) total[j + 1] += weight * value[j];
    }
    look_for_interrupt();
  }
}

template void count_colors(const std::uint8_t*, const float*, size_t, double*);
template void count_colors(const std::uint16_t*, const float*, size_t, double*);
template void count_colors(const float*, const float*, size_t, double*);
template void count_colors(const double*, const float*, size_t, double*);

}  // namespace mixot
