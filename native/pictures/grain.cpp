#include "pictures/grain.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"
#include "pictures/color_entry.hpp"

namespace mixot {
namespace {

using std::size_t;

constexpr size_t C = window_coefficients;

template <class T>
MIXOT_INLINE void block_row_body(const Photo<T>& photo, size_t top, size_t bottom, size_t step, float* out) {
  const float scale = 1.0f / full_scale<T>();
  for (size_t y = top; y < bottom; ++y) {
    const T* pixel = photo.pixels + 3 * y * photo.width;
    const float* weight = photo.weights ? photo.weights + y * photo.width : nullptr;
    float* to = out;
    for (size_t x = 0; x < photo.width; to += window_sums) {
      float sum[window_sums] = {};
      for (const size_t stop = std::min(x + step, photo.width); x < stop; ++x, pixel += 3) {
        const float w = weight ? weight[x] : 1.0f;
        const float r = static_cast<float>(pixel[0]) * scale, g = static_cast<float>(pixel[1]) * scale,
                    b = static_cast<float>(pixel[2]) * scale;
        const float wr = w * r, wg = w * g, wb = w * b;
        const float term[window_sums] = {w, wr, wg, wb, wr * r, wr * g, wr * b, wg * g, wg * b, wb * b};
        for (size_t j = 0; j < window_sums; ++j) sum[j] += term[j];
      }
      for (size_t j = 0; j < window_sums; ++j) to[j] += sum[j];
    }
  }
}

// Where a pixel lies between the centers of two blocks, and its share of the second.
struct Between {
  size_t low, high;
  float share;

