#include "pictures/planes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;

constexpr std::int32_t lumas = luma_entries, chromas = chroma_entries;
constexpr size_t strip = 8;  // rows of chroma that a thread takes at a time

// Where a pixel lies between the centers of two blocks, and its share of the second; by columns, for whole vectors.
struct Columns {
  std::vector<std::int32_t> low, high;
  std::vector<float> share;

  Columns(size_t width, const Smoothing& s) : low(width), high(width), share(width) {
    for (size_t x = 0; x < width; ++x) between(x, s.cols, s.step, low[x], high[x], share[x]);
  }

  static void between(size_t i, size_t count, size_t step, std::int32_t& low, std::int32_t& high, float& share) {
    const float at = (static_cast<float>(i) - 0.5f * static_cast<float>(step - 1)) / static_cast<float>(step);
    const float inside = std::min(std::max(at, 0.0f), static_cast<float>(count - 1));
    low = std::min(static_cast<std::int32_t>(inside), static_cast<std::int32_t>(count > 1 ? count - 2 : 0));
    high = std::min(low + 1, static_cast<std::int32_t>(count - 1));
    share = inside - static_cast<float>(low);
  }
};

// A row smoothed, in cells of the table.
template <class T>
MIXOT_INLINE void smooth_row_body(const T* pixels, size_t width, const float* slope, const float* offset,
                                  const std::int32_t* low, const std::int32_t* high, const float* share, float codes,
                                  float cells, float* MIXOT_RESTRICT out) {
  const float last = cells * 0.999999f;  // the last cell holds its upper end, as near as matters
  for (size_t x = 0; x < width; ++x) {
    const float a = slope[low[x]] + share[x] * (slope[high[x]] - slope[low[x]]);
    const float b = offset[low[x]] + share[x] * (offset[high[x]] - offset[low[x]]);
    const float at = (a * static_cast<float>(pixels[x]) + b) * codes;
    out[x] = std::min(std::max(at, 0.0f), last);
  }
}

// Chroma in cells, to the place in the table and to shares.
MIXOT_INLINE void place_row_body(const float* u, const float* v, size_t width, std::int32_t* MIXOT_RESTRICT place,
                                 float* MIXOT_RESTRICT su, float* MIXOT_RESTRICT sv) {
  for (size_t x = 0; x < width; ++x) {
    const std::int32_t i = static_cast<std::int32_t>(u[x]), j = static_cast<std::int32_t>(v[x]);
    su[x] = u[x] - static_cast<float>(i);
    sv[x] = v[x] - static_cast<float>(j);
    place[x] = (i * chromas + j) * lumas;
  }
}

MIXOT_INLINE float along_luma(std::int32_t pair, float share) {
  const float low = static_cast<float>(static_cast<std::int32_t>(static_cast<std::uint32_t>(pair) << 16) >> 16);
  const float high = static_cast<float>(pair >> 16);
  return low + share * (high - low);
}

template <class T>
MIXOT_INLINE void shift_row_body(const T* pixels, size_t width, const std::int32_t* table, const float* luma,
                                 const std::int32_t* place, const float* su, const float* sv, float unit, float top,
                                 T* MIXOT_RESTRICT out) {
  for (size_t x = 0; x < width; ++x) {
    const std::int32_t cell = static_cast<std::int32_t>(luma[x]);
    const float share = luma[x] - static_cast<float>(cell);
    const std::int32_t at = place[x] + cell;
    const float p00 = along_luma(table[at], share), p01 = along_luma(table[at + lumas], share);
    const float p10 = along_luma(table[at + chromas * lumas], share);
    const float p11 = along_luma(table[at + (chromas + 1) * lumas], share);
    const float low = p00 + sv[x] * (p01 - p00), high = p10 + sv[x] * (p11 - p10);
    const float moved = static_cast<float>(pixels[x]) + unit * (low + su[x] * (high - low)) + 0.5f;
    out[x] = static_cast<T>(static_cast<std::int32_t>(std::min(std::max(moved, 0.0f), top)));
  }
}

#define MIXOT_FOR_PLANES(T)                                                                                          \
  MIXOT_MULTIVERSION(smooth_row,                                                                                     \
                     (const T* pixels, size_t width, const float* slope, const float* offset,                        \
                      const std::int32_t* low, const std::int32_t* high, const float* share, float codes,            \
                      float cells, float* out),                                                                      \
                     (pixels, width, slope, offset, low, high, share, codes, cells, out))                            \
  MIXOT_MULTIVERSION(shift_row,                                                                                      \
                     (const T* pixels, size_t width, const std::int32_t* table, const float* luma,                   \
                      const std::int32_t* place, const float* su, const float* sv, float unit, float top, T* out),   \
                     (pixels, width, table, luma, place, su, sv, unit, top, out))
MIXOT_FOR_PLANES(std::uint8_t)
MIXOT_FOR_PLANES(std::uint16_t)
#undef MIXOT_FOR_PLANES
MIXOT_MULTIVERSION(place_row,
                   (const float* u, const float* v, size_t width, std::int32_t* place, float* su, float* sv),
                   (u, v, width, place, su, sv))

template <class T>
MIXOT_INLINE void block_sums_body(const T* row, size_t width, size_t step, float* out) {
  for (size_t x = 0, block = 0; x < width; ++block) {
    std::uint64_t sum = 0, squares = 0;
    for (const size_t stop = std::min(x + step, width); x < stop; ++x) {
      const std::uint64_t value = row[x];
      sum += value;
      squares += value * value;
    }
    out[2 * block] += static_cast<float>(sum);
    out[2 * block + 1] += static_cast<float>(squares);
  }
}

