#include "cells/polyhedron.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mixot {
namespace {

constexpr std::size_t kWidth = lane_count;

MIXOT_INLINE Lanes lanes_of(double x) { return Lanes{x, x, x, x}; }
MIXOT_INLINE Lanes least_of(Lanes a, Lanes b) { return where_positive(b - a, a, b); }
MIXOT_INLINE Lanes most_of(Lanes a, Lanes b) { return where_positive(a - b, a, b); }
MIXOT_INLINE Lanes read(const double* from) {
  Lanes out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

// x, y, z: corners up to n, a multiple of the width.
struct Axes {
  const double *x, *y, *z;
  std::size_t n;
};

// side[q] = normal . corner - c, and its least and greatest value.
MIXOT_INLINE void sides_body(const Axes& corners, const double* normal, double c, double* side, double* ends) {
  Lanes low = lanes_of(1e300), high = lanes_of(-1e300);
  const Lanes nx = lanes_of(normal[0]), ny = lanes_of(normal[1]), nz = lanes_of(normal[2]), level = lanes_of(c);
  for (std::size_t q = 0; q < corners.n; q += kWidth) {
    const Lanes s = read(corners.x + q) * nx + read(corners.y + q) * ny + read(corners.z + q) * nz - level;
    std::memcpy(side + q, &s, sizeof s);
    low = least_of(low, s), high = most_of(high, s);
  }
  ends[0] = std::min(std::min(low[0], low[1]), std::min(low[2], low[3]));
  ends[1] = std::max(std::max(high[0], high[1]), std::max(high[2], high[3]));
}
MIXOT_MULTIVERSION(sides, (const Axes& corners, const double* normal, double c, double* side, double* ends),
                   (corners, normal, c, side, ends))

MIXOT_INLINE void depth_body(const Axes& corners, const double* lo, const double* hi, const double* slope,
                             const double* y, double* out) {
  Lanes best = lanes_of(1e300);
  const Lanes zero = lanes_of(0);
  const double* const axis[3] = {corners.x, corners.y, corners.z};
  for (std::size_t q = 0; q < corners.n; q += kWidth) {
    Lanes sum = zero;
    for (int a = 0; a < 3; ++a) {
      const Lanes u = read(axis[a] + q) - lanes_of(y[a]);
      const Lanes gap = most_of(most_of(lanes_of(lo[a]) - u, u - lanes_of(hi[a])), zero);
      sum += gap * gap - (lanes_of(slope[a]) + u) * u;
    }
    best = least_of(best, sum);
  }
  *out = std::min(std::min(best[0], best[1]), std::min(best[2], best[3]));
}
MIXOT_MULTIVERSION(depth,
                   (const Axes& corners, const double* lo, const double* hi, const double* slope, const double* y,
                    double* out),
                   (corners, lo, hi, slope, y, out))

std::size_t whole(int size) { return (std::size_t(size) + kWidth - 1) / kWidth * kWidth; }

}  // namespace

void Polyhedron::Columns::fit(int corners) {
  const std::size_t need = whole(corners);
  if (need <= room_) return;
  AlignedVector<double> wider(3 * 2 * need);
  for (int a = 0; a < 3; ++a) std::copy_n(column(a), room_, wider.data() + std::size_t(a) * 2 * need);
  space_.swap(wider);
  room_ = 2 * need;
}

void Polyhedron::Columns::repeat_last(int size) {
  for (int a = 0; a < 3; ++a) {
    double* x = column(a);
    for (std::size_t q = std::size_t(size); q < whole(size); ++q) x[q] = x[size - 1];
  }
}

double Polyhedron::least_depth(const double* lo, const double* hi, const double* slope, const double* y) const {
  double out;
  depth({corners_.column(0), corners_.column(1), corners_.column(2), whole(size_)}, lo, hi, slope, y, &out);
  return out;
}

void Polyhedron::fit(int corners) {
  corners_.fit(corners);
  const std::size_t room = whole(corners);
  if (joints_.size() >= room) return;
  joints_.resize(2 * room), lost_.resize(2 * room, 0), side_.resize(2 * room);
}

void Polyhedron::reset(const Box<3>& box) {
  size_ = 8;
  ball_known_ = false;
  ball_.radius = std::numeric_limits<double>::infinity();
  fit(size_);
  for (int corner = 0; corner < 8; ++corner) {
    // bit a of a corner's number says which end of axis a it is on; its faces turn the other way where one bit changes
    const bool even = (corner ^ corner >> 1 ^ corner >> 2) % 2 == 0;
    for (int a = 0; a < 3; ++a) {
      const int k = even ? 2 - a : a, bit = corner >> a & 1;
      corners_.column(a)[corner] = bit ? box.hi[a] : box.lo[a];
      joints_[corner].face[k] = -1 - 2 * a - bit, joints_[corner].link[k] = corner ^ 1 << a;
    }
  }
}

const Polyhedron::Ball& Polyhedron::ball() const {
  if (ball_known_) return ball_;
  ball_known_ = true;
  for (int a = 0; a < 3; ++a) {
    const auto [least, most] = std::minmax_element(corners_.column(a), corners_.column(a) + size_);
    ball_.center[a] = 0.5 * (*least + *most);
  }
  double most = 0;
  for (int k = 0; k < size_; ++k) {
    double squares = 0;
    for (int a = 0; a < 3; ++a) squares += (coordinate(k, a) - ball_.center[a]) * (coordinate(k, a) - ball_.center[a]);
    most = std::max(most, squares);
  }
  ball_.radius = std::sqrt(most) * (1 + 1e-12);
  return ball_;
}

// ---- a cut ----

// What is cut off hangs together with the corner that is furthest out, the first in outs_; where many planes meet in a
// place, rounding may leave strays elsewhere, which stay.
void Polyhedron::find_crossings(double tol) {
  crossings_.clear();
  for (std::size_t at = 0; at < outs_.size(); ++at)
    for (int there : joints_[outs_[at]].link) {
      if (lost_[there]) continue;
      if (side_[there] > tol) {
        lost_[there] = 1;
        outs_.push_back(there);
      }
    }
  for (int out : outs_)
    for (int there : joints_[out].link) {
      if (lost_[there]) continue;
      const int* link = joints_[there].link;
      crossings_.push_back({there, link[0] == out ? 0 : link[1] == out ? 1 : 2, out, {}});
    }
}

// Whether the border runs through every face once.
bool Polyhedron::one_ring() const {
  const auto face = [&](const Crossing& c, int turn) { return joints_[c.in].face[(c.slot + turn) % 3]; };
  const Crossing* at = &crossings_[0];
  for (std::size_t steps = 1;; ++steps) {
    const int along = face(*at, 1);
    const Crossing* next = nullptr;
    for (const Crossing& c : crossings_)
      if (face(c, 2) == along) {
        if (next) return false;
        next = &c;
      }
    if (!next || next == &crossings_[0]) return next && steps == crossings_.size();
    if (steps == crossings_.size()) return false;
    at = next;
  }
}

// What stays must hang together, too: of several parts only that of the lowest corner does. With both in one part the
// border is a ring, in the graph of corners as in exact numbers.
void Polyhedron::join_islands(int lowest) {
  std::vector<int> stays{lowest};
  std::vector<unsigned char> reached(std::size_t(size_), 0);
  reached[lowest] = 1;
  for (std::size_t at = 0; at < stays.size(); ++at)
    for (int there : joints_[stays[at]].link)
      if (!lost_[there] && !reached[there]) {
        reached[there] = 1;
        stays.push_back(there);
      }
  for (int k = 0; k < size_; ++k)
    if (!reached[k] && !lost_[k]) lost_[k] = 1, outs_.push_back(k);
}

void Polyhedron::move_last(int to) {
  const int from = --size_;
  if (from == to) return;
  for (int a = 0; a < 3; ++a) corners_.column(a)[to] = corners_.column(a)[from];
  joints_[to] = joints_[from];
  for (int there : joints_[to].link)
    for (int& back : joints_[there].link)
      if (back == from) back = to;
}

// New corners take the places of those that are cut off; a ring of edges joins them.
void Polyhedron::replace_lost(int id) {
  const std::size_t fresh = crossings_.size();
  std::sort(outs_.begin(), outs_.end());
  for (int out : outs_) lost_[out] = 0;
  fit(size_ + int(fresh));
  const auto place = [&](std::size_t k) { return k < outs_.size() ? outs_[k] : size_ + int(k - outs_.size()); };
  for (std::size_t k = 0; k < fresh; ++k) {
    const Crossing& c = crossings_[k];
    const int at = place(k), before = joints_[c.in].face[(c.slot + 2) % 3], after = joints_[c.in].face[(c.slot + 1) % 3];
    for (int a = 0; a < 3; ++a) corners_.column(a)[at] = c.x[a];
    joints_[at] = {{id, before, after}, {c.in, -1, -1}};
    joints_[c.in].link[c.slot] = at;
  }
  for (std::size_t k = 0; k < fresh; ++k)
    for (std::size_t next = 0; next < fresh; ++next)
      if (joints_[place(next)].face[1] == joints_[place(k)].face[2])
        joints_[place(k)].link[1] = place(next), joints_[place(next)].link[2] = place(k);
  if (fresh >= outs_.size()) {
    size_ += int(fresh - outs_.size());
    return;
  }
  for (std::size_t k = outs_.size(); k-- > fresh;) move_last(outs_[k]);
}

bool Polyhedron::cut(int id, const double* normal, double c, double tol) {
  const int n = size_;
  double ends[2];
  sides({corners_.column(0), corners_.column(1), corners_.column(2), whole(n)}, normal, c, side_.data(), ends);
  const double bottom = ends[0], top = ends[1];
  if (!(top > tol)) return false;
  for (int k = 0; k < n; ++k) {
    const int* face = joints_[k].face;
    if (face[0] == id || face[1] == id || face[2] == id) return false;  // the same border twice is rounding
  }
  ball_known_ = false;
  if (bottom > 0) {
    clear();
    return true;
  }
  const double* side = side_.data();
  outs_.assign(1, int(std::find(side, side + n, top) - side));
  lost_[outs_[0]] = 1;
  find_crossings(tol);
  if (!crossings_.empty() && !one_ring()) {
    join_islands(int(std::find(side, side + n, bottom) - side));
    find_crossings(tol);
  }
  if (crossings_.empty()) {
    for (int out : outs_) lost_[out] = 0;
    clear();
    return true;
  }
  for (Crossing& crossing : crossings_) {
    // a corner on the border, or a stray, is as good as the crossing
    const double from = std::min(side[crossing.in], 0.0), to = std::max(side[crossing.out], 0.0);
    const double t = to > from ? from / (from - to) : 0;
    for (int a = 0; a < 3; ++a) {
      const double x = coordinate(crossing.in, a);
      crossing.x[a] = x + t * (coordinate(crossing.out, a) - x);
    }
  }
  replace_lost(id);
  corners_.repeat_last(size_);
  return true;
}

// ---- faces ----

const Polyhedron::Faces& Polyhedron::faces() const {
  Faces& out = faces_;
  out.faces.clear(), out.loops.clear(), out.apart.clear();
  out.number.assign(3 * std::size_t(size_), -1);
  double middle[3] = {};
  for (int a = 0; a < 3 && size_ > 0; ++a) {
    for (int k = 0; k < size_; ++k) middle[a] += coordinate(k, a);
    middle[a] /= size_;
  }
  for (int k = 0; k < size_; ++k)
    for (int way = 0; way < 3; ++way) {
      if (out.number[3 * std::size_t(k) + std::size_t(way)] >= 0) continue;
      const int id = joints_[k].face[way];
      const std::size_t first = out.loops.size();
      double sum[3] = {};
      for (int at = k, slot = way;;) {
        int& number = out.number[3 * std::size_t(at) + std::size_t(slot)];
        if (number >= 0) break;
        number = 0;
        out.loops.push_back(at);
        for (int a = 0; a < 3; ++a) sum[a] += coordinate(at, a);
        at = joints_[at].link[(slot + 1) % 3];
        slot = joints_[at].slot(id);
      }
      const double count = double(out.loops.size() - first);
      double apart = 0;
      for (int a = 0; a < 3; ++a) apart += (sum[a] / count - middle[a]) * (sum[a] / count - middle[a]);
      std::size_t place = out.faces.size();
      out.faces.push_back({}), out.apart.push_back(apart);
      for (; place > 0 && out.apart[place - 1] > apart; --place)
        out.faces[place] = out.faces[place - 1], out.apart[place] = out.apart[place - 1];
      out.faces[place] = {id, first, out.loops.size()}, out.apart[place] = apart;
    }
  for (std::size_t f = 0; f < out.faces.size(); ++f)
    for (std::size_t q = out.faces[f].first; q < out.faces[f].last; ++q) {
      const int at = out.loops[q];
      out.number[3 * std::size_t(at) + std::size_t(joints_[at].slot(out.faces[f].id))] = int(f);
    }
  return out;
}

}  // namespace mixot
