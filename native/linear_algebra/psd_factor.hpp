// Factors of covariance matrices that keep their smallest directions.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mixot {

// covs (count, dim, dim), symmetric positive semi-definite -> factors (count, dim, dim), zero on entry, ranks (count):
// covs[k] = L L^T to the last digit of its entries, where column c of L is the row factors[k, c, :], c < ranks[k];
// the rows from ranks[k] on are not touched. At full rank L is lower triangular with a positive diagonal.
void psd_factors(const double* covs, std::size_t count, std::size_t dim, double* factors, std::int64_t* ranks,
                 std::size_t threads);

}  // namespace mixot
