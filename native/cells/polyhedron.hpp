// Convex polyhedra that are cut by one half-space after the other.
#pragma once
#include <cstddef>
#include <vector>

#include "cells/box.hpp"
#include "machine/simd.hpp"

namespace mixot {

// Faces are loops of corners, counterclockwise seen from outside; each carries the id of what is beyond: a point, or
// -1 .. -6 for the lower and upper side of the box along each axis.
class Polyhedron {
 public:
  struct Face {
    int id;
    std::size_t first, last;  // corners loop(first) .. loop(last - 1)
  };

  void reset(const Box<3>& box);
  // Keep normal . x <= c, whose border is named id. False where nothing changed; corners closer than tol stay.
  bool cut(int id, const double* normal, double c, double tol);
  void clear() { size_ = 0, faces_.clear(), loops_.clear(); }
  int size() const { return size_; }
  const std::vector<Face>& faces() const { return faces_; }
  double at(std::size_t place, int axis) const { return corners_.column(axis)[loops_[place]]; }  // of a loop
  // use(corners, n) for every face.
  template <class Use>
  void for_facets(Use&& use) const {
    struct Corner {
      double x[3];
    };
    std::vector<Corner> loop;
    for (const Face& face : faces_) {
      loop.clear();
      for (std::size_t k = face.first; k < face.last; ++k) loop.push_back({{at(k, 0), at(k, 1), at(k, 2)}});
      use(reinterpret_cast<const double(*)[3]>(loop.data()), loop.size());
    }
  }
  // Least value over the corners x of sum_a max(lo_a - u_a, u_a - hi_a, 0)^2 - slope_a u_a - u_a^2, u = x - y.
  double least_depth(const double* lo, const double* hi, const double* slope, const double* y) const;

 private:
  struct Crossing {  // of the border with the edge between two corners, and the new corner there
    int in, out, corner;
  };
  // One array for each axis, with room for whole registers; what is there beyond the last corner does not matter.
  class Columns {
   public:
    double* column(int axis) { return space_.data() + std::size_t(axis) * room_; }
    const double* column(int axis) const { return space_.data() + std::size_t(axis) * room_; }
    void fit(int corners);
    void repeat_last(int size);  // up to a whole register

   private:
    AlignedVector<double> space_;
    std::size_t room_ = 0;
  };
  int cross(int in, int out);

  int size_ = 0, next_size_ = 0;
  Columns corners_, next_corners_;
  AlignedVector<double> side_;
  std::vector<Face> faces_, next_faces_;
  std::vector<int> loops_, next_loops_, renamed_, after_;
  std::vector<Crossing> crossings_;
};

}  // namespace mixot
