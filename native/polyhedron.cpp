#include "polyhedron.hpp"

#include <algorithm>
#include <limits>

namespace mixot {

void Polyhedron::reset(const Cuboid& box) {
  clear();
  for (int corner = 0; corner < 8; ++corner)
    for (int a = 0; a < 3; ++a) corners_.push_back(corner >> a & 1 ? box.hi[a] : box.lo[a]);
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
  const int corner = int(next_corners_.size() / 3);
  for (int a = 0; a < 3; ++a) {
    const double x = corners_[3 * std::size_t(in) + a];
    next_corners_.push_back(x + t * (corners_[3 * std::size_t(out) + a] - x));
  }
  crossings_.push_back({in, out, corner});
  return corner;
}

bool Polyhedron::cut(int id, const double* normal, double c, double tol) {
  const int n = size();
  side_.resize(n);
  double top = -std::numeric_limits<double>::infinity(), bottom = -top;
  for (int k = 0; k < n; ++k) {
    const double* v = &corners_[3 * std::size_t(k)];
    side_[k] = v[0] * normal[0] + v[1] * normal[1] + v[2] * normal[2] - c;
    top = std::max(top, side_[k]), bottom = std::min(bottom, side_[k]);
  }
  if (!(top > tol)) return false;
  for (const Face& face : faces_)
    if (face.id == id) return false;  // the same border twice is rounding
  if (bottom > 0) {
    clear();
    return true;
  }
  for (double& s : side_)
    if (s > 0 && s <= tol) s = 0;  // as good as on the border: then what is cut off is one piece of every face
  next_corners_.clear(), next_faces_.clear(), next_loops_.clear(), crossings_.clear();
  renamed_.assign(n, -1);
  for (int k = 0; k < n; ++k)
    if (side_[k] <= 0) {
      renamed_[k] = int(next_corners_.size() / 3);
      next_corners_.insert(next_corners_.end(), &corners_[3 * std::size_t(k)], &corners_[3 * std::size_t(k)] + 3);
    }
  const int kept = int(next_corners_.size() / 3);
  after_.clear();  // where the border leads from a new corner: against the way of the face it was cut from
  const auto lead = [&](int from, int to) {
    after_.resize(next_corners_.size() / 3 - std::size_t(kept), -1);
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
  const std::size_t first = next_loops_.size(), fresh = next_corners_.size() / 3 - std::size_t(kept);
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
  corners_.swap(next_corners_), faces_.swap(next_faces_), loops_.swap(next_loops_);
  if (faces_.size() < 4) clear();
  return true;
}

}  // namespace mixot
