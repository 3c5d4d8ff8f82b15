#include "cells/solid_diagram.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "machine/parallel.hpp"

namespace mixot {

namespace {

constexpr double certificate = 1e-12;  // of the volume of the box
constexpr double flat = 1e-3;  // sine of an angle between planes, below which where they meet is not computed anew
constexpr int passes = 8;
constexpr std::size_t first_cuts = 24;  // nearest candidates, which cut before the others

}  // namespace

SolidDiagram::SolidDiagram(const double* points, std::size_t n, const Box<3>& box, std::size_t threads)
    : DiagramPoints(points, n, box, threads),
      stores_{SolidStore(n), SolidStore(n)},
      workers_(threads_),
      exact_(n, 0),
      changed_((n + block - 1) / block) {}

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

SolidDiagram::HalfSpace SolidDiagram::border(std::size_t i, int id) const {
  if (id >= 0) return between(i, std::size_t(id));
  const int axis = (-1 - id) / 2;
  const double sign = (-1 - id) % 2 ? 1 : -1;
  HalfSpace out{{0, 0, 0}, sign > 0 ? box_.hi[axis] : -box_.lo[axis]};
  out.normal[axis] = sign;
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

template <class Body>
void SolidDiagram::for_blocks(Body&& body) {
  parallel_blocks(changed_.size(), threads_, [&](std::size_t b, std::size_t w) {
    body(b, b * block, std::min(n_, (b + 1) * block), workers_[w]);
  });
}

// Corners of a cell that keeps them, where its planes have gone; false where it does not.
bool SolidDiagram::rebuild(Worker& worker, std::size_t i, const SolidView& old) const {
  if (old.size == 0) return false;
  auto& planes = worker.planes;
  auto& corners = worker.corners;
  planes.clear(), corners.clear();
  for (int k = 0; k < old.size; ++k) planes.push_back(border(i, old.id[k]));
  for (int q = 0; q < old.corners; ++q) {
    const int* face = old.joint[q].face;
    const HalfSpace &a = planes[face[0]], &b = planes[face[1]], &c = planes[face[2]];
    const auto cross = [](const double* u, const double* v, double* out) {
      for (int x = 0; x < 3; ++x) out[x] = u[(x + 1) % 3] * v[(x + 2) % 3] - u[(x + 2) % 3] * v[(x + 1) % 3];
    };
    const auto dot = [](const double* u, const double* v) { return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]; };
    double bc[3], ca[3], ab[3];
    cross(b.normal, c.normal, bc), cross(c.normal, a.normal, ca), cross(a.normal, b.normal, ab);
    const double turn = dot(a.normal, bc);
    const double sizes = dot(a.normal, a.normal) * dot(b.normal, b.normal) * dot(c.normal, c.normal);
    if (!(turn > 0 && turn * turn > flat * flat * sizes)) return false;
    SolidCorner corner;
    for (int x = 0; x < 3; ++x) corner.x[x] = (a.c * bc[x] + b.c * ca[x] + c.c * ab[x]) / turn;
    corners.push_back(corner);
  }
  for (int q = 0; q < old.corners; ++q)
    for (int way = 0; way < 3; ++way) {
      const double *from = corners[q].x, *to = corners[old.joint[q].link[way]].x;
      const double* normal = planes[old.joint[q].face[way]].normal;
      if (!(normal[0] * (to[0] - from[0]) + normal[1] * (to[1] - from[1]) + normal[2] * (to[2] - from[2]) < 0)) return false;
    }
  return true;
}

// By the neighbors that it had, and by what the tree of points finds.
void SolidDiagram::look_up(Worker& worker, std::size_t i) {
  worker.cell.reset(box_);
  const SolidView old = stores_[base_][i];
  for (int k = 0; warm_ && k < old.size && worker.cell.size() > 0; ++k)
    if (old.id[k] >= 0) cut(worker.cell, i, std::size_t(old.id[k]));
  complete(worker, i, stores_[latest_]);
}

void SolidDiagram::complete(Worker& worker, std::size_t i, SolidStore& store) {
  Polyhedron& cell = worker.cell;
  if (cell.size() > 0) tree_.search(i, cell, [&](std::size_t j) { cut(cell, i, j); });
  store.put(i, cell, box_);
  exact_[i] = 1;
}

// First answer: cells that keep their corners, others from the tree.
void SolidDiagram::guess() {
  for_blocks([&](std::size_t b, std::size_t first, std::size_t last, Worker& worker) {
    changed_[b].clear();
    for (std::size_t i = first; i < last; ++i) {
      const SolidView old = stores_[base_][i];
      if (rebuild(worker, i, old)) {
        stores_[latest_].put(i, old, worker.corners.data(), box_);
      } else {
        look_up(worker, i);
        changed_[b].push_back(int(i));
      }
    }
  });
}

// Neighbors of cell i, whose faces meet there, that do not know of it or of each other.
void SolidDiagram::claim(std::size_t i, std::vector<int>& out) const {
  const SolidView cell = (*this)[i];
  for (int k = 0; k < cell.size; ++k)
    if (cell.id[k] >= 0 && !exact_[cell.id[k]] && (*this)[std::size_t(cell.id[k])].find(int(i)) < 0) out.push_back(cell.id[k]);
  for (int q = 0; q < cell.corners; ++q)
    for (int way = 0; way < 3; ++way) {
      const int one = cell.id[cell.joint[q].face[way]], other = cell.id[cell.joint[q].face[(way + 1) % 3]];
      if (one < 0 || other < 0) continue;
      if (!exact_[one] && (*this)[std::size_t(one)].find(other) < 0) out.push_back(one);
      if (!exact_[other] && (*this)[std::size_t(other)].find(one) < 0) out.push_back(other);
    }
}

// Look up those that changed cells have claims on, until there are none.
void SolidDiagram::mend() {
  std::vector<std::vector<int>> claims(changed_.size());
  for (int pass = 0; pass < passes; ++pass) {
    for_blocks([&](std::size_t b, std::size_t, std::size_t, Worker&) {
      claims[b].clear();
      for (int i : changed_[b]) claim(std::size_t(i), claims[b]);
    });
    for (auto& part : changed_) part.clear();
    bool any = false;
    for (const auto& part : claims)
      for (int i : part)
        if (!exact_[i]) exact_[i] = 1, any = true, changed_[std::size_t(i) / block].push_back(i);
    if (!any) return;
    for_blocks([&](std::size_t b, std::size_t, std::size_t, Worker& worker) {
      for (int i : changed_[b]) look_up(worker, std::size_t(i));
    });
  }
}

bool SolidDiagram::fills_the_box() {
  if (std::all_of(exact_.begin(), exact_.end(), [](char is) { return is != 0; })) return true;
  std::vector<double> volume(changed_.size(), 0.0);
  for_blocks([&](std::size_t b, std::size_t first, std::size_t last, Worker&) {
    for (std::size_t i = first; i < last; ++i) volume[b] += (*this)[i].volume();
  });
  const double all = std::accumulate(volume.begin(), volume.end(), 0.0);
  return std::abs(all / box_.volume() - 1) <= certificate;
}

void SolidDiagram::update(const double* weights) {
  if (seeded_ && std::equal(weights, weights + n_, weights_.begin())) {
    latest_ = base_;
    return;
  }
  assign(weights);
  seeded_ = false;
  latest_ = warm_ ? 1 - base_ : base_;
  stores_[latest_].clear();
  std::fill(exact_.begin(), exact_.end(), 0);
  if (warm_) {
    guess();
    mend();
    if (fills_the_box()) return;
  }
  for_blocks([&](std::size_t, std::size_t first, std::size_t last, Worker& worker) {
    for (std::size_t i = first; i < last; ++i)
      if (!exact_[i]) look_up(worker, i);
  });
}

void SolidDiagram::seed(const double* weights,
                        const std::function<void(std::size_t, std::vector<int>&)>& candidates) {
  assign(weights);
  latest_ = base_;
  stores_[base_].clear();
  for_blocks([&](std::size_t, std::size_t first, std::size_t last, Worker& worker) {
    std::vector<std::pair<double, int>> near;
    for (std::size_t i = first; i < last; ++i) {
      worker.near.clear(), near.clear();
      candidates(i, worker.near);
      for (int j : worker.near) {
        double squared = 0;
        for (int a = 0; a < 3; ++a) {
          const double d = points_[3 * std::size_t(j) + std::size_t(a)] - points_[3 * i + std::size_t(a)];
          squared += d * d;
        }
        if (std::size_t(j) != i) near.emplace_back(squared, j);
      }
      const std::size_t some = std::min(first_cuts, near.size());
      std::partial_sort(near.begin(), near.begin() + std::ptrdiff_t(some), near.end());
      worker.cell.reset(box_);
      for (std::size_t k = 0; k < near.size() && worker.cell.size() > 0; ++k) {
        if (k == some) worker.cell.ball();
        cut(worker.cell, i, std::size_t(near[k].second));
      }
      complete(worker, i, stores_[base_]);
    }
  });
  warm_ = seeded_ = true;
}

double SolidDiagram::detour(std::size_t i, std::size_t j) const {
  const HalfSpace near = between(i, j);
  const SolidView cell = (*this)[i];
  double most = 0;
  for (int q = 0; q < cell.corners; ++q) {
    const double* v = cell.corner[q].x;
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
