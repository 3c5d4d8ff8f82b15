// Densities that are constant on each voxel of a box.
#pragma once
#include <cstddef>
#include <vector>

#include "polyhedron.hpp"
#include "solid_density.hpp"

namespace mixot {

// values (nx, ny, nz), row-major: masses of the voxels.
struct Voxels {
  const double* values;
  std::size_t count[3];
  Cuboid box;
};

// By the divergence theorem along z, mass = int over the faces of P(x, y, z) n_z, P what lies below a point in its
// column: prefix sums of the voxels, so that a cell costs what its faces cross.
class VoxelDensity final : public SolidDensity {
 public:
  explicit VoxelDensity(const Voxels& voxels);

  FacetIntegrals face(const double (*corner)[3], std::size_t n) const override;
  SolidMoments face_moments(const double (*corner)[3], std::size_t n) const override;
  void blend(double share) override;  // with the uniform density
  double floor() const override { return floor_; }

 private:
  struct Below {
    double value, mass, first, second;  // of a voxel, and int of 1, z, z^2 times the density in its column under it
  };
  // Calls visit(polygon, voxel, k) for the parts of a face in each voxel, in lattice coordinates.
  template <class Visit>
  void split(const double (*corner)[3], std::size_t n, Visit&& visit) const;
  void fill();

  Voxels voxels_;
  double step_[3], share_ = 0, floor_ = 0;
  std::vector<double> values_;
  std::vector<Below> below_;
};

// Masses of the layers of voxels across each axis.
void voxel_marginals(const Voxels& voxels, std::vector<double> (&out)[3]);

}  // namespace mixot
