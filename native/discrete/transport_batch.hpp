// Optimal values of many transport problems that share their atoms: all pairs of measures, each a run of rows or columns
// of one cost matrix.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// Measure p has the rows first_row[p] .. first_row[p + 1] - 1 and their weights a, measure q columns and weights b alike.
struct MeasureBlocks {
  const double *cost, *a, *b;  // (rows, columns) row-major, (rows), (columns)
  std::size_t columns;
  const std::int64_t *first_row, *first_column;
};

// out[s] = the cost of an optimal coupling of measures pairs[2 s] and pairs[2 s + 1]; pairs (count, 2), out (count).
// Throws std::invalid_argument where costs or weights are bad.
void transport_values(const MeasureBlocks& blocks, const std::int64_t* pairs, std::size_t count, std::size_t threads,
                      double* out);

}  // namespace mixot
