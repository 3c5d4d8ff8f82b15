#include "textures/patch_blending.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

constexpr std::size_t kRowsOfBlock = 8;

// Sums over the patches above one row of the picture. Rows are laid open: pixel x of the torus stands at x and beyond
// the width again, so that no patch is cut; `fold` joins the two.
struct OpenRow {
  std::size_t channels, length;
  std::vector<float> weight, value, mean, least;

  OpenRow(std::size_t channels, std::size_t length)
      : channels(channels), length(length), weight(length), value(length * channels), mean(length * channels), least(length) {}

  void clear() {
    std::fill(weight.begin(), weight.end(), 0.0f);
    std::fill(value.begin(), value.end(), 0.0f);
  }
  void fold(std::size_t width) {
    for (std::size_t x = width; x < length; ++x) {
      weight[x % width] += weight[x];
      for (std::size_t c = 0; c < channels; ++c) value[c * length + x % width] += value[c * length + x];
    }
  }
  // mean = value / weight where there is a weight, and again beyond the width.
  void take_mean(std::size_t width) {
    for (std::size_t x = 0; x < width; ++x) {
      const float inverse = weight[x] > 0 ? 1.0f / weight[x] : 0.0f;
      for (std::size_t c = 0; c < channels; ++c) mean[c * length + x] = value[c * length + x] * inverse;
    }
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t x = width; x < length; ++x) mean[c * length + x] = mean[c * length + x % width];
  }
};

// One row of one patch: where it is read and where it is added.
struct Segment {
  const float* from;     // the first plane
  std::size_t plane;     // to the next
  const float* window;   // (w)
  float trust;
  std::size_t at;
};

MIXOT_INLINE void add_mean_body(const Segment* s, std::size_t n, std::size_t w, std::size_t channels, std::size_t length, float* MIXOT_RESTRICT weight,
                                float* MIXOT_RESTRICT value) {
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t x = 0; x < w; ++x) {
      const float k = s[i].trust * s[i].window[x];
      weight[s[i].at + x] += k;
      for (std::size_t c = 0; c < channels; ++c) value[c * length + s[i].at + x] += k * s[i].from[c * s[i].plane + x];
    }
}

// d[x] = sum_c (from - mean)^2 for a segment.
MIXOT_INLINE void gaps_to_mean(const Segment& s, std::size_t w, std::size_t channels, std::size_t length, const float* mean,
                               float* MIXOT_RESTRICT d) {
  for (std::size_t x = 0; x < w; ++x) d[x] = 0;
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t x = 0; x < w; ++x) {
      const float e = s.from[c * s.plane + x] - mean[c * length + s.at + x];
      d[x] += e * e;
    }
}

constexpr std::size_t kWidest = 64;  // pixels of a patch's side

MIXOT_INLINE void sum_gaps_body(const Segment* s, std::size_t n, std::size_t w, std::size_t channels, std::size_t length,
                                const float* mean, double* total) {
  float d[kWidest];
  for (std::size_t i = 0; i < n; ++i) {
    gaps_to_mean(s[i], w, channels, length, mean, d);
    float sum = 0;
    for (std::size_t x = 0; x < w; ++x) sum += d[x];
    *total += sum;
  }
}

MIXOT_INLINE void add_shifted_body(const Segment* s, std::size_t n, std::size_t w, std::size_t channels, std::size_t length,
                                   const float* mean, float sharpness, float* MIXOT_RESTRICT weight, float* MIXOT_RESTRICT value) {
  float d[kWidest];
  for (std::size_t i = 0; i < n; ++i) {
    gaps_to_mean(s[i], w, channels, length, mean, d);
    for (std::size_t x = 0; x < w; ++x) d[x] = s[i].trust * s[i].window[x] * fast_exp(-sharpness * d[x]) + 1e-12f;
    for (std::size_t x = 0; x < w; ++x) weight[s[i].at + x] += d[x];
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t x = 0; x < w; ++x) value[c * length + s[i].at + x] += d[x] * s[i].from[c * s[i].plane + x];
  }
}

MIXOT_MULTIVERSION(add_mean,
                   (const Segment* s, std::size_t n, std::size_t w, std::size_t channels, std::size_t length, float* weight, float* value),
                   (s, n, w, channels, length, weight, value))
MIXOT_MULTIVERSION(sum_gaps,
                   (const Segment* s, std::size_t n, std::size_t w, std::size_t channels, std::size_t length, const float* mean, double* total),
                   (s, n, w, channels, length, mean, total))
MIXOT_MULTIVERSION(add_shifted,
                   (const Segment* s, std::size_t n, std::size_t w, std::size_t channels, std::size_t length, const float* mean,
                    float sharpness, float* weight, float* value),
                   (s, n, w, channels, length, mean, sharpness, weight, value))

