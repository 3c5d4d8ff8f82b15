// Finished cells of a diagram in space.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cells/box.hpp"
#include "cells/polyhedron.hpp"

namespace mixot {

struct SolidCorner {
  double x[3];
};

// One finished cell, read only. The faces that a joint names are numbered as in id.
struct SolidView {
  const SolidCorner* corner;
  const Polyhedron::Joint* joint;
  int corners;
  const int *id, *start;  // of each face: what is beyond, and one of its corners
  int size;

  // What use(corners, n) makes of face k, counterclockwise seen from outside.
  template <class Use>
  auto facet(int k, Use&& use) const {
    constexpr std::size_t few = 32;
    SolidCorner short_loop[few];
    std::vector<SolidCorner> long_loop;
    std::size_t n = 0;
    for (int at = start[k]; n == 0 || at != start[k]; at = after(at, k)) {
      if (n == few) long_loop.assign(short_loop, short_loop + few);
      if (n < few)
        short_loop[n] = corner[at];
      else
        long_loop.push_back(corner[at]);
      ++n;
    }
    return use(reinterpret_cast<const double(*)[3]>(n > few ? long_loop.data() : short_loop), n);
  }
  int find(int neighbor) const {
    for (int k = 0; k < size; ++k)
      if (id[k] == neighbor) return k;
    return -1;
  }
  double volume() const;

 private:
  int after(int at, int k) const {
    return joint[at].link[(joint[at].slot(k) + 1) % 3];
  }
};

// Cells in blocks that are filled independently of each other; one that is replaced leaves its old corners behind until
// the store is cleared.
class SolidStore {
 public:
  static constexpr std::size_t block = 128;
  explicit SolidStore(std::size_t n) : place_(n), blocks_((n + block - 1) / block) {}
  void clear();
  // Corners are brought into the box and onto its sides.
  void put(std::size_t i, const Polyhedron& cell, const Box<3>& box);
  // The cell of old with these corners.
  void put(std::size_t i, const SolidView& old, const SolidCorner* corners, const Box<3>& box);
  SolidView operator[](std::size_t i) const {
    const Block& b = blocks_[i / block];
    const Place& at = place_[i];
    return {b.corner.data() + at.corner, b.joint.data() + at.corner, at.corners, b.id.data() + at.face,
            b.start.data() + at.face, at.faces};
  }

 private:
  struct Place {
    std::uint32_t corner = 0, face = 0;
    int corners = 0, faces = 0;
  };
  struct Block {
    std::vector<SolidCorner> corner;
    std::vector<Polyhedron::Joint> joint;
    std::vector<int> id, start;
  };
  void begin(std::size_t i, int corners, int faces);

  std::vector<Place> place_;
  std::vector<Block> blocks_;
};

}  // namespace mixot
