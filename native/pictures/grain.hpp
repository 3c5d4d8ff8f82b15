// A picture moved by a table of colors, but for its grain, which keeps its size: the displacement is looked up at the
// color that a guided filter makes of each pixel (He, Sun and Tang, 2013, with the picture as its own guide).
#pragma once
#include <cstddef>

namespace mixot {

// A picture (height, width, 3) with a weight of each pixel (height, width), or null where all weigh 1.
template <class T>
struct Photo {
  const T* pixels;
  const float* weights;
  std::size_t height, width;
};

constexpr std::size_t window_sums = 10;         // mass, red, green, blue, and the six products rr rg rb gg gb bb
constexpr std::size_t window_coefficients = 9;  // the six numbers of a symmetric matrix in the same order, then b

// Sums over blocks of step x step pixels, those at the right and below cut off, to `out`
// (ceil(height / step), ceil(width / step), 10).
template <class T>
void sum_blocks(const Photo<T>& photo, std::size_t step, float* out, std::size_t threads);

// sums (count, 10) over windows -> coefficients (count, 9) of color -> A color + b, A = cov (cov + eps I)^-1,
// b = (I - A) mean. Windows without mass become the identity.
void smoothing_coefficients(const float* sums, std::size_t count, float eps, float* out);

// Every color u becomes u + T(A u + b) - u_smooth with u_smooth = A u + b, T the table `values` (n, n, n, 3), and A and b
// interpolated between the centers of blocks: coefficients (rows, cols, 9).
template <class T>
void move_smoothed(const Photo<T>& photo, const float* values, std::size_t n, const float* coefficients,
                   std::size_t rows, std::size_t cols, std::size_t step, T* out, std::size_t threads);

}  // namespace mixot
