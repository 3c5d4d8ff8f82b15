// Densities that are constant on each voxel of a box.
#pragma once
#include <cstddef>
#include <vector>

#include "facet_sums.hpp"
#include "polyhedron.hpp"

namespace mixot {

// values (nx, ny, nz), row-major: masses of the voxels.
struct Voxels {
  const double* values;
  std::size_t count[3];
  Cuboid box;
};

// Integrals of the density times 1, x, y, z, x^2, y^2, z^2, x y, x z, y z.
struct SolidMoments {
  double value[10];
};

// By the divergence theorem along z, mass = int over the faces of P(x, y, z) n_z, P what lies below a point in its
// column: prefix sums of the voxels, so that a cell costs what its faces cross.
class VoxelDensity {
 public:
  explicit VoxelDensity(const Voxels& voxels);

  // Scratch space of one thread.
  struct Scratch {
    std::vector<double> whole, strip, part, square, spare;
  };
  // What a flat face, (n, 3), counterclockwise seen from outside, adds to the cell, and the integral over it.
  FacetIntegrals face(const double (*corner)[3], std::size_t n, Scratch& scratch) const;
  SolidMoments face_moments(const double (*corner)[3], std::size_t n, Scratch& scratch) const;
  // Continue with (1 - share) times this density plus share times the uniform one of the same mass.
  void blend(double share);
  double floor() const { return floor_; }

 private:
  struct Below {
    double value, mass, first, second;  // of a voxel, and int of 1, z, z^2 times the density in its column under it
  };
  // Calls visit(polygon, voxel, k) for the parts of a face in each voxel, in lattice coordinates.
  template <class Visit>
  void split(const double (*corner)[3], std::size_t n, Scratch& scratch, Visit&& visit) const;
  void fill();

  Voxels voxels_;
  double step_[3], share_ = 0, floor_ = 0;
  std::vector<double> values_;
  std::vector<Below> below_;
};

}  // namespace mixot
