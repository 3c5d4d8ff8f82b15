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

void face_of_group(const GaussianGroups<3>::Group& group, const double (*corner)[3], std::size_t n, FaceLanes& out) {
  thread_local AlignedVector<double> space;
  MIXOT_DISPATCH(face_of_group(group, corner, n, space, out))
}

// x - c = L z.
CenteredMoments::CenteredMoments(const GaussianGroups<3>::Group& g, std::size_t j, const FaceLanes& f) {
  const double l[3][3] = {{g.root[0][j], 0, 0},
                          {g.root[1][j], g.root[2][j], 0},
                          {g.root[3][j], g.root[4][j], g.root[5][j]}};
  double normal[3] = {}, on[3] = {};  // L n and L int z phi over the face
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b <= a; ++b) normal[a] += l[a][b] * f.normal[b][j], on[a] += l[a][b] * f.first_on[b][j];
  mass = f.flux[j];
  for (int a = 0; a < 3; ++a) first[a] = -normal[a] * f.mass_on[j];
  for (int p = 0; p < 6; ++p) {
    const int a = space_pairs[p][0], b = space_pairs[p][1];
    double cov = 0;
    for (int c = 0; c <= std::min(a, b); ++c) cov += l[a][c] * l[b][c];
    second[p] = cov * mass - 0.5 * (normal[a] * on[b] + normal[b] * on[a]);
  }
}

}  // namespace mixot
