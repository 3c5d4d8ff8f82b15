// Which patch of an exemplar each patch of a picture becomes: short lists of candidates, and the prices that share the
// exemplar out.
#pragma once
#include <cstddef>
#include <cstdint>

#include "textures/patch_features.hpp"

namespace mixot {

constexpr std::size_t list_near = 9, list_carried = 8;  // the last position and its eight neighbours'; those of next patches

// Patches of w x w pixels at rows x cols of a picture of height x width pixels, which is a torus where `wraps`.
struct PatchGrid {
  const std::int32_t *rows, *cols;
  std::size_t n_rows, n_cols;
  std::int32_t height, width;
  bool wraps;
};

// All patches of an exemplar, by their upper left pixel in (high, wide). `features` (high wide, 32), or null where they
// are projected when they are asked for. `usable` (high, wide): 0 where a patch must not be taken; null: all may.
struct ExemplarPatches {
  const float* features;
  PatchSource source;
  const float *basis, *offset;
  std::int32_t high, wide;
  const std::uint8_t* usable;
};

// Candidates of some patches of a grid: those in row_ids x col_ids (n = n_row_ids n_col_ids), each with `size` positions
// y * wide + x in the exemplar and the squared distances of the features: places, gaps (n, size).
struct ShortLists {
  const std::int32_t *row_ids, *col_ids;
  std::size_t n_row_ids, n_col_ids, size;
  std::int32_t* places;
  float* gaps;
};

// Fills the lists for `features` (n, 32): `found` (n, keep) places; where `last` (n_rows, n_cols, places or -1) is not
// null, also the last place of the patch and its 8 neighbours, and where the last places of the 8 next patches of the
// grid continue. size is keep, or keep + 17. `active` (n): lists of patches with 0 are left alone; null: all are filled.
void list_candidates(const ExemplarPatches& exemplar, const PatchGrid& grid, const float* features,
                     const std::int32_t* found, std::size_t keep, const std::int32_t* last, const std::uint8_t* active,
                     std::size_t threads, const ShortLists& lists);

// The two capacities. Use: cell[place] of the exemplar should be taken `share[cell]` times. Copies: no bin of offsets
// (place minus place in the picture, in squares of `bin` pixels) more than `most` times; none where most <= 0.
struct Capacities {
  const std::int32_t* cell;
  const float* share;
  std::size_t cells;
  std::int32_t bin;
  float most;
};

// Prices by `rounds` steps of subgradient ascent on the dual of
//     min sum_i gaps[i, a_i]   over choices a with  #{i : cell(a_i) = c} = share[c],  #{i : offset(a_i) = o} <= most:
//     a_i = argmin_l gaps[i, l] - use[cell] + copies[offset],   use -= s (count / share - 1),  copies = (copies + s (count / most - 1))+
// with s = `scale` / sqrt(1 + round) and the differences cut to [-1, 3]. use (cells), copies (offset_bins).
void price_candidates(const ExemplarPatches& exemplar, const PatchGrid& grid, const Capacities& capacities,
                      const ShortLists& lists, const std::uint8_t* active, float scale, std::size_t rounds,
                      std::size_t threads, float* use, float* copies);

// The choice at given prices -> place, gap (n); -1 and 0 where not active.
void choose_candidates(const ExemplarPatches& exemplar, const PatchGrid& grid, const Capacities& capacities,
                       const ShortLists& lists, const std::uint8_t* active, const float* use, const float* copies,
                       std::size_t threads, std::int32_t* place, float* gap);

// Bins of offsets, those of a torus of the picture's size.
std::size_t offset_bins(const PatchGrid& grid, std::int32_t bin);

}  // namespace mixot
