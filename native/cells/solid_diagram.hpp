// Laguerre cells of weighted points in a box of three dimensions.
//
// When the weights have moved only a little, most cells keep their corners: each is where the same three planes meet now,
// and the planes themselves keep their directions. As long as every edge keeps its own, too, such a cell is what its
// planes leave. Others are cut by their old neighbors and by what the tree of points finds, and tell those that they meet
// for the first time. Cells that are cut by some of the planes contain the true cells, so they are the true cells if and
// only if their volumes sum to that of the box: that is checked each time, and the rest are looked up in the tree where it
// fails.
#pragma once
#include <cstddef>
#include <functional>
#include <vector>

#include "cells/box.hpp"
#include "cells/diagram_points.hpp"
#include "cells/polyhedron.hpp"
#include "cells/solid_store.hpp"

namespace mixot {

class SolidDiagram : public DiagramPoints<3> {
 public:
  static constexpr std::size_t block = SolidStore::block;
  // points (n, 3) in kd order (`kd_order`); they stay with the caller.
  SolidDiagram(const double* points, std::size_t n, const Box<3>& box, std::size_t threads);

  SolidView operator[](std::size_t i) const { return stores_[latest_][i]; }

  // Cells of these weights (n), from the accepted cells where there are some.
  void update(const double* weights);
  void accept() { base_ = latest_, warm_ = true; }
  // Start from the cells of these weights, which the candidates that candidates(i, list) names cut first.
  void seed(const double* weights, const std::function<void(std::size_t, std::vector<int>&)>& candidates);
  // Largest |x - y_j|^2 - w_j - (|x - y_i|^2 - w_i) over the cell of i.
  double detour(std::size_t i, std::size_t j) const;

  void begin_raising(const double* weights) {
    seeded_ = false;
    DiagramPoints::begin_raising(weights);
  }
  // The cell of one point with the weights of the others as they are, its own weight replaced; raise() keeps it.
  const Polyhedron& cell_at(std::size_t i, double weight);

 private:
  struct HalfSpace {
    double normal[3], c;  // normal . x <= c
  };
  struct Worker {
    Polyhedron cell;
    std::vector<int> near;
    std::vector<HalfSpace> planes;
    std::vector<SolidCorner> corners;
  };

  HalfSpace between(std::size_t i, std::size_t j) const;
  HalfSpace border(std::size_t i, int id) const;
  void cut(Polyhedron& cell, std::size_t i, std::size_t j) const;
  bool rebuild(Worker& worker, std::size_t i, const SolidView& old) const;
  void look_up(Worker& worker, std::size_t i);
  void complete(Worker& worker, std::size_t i, SolidStore& store);
  template <class Body>
  void for_blocks(Body&& body);
  void guess();
  void mend();
  void claim(std::size_t i, std::vector<int>& out) const;
  bool fills_the_box();

  SolidStore stores_[2];
  int latest_ = 0, base_ = 0;
  bool warm_ = false, seeded_ = false;  // seeded: the cells at hand are those of the weights at hand
  std::vector<Worker> workers_;
  std::vector<char> exact_;                // looked up in the tree, whatever the others are
  std::vector<std::vector<int>> changed_;  // of each block, cells that have been looked up since their edges were
};

}  // namespace mixot
