#include "cells/polyhedron.hpp"

#include <algorithm>
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

void Polyhedron::reset(const Box<3>& box) {
  clear();
  size_ = 8;
  corners_.fit(size_);
  for (int a = 0; a < 3; ++a)
    for (int corner = 0; corner < 8; ++corner) corners_.column(a)[corner] = corner >> a & 1 ? box.hi[a] : box.lo[a];
  // lower and upper side along x, y and z; bit a of a corner's number says which end of axis a it is on
  static constexpr int sides[6][4] = {{0, 4, 6, 2}, {1, 3, 7, 5}, {0, 1, 5, 4}, {2, 6, 7, 3}, {0, 2, 3, 1}, {4, 5, 7, 6}};
  for (int side = 0; side < 6; ++side) {
    const std::size_t first = loops_.size();
    loops_.insert(loops_.end(), sides[side], sides[side] + 4);
    faces_.push_back({-1 - side, first, loops_.size()});
  }
}

// The new corner on the edge from a kept corner to one that is cut off.
int Polyhedron::cross(int in, int out) {
  for (const Crossing& c : crossings_)
    if (c.in == in && c.out == out) return c.corner;
  const double t = side_[in] / (side_[in] - side_[out]);
  next_corners_.fit(next_size_ + 1);
  for (int a = 0; a < 3; ++a) {
    const double x = corners_.column(a)[in];
    next_corners_.column(a)[next_size_] = x + t * (corners_.column(a)[out] - x);
  }
  crossings_.push_back({in, out, next_size_});
  return next_size_++;
}

bool Polyhedron::cut(int id, const double* normal, double c, double tol) {
  const int n = size();
  double ends[2];
  if (side_.size() < whole(n)) side_.resize(2 * whole(n));
  sides({corners_.column(0), corners_.column(1), corners_.column(2), whole(n)}, normal, c, side_.data(), ends);
  const double bottom = ends[0], top = ends[1];
  if (!(top > tol)) return false;
  for (const Face& face : faces_)
    if (face.id == id) return false;  // the same border twice is rounding
  if (bottom > 0) {
    clear();
    return true;
  }
  next_faces_.clear(), next_loops_.clear(), crossings_.clear();
  renamed_.resize(std::size_t(n));
  next_corners_.fit(n);
  next_size_ = 0;
  for (int k = 0; k < n; ++k) {
    if (side_[k] > 0 && side_[k] <= tol) side_[k] = 0;  // on the border: what is cut off is one piece of every face
    if (side_[k] > 0) continue;
    renamed_[k] = next_size_;
    for (int a = 0; a < 3; ++a) next_corners_.column(a)[next_size_] = corners_.column(a)[k];
    ++next_size_;
  }
  const int kept = next_size_;
  after_.clear();  // where the border leads from a new corner: against the way of the face it was cut from
  const auto lead = [&](int from, int to) {
    after_.resize(std::size_t(next_size_ - kept), -1);
    after_[std::size_t(from - kept)] = to;
  };
  for (const Face& face : faces_) {
    const std::size_t first = next_loops_.size();
    int left = -1, entered = -1;  // where the loop is cut off, and where it comes back before that
    for (std::size_t at = face.first; at < face.last; ++at) {
      const int here = loops_[at], there = loops_[at + 1 < face.last ? at + 1 : face.first];
      const bool in = side_[here] <= 0, next_in = side_[there] <= 0;
      if (in) next_loops_.push_back(renamed_[here]);
      if (in && !next_in) next_loops_.push_back(left = cross(here, there));
      if (in || !next_in) continue;
      const int back = cross(there, here);
      next_loops_.push_back(back);
      if (left >= 0)
        lead(back, left);
      else
        entered = back;
      left = -1;
    }
    if (left >= 0 && entered >= 0) lead(entered, left);
    if (next_loops_.size() - first < 3)
      next_loops_.resize(first);
    else
      next_faces_.push_back({face.id, first, next_loops_.size()});
  }
  const std::size_t first = next_loops_.size(), fresh = std::size_t(next_size_ - kept);
  after_.resize(fresh, -1);
  for (std::size_t at = 0, steps = 0; steps < fresh; ++steps) {
    next_loops_.push_back(kept + int(at));
    if (after_[at] <= kept) break;  // round, or lost
    at = std::size_t(after_[at] - kept);
  }
  if (next_loops_.size() - first < 3)
    next_loops_.resize(first);
  else
    next_faces_.push_back({id, first, next_loops_.size()});
  next_corners_.repeat_last(next_size_);
  std::swap(corners_, next_corners_), std::swap(size_, next_size_);
  faces_.swap(next_faces_), loops_.swap(next_loops_);
  if (faces_.size() < 4) clear();
  return true;
}

}  // namespace mixot
