#include "textures/patch_features.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "machine/parallel.hpp"
#include "machine/simd.hpp"

#define MIXOT_KERNEL "textures/patch_features_kernel.inl"
#include "machine/each_isa.inl"

namespace mixot {
namespace {

void project_row(const PatchSource& source, std::int32_t row, const std::int32_t* cols, std::size_t n,
                 const float* basis, const float* offset, float* out) {
  MIXOT_DISPATCH(project_row(source, row, cols, n, basis, offset, out))
}

void nearest_rows(const float* features, std::size_t n, const float* table, const float* bonus, std::size_t size,
                  std::size_t keep, std::int32_t* nearest) {
  MIXOT_DISPATCH(nearest_rows(features, n, table, bonus, size, keep, nearest))
}

void moment_product(const float* x, std::size_t n, std::size_t p, const float* basis, float* scores, float* out) {
  MIXOT_DISPATCH(moment_product(x, n, p, basis, scores, out))
}

// Gram and Schmidt, each column twice: what is left of a dependent one is rounding, and becomes 0.
void orthonormalize(float* basis, std::size_t p) {
  for (std::size_t f = 0; f < patch_features; ++f) {
    double before = 0, norm = 0;
    for (std::size_t r = 0; r < p; ++r) before += static_cast<double>(basis[r * patch_features + f]) * basis[r * patch_features + f];
    for (int again = 0; again < 2; ++again)
      for (std::size_t g = 0; g < f; ++g) {
        double product = 0;
        for (std::size_t r = 0; r < p; ++r)
          product += static_cast<double>(basis[r * patch_features + f]) * basis[r * patch_features + g];
        for (std::size_t r = 0; r < p; ++r)
          basis[r * patch_features + f] -= static_cast<float>(product) * basis[r * patch_features + g];
      }
    for (std::size_t r = 0; r < p; ++r) norm += static_cast<double>(basis[r * patch_features + f]) * basis[r * patch_features + f];
    const auto scale = static_cast<float>(norm > 1e-10 * before && norm > 0 ? 1 / std::sqrt(norm) : 0.0);
    for (std::size_t r = 0; r < p; ++r) basis[r * patch_features + f] *= scale;
  }
}

}  // namespace

void principal_subspace(const float* x, std::size_t n, std::size_t p, std::size_t rounds, float* basis) {
  std::vector<float> scores(n * patch_features), moved(p * patch_features);
  for (std::size_t round = 0; round < rounds; ++round) {
    moment_product(x, n, p, basis, scores.data(), moved.data());
    std::copy(moved.begin(), moved.end(), basis);
    orthonormalize(basis, p);
    look_for_interrupt();
  }
}

void project_patches(const PatchSource& source, const std::int32_t* rows, std::size_t n_rows, const std::int32_t* cols,
                     std::size_t n_cols, const float* basis, const float* offset, std::size_t threads, float* out) {
  parallel_blocks(n_rows, threads, [&](std::size_t i, std::size_t) {
    project_row(source, rows[i], cols, n_cols, basis, offset, out + i * n_cols * patch_features);
  });
}

void nearest_patches(const float* features, std::size_t n, const float* table, const float* bonus, std::size_t size,
                     std::size_t keep, const std::uint8_t* active, std::size_t threads, std::int32_t* nearest) {
  constexpr std::size_t step = 64;
  parallel_blocks((n + step - 1) / step, threads, [&](std::size_t block, std::size_t) {
    const std::size_t first = block * step, last = std::min(n, first + step);
    if (!active) {
      nearest_rows(features + first * patch_features, last - first, table, bonus, size, keep, nearest + first * keep);
      return;
    }
    std::vector<std::size_t> which;
    for (std::size_t i = first; i < last; ++i)
      if (active[i]) which.push_back(i);
    std::vector<float> some(which.size() * patch_features);
    std::vector<std::int32_t> found(which.size() * keep);
    for (std::size_t i = 0; i < which.size(); ++i)
      std::copy_n(features + which[i] * patch_features, patch_features, some.data() + i * patch_features);
    nearest_rows(some.data(), which.size(), table, bonus, size, keep, found.data());
    for (std::size_t i = 0; i < which.size(); ++i) std::copy_n(found.data() + i * keep, keep, nearest + which[i] * keep);
  });
}

}  // namespace mixot