  Between(size_t i, size_t count, size_t step) {
    const float at = (static_cast<float>(i) - 0.5f * static_cast<float>(step - 1)) / static_cast<float>(step);
    const float inside = std::min(std::max(at, 0.0f), static_cast<float>(count - 1));
    low = std::min(static_cast<size_t>(inside), count > 1 ? count - 2 : 0);
    high = std::min(low + 1, count - 1);
    share = inside - static_cast<float>(low);
  }
};

template <class T>
MIXOT_INLINE void move_row_body(const T* pixels, const float* weights, size_t width, const float* table, size_t n,
                                const float* line, const Between* columns, T* out) {
  const float scale = 1.0f / full_scale<T>();
  for (size_t x = 0; x < width; ++x) {
    const float* left = line + columns[x].low * C;
    const float* right = line + columns[x].high * C;
    float k[C], u[3], smooth[3], moved[4];
    for (size_t j = 0; j < C; ++j) k[j] = left[j] + columns[x].share * (right[j] - left[j]);
    for (size_t j = 0; j < 3; ++j) u[j] = static_cast<float>(pixels[3 * x + j]) * scale;
    smooth[0] = k[0] * u[0] + k[1] * u[1] + k[2] * u[2] + k[6];
    smooth[1] = k[1] * u[0] + k[3] * u[1] + k[4] * u[2] + k[7];
    smooth[2] = k[2] * u[0] + k[4] * u[1] + k[5] * u[2] + k[8];
    for (size_t j = 0; j < 3; ++j) smooth[j] = std::min(std::max(smooth[j], 0.0f), 1.0f);  // the table ends there
    table_entry(table, static_cast<std::int32_t>(n), smooth, moved);
    const float amount = weights ? weights[x] : 1.0f;
    for (size_t j = 0; j < 3; ++j) {
      // Where nothing moves every bit stays, of double pixels, too.
      const bool stays = amount == 0.0f;
      out[3 * x + j] = stays ? pixels[3 * x + j] : as_pixel<T>(u[j] + amount * (moved[j] - smooth[j]));
    }
  }
}

#define MIXOT_FOR_PIXELS(T)                                                                                       \
  MIXOT_MULTIVERSION(block_row, (const Photo<T>& photo, size_t top, size_t bottom, size_t step, float* out),      \
                     (photo, top, bottom, step, out))                                                             \
  MIXOT_MULTIVERSION(move_row,                                                                                    \
                     (const T* pixels, const float* weights, size_t width, const float* table, size_t n,          \
                      const float* line, const Between* columns, T* out),                                         \
                     (pixels, weights, width, table, n, line, columns, out))
MIXOT_FOR_PIXELS(std::uint8_t)
MIXOT_FOR_PIXELS(std::uint16_t)
MIXOT_FOR_PIXELS(float)
MIXOT_FOR_PIXELS(double)
#undef MIXOT_FOR_PIXELS

}  // namespace

template <class T>
void sum_blocks(const Photo<T>& photo, size_t step, float* out, size_t threads) {
  const size_t rows = (photo.height + step - 1) / step, cols = (photo.width + step - 1) / step;
  parallel_blocks(rows, threads, [&](size_t row, size_t) {
    float* line = out + row * cols * window_sums;
    std::fill(line, line + cols * window_sums, 0.0f);
    block_row(photo, row * step, std::min((row + 1) * step, photo.height), step, line);
  });
}

void smoothing_coefficients(const float* sums, size_t count, float eps, float* out) {
  for (size_t i = 0; i < count; ++i, sums += window_sums, out += C) {
    const double mass = sums[0];
    if (!(mass > 0)) {
      const float same[C] = {1, 0, 0, 1, 0, 1, 0, 0, 0};
      std::copy(same, same + C, out);
      continue;
    }
    const double r = sums[1] / mass, g = sums[2] / mass, b = sums[3] / mass;
    // A = I - eps (cov + eps I)^-1, by cofactors of the symmetric matrix
    const double rr = std::max(sums[4] / mass - r * r, 0.0) + eps, rg = sums[5] / mass - r * g,
                 rb = sums[6] / mass - r * b, gg = std::max(sums[7] / mass - g * g, 0.0) + eps,
                 gb = sums[8] / mass - g * b, bb = std::max(sums[9] / mass - b * b, 0.0) + eps;
    const double c00 = gg * bb - gb * gb, c01 = rb * gb - rg * bb, c02 = rg * gb - rb * gg;
    const double c11 = rr * bb - rb * rb, c12 = rg * rb - rr * gb, c22 = rr * gg - rg * rg;
    // rounding may leave a covariance that is a little indefinite; the determinant of what is right is at least eps^3
    const double scale = eps / std::max(rr * c00 + rg * c01 + rb * c02, static_cast<double>(eps) * eps * eps);
    const double a[6] = {1 - scale * c00, -scale * c01, -scale * c02, 1 - scale * c11, -scale * c12, 1 - scale * c22};
    for (size_t j = 0; j < 6; ++j) out[j] = static_cast<float>(a[j]);
    out[6] = static_cast<float>(r - a[0] * r - a[1] * g - a[2] * b);
    out[7] = static_cast<float>(g - a[1] * r - a[3] * g - a[4] * b);
    out[8] = static_cast<float>(b - a[2] * r - a[4] * g - a[5] * b);
  }
}

template <class T>
void move_smoothed(const Photo<T>& photo, const float* values, size_t n, const float* coefficients, size_t rows,
                   size_t cols, size_t step, T* out, size_t threads) {
  const AlignedVector<float> table = padded_table(values, n);
  std::vector<Between> columns;
  columns.reserve(photo.width);
  for (size_t x = 0; x < photo.width; ++x) columns.emplace_back(x, cols, step);
  constexpr size_t strip = 16;  // rows that a thread takes at a time
  parallel_blocks((photo.height + strip - 1) / strip, threads, [&](size_t block, size_t) {
    std::vector<float> line(cols * C);
    for (size_t y = block * strip; y < std::min((block + 1) * strip, photo.height); ++y) {
      const Between at(y, rows, step);
      const float* above = coefficients + at.low * cols * C;
      const float* below = coefficients + at.high * cols * C;
      for (size_t j = 0; j < cols * C; ++j) line[j] = above[j] + at.share * (below[j] - above[j]);
      const size_t start = y * photo.width;
      move_row(photo.pixels + 3 * start, photo.weights ? photo.weights + start : nullptr, photo.width, table.data(), n,
               line.data(), columns.data(), out + 3 * start);
    }
  });
}

#define MIXOT_FOR_PIXELS(T)                                              \
  template void sum_blocks(const Photo<T>&, size_t, float*, size_t);     \
  template void move_smoothed(const Photo<T>&, const float*, size_t, const float*, size_t, size_t, size_t, T*, size_t);
MIXOT_FOR_PIXELS(std::uint8_t)
MIXOT_FOR_PIXELS(std::uint16_t)
MIXOT_FOR_PIXELS(float)
MIXOT_FOR_PIXELS(double)
#undef MIXOT_FOR_PIXELS

}  // namespace mixot
