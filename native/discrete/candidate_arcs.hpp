// A short list of cheap arcs for every row, which a network simplex prices instead of the whole cost matrix. All lists
// together are small enough to be read from the cache.
#pragma once
#include <cstddef>
#include <vector>

namespace mixot {

class CandidateArcs {
 public:
  // Lists about the `cheapest` columns of every row at the given prices (columns), of those as many as `per_node` times
  // the longer side over all rows; cost (rows, columns) row-major.
  void fill(const double* cost, int rows, int columns, const double* prices);

  // Columns of one row's list, and how many.
  const int* columns(int row) const { return column_.data() + at(row); }
  int count(int row) const { return count_[row]; }
  const double* costs(int row) const { return listed_cost_.data() + at(row); }
  std::size_t total() const;

  // The arc of the least reduced cost among the next `block` or so; row < 0 where none is negative. potentials as
  // SpanningTree has them.
  struct Best {
    int row, column;
    double reduced;
  };
  Best next_block(const double* potentials);

  // Puts so many columns (which may be permuted) on a row's list, the cheapest of them; what was on it makes room.
  void add(int row, const double* prices, int* columns, int count);

  static constexpr int block = 192;  // arcs priced for each pivot: 128 to 384 are as good, larger ones take fewer pivots

 private:
  static constexpr int per_node = 32;  // 24 to 48 are as good

  std::size_t at(int row) const { return static_cast<std::size_t>(row) * room_; }
  int cheapest(int row, const double* prices, int wanted, int* columns) const;

  const double* cost_ = nullptr;
  int rows_ = 0, columns_ = 0, room_ = 0;
  int next_row_ = 0, next_place_ = 0;
  std::vector<int> column_, count_;
  std::vector<double> listed_cost_;
};

}  // namespace mixot
