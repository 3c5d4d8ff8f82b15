// Colors looked up in a table of three dimensions.
#pragma once
#include <cstddef>

namespace mixot {

// The colors `pixels` (count, 3) moved by the table `values` (n, n, n, 3), n > 1, trilinearly between its entries, to
// `out` (count, 3). T is uint8, uint16 or a float type; full brightness is its largest number, or 1.
template <class T>
void look_up_colors(const float* values, std::size_t n, const T* pixels, std::size_t count, T* out,
                    std::size_t threads);

}  // namespace mixot
