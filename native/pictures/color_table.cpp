#include "pictures/color_table.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"
#include "pictures/color_entry.hpp"

namespace mixot {
namespace {

using std::size_t;

constexpr size_t task_pixels = 1 << 14;  // what a thread takes at a time

template <class T>
MIXOT_INLINE void look_up_body(const float* table, size_t n, const T* pixels, size_t count, T* out) {
  const float scale = 1.0f / full_scale<T>();
  for (size_t i = 0; i < count; ++i) {
    float color[3], moved[4];
    for (int c = 0; c < 3; ++c) color[c] = static_cast<float>(pixels[3 * i + c]) * scale;
    table_entry(table, static_cast<std::int32_t>(n), color, moved);
    for (int c = 0; c < 3; ++c) out[3 * i + c] = as_pixel<T>(moved[c]);
  }
}

#define MIXOT_LOOK_UP(T)                                                                              \
  MIXOT_MULTIVERSION(look_up, (const float* table, size_t n, const T* pixels, size_t count, T* out), \
                     (table, n, pixels, count, out))
MIXOT_LOOK_UP(std::uint8_t)
MIXOT_LOOK_UP(std::uint16_t)
MIXOT_LOOK_UP(float)
MIXOT_LOOK_UP(double)
#undef MIXOT_LOOK_UP

}  // namespace

template <class T>
void look_up_colors(const float* values, size_t n, const T* pixels, size_t count, T* out, size_t threads) {
  const AlignedVector<float> table = padded_table(values, n);
  parallel_blocks((count + task_pixels - 1) / task_pixels, threads, [&](size_t block, size_t) {
    const size_t start = block * task_pixels;
    look_up(table.data(), n, pixels + 3 * start, std::min(task_pixels, count - start), out + 3 * start);
  });
}

template void look_up_colors(const float*, size_t, const std::uint8_t*, size_t, std::uint8_t*, size_t);
template void look_up_colors(const float*, size_t, const std::uint16_t*, size_t, std::uint16_t*, size_t);
template void look_up_colors(const float*, size_t, const float*, size_t, float*, size_t);
template void look_up_colors(const float*, size_t, const double*, size_t, double*, size_t);

}  // namespace mixot
