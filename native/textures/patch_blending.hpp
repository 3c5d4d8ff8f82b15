// A picture from overlapping patches of another.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// Patches of w x w pixels of `source` (channels, height, width), whose upper left pixels are places_y, places_x (rows x
// cols; y = -1: no patch), laid at `rows` x `cols` of a picture, each with the weight `trust` times `window` (w, w).
struct PatchLayers {
  const float* source;
  std::size_t channels, height, width, w;
  const std::int32_t *places_y, *places_x;
  const float *trust, *window;
  const std::int32_t *rows, *cols;
  std::size_t n_rows, n_cols;
};

// out (channels, height, width): at each pixel the weighted mean of the patches over it, moved `shifts` times towards
// the nearest mode (mean shift, with a Gaussian of squared bandwidth `bandwidth`^2 times the mean squared distance of
// the patches to their mean); with `vote` the value of the patch that is nearest to it. Pixels without a patch are left alone. On a
// torus where `wraps`.
void blend_patches(const PatchLayers& layers, std::size_t height, std::size_t width, bool wraps, std::size_t shifts,
                   float bandwidth, bool vote, std::size_t threads, float* out);

// values[i] becomes the quantile of `sorted` (m) at the rank of values[i] among the n: the exact transport on the line.
void match_ranks(float* values, std::size_t n, const float* sorted, std::size_t m);

}  // namespace mixot
