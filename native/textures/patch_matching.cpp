#include "textures/patch_matching.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

constexpr std::size_t kBlock = 256;  // patches

// gaps[l] = |x - y_l|^2 over the rows `at` of features.
MIXOT_INLINE void feature_gaps_body(const float* x, const float* const* at, std::size_t n, float* gaps) {
  for (std::size_t l = 0; l < n; ++l) {
    const float* y = at[l];
    float sum[8] = {};  // lanes of its own: a float sum is not reordered
    for (std::size_t f = 0; f < patch_features; f += 8)
      for (std::size_t k = 0; k < 8; ++k) {
        const float d = x[f + k] - y[f + k];
        sum[k] += d * d;
      }
    gaps[l] = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
  }
}
MIXOT_MULTIVERSION(feature_gaps, (const float* x, const float* const* at, std::size_t n, float* gaps), (x, at, n, gaps))

std::int32_t floor_mod(std::int32_t a, std::int32_t n) {
  const std::int32_t r = a % n;
  return r < 0 ? r + n : r;
}

// The shortest way from one place to another on a circle of n pixels.
std::int32_t around(std::int32_t step, std::int32_t n) {
  step = floor_mod(step, n);
  return 2 * step > n ? step - n : step;
}

// Appends where the patch may come from, clamped to the exemplar.
struct Candidates {
  const ExemplarPatches& exemplar;
  std::int32_t* places;
  std::size_t count = 0;

  void add(std::int32_t y, std::int32_t x) {
    y = std::min(std::max(y, 0), exemplar.high - 1);
    x = std::min(std::max(x, 0), exemplar.wide - 1);
    places[count++] = y * exemplar.wide + x;
  }
};

void carried(const PatchGrid& grid, std::size_t i, std::size_t j, const std::int32_t* last, Candidates& out) {
  const std::int32_t wide = out.exemplar.wide, own = last[i * grid.n_cols + j];
  const std::int32_t y = own / wide, x = own % wide;
  for (std::int32_t dy = -1; dy <= 1; ++dy)
    for (std::int32_t dx = -1; dx <= 1; ++dx) out.add(y + dy, x + dx);
  const auto rows = static_cast<std::int64_t>(grid.n_rows), cols = static_cast<std::int64_t>(grid.n_cols);
  for (std::int64_t di = -1; di <= 1; ++di)
    for (std::int64_t dj = -1; dj <= 1; ++dj) {
      if (di == 0 && dj == 0) continue;
      std::int64_t a = static_cast<std::int64_t>(i) + di, b = static_cast<std::int64_t>(j) + dj;
      if (grid.wraps) {
        a = (a + rows) % rows;
        b = (b + cols) % cols;
      }
      const bool inside = a >= 0 && a < rows && b >= 0 && b < cols;
      const std::int32_t next = inside ? last[a * cols + b] : -1;
      if (next < 0) {
        out.add(y, x);  // nobody there: the own place once more
        continue;
      }
      std::int32_t step_y = grid.rows[i] - grid.rows[a], step_x = grid.cols[j] - grid.cols[b];
      if (grid.wraps) {
        step_y = around(step_y, grid.height);
        step_x = around(step_x, grid.width);
      }
      out.add(next / wide + step_y, next % wide + step_x);
    }
}

// Finds the bin of an offset and the cell of a place.
struct Accounts {
  const ExemplarPatches& exemplar;
  const PatchGrid& grid;
  const Capacities& capacities;
  std::int32_t across = (grid.width + capacities.bin - 1) / capacities.bin;

  std::size_t offset(std::int32_t place, std::int32_t row, std::int32_t col) const {
    const std::int32_t y = floor_mod(place / exemplar.wide - row, grid.height) / capacities.bin;
    const std::int32_t x = floor_mod(place % exemplar.wide - col, grid.width) / capacities.bin;
    return static_cast<std::size_t>(y) * across + x;
  }
};

// The cells and offset bins of all candidates, found once for all rounds.
struct Bins {
  std::vector<std::int32_t> cell, offset;
};

Bins bins_of(const Accounts& accounts, const ShortLists& lists, const std::uint8_t* active, std::size_t threads) {
  const std::size_t n = lists.n_row_ids * lists.n_col_ids;
  const bool capped = accounts.capacities.most > 0;
  Bins bins;
  bins.cell.resize(n * lists.size);
  if (capped) bins.offset.resize(n * lists.size);
  parallel_blocks((n + kBlock - 1) / kBlock, threads, [&](std::size_t block, std::size_t) {
    for (std::size_t p = block * kBlock; p < std::min(n, (block + 1) * kBlock); ++p) {
      if (active && !active[p]) continue;
      const std::int32_t row = accounts.grid.rows[lists.row_ids[p / lists.n_col_ids]];
      const std::int32_t col = accounts.grid.cols[lists.col_ids[p % lists.n_col_ids]];
      for (std::size_t l = p * lists.size; l < (p + 1) * lists.size; ++l) {
        bins.cell[l] = accounts.capacities.cell[lists.places[l]];
        if (capped) bins.offset[l] = static_cast<std::int32_t>(accounts.offset(lists.places[l], row, col));
      }
    }
  });
  return bins;
}

std::size_t cheapest(const ShortLists& lists, const Bins& bins, std::size_t p, const float* use, const float* copies) {
  const std::size_t first = p * lists.size;
  std::size_t best = first;
  float least = std::numeric_limits<float>::infinity();
  for (std::size_t l = first; l < first + lists.size; ++l) {
    float value = lists.gaps[l] - use[bins.cell[l]];
    if (!bins.offset.empty()) value += copies[bins.offset[l]];
    if (value < least) {
      least = value;
      best = l;
    }
  }
  return best;
}

