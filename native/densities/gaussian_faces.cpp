#include "densities/gaussian_faces.hpp"

#include <algorithm>
#include <cmath>

#include "densities/gauss_legendre.hpp"

namespace mixot {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kReach = 70;                    // exp(-kReach / 2) < 7e-16 counts for nothing
constexpr double kFlux = 0.063493635934240969;   // (2 pi)^(-3/2)
constexpr double kOnLine = 0.39894228040143268;  // (2 pi)^(-1/2)
constexpr double kHalfRootPi = 0.88622692545275801;
constexpr double kTaylor = 5e-5;  // delta below which a divided difference is a Taylor polynomial

// exp(y^2) erfc(y) = p((y - 3.75) / (y + 3.75)) for 0 <= y <= 6.2, where exp(-y^2) times the error of p is below 1e-18
// (the form is Shepherd and Laframboise's, Math. Comp. 36, 1981).
constexpr double kTail[] = {0.14558972127394465,     -0.273421931548507,      0.22600806581520094,
                            -0.1635719087769558,     0.10260420709022817,     -0.0548029122194649,
                            0.024140825134348908,    -0.008228025263142506,   0.0017854797653505056,
                            -5.734262097753446e-05,  -0.00019703461978121963, 2.263920097898417e-07,
                            -3.450293857762401e-05,  -2.792398320388158e-05,  -7.263081923251641e-06,
                            -6.835409670578364e-07};

}  // namespace
}  // namespace mixot

#define MIXOT_KERNEL "densities/gaussian_faces.inl"
#include "machine/each_isa.inl"

namespace mixot {

SpaceGaussians::SpaceGaussians(const GaussianLaws& laws)
    : size_(laws.k), groups_((laws.k + space_lanes - 1) / space_lanes) {
  for (std::size_t j = 0; j < groups_.size() * space_lanes; ++j) {
    Group& g = groups_[j / space_lanes];
    const std::size_t lane = j % space_lanes, from = std::min(j, laws.k - 1);
    const double *s = laws.covs + 9 * from;
    const double a = std::sqrt(s[0]), b = s[3] / a, c = std::sqrt(s[4] - b * b);
    const double d = s[6] / a, e = (s[7] - b * d) / c, f = std::sqrt(s[8] - d * d - e * e);
    const double root[6] = {a, b, c, d, e, f};
    const double whiten[6] = {1 / a, -b / (a * c), 1 / c, (b * e - c * d) / (a * c * f), -e / (c * f), 1 / f};
    for (int r = 0; r < 6; ++r) g.root[r][lane] = root[r], g.whiten[r][lane] = whiten[r];
    for (int axis = 0; axis < 3; ++axis) g.mean[axis][lane] = laws.means[3 * from + axis];
    g.weight[lane] = j < laws.k ? laws.weights[j] : 0;
    g.used = std::min(space_lanes, laws.k - (j / space_lanes) * space_lanes);
  }
}

void face_of_group(const SpaceGaussians::Group& group, const double (*corner)[3], std::size_t n, FaceLanes& out) {
  thread_local AlignedVector<double> space;
#ifdef MIXOT_X86
  if (isa() == Isa::avx512) return avx512::face_of_group(group, corner, n, space, out);
  if (isa() == Isa::avx2) return avx2::face_of_group(group, corner, n, space, out);
#endif
  baseline::face_of_group(group, corner, n, space, out);
}

}  // namespace mixot
