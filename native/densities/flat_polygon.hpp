// Flat convex polygons in space that are cut in two.
#pragma once
#include <cstddef>
#include <utility>
#include <vector>

namespace mixot {

class FlatPolygon {
 public:
  std::size_t size() const { return size_; }
  const double* corner(std::size_t k) const { return &space_[3 * k]; }
  double* corner(std::size_t k) { return &space_[3 * k]; }
  // Room for so many corners, whose places are not looked at.
  void resize(std::size_t corners) {
    fit(corners);
    size_ = corners;
  }
  void swap(FlatPolygon& other) {
    space_.swap(other.space_);
    std::swap(size_, other.size_);
  }

  // What has x_axis <= limit, and what has x_axis >= limit.
  void split(int axis, double limit, FlatPolygon& low, FlatPolygon& high) const {
    // of a polygon that rounding has bent every edge may cross the limit
    low.fit(2 * size_), high.fit(2 * size_);
    double *down = low.space_.data(), *up = high.space_.data();
    const double* a = corner(size_ - 1);
    double s = a[axis] - limit;
    for (std::size_t k = 0; k < size_; ++k) {
      const double *b = corner(k), t = b[axis] - limit;
      if ((s < 0 && t > 0) || (s > 0 && t < 0)) {
        const double f = s / (s - t);
        for (int x = 0; x < 3; ++x) down[x] = up[x] = a[x] + f * (b[x] - a[x]);
        down[axis] = up[axis] = limit;
        down += 3, up += 3;
      }
      if (t <= 0) down[0] = b[0], down[1] = b[1], down[2] = b[2], down += 3;
      if (t >= 0) up[0] = b[0], up[1] = b[1], up[2] = b[2], up += 3;
      a = b, s = t;
    }
    low.size_ = std::size_t(down - low.space_.data()) / 3, high.size_ = std::size_t(up - high.space_.data()) / 3;
  }

 private:
  void fit(std::size_t corners) {
    if (space_.size() < 3 * corners) space_.resize(6 * corners);
  }
  std::vector<double> space_;
  std::size_t size_ = 0;
};

}  // namespace mixot
