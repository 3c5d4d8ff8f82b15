// PNG line filters.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

void png_unfilter(const std::uint8_t* lines, std::size_t height, std::size_t stride, std::size_t step,
                  std::uint8_t* out);

}  // namespace mixot
