#include "textures/patch_filling.hpp"

#include <limits>
#include <vector>

#include "machine/parallel.hpp"

namespace mixot {
namespace {

// What is known around a pixel, as steps from it.
struct Seen {
  std::ptrdiff_t step;
  float weight;
};

bool has_known_neighbor(const Borders& b, std::size_t y, std::size_t x) {
  return (y > 0 && b.known[(y - 1) * b.width + x]) || (y + 1 < b.height && b.known[(y + 1) * b.width + x]) ||
         (x > 0 && b.known[y * b.width + x - 1]) || (x + 1 < b.width && b.known[y * b.width + x + 1]);
}

std::vector<Seen> seen_around(const Borders& b, std::size_t at, const float* window) {
  const auto r = static_cast<std::ptrdiff_t>(b.w / 2), high = static_cast<std::ptrdiff_t>(b.height);
  const auto wide = static_cast<std::ptrdiff_t>(b.width);
  const auto y = static_cast<std::ptrdiff_t>(at) / wide, x = static_cast<std::ptrdiff_t>(at) % wide;
  std::vector<Seen> seen;
  for (std::ptrdiff_t dy = -r; dy <= r; ++dy)
    for (std::ptrdiff_t dx = -r; dx <= r; ++dx) {
      if (y + dy < 0 || y + dy >= high || x + dx < 0 || x + dx >= wide) continue;
      const std::ptrdiff_t step = dy * wide + dx;
      if (b.known[static_cast<std::ptrdiff_t>(at) + step])
        seen.push_back({step, window[(dy + r) * static_cast<std::ptrdiff_t>(b.w) + dx + r]});
    }
  return seen;
}

std::size_t nearest_center(const Borders& b, std::size_t at, const float* window) {
  const std::vector<Seen> seen = seen_around(b, at, window);
  const std::size_t plane = b.height * b.width;
  float least = std::numeric_limits<float>::infinity();
  auto best = static_cast<std::size_t>(b.centers[0]);
  for (std::size_t i = 0; i < b.n; ++i) {
    const auto center = static_cast<std::size_t>(b.centers[i]);
    float sum = 0;
    for (std::size_t c = 0; c < b.channels && sum < least; ++c) {
      const float *x = b.image + c * plane + at, *y = b.image + c * plane + center;
      for (const Seen& s : seen) sum += s.weight * (x[s.step] - y[s.step]) * (x[s.step] - y[s.step]);
    }
    if (sum < least) {
      least = sum;
      best = center;
    }
  }
  return best;
}

}  // namespace

void fill_from_border(const Borders& b, const float* window, std::size_t threads) {
  const std::size_t plane = b.height * b.width;
  for (;;) {
    std::vector<std::size_t> ring;
    for (std::size_t y = 0; y < b.height; ++y)
      for (std::size_t x = 0; x < b.width; ++x)
        if (!b.known[y * b.width + x] && has_known_neighbor(b, y, x)) ring.push_back(y * b.width + x);
    if (ring.empty()) return;
    std::vector<std::size_t> from(ring.size());
    parallel_blocks(ring.size(), threads, [&](std::size_t i, std::size_t) { from[i] = nearest_center(b, ring[i], window); });
    for (std::size_t i = 0; i < ring.size(); ++i) {
      for (std::size_t c = 0; c < b.channels; ++c) b.image[c * plane + ring[i]] = b.image[c * plane + from[i]];
      b.known[ring[i]] = 1;
    }
  }
}

}  // namespace mixot