float excess(float count, float share) { return std::min(std::max(count / share - 1.0f, -1.0f), 3.0f); }

}  // namespace

void list_candidates(const ExemplarPatches& exemplar, const PatchGrid& grid, const float* features,
                     const std::int32_t* found, std::size_t keep, const std::int32_t* last, const std::uint8_t* active,
                     std::size_t threads, const ShortLists& lists) {
  const std::size_t n = lists.n_row_ids * lists.n_col_ids;
  parallel_blocks((n + kBlock - 1) / kBlock, threads, [&](std::size_t block, std::size_t) {
    std::vector<const float*> at(lists.size);
    std::vector<float> projected(exemplar.features ? 0 : lists.size * patch_features);
    for (std::size_t p = block * kBlock; p < std::min(n, (block + 1) * kBlock); ++p) {
      if (active && !active[p]) continue;
      const std::size_t i = lists.row_ids[p / lists.n_col_ids], j = lists.col_ids[p % lists.n_col_ids];
      std::int32_t* places = lists.places + p * lists.size;
      std::copy_n(found + p * keep, keep, places);
      if (last) {
        Candidates more{exemplar, places, keep};
        if (last[i * grid.n_cols + j] >= 0)
          carried(grid, i, j, last, more);
        else
          while (more.count < lists.size) places[more.count++] = places[0];
      }
      for (std::size_t l = 0; l < lists.size; ++l) {
        if (exemplar.features) {
          at[l] = exemplar.features + static_cast<std::size_t>(places[l]) * patch_features;
          continue;
        }
        const std::int32_t y = places[l] / exemplar.wide, x = places[l] % exemplar.wide;
        project_patches(exemplar.source, &y, 1, &x, 1, exemplar.basis, exemplar.offset, 1,
                        projected.data() + l * patch_features);
        at[l] = projected.data() + l * patch_features;
      }
      float* gaps = lists.gaps + p * lists.size;
      feature_gaps(features + p * patch_features, at.data(), lists.size, gaps);
      if (exemplar.usable)
        for (std::size_t l = 0; l < lists.size; ++l)
          if (!exemplar.usable[places[l]]) gaps[l] = std::numeric_limits<float>::infinity();
    }
  });
}

std::size_t offset_bins(const PatchGrid& grid, std::int32_t bin) {
  return static_cast<std::size_t>((grid.height + bin - 1) / bin) * static_cast<std::size_t>((grid.width + bin - 1) / bin);
}

void price_candidates(const ExemplarPatches& exemplar, const PatchGrid& grid, const Capacities& capacities,
                      const ShortLists& lists, const std::uint8_t* active, float scale, std::size_t rounds,
                      std::size_t threads, float* use, float* copies) {
  const Bins bins = bins_of({exemplar, grid, capacities}, lists, active, threads);
  const std::size_t n = lists.n_row_ids * lists.n_col_ids, offsets = bins.offset.empty() ? 0 : offset_bins(grid, capacities.bin);
  // whole numbers: their sums do not depend on who counts what
  std::vector<std::vector<std::int32_t>> counts(std::max<std::size_t>(threads, 1));
  for (std::size_t round = 0; round < rounds; ++round) {
    for (auto& count : counts) count.assign(capacities.cells + offsets, 0);
    parallel_blocks((n + kBlock - 1) / kBlock, threads, [&](std::size_t block, std::size_t worker) {
      std::int32_t* count = counts[worker].data();
      for (std::size_t p = block * kBlock; p < std::min(n, (block + 1) * kBlock); ++p) {
        if (active && !active[p]) continue;
        const std::size_t best = cheapest(lists, bins, p, use, copies);
        ++count[bins.cell[best]];
        if (offsets) ++count[capacities.cells + bins.offset[best]];
      }
    });
    for (std::size_t w = 1; w < counts.size(); ++w)
      for (std::size_t c = 0; c < counts[0].size(); ++c) counts[0][c] += counts[w][c];
    const float step = scale / std::sqrt(1.0f + static_cast<float>(round));
    double mean = 0;
    for (std::size_t c = 0; c < capacities.cells; ++c) {
      use[c] -= step * excess(static_cast<float>(counts[0][c]), capacities.share[c]);
      mean += use[c];
    }
    mean /= static_cast<double>(capacities.cells);
    for (std::size_t c = 0; c < capacities.cells; ++c) use[c] -= static_cast<float>(mean);
    for (std::size_t o = 0; o < offsets; ++o)
      copies[o] = std::max(0.0f, copies[o] + step * excess(static_cast<float>(counts[0][capacities.cells + o]), capacities.most));
  }
}

void choose_candidates(const ExemplarPatches& exemplar, const PatchGrid& grid, const Capacities& capacities,
                       const ShortLists& lists, const std::uint8_t* active, const float* use, const float* copies,
                       std::size_t threads, std::int32_t* place, float* gap) {
  const Bins bins = bins_of({exemplar, grid, capacities}, lists, active, threads);
  const std::size_t n = lists.n_row_ids * lists.n_col_ids;
  parallel_blocks((n + kBlock - 1) / kBlock, threads, [&](std::size_t block, std::size_t) {
    for (std::size_t p = block * kBlock; p < std::min(n, (block + 1) * kBlock); ++p) {
      const bool on = !active || active[p];
      const std::size_t best = on ? cheapest(lists, bins, p, use, copies) : 0;
      place[p] = on ? lists.places[best] : -1;
      gap[p] = on ? lists.gaps[best] : 0.0f;
    }
  });
}

}  // namespace mixot
