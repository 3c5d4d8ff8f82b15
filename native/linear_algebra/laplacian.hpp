// Laplacians of weighted graphs, and the solution of their linear systems.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mixot {

// (L x)_i = sum over the neighbors j of weight_ij (x_i - x_j), plus ground_i x_i, rows one after the other. Within a row stand first the
// neighbors j < i of the same block of rows, then those with j > i of that block, then those of other blocks: sweeps
// run through the blocks independently.
struct Laplacian {
  static constexpr std::size_t block = 16384;
  std::size_t n = 0;
  std::vector<std::int64_t> first;         // (n + 1)
  std::vector<std::int64_t> upper, outer;  // (n), where the second and third part of a row begin
  std::vector<int> to;
  std::vector<double> weight;    // not negative, symmetric
  std::vector<double> ground;    // (n) or empty: weights of edges to one more node, which is held at zero
  std::vector<double> diagonal;  // (n), sums of the rows of weight and ground

  void resize(std::size_t rows, std::size_t entries);
  // Bring the entries first[i] .. first[i+1] of row i into their order and add them up.
  void finish_row(std::size_t i);
  void multiply(const double* x, double* out, std::size_t threads) const;
  // Label (n) of the connected part of each node (edges of positive weight), 0 .. parts-1; -> parts
  int parts(std::vector<int>& label) const;
};

// A Laplacian of few nodes, factored without subtractions (Grassmann, Taksar and Heyman): as accurate where weights
// differ by many orders of magnitude. Without ground the last node of each part gets the value zero.
class DenseLaplacian {
 public:
  void factor(const Laplacian& graph);
  void solve(const double* b, double* x) const;

 private:
  std::size_t n_ = 0;
  std::vector<double> weight_, pivot_;
};

// Conjugate gradients with a K-cycle of double pairwise aggregation (Notay 2010, Electron. Trans. Numer. Anal. 37),
// smoothed by Gauss-Seidel sweeps.
class AggregationMultigrid {
 public:
  explicit AggregationMultigrid(std::size_t threads) : threads_(threads) {}
  // connected: the caller knows that the graph is in one part. With ground there are no constants to look after.
  void setup(const Laplacian& graph, bool connected);

  struct Stop {
    double relative;      // on the residual in the norm of the inverse diagonal
    const double* scale;  // (n)
    double each;          // on |residual_i| scale_i
    int max_iter;
  };
  // L x = b in the parts of the graph; what b has of the constants there, no x can produce, and is left out.
  // -> iterations
  int solve(const double* b, double* x, const Stop& stop);

 private:
  struct Level {
    const Laplacian* graph = nullptr;
    Laplacian own;
    std::vector<int> aggregate;  // of each node, -1 where it has no neighbors
    std::vector<double> inverse, x, b, r, c1, v1, c2, v2, old;
  };
  void precondition(std::size_t level, const double* r, double* z);
  void k_cycle(std::size_t level);
  void remove_constants(double* b);

  std::size_t threads_;
  std::vector<Level> levels_;
  DenseLaplacian coarsest_;
  bool direct_ = false;
  std::vector<int> part_;
  int parts_ = 0;
};

}  // namespace mixot
