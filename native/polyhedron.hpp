// Convex polyhedra that are cut by one half-space after the other.
#pragma once
#include <cstddef>
#include <vector>

namespace mixot {

struct Cuboid {
  double lo[3], hi[3];
  double volume() const { return (hi[0] - lo[0]) * (hi[1] - lo[1]) * (hi[2] - lo[2]); }
};

// Faces are loops of corners, counterclockwise seen from outside; each carries the id of what is beyond: a point, or
// -1 .. -6 for the lower and upper side of the box along each axis.
class Polyhedron {
 public:
  struct Face {
    int id;
    std::size_t first, last;  // corners loop(first) .. loop(last - 1)
  };

  void reset(const Cuboid& box);
  // Keep normal . x <= c, whose border is named id. False where nothing changed; corners closer than tol stay.
  bool cut(int id, const double* normal, double c, double tol);
  void clear() { corners_.clear(), faces_.clear(), loops_.clear(); }
  int size() const { return int(corners_.size() / 3); }
  double coordinate(int corner, int axis) const { return corners_[3 * std::size_t(corner) + axis]; }
  const std::vector<Face>& faces() const { return faces_; }
  const double* loop(std::size_t at) const { return &corners_[3 * std::size_t(loops_[at])]; }

 private:
  struct Crossing {  // of the border with the edge between two corners, and the new corner there
    int in, out, corner;
  };
  int cross(int in, int out);

  std::vector<double> corners_, side_, next_corners_;
  std::vector<Face> faces_, next_faces_;
  std::vector<int> loops_, next_loops_, renamed_, after_;
  std::vector<Crossing> crossings_;
};

}  // namespace mixot
