#include "pictures/box_means.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "machine/interrupt.hpp"

namespace mixot {
namespace {

using std::size_t;

// Means along an axis of `count` entries, each a run of `size` numbers, by sums that lose the last entry of the window
// and gain the next: in double, so that float32 sums do not drift.
void means_along(const float* from, size_t count, size_t size, size_t radius, std::vector<double>& sums, float* to) {
  const size_t last = count - 1;
  const double share = 1.0 / static_cast<double>(2 * radius + 1);
  const auto entry = [&](size_t i) { return from + std::min(i, last) * size; };
  sums.assign(size, 0.0);
  for (size_t j = 0; j < size; ++j) sums[j] = static_cast<double>(radius + 1) * from[j];
  for (size_t i = 1; i <= std::min(radius, last); ++i)
    for (size_t j = 0; j < size; ++j) sums[j] += from[i * size + j];
  if (radius > last)
    for (size_t j = 0; j < size; ++j) sums[j] += static_cast<double>(radius - last) * from[last * size + j];
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < size; ++j) to[i * size + j] = static_cast<float>(sums[j] * share);
    const float* gained = entry(i + radius + 1);
    const float* lost = entry(i > radius ? i - radius : 0);
    for (size_t j = 0; j < size; ++j) sums[j] += static_cast<double>(gained[j]) - static_cast<double>(lost[j]);
  }
}

}  // namespace

void box_means(const float* field, size_t height, size_t width, size_t channels, size_t radius, float* out) {
  std::vector<double> sums;
  std::vector<float> tall(height * width * channels);
  means_along(field, height, width * channels, radius, sums, tall.data());
  for (size_t y = 0; y < height; ++y) {
    means_along(tall.data() + y * width * channels, width, channels, radius, sums, out + y * width * channels);
    look_for_interrupt();
  }
}

}  // namespace mixot
