// k-means on weighted points: seeds far apart, and Lloyd's iteration.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// Rows of points (n, d) of positive weight (n), one for each of k seeds -> chosen (k). The first is given; each other one
// is the best of `candidates`, drawn with probability weight times squared distance to those chosen before, by numbers
// `uniform` (k - 1, candidates) in [0, 1).
void spread_out(const double* points, const double* weights, std::size_t n, std::size_t d, std::size_t k,
                std::size_t first, const double* uniform, std::size_t candidates, std::int64_t* chosen);

// Lloyd's iteration from centers (k, d), which move, until no label changes -> labels (n), of the centers before their
// last move; returns the number of iterations. A cluster that comes out empty gets the point that pays most, as long as
// some cluster has two points.
std::size_t lloyd(const double* points, const double* weights, std::size_t n, std::size_t d, std::size_t k,
                  std::size_t max_iter, double* centers, std::int64_t* labels);

}  // namespace mixot