// The smoothed rows of one plane, with the room that a thread needs for them.
template <class T>
struct Smoother {
  const Plane<T>& plane;
  const Columns& columns;
  size_t width;
  float codes, cells;
  std::vector<float> slope, offset;

  Smoother(const Plane<T>& p, const Columns& c, size_t w, float per_code, size_t entries)
      : plane(p), columns(c), width(w), codes(per_code), cells(static_cast<float>(entries - 1)),
        slope(p.smoothing.cols), offset(p.smoothing.cols) {}

  void row(size_t y, float* out) {
    const Smoothing& s = plane.smoothing;
    std::int32_t low, high;
    float share;
    Columns::between(y, s.rows, s.step, low, high, share);
    const float* above = s.coefficients + 2 * s.cols * static_cast<size_t>(low);
    const float* below = s.coefficients + 2 * s.cols * static_cast<size_t>(high);
    for (size_t j = 0; j < s.cols; ++j) {
      slope[j] = above[2 * j] + share * (below[2 * j] - above[2 * j]);
      offset[j] = above[2 * j + 1] + share * (below[2 * j + 1] - above[2 * j + 1]);
    }
    smooth_row(plane.pixels + y * plane.stride, width, slope.data(), offset.data(), columns.low.data(),
               columns.high.data(), columns.share.data(), codes, cells, out);
  }
};

}  // namespace

template <class T>
void move_planes(const Plane<T>* planes, size_t width, size_t height, int across, int down, int depth,
                 const std::int16_t* table, size_t threads) {
  const size_t coarse = width >> across, rows = height >> down, lines = size_t{1} << down;
  // Each entry and the next along luma in one word, which one gather reads.
  AlignedVector<std::int32_t> pairs(3 * plane_entries);
  for (size_t i = 0; i < 3 * plane_entries; ++i) {
    const std::int16_t next = i + 1 < 3 * plane_entries ? table[i + 1] : std::int16_t{0};
    const std::uint32_t high = static_cast<std::uint16_t>(next), low = static_cast<std::uint16_t>(table[i]);
    pairs[i] = static_cast<std::int32_t>(high << 16 | low);
  }
  const Columns fine(width, planes[0].smoothing), blue(coarse, planes[1].smoothing), red(coarse, planes[2].smoothing);
  const float count = static_cast<float>(1 << depth), top = count - 1.0f, unit = count / (256.0f * 64.0f);
  const float luma_cells = (luma_entries - 1) / count, chroma_cells = (chroma_entries - 1) / count;
  parallel_blocks((rows + strip - 1) / strip, threads, [&](size_t block, size_t) {
    Smoother<T> y_rows(planes[0], fine, width, luma_cells, luma_entries);
    Smoother<T> u_rows(planes[1], blue, coarse, chroma_cells, chroma_entries);
    Smoother<T> v_rows(planes[2], red, coarse, chroma_cells, chroma_entries);
    std::vector<float> luma(width), mean(coarse), u(coarse), v(coarse), su(coarse), sv(coarse), wide_u(width),
        wide_v(width);
    std::vector<std::int32_t> place(coarse), wide(width);
    for (size_t row = block * strip; row < std::min((block + 1) * strip, rows); ++row) {
      u_rows.row(row, u.data());
      v_rows.row(row, v.data());
      place_row(u.data(), v.data(), coarse, place.data(), su.data(), sv.data());
      for (size_t x = 0; x < width; ++x) {
        wide[x] = place[x >> across];
        wide_u[x] = su[x >> across];
        wide_v[x] = sv[x >> across];
      }
      std::fill(mean.begin(), mean.end(), 0.0f);
      for (size_t y = row << down; y < (row << down) + lines; ++y) {
        y_rows.row(y, luma.data());
        shift_row(planes[0].pixels + y * planes[0].stride, width, pairs.data(), luma.data(), wide.data(),
                  wide_u.data(), wide_v.data(), unit, top, planes[0].out + y * planes[0].out_stride);
        for (size_t x = 0; x < coarse; ++x) {
          mean[x] += across ? luma[2 * x] + luma[2 * x + 1] : luma[x];
        }
      }
      const float share = 1.0f / static_cast<float>(lines << across);
      for (size_t x = 0; x < coarse; ++x) mean[x] *= share;
      for (size_t c = 1; c < 3; ++c) {
        shift_row(planes[c].pixels + row * planes[c].stride, coarse, pairs.data() + c * plane_entries, mean.data(),
                  place.data(), su.data(), sv.data(), unit, top, planes[c].out + row * planes[c].out_stride);
      }
    }
  });
}

template <class T>
void sum_plane(const T* pixels, size_t stride, size_t width, size_t height, size_t step, float* out, size_t threads) {
  const size_t cols = (width + step - 1) / step;
  parallel_blocks((height + step - 1) / step, threads, [&](size_t row, size_t) {
    float* line = out + 2 * row * cols;
    std::fill(line, line + 2 * cols, 0.0f);
    for (size_t y = row * step; y < std::min((row + 1) * step, height); ++y)
      block_sums_body(pixels + y * stride, width, step, line);
  });
}

#define MIXOT_FOR_PLANES(T)                                                                                   \
  template void move_planes(const Plane<T>*, size_t, size_t, int, int, int, const std::int16_t*, size_t);     \
  template void sum_plane(const T*, size_t, size_t, size_t, size_t, float*, size_t);
MIXOT_FOR_PLANES(std::uint8_t)
MIXOT_FOR_PLANES(std::uint16_t)
#undef MIXOT_FOR_PLANES

}  // namespace mixot
