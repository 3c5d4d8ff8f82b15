// Laguerre cells of weighted points in a box of three dimensions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "cells/box.hpp"
#include "cells/diagram_points.hpp"
#include "cells/polyhedron.hpp"

namespace mixot {

// One finished cell, read only: face k has the corners corner[first[k]] .. corner[first[k + 1] - 1].
struct SolidView {
  const double (*corner)[3];
  const std::uint32_t* first;
  const int* id;
  int size;
  // What use(corners, n) makes of face k.
  template <class Use>
  auto facet(int k, Use&& use) const {
    return use(corner + first[k], std::size_t(first[k + 1] - first[k]));
  }
  int find(int neighbor) const {
    for (int k = 0; k < size; ++k)
      if (id[k] == neighbor) return k;
    return -1;
  }
};

// Each cell is cut by its last neighbors, which leaves little for the tree to find; the answer is exact each time.
class SolidDiagram : public DiagramPoints<3> {
 public:
  static constexpr std::size_t block = 128;
  // points (n, 3) in kd order (`kd_order`); they stay with the caller.
  SolidDiagram(const double* points, std::size_t n, const Box<3>& box, std::size_t threads);

  SolidView operator[](std::size_t i) const { return stores_[latest_].view(i); }
  double volume(std::size_t i) const;

  void update(const double* weights);
  void accept() { base_ = latest_, warm_ = true; }
  void seed(const double* weights, const std::function<void(std::size_t, std::vector<int>&)>& candidates);
  // Largest |x - y_j|^2 - w_j - (|x - y_i|^2 - w_i) over the cell of i.
  double detour(std::size_t i, std::size_t j) const;

  // The cell of one point with the weights of the others as they are, its own weight replaced; raise() keeps it.
  const Polyhedron& cell_at(std::size_t i, double weight);

 private:
  struct HalfSpace {
    double normal[3], c;  // normal . x <= c
  };
  struct Worker {
    Polyhedron cell;
    std::vector<int> near;
  };
  class Store {
   public:
    explicit Store(std::size_t n) : at_(n), size_(n), blocks_((n + block - 1) / block) {}
    void clear();
    void put(std::size_t i, const Polyhedron& cell, const Box<3>& box);
    SolidView view(std::size_t i) const;

   private:
    struct Corner {
      double x[3];
    };
    struct Block {
      std::vector<Corner> corner;
      std::vector<std::uint32_t> first;
      std::vector<int> id;
    };
    std::vector<std::uint32_t> at_;  // place of a cell in id; in first it is this plus the number in the block
    std::vector<int> size_;
    std::vector<Block> blocks_;
  };

  HalfSpace between(std::size_t i, std::size_t j) const;
  void cut(Polyhedron& cell, std::size_t i, std::size_t j) const;
  template <class Build>
  void for_all(Store& store, Build&& build);

  Store stores_[2];
  int latest_ = 0, base_ = 0;
  bool warm_ = false;
  std::vector<Worker> workers_;
};

}  // namespace mixot
