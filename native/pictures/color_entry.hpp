// One color between the entries of a table, for the kernels that look colors up.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>

#include "machine/simd.hpp"

namespace mixot {

// Entries padded to four numbers, so that each is read as one vector: (n, n, n, 4).
inline AlignedVector<float> padded_table(const float* values, std::size_t n) {
  const std::size_t entries = n * n * n;
  AlignedVector<float> padded(entries * 4);
  for (std::size_t i = 0; i < entries; ++i) {
    for (std::size_t j = 0; j < 3; ++j) padded[4 * i + j] = values[3 * i + j];
    padded[4 * i + 3] = 0;
  }
  return padded;
}

// What stands for full brightness in a picture of T.
template <class T>
constexpr float full_scale() {
  return std::numeric_limits<T>::is_integer ? static_cast<float>(std::numeric_limits<T>::max()) : 1.0f;
}

// A number in [0, 1], rounded to a picture of T; what lies outside is cut.
template <class T>
MIXOT_INLINE T as_pixel(float value) {
  const float cut = value > 0.0f ? (value < 1.0f ? value : 1.0f) : 0.0f;
  return std::numeric_limits<T>::is_integer ? static_cast<T>(cut * full_scale<T>() + 0.5f) : static_cast<T>(cut);
}

// A coordinate in [0, 1] as a cell and the place in it; NaN counts as 0, so that no index leaves the table.
MIXOT_INLINE std::int32_t table_cell(float value, std::int32_t last, float& share) {
  const float at = value * static_cast<float>(last);
  const float inside = at > 0.0f ? (at < static_cast<float>(last) ? at : static_cast<float>(last)) : 0.0f;
  const std::int32_t cell = static_cast<std::int32_t>(inside);
  const std::int32_t low = cell < last ? cell : last - 1;
  share = inside - static_cast<float>(low);
  return low;
}

// table (n, n, n, 4) at `color` (3) in [0, 1], to `out` (4).
MIXOT_INLINE void table_entry(const float* MIXOT_RESTRICT table, std::int32_t n, const float* color,
                              float* MIXOT_RESTRICT out) {
  float r, g, b;
  const std::size_t i = table_cell(color[0], n - 1, r), j = table_cell(color[1], n - 1, g),
                    k = table_cell(color[2], n - 1, b);
  const std::size_t up = 4 * static_cast<std::size_t>(n) * n, across = 4 * static_cast<std::size_t>(n);
  const float* at = table + i * up + j * across + 4 * k;
  const float w00 = (1 - r) * (1 - g), w01 = (1 - r) * g, w10 = r * (1 - g), w11 = r * g;
  const float* p00 = at;
  const float* p01 = at + across;
  const float* p10 = at + up;
  const float* p11 = at + up + across;
  for (int c = 0; c < 4; ++c) {
    const float near = w00 * p00[c] + w01 * p01[c] + w10 * p10[c] + w11 * p11[c];
    const float far = w00 * p00[c + 4] + w01 * p01[c + 4] + w10 * p10[c + 4] + w11 * p11[c + 4];
    out[c] = near + b * (far - near);
  }
}

}  // namespace mixot
