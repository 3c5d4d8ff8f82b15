// The first guess of a hole, from its border inwards.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// A picture (channels, height, width) that is known where `known` is not 0; centers (n): pixels y * width + x whose
// w x w neighborhoods are known and inside the picture, w odd.
struct Borders {
  float* image;
  std::uint8_t* known;
  std::size_t channels, height, width, w;
  const std::int32_t* centers;
  std::size_t n;
};

// Fills the hole ring by ring: each pixel with a known neighbor becomes the center whose neighborhood differs least, by
// the weighted squares sum_q window[q] |x_q - y_q|^2 over the known q; window (w, w). Then the ring is known. Ties go to the first center.
void fill_from_border(const Borders& borders, const float* window, std::size_t threads);

}  // namespace mixot