// The patches over row y of the picture, in the order of the grid.
void segments_of(const PatchLayers& layers, std::size_t y, std::size_t height, bool wraps, std::vector<Segment>& out) {
  out.clear();
  for (std::size_t i = 0; i < layers.n_rows; ++i) {
    const auto top = static_cast<std::size_t>(layers.rows[i]);
    // on a torus lower than a patch, a patch lies over the same row several times
    for (std::size_t dy = y >= top ? y - top : y + height - top; dy < layers.w; dy += height) {
      if (!wraps && y < top) break;
      for (std::size_t j = 0; j < layers.n_cols; ++j) {
        const std::size_t p = i * layers.n_cols + j;
        if (layers.places_y[p] < 0) continue;
        const std::size_t from = (layers.places_y[p] + dy) * layers.width + layers.places_x[p];
        out.push_back({layers.source + from, layers.height * layers.width, layers.window + dy * layers.w,
                       layers.trust[p], static_cast<std::size_t>(layers.cols[j])});
      }
    }
  }
}

// The value of the segment that is nearest to the mean, at each pixel.
void vote_row(const std::vector<Segment>& segments, std::size_t w, std::size_t width, OpenRow& row) {
  float d[kWidest];
  std::fill(row.least.begin(), row.least.end(), std::numeric_limits<float>::infinity());
  for (const Segment& s : segments) {
    gaps_to_mean(s, w, row.channels, row.length, row.mean.data(), d);
    for (std::size_t x = 0; x < w; ++x) {
      const std::size_t at = (s.at + x) % width;
      if (!(d[x] < row.least[at])) continue;
      row.least[at] = d[x];
      for (std::size_t c = 0; c < row.channels; ++c) row.value[c * row.length + at] = s.from[c * s.plane + x];
    }
  }
}

}  // namespace

void blend_patches(const PatchLayers& layers, std::size_t height, std::size_t width, bool wraps, std::size_t shifts,
                   float bandwidth, bool vote, std::size_t threads, float* out) {
  const std::size_t length = width + layers.w, blocks = (height + kRowsOfBlock - 1) / kRowsOfBlock, c = layers.channels;
  const auto mean_of = [&](std::size_t y, std::vector<Segment>& segments, OpenRow& row) {
    segments_of(layers, y, height, wraps, segments);
    row.clear();
    add_mean(segments.data(), segments.size(), layers.w, c, length, row.weight.data(), row.value.data());
    row.fold(width);
    row.take_mean(width);
  };
  float sharpness = 0;
  if (shifts > 0) {  // the spread of the patches around their means, over the whole picture; summed in the order of the blocks
    std::vector<double> sums(blocks, 0.0);
    std::vector<std::size_t> counts(blocks, 0);
    parallel_blocks(blocks, threads, [&](std::size_t block, std::size_t) {
      OpenRow row(c, length);
      std::vector<Segment> segments;
      for (std::size_t y = block * kRowsOfBlock; y < std::min(height, (block + 1) * kRowsOfBlock); ++y) {
        mean_of(y, segments, row);
        sum_gaps(segments.data(), segments.size(), layers.w, c, length, row.mean.data(), &sums[block]);
        counts[block] += segments.size() * layers.w;
      }
    });
    double sum = 0, count = 0;
    for (std::size_t b = 0; b < blocks; ++b) {
      sum += sums[b];
      count += static_cast<double>(counts[b]);
    }
    sharpness = static_cast<float>(0.5 / (bandwidth * bandwidth * sum / std::max(count, 1.0) + 1e-9));
  }
  parallel_blocks(blocks, threads, [&](std::size_t block, std::size_t) {
    OpenRow row(c, length);
    std::vector<Segment> segments;
    for (std::size_t y = block * kRowsOfBlock; y < std::min(height, (block + 1) * kRowsOfBlock); ++y) {
      mean_of(y, segments, row);
      for (std::size_t t = 0; t < shifts; ++t) {
        row.clear();
        add_shifted(segments.data(), segments.size(), layers.w, c, length, row.mean.data(), sharpness, row.weight.data(),
                    row.value.data());
        row.fold(width);
        row.take_mean(width);
      }
      const float* value = row.mean.data();
      if (vote) {
        vote_row(segments, layers.w, width, row);
        value = row.value.data();
      }
      for (std::size_t k = 0; k < c; ++k)
        for (std::size_t x = 0; x < width; ++x)
          if (row.weight[x] > 0) out[(k * height + y) * width + x] = value[k * length + x];
    }
  });
}

namespace {

std::uint32_t sortable(float v) {
  v += 0.0f;  // -0 is 0
  std::uint32_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

}  // namespace

void match_ranks(float* values, std::size_t n, const float* sorted, std::size_t m) {
  // Three passes of a stable radix sort by 11 bits each.
  struct Item {
    std::uint32_t key, at;
  };
  std::vector<Item> a(n), b(n);
  for (std::size_t i = 0; i < n; ++i) a[i] = {sortable(values[i]), static_cast<std::uint32_t>(i)};
  for (int shift = 0; shift < 33; shift += 11) {
    look_for_interrupt();
    std::vector<std::size_t> first(2049, 0);
    for (const Item& item : a) ++first[(item.key >> shift & 2047u) + 1];
    for (std::size_t k = 1; k < first.size(); ++k) first[k] += first[k - 1];
    for (const Item& item : a) b[first[item.key >> shift & 2047u]++] = item;
    a.swap(b);
  }
  for (std::size_t r = 0; r < n; ++r)
    values[a[r].at] = sorted[static_cast<std::size_t>(static_cast<std::uint64_t>(r) * m / n)];
}

}  // namespace mixot
