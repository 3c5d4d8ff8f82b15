#include "pictures/png.hpp"

#include <cstdlib>
#include <vector>

namespace mixot {

namespace {

// Whichever of left a, above b, upper left c is closest to a + b - c; ties in that order (PNG 6.6).
std::uint8_t paeth(int a, int b, int c) {
  const int to_a = std::abs(b - c), to_b = std::abs(a - c), to_c = std::abs(a + b - 2 * c);
  return static_cast<std::uint8_t>(to_a <= to_b && to_a <= to_c ? a : to_b <= to_c ? b : c);
}

}  // namespace

// Undo the five line filters (PNG specification, section 6): out[i] = line[i] + predictor(left, above, upper left),
// modulo 256, where left is `step` bytes back and what lies outside is 0.
// lines (height, 1 + stride): a filter byte, then stride bytes -> out (height, stride).
void png_unfilter(const std::uint8_t* lines, std::size_t height, std::size_t stride, std::size_t step,
                  std::uint8_t* out) {
  const std::vector<std::uint8_t> nothing(stride, 0);
  const std::uint8_t* above = nothing.data();
  for (std::size_t y = 0; y < height; ++y, lines += stride + 1, above = out, out += stride) {
    const std::uint8_t filter = lines[0];
    for (std::size_t i = 0; i < stride; ++i) {
      const int a = i < step ? 0 : out[i - step], b = above[i], c = i < step ? 0 : above[i - step];
      const int guess = filter == 1 ? a : filter == 2 ? b : filter == 3 ? (a + b) / 2 : filter == 4 ? paeth(a, b, c) : 0;
      out[i] = static_cast<std::uint8_t>(lines[1 + i] + guess);
    }
  }
}

}  // namespace mixot
