// Frames of films moved as they are stored: a plane of luma, and two of chroma that may be coarser.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// Entries of a table of displacements along luma and along each chroma; a cell between two of them spans
// 2^depth / 32 codes of luma, and 2^depth / 64 of chroma.
constexpr std::size_t luma_entries = 33, chroma_entries = 65;
constexpr std::size_t plane_entries = luma_entries * chroma_entries * chroma_entries;

// What smooths a plane: at the blocks of `step` x `step` pixels, (rows, cols, 2), a and b of s = a x + b, in codes.
struct Smoothing {
  const float* coefficients;
  std::size_t rows, cols, step;
};

template <class T>
struct Plane {
  const T* pixels;
  std::size_t stride;  // from row to row, in pixels
  T* out;
  std::size_t out_stride;
  Smoothing smoothing;
};

// Planes of luma, blue and red chroma: each code x becomes x + D(s), s the smoothed color at its place, D trilinear in
// `table` (3, chroma_entries, chroma_entries, luma_entries), which holds 64ths of codes of 8 bits. `across` and `down`
// are the powers of 2 by which chroma is coarser; width and height, of luma, must be multiples of these.
template <class T>
void move_planes(const Plane<T>* planes, std::size_t width, std::size_t height, int across, int down, int depth,
                 const std::int16_t* table, std::size_t threads);

// Sums of x and of x x over blocks of `step` x `step` pixels of a plane, to out (rows, cols, 2), and how many they are of.
template <class T>
void sum_plane(const T* pixels, std::size_t stride, std::size_t width, std::size_t height, std::size_t step, float* out,
               std::size_t threads);

}  // namespace mixot
