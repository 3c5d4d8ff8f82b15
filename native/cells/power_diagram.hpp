// Laguerre cells of weighted points in a rectangle: cell i = {x : |x - y_i|^2 - w_i <= |x - y_j|^2 - w_j for all j}.
//
// A cell begins as the rectangle and is cut by one half-plane after the other; which points can still cut it, the tree
// of points says. When the weights have moved only a little, the old neighbors do nearly all of it: cut by them, look
// at every edge from its other side, cut again where the two sides disagree. Cells that are cut by a subset of the
// half-planes contain the true cells, so they are the true cells if and only if their areas sum to the area of the
// rectangle: that is checked each time, and cells are looked up in the tree again where it fails.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "cells/box.hpp"
#include "cells/diagram_points.hpp"

namespace mixot {

// A convex polygon, counterclockwise; edge k runs from vertex k to the next one and carries the id of what is beyond:
// a point, or -1, -2, -3, -4 for the lower, right, upper and left side of the rectangle.
class Polygon {
 public:
  void reset(const Box<2>& box);
  // Keep nx x + ny y <= c, whose border is named id. False where nothing changed; corners closer than tol stay.
  bool cut(int id, double nx, double ny, double c, double tol);
  void clear() { x_.clear(), y_.clear(), id_.clear(); }
  void add(double x, double y, int id) { x_.push_back(x), y_.push_back(y), id_.push_back(id); }
  int size() const { return int(x_.size()); }
  double x(int k) const { return x_[k]; }
  double y(int k) const { return y_[k]; }
  int id(int k) const { return id_[k]; }
  double coordinate(int k, int axis) const { return axis == 0 ? x_[k] : y_[k]; }
  double area() const;
  // use(corners, 2) for the ends of every edge.
  template <class Use>
  void for_facets(Use&& use) const {
    for (int k = 0, n = size(); k < n; ++k) {
      const int k1 = k + 1 < n ? k + 1 : 0;
      const double ends[2][2] = {{x_[k], y_[k]}, {x_[k1], y_[k1]}};
      use(ends, std::size_t(2));
    }
  }

 private:
  std::vector<double> x_, y_, side_, next_x_, next_y_;
  std::vector<int> id_, next_id_;
};

// Area of a polygon of these corners, positive where they run counterclockwise.
double shoelace(const double* x, const double* y, int size);

// One finished cell, read only.
struct PolygonView {
  const double* x;
  const double* y;
  const int* id;
  int size;
  int after(int k) const { return k + 1 < size ? k + 1 : 0; }
  // What use(corners, 2) makes of the ends of edge k.
  template <class Use>
  auto facet(int k, Use&& use) const {
    const int k1 = after(k);
    const double ends[2][2] = {{x[k], y[k]}, {x[k1], y[k1]}};
    return use(ends, std::size_t(2));
  }
  int find(int neighbor) const {
    for (int k = 0; k < size; ++k)
      if (id[k] == neighbor) return k;
    return -1;
  }
};

// The finished cells, in blocks that are filled independently of each other; a cell that is replaced by one of more
// vertices leaves its old ones behind until the store is cleared.
class PolygonStore {
 public:
  static constexpr std::size_t block = 512;
  explicit PolygonStore(std::size_t n) : start_(n), size_(n), blocks_((n + block - 1) / block) {}
  void clear();
  void put(std::size_t i, const Polygon& polygon, const Box<2>& box);
  PolygonView operator[](std::size_t i) const {
    const Block& b = blocks_[i / block];
    const std::size_t at = start_[i];
    return {b.x.data() + at, b.y.data() + at, b.id.data() + at, size_[i]};
  }
  std::size_t blocks() const { return blocks_.size(); }
  double area() const;

 private:
  struct Block {
    std::vector<double> x, y;
    std::vector<int> id;
  };
  std::vector<std::uint32_t> start_;
  std::vector<int> size_;
  std::vector<Block> blocks_;
};

class PowerDiagram : public DiagramPoints<2> {
 public:
  static constexpr std::size_t block = PolygonStore::block;
  // points (n, 2) in kd order (`kd_order`); they stay with the caller.
  PowerDiagram(const double* points, std::size_t n, const Box<2>& box, std::size_t threads);

  // Cells of these weights (n), from the accepted cells where there are some.
  void update(const double* weights);
  // The cells of the last update: the next ones start from them.
  void accept();
  // Start from cells that are cut only by the candidates that candidates(i, list) names.
  void seed(const double* weights, const std::function<void(std::size_t, std::vector<int>&)>& candidates);
  PolygonView operator[](std::size_t i) const { return stores_[latest_][i]; }
  double area() const { return stores_[latest_].area(); }
  // Largest |x - y_j|^2 - w_j - (|x - y_i|^2 - w_i) over the cell of i.
  double detour(std::size_t i, std::size_t j) const;

  // The cell of one point with the weights of the others as they are, its own weight replaced; raise() keeps it.
  const Polygon& cell_at(std::size_t i, double weight);

 private:
  struct Worker {  // scratch space of a thread
    Polygon polygon;
    std::vector<int> ring;
    std::vector<std::uint32_t> met;  // by whom each point was tried last
    std::uint32_t turn = 0;
    // Begin with a new cell; true for each point that is met for the first time then.
    void begin(std::size_t n);
    bool meet(int j) { return met[j] != turn && (met[j] = turn, true); }
  };
  struct HalfPlane {
    double nx, ny, c;  // nx x + ny y <= c
  };
  // What the passes over suspect cells share; the blocks of a pass write only their own part.
  struct Mending {
    struct Claim {
      int by, next;  // who claims an edge, and the next claim on the same cell
    };
    struct Part {
      std::vector<std::pair<int, int>> claims;  // (the cell that lacks the edge, the cell that has it)
      std::vector<int> suspects, bad, touched, id, sizes;
      std::vector<double> x, y;
      void clear();
      void stage(const Polygon& polygon);
      void commit(Polygon& scratch, PolygonStore& store, const Box<2>& box) const;
    };
    std::vector<Part> parts;
    std::vector<Claim> claims;
    std::vector<int> first_claim;
    std::vector<char> check, bad, proven;  // proven: looked up in the tree, exact whatever the others are
    void begin(std::size_t n, std::size_t blocks);
    bool gather();
    void next();
  };

  HalfPlane between(std::size_t i, std::size_t j) const;
  bool cut(Polygon& polygon, std::size_t i, std::size_t j) const;
  void cut_by_neighbors(Worker& worker, std::size_t i, const PolygonView& cell) const;
  void cut_by_tree(Polygon& polygon, std::size_t i) const;
  bool rebuild(Polygon& polygon, std::size_t i) const;
  template <class Body>
  void for_blocks(Body&& body);
  void from_scratch(bool with_neighbors);
  void guess();
  void mend();
  void compare(Mending& mending, std::size_t block) const;
  void cut_again(Worker& worker, std::size_t i, std::size_t pass, Mending& mending) const;

  double scale_;
  PolygonStore stores_[2];
  int latest_ = 0, base_ = 0;
  bool warm_ = false;
  std::vector<Worker> workers_;
  Mending mending_;
};

}  // namespace mixot
