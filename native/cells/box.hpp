// A box along the axes: a rectangle in the plane, a cuboid in space.
#pragma once

namespace mixot {

template <int D>
struct Box {
  double lo[D], hi[D];
  double volume() const {
    double out = hi[0] - lo[0];
    for (int a = 1; a < D; ++a) out *= hi[a] - lo[a];
    return out;
  }
};

}  // namespace mixot
