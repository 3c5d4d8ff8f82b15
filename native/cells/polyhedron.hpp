// Convex polyhedra that are cut by one half-space after the other.
#pragma once
#include <cstddef>
#include <vector>

#include "cells/box.hpp"
#include "machine/simd.hpp"

namespace mixot {

// Three faces meet in every corner; where more planes do, several corners stand in one place. Each face carries the id of
// what is beyond: a point, or -1 .. -6 for the lower and upper side of the box along each axis.
class Polyhedron {
 public:
  struct Face {
    int id;
    std::size_t first, last;  // corners loop(first) .. loop(last - 1)
  };
  // Faces as loops of corners, counterclockwise seen from outside, those nearest to the middle first.
  struct Faces {
    std::vector<Face> faces;
    std::vector<int> loops;
    std::vector<int> number;  // in faces, of the three of each corner

   private:
    friend class Polyhedron;
    std::vector<double> apart;
  };
  // Walking counterclockwise around face[k], seen from outside, link[(k + 1) % 3] is the next corner and
  // link[(k + 2) % 3] the one before: link[k] leads away from face[k].
  struct Joint {
    int face[3], link[3];
    int slot(int id) const { return face[0] == id ? 0 : face[1] == id ? 1 : 2; }
  };
  struct Ball {
    double center[3], radius;
  };

  void reset(const Box<3>& box);
  // Keep normal . x <= c, whose border is named id. False where nothing changed; corners closer than tol stay.
  bool cut(int id, const double* normal, double c, double tol);
  void clear() { size_ = 0; }
  int size() const { return size_; }
  const Faces& faces() const;
  double coordinate(int corner, int axis) const { return corners_.column(axis)[corner]; }
  const Joint& joint(int corner) const { return joints_[corner]; }
  // use(corners, n) for every face.
  template <class Use>
  void for_facets(Use&& use) const {
    struct Corner {
      double x[3];
    };
    std::vector<Corner> loop;
    const Faces& all = faces();
    for (const Face& face : all.faces) {
      loop.clear();
      for (std::size_t k = face.first; k < face.last; ++k) {
        const int q = all.loops[k];
        loop.push_back({{coordinate(q, 0), coordinate(q, 1), coordinate(q, 2)}});
      }
      use(reinterpret_cast<const double(*)[3]>(loop.data()), loop.size());
    }
  }
  // Least value over the corners x of sum_a max(lo_a - u_a, u_a - hi_a, 0)^2 - slope_a u_a - u_a^2, u = x - y.
  double least_depth(const double* lo, const double* hi, const double* slope, const double* y) const;
  // One around all corners, and one that was around them when ball() was asked for last, before some of the cuts.
  const Ball& ball() const;
  const Ball& last_ball() const { return ball_; }

 private:
  struct Crossing {  // of the border with the edge link[slot] of a corner that stays
    int in, slot, out;
    double x[3];
  };
  // One array for each axis, with room for whole registers; what is there beyond the last corner repeats it.
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
  void fit(int corners);
  void find_crossings(double tol);
  bool one_ring() const;
  void join_islands(int lowest);
  void replace_lost(int id);
  void move_last(int to);

  int size_ = 0;
  Columns corners_;
  std::vector<Joint> joints_;
  AlignedVector<double> side_;
  std::vector<unsigned char> lost_;  // whether a corner is cut off
  std::vector<int> outs_;            // those that are
  std::vector<Crossing> crossings_;
  mutable Faces faces_;
  mutable Ball ball_;
  mutable bool ball_known_ = false;
};

}  // namespace mixot
