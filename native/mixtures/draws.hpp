// Draws from mixtures: which component each point comes from, and where its standard normal numbers put it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// labels (n) = the number of entries of `reach` (k), increasing, that are at most uniform (n); at most k - 1.
void draw_labels(const double* uniform, std::size_t n, const double* reach, std::size_t k, std::int64_t* labels);

// z (n, d) becomes mean[label] + root[label] z in place; labels (n); means (k, d); roots (k, d, d).
void place_draws(const std::int64_t* labels, std::size_t n, const double* means, const double* roots, std::size_t k,
                 std::size_t d, double* z);

}  // namespace mixot
