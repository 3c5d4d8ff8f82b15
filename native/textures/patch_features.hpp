// Features of patches, and which of a table of patches are nearest by them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

constexpr std::size_t patch_features = 32;  // principal components that a patch is compared by; fewer are padded with 0
constexpr std::size_t table_step = 48;      // the table's columns come in multiples of it: three registers of any machine

// The w x w windows of a picture, planes first: image (channels, height, width).
struct PatchSource {
  const float* image;
  std::size_t channels, height, width, w;
};

// out[i, j, :] = basis' x - offset for the patch x at (rows[i], cols[j]); basis (channels w w, 32), offset (32).
void project_patches(const PatchSource& source, const std::int32_t* rows, std::size_t n_rows, const std::int32_t* cols,
                     std::size_t n_cols, const float* basis, const float* offset, std::size_t threads, float* out);

// The `keep` columns of least bonus[j] - 2 x' table[:, j] for each row x of `features` (n, 32), ascending, ties to the
// lower column; table (32, size), size a multiple of table_step -> nearest (n, keep). Rows whose `active` is 0 are left
// alone; null: none.
void nearest_patches(const float* features, std::size_t n, const float* table, const float* bonus, std::size_t size,
                     std::size_t keep, const std::uint8_t* active, std::size_t threads, std::int32_t* nearest);

// basis (p, 32): an orthonormal basis of the leading principal subspace of the rows of x (n, p), centered, by `rounds` of
// orthogonal iteration B <- orth(x' (x B)) from the basis given. Distances within the subspace do not depend on the
// basis, so that none of its directions is singled out. Columns beyond the rank become 0. On one thread.
void principal_subspace(const float* x, std::size_t n, std::size_t p, std::size_t rounds, float* basis);

}  // namespace mixot
