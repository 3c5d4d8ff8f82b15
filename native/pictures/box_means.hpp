// Means over square windows.
#pragma once
#include <cstddef>

namespace mixot {

// field (height, width, channels) -> means over windows of 2 radius + 1 pixels a side around each pixel, to `out` of the
// same shape; beyond the border the nearest pixel is repeated. The time does not depend on the radius.
void box_means(const float* field, std::size_t height, std::size_t width, std::size_t channels, std::size_t radius,
               float* out);

}  // namespace mixot
