#include "cells/solid_store.hpp"

#include <algorithm>

namespace mixot {
namespace {

// Into the box, and onto the sides that it is said to lie on.
SolidCorner placed(SolidCorner c, const int (&faces)[3], const Box<3>& box) {
  for (int a = 0; a < 3; ++a) c.x[a] = std::min(std::max(c.x[a], box.lo[a]), box.hi[a]);
  for (int id : faces)
    if (id < 0) c.x[(-1 - id) / 2] = (-1 - id) % 2 ? box.hi[(-1 - id) / 2] : box.lo[(-1 - id) / 2];
  return c;
}

}  // namespace

double SolidView::volume() const {
  if (size == 0) return 0;
  const double* o = corner[0].x;
  double six = 0;
  for (int k = 0; k < size; ++k)
    facet(k, [&](const double (*c)[3], std::size_t n) {
      for (std::size_t q = 1; q + 1 < n; ++q) {
        double u[3], v[3], w[3];
        for (int x = 0; x < 3; ++x) u[x] = c[0][x] - o[x], v[x] = c[q][x] - o[x], w[x] = c[q + 1][x] - o[x];
        six += u[0] * (v[1] * w[2] - v[2] * w[1]) + u[1] * (v[2] * w[0] - v[0] * w[2]) + u[2] * (v[0] * w[1] - v[1] * w[0]);
      }
    });
  return six / 6;
}

void SolidStore::clear() {
  for (Block& b : blocks_) b.corner.clear(), b.joint.clear(), b.id.clear(), b.start.clear();
  std::fill(place_.begin(), place_.end(), Place{});
}

void SolidStore::begin(std::size_t i, int corners, int faces) {
  const Block& b = blocks_[i / block];
  place_[i] = {std::uint32_t(b.corner.size()), std::uint32_t(b.id.size()), corners, faces};
}

void SolidStore::put(std::size_t i, const Polyhedron& cell, const Box<3>& box) {
  Block& b = blocks_[i / block];
  const Polyhedron::Faces& all = cell.faces();
  begin(i, cell.size(), int(all.faces.size()));
  for (const Polyhedron::Face& face : all.faces) b.id.push_back(face.id), b.start.push_back(all.loops[face.first]);
  for (int k = 0; k < cell.size(); ++k) {
    const Polyhedron::Joint& joint = cell.joint(k);
    b.corner.push_back(placed({{cell.coordinate(k, 0), cell.coordinate(k, 1), cell.coordinate(k, 2)}}, joint.face, box));
    b.joint.push_back(joint);
    for (int way = 0; way < 3; ++way) b.joint.back().face[way] = all.number[3 * std::size_t(k) + std::size_t(way)];
  }
}

void SolidStore::put(std::size_t i, const SolidView& old, const SolidCorner* corners, const Box<3>& box) {
  Block& b = blocks_[i / block];
  begin(i, old.corners, old.size);
  b.id.insert(b.id.end(), old.id, old.id + old.size);
  b.start.insert(b.start.end(), old.start, old.start + old.size);
  b.joint.insert(b.joint.end(), old.joint, old.joint + old.corners);
  for (int k = 0; k < old.corners; ++k) {
    int ids[3];
    for (int way = 0; way < 3; ++way) ids[way] = old.id[old.joint[k].face[way]];
    b.corner.push_back(placed(corners[k], ids, box));
  }
}

}  // namespace mixot
