#include "cells/solid_diagram.hpp"

#include <algorithm>
#include <cmath>

#include "machine/parallel.hpp"

namespace mixot {

// ---- the store ----

void SolidDiagram::Store::clear() {
  for (Block& b : blocks_) b.corner.clear(), b.first.clear(), b.id.clear();
  std::fill(size_.begin(), size_.end(), 0);
}

// Cells are put once each, in order within a block; corners are brought into the box and onto its sides.
void SolidDiagram::Store::put(std::size_t i, const Polyhedron& cell, const Box<3>& box) {
  Block& b = blocks_[i / block];
  const Polyhedron::Faces& all = cell.faces();
  at_[i] = std::uint32_t(b.id.size());
  size_[i] = int(all.faces.size());
  for (const auto& face : all.faces) {
    b.id.push_back(face.id);
    b.first.push_back(std::uint32_t(b.corner.size()));
    for (std::size_t k = face.first; k < face.last; ++k) {
      Corner c;
      for (int a = 0; a < 3; ++a) c.x[a] = std::min(std::max(cell.coordinate(all.loops[k], a), box.lo[a]), box.hi[a]);
      if (face.id < 0) c.x[(-1 - face.id) / 2] = (-1 - face.id) % 2 ? box.hi[(-1 - face.id) / 2] : box.lo[(-1 - face.id) / 2];
      b.corner.push_back(c);
    }
  }
  b.first.push_back(std::uint32_t(b.corner.size()));
}

SolidView SolidDiagram::Store::view(std::size_t i) const {
  const Block& b = blocks_[i / block];
  if (size_[i] == 0) return {nullptr, nullptr, nullptr, 0};
  return {reinterpret_cast<const double(*)[3]>(b.corner.data()), b.first.data() + at_[i] + i % block,
          b.id.data() + at_[i], size_[i]};
}

// ---- the diagram ----

SolidDiagram::SolidDiagram(const double* points, std::size_t n, const Box<3>& box, std::size_t threads)
    : DiagramPoints(points, n, box, threads),
      stores_{Store(n), Store(n)},
      workers_(threads_) {}

inline SolidDiagram::HalfSpace SolidDiagram::between(std::size_t i, std::size_t j) const {
  HalfSpace out;
  out.c = weights_[i] - weights_[j];
  double sum = 0;
  for (int a = 0; a < 3; ++a) {
    const double d = points_[3 * j + a] - points_[3 * i + a];
    out.normal[a] = 2 * d;
    sum += d * (points_[3 * j + a] + points_[3 * i + a]);
  }
  out.c += sum;
  return out;
}

// Of equal points with equal weights the first has the cell.
void SolidDiagram::cut(Polyhedron& cell, std::size_t i, std::size_t j) const {
  const HalfSpace near = between(i, j);
  const double wi = weights_[i], wj = weights_[j];
  const double size = std::abs(near.normal[0]) + std::abs(near.normal[1]) + std::abs(near.normal[2]);
  if (size == 0) {
    if (wj > wi || (wi == wj && j < i)) cell.clear();
    return;
  }
  const Polyhedron::Ball& ball = cell.last_ball();
  double squared = 0, middle = 0;
  for (int a = 0; a < 3; ++a) squared += near.normal[a] * near.normal[a], middle += near.normal[a] * ball.center[a];
  if (middle + ball.radius * std::sqrt(squared) < near.c) return;
  cell.cut(int(j), near.normal, near.c, 1e-15 * (size + std::abs(wi) + std::abs(wj)));
}

template <class Build>
void SolidDiagram::for_all(Store& store, Build&& build) {
  store.clear();
  parallel_blocks((n_ + block - 1) / block, threads_, [&](std::size_t b, std::size_t w) {
    Worker& worker = workers_[w];
    for (std::size_t i = b * block, last = std::min(n_, i + block); i < last; ++i) {
      worker.cell.reset(box_);
      build(i, worker);
      store.put(i, worker.cell, box_);
    }
  });
}

void SolidDiagram::update(const double* weights) {
  assign(weights);
  latest_ = warm_ ? 1 - base_ : base_;
  for_all(stores_[latest_], [&](std::size_t i, Worker& worker) {
    Polyhedron& cell = worker.cell;
    if (warm_) {
      const SolidView old = stores_[base_].view(i);
      for (int k = 0; k < old.size && cell.size() > 0; ++k)
        if (old.id[k] >= 0) cut(cell, i, std::size_t(old.id[k]));
    }
    if (cell.size() > 0) tree_.search(i, cell, [&](std::size_t j) { cut(cell, i, j); });
  });
}

void SolidDiagram::seed(const double* weights,
                        const std::function<void(std::size_t, std::vector<int>&)>& candidates) {
  weights_.assign(weights, weights + n_);
  latest_ = base_;
  for_all(stores_[base_], [&](std::size_t i, Worker& worker) {
    Polyhedron& cell = worker.cell;
    worker.near.clear();
    candidates(i, worker.near);
    for (std::size_t k = 0; k < worker.near.size() && cell.size() > 0; ++k) {
      if (std::size_t(worker.near[k]) != i) cut(cell, i, std::size_t(worker.near[k]));
      if (k % tree_leaf == tree_leaf - 1) cell.ball();
    }
  });
  warm_ = true;
}

double SolidDiagram::volume(std::size_t i) const {
  const SolidView cell = (*this)[i];
  double six = 0;
  for (int k = 0; k < cell.size; ++k) {
    const auto *a = cell.corner[cell.first[k]], *o = cell.corner[cell.first[0]];
    for (std::uint32_t q = cell.first[k] + 1; q + 1 < cell.first[k + 1]; ++q) {
      double u[3], v[3], w[3];
      for (int x = 0; x < 3; ++x) u[x] = a[x] - o[x], v[x] = cell.corner[q][x] - o[x], w[x] = cell.corner[q + 1][x] - o[x];
      six += u[0] * (v[1] * w[2] - v[2] * w[1]) + u[1] * (v[2] * w[0] - v[0] * w[2]) + u[2] * (v[0] * w[1] - v[1] * w[0]);
    }
  }
  return six / 6;
}

double SolidDiagram::detour(std::size_t i, std::size_t j) const {
  const HalfSpace near = between(i, j);
  const SolidView cell = (*this)[i];
  double most = 0;
  for (std::uint32_t q = cell.size ? cell.first[0] : 0; cell.size && q < cell.first[cell.size]; ++q) {
    const auto* v = cell.corner[q];
    most = std::max(most, near.c - near.normal[0] * v[0] - near.normal[1] * v[1] - near.normal[2] * v[2]);
  }
  return most;
}

const Polyhedron& SolidDiagram::cell_at(std::size_t i, double weight) {
  Polyhedron& cell = workers_[0].cell;
  cell.reset(box_);
  with_weight(i, weight, [&] { tree_.search(i, cell, [&](std::size_t j) { cut(cell, i, j); }); });
  return cell;
}

}  // namespace mixot
