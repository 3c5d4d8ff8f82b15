// Colors of a picture, counted in cells.
#pragma once
#include <cstddef>

namespace mixot {

constexpr std::size_t count_cells = 64;  // a side

// For every cell (64^3, the last channel fastest) the mass of the `pixels` (count, 3) in it and the sums of their
// channels in [0, 1], added to `totals` (64^3, 4). `weights` (count) may be null: then each pixel weighs 1.
template <class T>
void count_colors(const T* pixels, const float* weights, std::size_t count, double* totals);

}  // namespace mixot
