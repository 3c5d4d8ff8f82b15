// Cells, integrals, solves and entropic couplings of every awkward kind, for a build with AddressSanitizer and UBSan: no
// Python inside. Exits with 1 where cells do not tile their box or masses are missed.
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "cells/cell_geometry.hpp"
#include "densities/gaussian_cells.hpp"
#include "densities/gaussian_density.hpp"
#include "densities/gaussian_polyhedra.hpp"
#include "densities/pixel_density.hpp"
#include "densities/voxel_density.hpp"
#include "discrete/entropic.hpp"
#include "semidiscrete/grid_potentials.hpp"
#include "semidiscrete/point_transport.hpp"

int couple_exactly();  // network_simplex.cpp: how many problems failed
int fit_and_couple();  // mixtures.cpp, likewise
int pass_over_rows();  // passes.cpp, likewise

namespace {

std::mt19937_64 engine(7);
double uniform() { return std::uniform_real_distribution<double>(0, 1)(engine); }
int failures = 0;

void expect(bool good, const char* what, int n) {
  if (good) return;
  std::printf("failed: %s, n = %d\n", what, n);
  ++failures;
}

// Points in a box of side one about zero: scattered, on a lattice, equal, collinear, far outside.
template <int D>
std::vector<double> cloud(int n, int kind) {
  std::vector<double> out(std::size_t(n) * D);
  for (std::size_t i = 0; i < std::size_t(n); ++i)
    for (int a = 0; a < D; ++a) {
      double x = uniform() - 0.5;
      if (kind == 1) x = (double(i / (a == 0 ? 100 : a == 1 ? 10 : 1) % 10) + 0.5) / 10 - 0.5;
      if (kind == 2) x = 0.1 * a;
      if (kind == 3 && a > 0) x = out[i * D];
      if (kind == 4) x *= 7;
      out[i * D + a] = x;
    }
  return out;
}

void tile(int n, int kind, std::size_t threads) {
  std::vector<double> weights(n);
  for (double& w : weights) w = kind % 2 ? 0 : 0.05 * uniform();
  const std::vector<double> flat = cloud<2>(n, kind), solid = cloud<3>(n, kind);
  const mixot::PlaneCells cells =
      mixot::plane_cells({flat.data(), weights.data(), std::size_t(n)}, {{-0.5, -0.5}, {0.5, 0.5}}, threads);
  double area = 0, volume = 0;
  for (int i = 0; i < n; ++i) {
    const std::size_t first = cells.first[i], last = cells.first[i + 1];
    for (std::size_t k = first; k < last; ++k) {
      const double *a = &cells.corners[2 * k], *b = &cells.corners[2 * (k + 1 < last ? k + 1 : first)];
      area += 0.5 * (a[0] * b[1] - b[0] * a[1]);
    }
  }
  expect(std::abs(area - 1) < 1e-12, "areas", n);
  std::vector<double> volumes(n);
  mixot::solid_volumes({solid.data(), weights.data(), std::size_t(n)}, {{-0.5, -0.5, -0.5}, {0.5, 0.5, 0.5}}, threads,
                       volumes.data());
  for (double v : volumes) volume += v;
  expect(std::abs(volume - 1) < 1e-11, "volumes", n);
}

void solve(int n, bool hollow, std::size_t threads) {
  std::vector<double> values(512), target(n, 1.0 / n), weights(n), moments(10 * std::size_t(n));
  double total = 0;
  for (std::size_t p = 0; p < values.size(); ++p) total += values[p] = hollow && p % 64 < 32 ? 0 : 0.1 + uniform();
  for (double& v : values) v /= total;
  const std::vector<double> flat = cloud<2>(n, 0), solid = cloud<3>(n, 0);
  const mixot::Grid<2> pixels{values.data(), {16, 32}, {{-0.5, -0.5}, {0.5, 0.5}}, n % 2};
  mixot::PixelDensity density(pixels);
  std::vector<double> marginals[2];
  mixot::grid_marginals<2>(pixels, marginals);
  const mixot::TransportTask plane_task{flat.data(), target.data(), std::size_t(n), nullptr, 1e-9, 2000, threads};
  const auto plane = mixot::point_transport<2>(plane_task, pixels.box, density, marginals, weights.data(),
                                               moments.data());
  expect(plane.residual <= 1e-9 && plane.gap >= 0, "plane", n);
  std::vector<double> gradient(values.size());
  mixot::grid_potentials<2>({flat.data(), weights.data(), std::size_t(n)}, pixels, threads, gradient.data());
  const mixot::Grid<3> voxels{values.data(), {8, 16, 4}, {{-0.5, -0.5, -0.5}, {0.5, 0.5, 0.5}}, hollow};
  mixot::VoxelDensity voxel_density(voxels);
  std::vector<double> layers[3];
  mixot::grid_marginals<3>(voxels, layers);
  const mixot::TransportTask space_task{solid.data(), target.data(), std::size_t(n), nullptr, 1e-9, 2000, threads};
  const auto space = mixot::point_transport<3>(space_task, voxels.box, voxel_density, layers, weights.data(),
                                               moments.data());
  expect(space.residual <= 1e-9 && space.gap >= 0, "space", n);
  mixot::grid_potentials<3>({solid.data(), weights.data(), std::size_t(n)}, voxels, threads, gradient.data());
}

// A few pixels, and voxels, that hold all the mass: blocks and ascent, with cells that are empty on the way.
void solve_spots(int n) {
  std::vector<double> values(4096, 0.0), target(n, 1.0 / n), weights(n), moments(10 * std::size_t(n));
  for (std::size_t p : {5, 70, 2000, 2001, 4095}) values[p] = 0.2;
  const std::vector<double> flat = cloud<2>(n, 0), solid = cloud<3>(n, 0);
  const mixot::Grid<2> pixels{values.data(), {64, 64}, {{-0.5, -0.5}, {0.5, 0.5}}, 0};
  mixot::PixelDensity density(pixels);
  std::vector<double> marginals[2], layers[3];
  mixot::grid_marginals<2>(pixels, marginals);
  const mixot::TransportTask plane_task{flat.data(), target.data(), std::size_t(n), nullptr, 1e-9, 2000, 2};
  const auto plane = mixot::point_transport<2>(plane_task, pixels.box, density, marginals, weights.data(),
                                               moments.data());
  expect(plane.residual <= 1e-9 && plane.gap >= 0, "spots in the plane", n);
  const mixot::Grid<3> voxels{values.data(), {16, 16, 16}, {{-0.5, -0.5, -0.5}, {0.5, 0.5, 0.5}}, 0};
  mixot::VoxelDensity voxel_density(voxels);
  mixot::grid_marginals<3>(voxels, layers);
  const mixot::TransportTask space_task{solid.data(), target.data(), std::size_t(n), nullptr, 1e-9, 2000, 2};
  const auto space = mixot::point_transport<3>(space_task, voxels.box, voxel_density, layers, weights.data(),
                                               moments.data());
  expect(space.residual <= 1e-9 && space.gap >= 0, "spots in space", n);
}

// Nine laws, one of them thin and one far away, so that there are two groups of them.
void solve_gaussians(int n, std::size_t threads) {
  constexpr std::size_t k = 9;
  std::vector<double> shares(k, 1.0 / k), means(3 * k), covs(9 * k, 0.0), target(n, 1.0 / n), weights(n),
      moments(10 * std::size_t(n)), gradient(13 * k), layers[3];
  for (double& m : means) m = 0.2 * (uniform() - 0.5);
  for (std::size_t j = 0; j < k; ++j)
    for (int a = 0; a < 3; ++a) covs[9 * j + 4 * a] = j == 1 && a == 1 ? 1e-8 : 1e-3 * (1 + uniform());
  means[3] = 0.1;
  const mixot::GaussianLaws laws{shares.data(), means.data(), covs.data(), k};
  const mixot::Box<3> box{{-0.7, -0.7, -0.7}, {0.7, 0.7, 0.7}};
  mixot::GaussianDensity<3> density(laws);
  mixot::gaussian_marginals<3>(laws, box.lo, box.hi, 512, layers);
  const std::vector<double> solid = cloud<3>(n, 0);
  const mixot::TransportTask found_task{solid.data(), target.data(), std::size_t(n), nullptr, 1e-9, 2000, threads};
  const auto found = mixot::point_transport<3>(found_task, box, density, layers, weights.data(), moments.data());
  expect(found.residual <= 1e-9 && found.gap >= 0, "Gaussians in space", n);
  mixot::solid_gaussian_derivatives({solid.data(), weights.data(), std::size_t(n)}, laws, box, threads,
                                    gradient.data());
  double mass = 0;
  for (std::size_t i = 0; i < std::size_t(n); ++i) mass += moments[10 * i];
  expect(std::abs(mass - 1) < 1e-12, "mass of Gaussians in space", n);
}

// Laws in the plane, as many as k, one of them thin and one far away.
struct PlaneLaws {
  std::vector<double> shares, means, covs;
  explicit PlaneLaws(std::size_t k) : shares(k, 1.0 / double(k)), means(2 * k), covs(4 * k, 0.0) {
    for (double& m : means) m = 0.2 * (uniform() - 0.5);
    for (std::size_t j = 0; j < k; ++j)
      for (int a = 0; a < 2; ++a) covs[4 * j + 3 * a] = j == 1 && a == 1 ? 1e-8 : 1e-3 * (1 + uniform());
    means[0] = 0.4;
  }
};

void solve_plane_gaussians(int n, std::size_t k, std::size_t threads) {
  const PlaneLaws laws(k);
  const mixot::GaussianLaws view{laws.shares.data(), laws.means.data(), laws.covs.data(), k};
  const mixot::Box<2> box{{-1, -1}, {1, 1}};
  mixot::GaussianDensity<2> density(view);
  std::vector<double> target(n, 1.0 / n), weights(n), moments(6 * std::size_t(n)), layers[2];
  mixot::gaussian_marginals<2>(view, box.lo, box.hi, 512, layers);
  const std::vector<double> flat = cloud<2>(n, 0);
  const mixot::TransportTask found_task{flat.data(), target.data(), std::size_t(n), nullptr, 1e-9, 2000, threads};
  const auto found = mixot::point_transport<2>(found_task, box, density, layers, weights.data(), moments.data());
  expect(found.residual <= 1e-9 && found.gap >= 0, "Gaussians in the plane", n);
  double mass = 0;
  for (std::size_t i = 0; i < std::size_t(n); ++i) mass += moments[6 * i];
  expect(std::abs(mass - 1) < 1e-12, "mass of Gaussians in the plane", n);
}

// A triangle, the rest of the plane beyond its sides in three wedges, nothing, and the plane in two halves.
void integrate_unbounded(std::size_t k, std::size_t threads) {
  const double corners[] = {-0.1, -0.1, 1, 0.3,  -0.1, 1, -0.1, 0.3, 1,                           // triangle
                            0.3,  -0.1, 1, -0.1, -0.1, 1, -1,   -1,  0, 1,  -1, 0,                // below
                            -0.1, 0.3,  1, 0.3,  -0.1, 1, 1,    -1,  0, 1,  1,  0, -1, 1, 0,      // beyond
                            -0.1, -0.1, 1, -0.1, 0.3,  1, -1,   1,   0, -1, -1, 0,                // left
                            0,    0,    1, 1,    0,    0, 0,    1,   0, -1, 0,  0,                // upper half
                            0,    0,    1, -1,   0,    0, 0,    -1,  0, 1,  0,  0};               // lower half
  const std::int64_t start[] = {0, 3, 7, 12, 16, 16, 20, 24};
  const mixot::PlaneRegions regions{corners, start, 7};
  const PlaneLaws laws(k);
  const mixot::GaussianGroups<2> sum({laws.shares.data(), laws.means.data(), laws.covs.data(), k});
  std::vector<double> centers(14, 0.05), weights(7, 0.1), total(42), each(42 * k), lines(24), lines_each(24 * k),
      slopes(7 * k);
  mixot::integrate_gaussians(regions, centers.data(), sum,
                             {total.data(), each.data(), lines.data(), lines_each.data()}, threads);
  expect(std::abs(total[0] + total[6] + total[12] + total[18] - 1) < 1e-14, "triangle and wedges", int(k));
  expect(total[24] == 0 && std::abs(total[30] + total[36] - 1) < 1e-14, "halves of the plane", int(k));
  mixot::gaussian_derivatives(regions, centers.data(), weights.data(), sum, slopes.data(), threads);
}

// Faces, each with an edge of no length, of a cube around everything, one through the laws, and a tiny one.
void integrate_cube(std::size_t k) {
  std::vector<double> shares(k, 1.0 / double(k)), means(3 * k), covs(9 * k, 0.0);
  for (double& m : means) m = uniform() - 0.5;
  for (std::size_t j = 0; j < k; ++j)
    for (int a = 0; a < 3; ++a) covs[9 * j + 4 * a] = 0.01 * (0.1 + uniform());
  for (double half : {3.0, 0.5, 1e-3}) {
    std::vector<double> corners, moments(60), areas(6);
    std::vector<std::int64_t> start{0};
    for (int face = 0; face < 6; ++face) {
      const int axis = face % 3, u = (axis + 1) % 3, v = (axis + 2) % 3, side = face < 3 ? 1 : -1;
      const int turn[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
      for (int c = 0; c < 5; ++c) {  // the last corner twice
        double p[3];
        p[axis] = side * half;
        p[u] = turn[c < 4 ? c : 3][side > 0 ? 0 : 1] * half, p[v] = turn[c < 4 ? c : 3][side > 0 ? 1 : 0] * half;
        corners.insert(corners.end(), p, p + 3);
      }
      start.push_back(std::int64_t(corners.size() / 3));
    }
    mixot::integrate_faces({corners.data(), start.data(), 6}, {shares.data(), means.data(), covs.data(), k},
                           moments.data(), areas.data());
    double mass = 0;
    for (int face = 0; face < 6; ++face) mass += moments[10 * face];
    expect(half < 1 ? mass > -1e-15 && mass < 1 : std::abs(mass - 1) < 1e-13, "cube", int(k));
  }
}

void couple(std::size_t k, std::size_t l, double lam, double rho_a, double rho_b) {
  std::vector<double> cost(k * l), log_a(k, -std::log(double(k))), log_b(l, -std::log(double(l))), f(k, 0.0), g(l, 0.0),
      w(k * l);
  for (double& c : cost) c = uniform();
  if (k > 1) log_a[0] -= 600;  // a row of hardly any weight
  const auto report = mixot::entropic_coupling({cost.data(), log_a.data(), log_b.data(), k, l, lam, rho_a, rho_b}, 1.0,
                                               200, f.data(), g.data(), w.data());
  double sum = 0;
  for (double x : w) sum += x;
  expect(std::isfinite(sum) && sum > 0 && std::isfinite(report.error), "coupling", int(k));
  if (std::isinf(rho_a) && std::isinf(rho_b) && k == 1) expect(std::abs(sum - 1) < 1e-12, "mass of a coupling", int(l));
  expect(mixot::largest_interaction(cost.data(), k, l, 2) >= 0, "interaction", int(k));
}

}  // namespace

int main() {
  for (int kind = 0; kind < 5; ++kind) tile(1000, kind, 2);
  for (int kind = 0; kind < 5; ++kind)
    for (int n : {1, 2, 3, 7, 8, 9, 40, 700}) tile(n, kind, 2);
  for (int n : {1, 2, 9, 70, 3001}) solve(n, false, 2), solve(n, true, 1);
  for (int n : {1, 2, 9, 300}) solve_spots(n);
  for (int n : {1, 2, 9, 150}) solve_gaussians(n, 2);
  for (int n : {1, 2, 9, 700}) solve_plane_gaussians(n, 3, 2), solve_plane_gaussians(n, 10, 1);
  for (std::size_t k : {1, 2, 5, 8, 9, 17}) integrate_unbounded(k, 2), integrate_cube(k);
  const double infinity = std::numeric_limits<double>::infinity();
  for (double lam : {1.0, 1e-2, 1e-4})
    for (std::size_t k : {1, 2, 7, 33})
      for (double rho : {infinity, 1.0}) couple(k, 5, lam, rho, infinity), couple(k, 40, lam, rho, rho);
  failures += couple_exactly() + fit_and_couple() + pass_over_rows();
  std::printf(failures ? "%d failures\n" : "cells tile, masses are met\n", failures);
  return failures ? 1 : 0;
}
