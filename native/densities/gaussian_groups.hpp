// Weighted Gaussian laws in the plane or in space, in groups that go together through registers.
#pragma once
#include <cstddef>

#include "densities/gaussian_laws.hpp"
#include "machine/simd.hpp"

namespace mixot {

constexpr std::size_t gaussian_lanes = 8;  // components that go together through a facet

// Eight to a group. The last one may have fewer: its other lanes repeat a law, with no weight.
template <int D>
class GaussianGroups {
 public:
  struct Group {
    double weight[gaussian_lanes], mean[D][gaussian_lanes];
    // L^-1 and L of the covariance L L', lower triangles row by row
    double whiten[D * (D + 1) / 2][gaussian_lanes], root[D * (D + 1) / 2][gaussian_lanes];
    std::size_t used;
  };
  explicit GaussianGroups(const GaussianLaws& laws);
  std::size_t size() const { return size_; }
  std::size_t groups() const { return groups_.size(); }
  const Group& operator[](std::size_t g) const { return groups_[g]; }

 private:
  std::size_t size_;
  AlignedVector<Group> groups_;
};

}  // namespace mixot
