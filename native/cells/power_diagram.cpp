#include "cells/power_diagram.hpp"

#include <algorithm>
#include <cmath>

#include "machine/parallel.hpp"

namespace mixot {

namespace {

constexpr double certificate = 1e-12;  // of the area of the rectangle
constexpr std::size_t ring_passes = 8, max_passes = 14;

}  // namespace

// ---- one polygon ----

double shoelace(const double* x, const double* y, int size) {
  double twice = 0;
  for (int k = 1; k + 1 < size; ++k)
    twice += (x[k] - x[0]) * (y[k + 1] - y[0]) - (x[k + 1] - x[0]) * (y[k] - y[0]);
  return 0.5 * twice;
}

void Polygon::reset(const Box<2>& box) {
  clear();
  add(box.lo[0], box.lo[1], -1), add(box.hi[0], box.lo[1], -2);
  add(box.hi[0], box.hi[1], -3), add(box.lo[0], box.hi[1], -4);
}

double Polygon::area() const { return shoelace(x_.data(), y_.data(), size()); }

bool Polygon::cut(int id, double nx, double ny, double c, double tol) {
  const int n = size();
  if (int(side_.size()) < n) side_.resize(n + 16);
  const double *x = x_.data(), *y = y_.data();
  double* side = side_.data();
  double top = -std::numeric_limits<double>::infinity();
  int at_top = 0;
  for (int k = 0; k < n; ++k) {
    side[k] = x[k] * nx + y[k] * ny - c;
    if (side[k] > top) top = side[k], at_top = k;
  }
  if (!(top > tol)) return false;
  // The same border twice is rounding of a corner that is as good as on it.
  for (int k = 0; k < n; ++k)
    if (id_[k] == id) return false;
  // What is beyond the border lies around the corner that is furthest beyond it; where many borders meet in a point,
  // rounding may leave strays elsewhere.
  const auto after = [n](int k) { return k + 1 < n ? k + 1 : 0; };
  const auto before = [n](int k) { return k > 0 ? k - 1 : n - 1; };
  int out = 1, first_out = at_top, last_out = at_top;
  for (; out < n && side[before(first_out)] > 0; ++out) first_out = before(first_out);
  for (; out < n && side[after(last_out)] > 0; ++out) last_out = after(last_out);
  if (out == n) {
    clear();
    return true;
  }
  const int last_in = before(first_out), first_in = after(last_out);
  const int kept = n - out, size = kept + 2;
  next_x_.resize(size), next_y_.resize(size), next_id_.resize(size);
  for (int to = 0, k = first_in; to < kept; ++to, k = after(k)) next_x_[to] = x[k], next_y_[to] = y[k], next_id_[to] = id_[k];
  const auto cross = [&](int in, int beyond, int to, int name) {
    const double t = side[in] / (side[in] - side[beyond]);
    next_x_[to] = x[in] + t * (x[beyond] - x[in]), next_y_[to] = y[in] + t * (y[beyond] - y[in]);
    next_id_[to] = name;
  };
  cross(last_in, first_out, kept, id);
  cross(first_in, last_out, kept + 1, id_[last_out]);
  x_.swap(next_x_), y_.swap(next_y_), id_.swap(next_id_);
  if (size < 3) clear();
  return true;
}

// ---- the store ----

void PolygonStore::clear() {
  for (Block& b : blocks_) b.x.clear(), b.y.clear(), b.id.clear();
  std::fill(size_.begin(), size_.end(), 0);
}

// Vertices are brought into the rectangle, those on its sides exactly onto them, so that the cells tile it.
void PolygonStore::put(std::size_t i, const Polygon& polygon, const Box<2>& box) {
  Block& b = blocks_[i / block];
  const int size = polygon.size();
  if (size > size_[i]) {  // there is no room where it was
    start_[i] = std::uint32_t(b.x.size());
    const std::size_t end = b.x.size() + std::size_t(size);
    b.x.resize(end), b.y.resize(end), b.id.resize(end);
  }
  const std::size_t at = start_[i];
  size_[i] = size;
  for (int k = 0; k < size; ++k) {
    b.x[at + k] = std::min(std::max(polygon.x(k), box.lo[0]), box.hi[0]);
    b.y[at + k] = std::min(std::max(polygon.y(k), box.lo[1]), box.hi[1]);
    b.id[at + k] = polygon.id(k);
  }
  for (int k = 0; k < size; ++k) {
    const std::size_t p = at + k, q = at + (k + 1 < size ? k + 1 : 0);
    switch (polygon.id(k)) {
      case -1: b.y[p] = b.y[q] = box.lo[1]; break;
      case -2: b.x[p] = b.x[q] = box.hi[0]; break;
      case -3: b.y[p] = b.y[q] = box.hi[1]; break;
      case -4: b.x[p] = b.x[q] = box.lo[0]; break;
      default: break;
    }
  }
}

double PolygonStore::area() const {
  double sum = 0;
  for (std::size_t i = 0; i < size_.size(); ++i) {
    const PolygonView cell = (*this)[i];
    sum += shoelace(cell.x, cell.y, cell.size);
  }
  return sum;
}

// ---- the diagram ----

PowerDiagram::PowerDiagram(const double* points, std::size_t n, const Box<2>& box, std::size_t threads)
    : DiagramPoints(points, n, box, threads),
      scale_(std::sqrt(box.volume() / double(n))),
      stores_{PolygonStore(n), PolygonStore(n)},
      workers_(threads_) {
  mending_.proven.assign(n, 0);
}

template <class Body>
void PowerDiagram::for_blocks(Body&& body) {
  parallel_blocks(stores_[0].blocks(), threads_, [&](std::size_t block, std::size_t worker) {
    const std::size_t first = block * PolygonStore::block, last = std::min(n_, first + PolygonStore::block);
    body(block, first, last, workers_[worker]);
  });
}

// The half-plane nearer to i than to j: 2 (y_j - y_i) . x <= |y_j|^2 - |y_i|^2 + w_i - w_j.
inline PowerDiagram::HalfPlane PowerDiagram::between(std::size_t i, std::size_t j) const {
  const double *a = points_ + 2 * i, *b = points_ + 2 * j, dx = b[0] - a[0], dy = b[1] - a[1];
  return {2 * dx, 2 * dy, dx * (a[0] + b[0]) + dy * (a[1] + b[1]) + (weights_[i] - weights_[j])};
}

// Of equal points with equal weights the first has the cell.
bool PowerDiagram::cut(Polygon& polygon, std::size_t i, std::size_t j) const {
  const HalfPlane near = between(i, j);
  const double wi = weights_[i], wj = weights_[j];
  if (near.nx == 0 && near.ny == 0) {
    if (wi > wj || (wi == wj && i < j)) return false;
    polygon.clear();
    return true;
  }
  // what rounding may make of a corner on the border
  const double *a = points_ + 2 * i, *b = points_ + 2 * j;
  const double tol = 2.5e-16 * (std::abs(near.nx) * (1 + std::abs(a[0] + b[0])) +
                                std::abs(near.ny) * (1 + std::abs(a[1] + b[1])) + std::abs(wi - wj));
  return polygon.cut(int(j), near.nx, near.ny, near.c, tol);
}

double PowerDiagram::detour(std::size_t i, std::size_t j) const {
  const HalfPlane near = between(i, j);
  const PolygonView cell = (*this)[i];
  double most = 0;
  for (int k = 0; k < cell.size; ++k) most = std::max(most, near.c - near.nx * cell.x[k] - near.ny * cell.y[k]);
  return most;
}

void PowerDiagram::Worker::begin(std::size_t n) {
  if (met.empty()) met.assign(n, 0);
  if (++turn == 0) {
    std::fill(met.begin(), met.end(), 0);
    turn = 1;
  }
}

// By those neighbors of another cell, or of its own, that have not been tried yet.
void PowerDiagram::cut_by_neighbors(Worker& worker, std::size_t i, const PolygonView& cell) const {
  for (int k = 0; k < cell.size && worker.polygon.size() > 0; ++k)
    if (cell.id[k] >= 0 && worker.meet(cell.id[k])) cut(worker.polygon, i, cell.id[k]);
}

void PowerDiagram::cut_by_tree(Polygon& polygon, std::size_t i) const {
  tree_.search(i, polygon, [&](std::size_t j) { cut(polygon, i, j); });
}

// The polygon with the accepted cell's neighbors in their old order, each vertex the crossing of two borders; false
// where that is no convex polygon in the rectangle.
bool PowerDiagram::rebuild(Polygon& polygon, std::size_t i) const {
  const PolygonView old = stores_[base_][i];
  if (old.size < 3) return false;
  const auto border = [&](int id) -> HalfPlane {
    switch (id) {
      case -1: return {0, -1, -box_.lo[1]};
      case -2: return {1, 0, box_.hi[0]};
      case -3: return {0, 1, box_.hi[1]};
      case -4: return {-1, 0, -box_.lo[0]};
      default: return between(i, std::size_t(id));
    }
  };
  const HalfPlane closing = border(old.id[old.size - 1]);
  HalfPlane before = closing;
  const double slack = 1e-14;
  polygon.clear();
  for (int k = 0; k < old.size; ++k) {
    const HalfPlane here = border(old.id[k]);
    const double turn = before.nx * here.ny - before.ny * here.nx;
    if (!(turn > 0)) return false;
    const double x = (before.c * here.ny - here.c * before.ny) / turn;
    const double y = (before.nx * here.c - here.nx * before.c) / turn;
    if (!(x >= box_.lo[0] - slack && x <= box_.hi[0] + slack && y >= box_.lo[1] - slack && y <= box_.hi[1] + slack))
      return false;
    // the edge before this vertex must run along its border, not against it
    if (k > 0 && !((y - polygon.y(k - 1)) * before.nx - (x - polygon.x(k - 1)) * before.ny > 0)) return false;
    polygon.add(x, y, old.id[k]);
    before = here;
  }
  const int last = polygon.size() - 1;
  return (polygon.y(0) - polygon.y(last)) * closing.nx - (polygon.x(0) - polygon.x(last)) * closing.ny > 0;
}

void PowerDiagram::from_scratch(bool with_neighbors) {
  stores_[latest_].clear();
  for_blocks([&](std::size_t, std::size_t first, std::size_t last, Worker& worker) {
    for (std::size_t i = first; i < last; ++i) {
      worker.polygon.reset(box_);
      worker.begin(n_);
      if (with_neighbors) cut_by_neighbors(worker, i, stores_[base_][i]);
      if (worker.polygon.size() > 0) cut_by_tree(worker.polygon, i);
      stores_[latest_].put(i, worker.polygon, box_);
    }
  });
}

void PowerDiagram::update(const double* weights) {
  assign(weights);
  if (!warm_) {
    latest_ = base_;
    from_scratch(false);
    return;
  }
  latest_ = 1 - base_;
  guess();
  mend();
  if (std::abs(area() / box_.volume() - 1) > certificate) from_scratch(true);
}

void PowerDiagram::accept() {
  base_ = latest_;
  warm_ = true;
}

void PowerDiagram::seed(const double* weights,
                        const std::function<void(std::size_t, std::vector<int>&)>& candidates) {
  weights_.assign(weights, weights + n_);
  latest_ = base_;
  stores_[base_].clear();
  for_blocks([&](std::size_t, std::size_t first, std::size_t last, Worker& worker) {
    for (std::size_t i = first; i < last; ++i) {
      worker.ring.clear();
      candidates(i, worker.ring);
      worker.polygon.reset(box_);
      for (int j : worker.ring) {
        if (worker.polygon.size() == 0) break;
        if (std::size_t(j) != i) cut(worker.polygon, i, j);
      }
      stores_[base_].put(i, worker.polygon, box_);
    }
  });
  warm_ = true;
}

// ---- mending: what the passes share ----

void PowerDiagram::Mending::begin(std::size_t n, std::size_t blocks) {
  check.assign(n, 1);
  bad.assign(n, 0);
  first_claim.assign(n, -1);
  parts.resize(blocks);
  for (Part& part : parts) part.clear();
}

// Sort what the blocks found: cells to cut again by block, claims by the cell they are made on. False if none is bad.
bool PowerDiagram::Mending::gather() {
  claims.clear();
  std::fill(check.begin(), check.end(), 0);
  bool any = false;
  for (Part& part : parts) {
    for (const auto& [target, by] : part.claims) {
      claims.push_back({by, first_claim[target]});
      first_claim[target] = int(claims.size()) - 1;
    }
    for (int i : part.suspects) {
      any = true;
      if (bad[i] || proven[i]) continue;
      bad[i] = 1;
      parts[std::size_t(i) / PolygonStore::block].bad.push_back(i);
    }
  }
  return any;
}

void PowerDiagram::Mending::next() {
  for (Part& part : parts) {
    for (const auto& [target, by] : part.claims) first_claim[target] = -1;
    for (int i : part.bad) bad[i] = 0, check[i] = 1;
    for (int j : part.touched) check[j] = 1;
    part.clear();
  }
}

void PowerDiagram::Mending::Part::clear() {
  claims.clear(), suspects.clear(), bad.clear(), touched.clear();
  x.clear(), y.clear(), id.clear(), sizes.clear();
}

void PowerDiagram::Mending::Part::stage(const Polygon& polygon) {
  sizes.push_back(polygon.size());
  for (int k = 0; k < polygon.size(); ++k)
    x.push_back(polygon.x(k)), y.push_back(polygon.y(k)), id.push_back(polygon.id(k));
}

void PowerDiagram::Mending::Part::commit(Polygon& scratch, PolygonStore& store, const Box<2>& box) const {
  std::size_t at = 0;
  for (std::size_t b = 0; b < bad.size(); ++b) {
    scratch.clear();
    for (const std::size_t end = at + sizes[b]; at < end; ++at) scratch.add(x[at], y[at], id[at]);
    store.put(bad[b], scratch, box);
  }
}

// First answer: each cell with its old neighbors in their old order, else cut by those and by their neighbors.
void PowerDiagram::guess() {
  const PolygonStore& old = stores_[base_];
  PolygonStore& fresh = stores_[latest_];
  fresh.clear();
  for_blocks([&](std::size_t, std::size_t first, std::size_t last, Worker& worker) {
    Polygon& polygon = worker.polygon;
    for (std::size_t i = first; i < last; ++i) {
      mending_.proven[i] = 0;
      if (!rebuild(polygon, i)) {
        polygon.reset(box_);
        if (old[i].size == 0) {
          cut_by_tree(polygon, i);
          mending_.proven[i] = 1;
        } else {
          worker.begin(n_);
          worker.meet(int(i));
          cut_by_neighbors(worker, i, old[i]);
          worker.ring.clear();
          for (int k = 0; k < polygon.size(); ++k)
            if (polygon.id(k) >= 0) worker.ring.push_back(polygon.id(k));
          for (int j : worker.ring) cut_by_neighbors(worker, i, old[j]);
        }
      }
      fresh.put(i, polygon, box_);
    }
  });
}

// Look at the edges of the cells of a block from the other side: an edge that the neighbor does not have, or has
// elsewhere, makes both suspect, and a neighbor that lacks it is told.
void PowerDiagram::compare(Mending& mending, std::size_t block) const {
  const PolygonStore& cells = stores_[latest_];
  Mending::Part& part = mending.parts[block];
  const std::size_t first = block * PolygonStore::block, last = std::min(n_, first + PolygonStore::block);
  const double negligible = 1e-10 * scale_, apart = 1e-8 * scale_;
  for (std::size_t i = first; i < last; ++i) {
    if (!mending.check[i]) continue;
    const PolygonView cell = cells[i];
    bool good = true;
    for (int k = 0; k < cell.size; ++k) {
      const int j = cell.id[k], k1 = cell.after(k);
      if (j < 0 || std::abs(cell.x[k1] - cell.x[k]) + std::abs(cell.y[k1] - cell.y[k]) < negligible) continue;
      const PolygonView other = cells[j];
      const int q = other.find(int(i));
      bool same = false;
      if (q >= 0) {
        const int q1 = other.after(q);
        same = !(std::abs(other.x[q] - cell.x[k1]) + std::abs(other.y[q] - cell.y[k1]) +
                     std::abs(other.x[q1] - cell.x[k]) + std::abs(other.y[q1] - cell.y[k]) > apart);
      } else if (other.size > 0) {
        part.claims.push_back({j, int(i)});
      }
      if (same) continue;
      good = false;
      part.suspects.push_back(j);
    }
    if (!good) part.suspects.push_back(int(i));
  }
}

// Cut a suspect cell by those that claim an edge with it and by the neighbors of its neighbors; in the tree where that
// has not helped for long, or where a neighbor turned out empty. What changes is staged, since others read it now.
void PowerDiagram::cut_again(Worker& worker, std::size_t i, std::size_t pass, Mending& mending) const {
  const PolygonStore& cells = stores_[latest_];
  const PolygonView cell = cells[i];
  Polygon& polygon = worker.polygon;
  polygon.clear();
  bool beside_empty = false;
  worker.ring.clear();
  worker.begin(n_);
  worker.meet(int(i));
  for (int k = 0; k < cell.size; ++k) {
    polygon.add(cell.x[k], cell.y[k], cell.id[k]);
    if (cell.id[k] < 0) continue;
    worker.ring.push_back(cell.id[k]);
    worker.meet(cell.id[k]);
    beside_empty = beside_empty || cells[cell.id[k]].size == 0;
  }
  for (int at = mending.first_claim[i]; at >= 0 && polygon.size() > 0; at = mending.claims[at].next)
    if (worker.meet(mending.claims[at].by)) cut(polygon, i, mending.claims[at].by);
  if (pass >= ring_passes || beside_empty) {
    mending.proven[i] = 1;
    if (polygon.size() > 0) cut_by_tree(polygon, i);
    return;
  }
  for (int j : worker.ring) {
    cut_by_neighbors(worker, i, cells[j]);
    if (pass == 0) cut_by_neighbors(worker, i, stores_[base_][j]);
  }
}

// Repeat until no edge is seen from one side only.
void PowerDiagram::mend() {
  Mending& mending = mending_;
  mending.begin(n_, stores_[0].blocks());
  for (std::size_t pass = 0; pass < max_passes; ++pass) {
    for_blocks([&](std::size_t block, std::size_t, std::size_t, Worker&) { compare(mending, block); });
    if (!mending.gather()) return;
    for_blocks([&](std::size_t block, std::size_t, std::size_t, Worker& worker) {
      Mending::Part& part = mending.parts[block];
      for (int i : part.bad) {
        cut_again(worker, i, pass, mending);
        part.stage(worker.polygon);
        const auto recheck = [&](int j) { part.touched.push_back(j); };
        for (int j : worker.ring) recheck(j);
        for (int k = 0; k < worker.polygon.size(); ++k)
          if (worker.polygon.id(k) >= 0) recheck(worker.polygon.id(k));
      }
    });
    for_blocks([&](std::size_t block, std::size_t, std::size_t, Worker& worker) {
      mending.parts[block].commit(worker.polygon, stores_[latest_], box_);
    });
    mending.next();
  }
}

// ---- one cell at a time ----

const Polygon& PowerDiagram::cell_at(std::size_t i, double weight) {
  Polygon& polygon = workers_[0].polygon;
  polygon.reset(box_);
  with_weight(i, weight, [&] { cut_by_tree(polygon, i); });
  return polygon;
}

}  // namespace mixot
