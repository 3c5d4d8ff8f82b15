// Cells of weighted points over a density, in any dimension: what Newton's method and its start need to know of them.
#pragma once
#include <cstddef>
#include <functional>
#include <vector>

#include "linear_algebra/laplacian.hpp"

namespace mixot {

struct CellIntegrals {
  std::vector<double> mass;  // (n)
  Laplacian graph;           // of all neighbors, weight = int over the common face of the density / (2 |y_i - y_j|)
};

class CellSystem {
 public:
  virtual ~CellSystem() = default;

  // ---- cells as a function of the weights ----
  virtual void update(const double* weights, CellIntegrals& out) = 0;
  // Later updates start from the cells of the last one.
  virtual void accept() = 0;
  // The first update starts from cells that are cut by the candidates only, which candidates(i, list) appends.
  virtual void seed(const double* weights, const std::function<void(std::size_t, std::vector<int>&)>& candidates) = 0;
  // Of the last cells: centers of mass (n, dim) and root mean square distances of the mass from there (n), not defined
  // where the mass is zero.
  virtual void centers(std::vector<double>& center, std::vector<double>& spread) = 0;

  // int min_i |x - y_i|^2 - w_i of the density, over the last cells and with their weights.
  virtual double potential() = 0;

  // Largest value, over the last cell of point i, of what x pays there for going to j rather than to i.
  virtual double detour(std::size_t i, std::size_t j) const = 0;

  // ---- the density ----
  virtual void blend(double share) = 0;
  virtual double floor() const = 0;

  // ---- one cell at a time, the others as begin_raising has left them and raise has changed them since ----
  virtual void begin_raising(const double* weights) = 0;
  virtual double mass_at(std::size_t i, double weight) = 0;
  virtual void raise(std::size_t i, double weight) = 0;
};

}  // namespace mixot
