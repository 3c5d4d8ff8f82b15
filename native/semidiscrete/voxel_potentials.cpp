// Integrals of the transport potential over voxels: the gradient of the cost with respect to the grid.
//
// On the cell of i the potential is f_i = |x - y_i|^2 - w_i. By the divergence theorem along z a face, times n_z, gives
// to its own piece of the lattice what is between its bottom and the face, and to every piece below in the column the
// whole height, a polynomial of degree two in the height of that piece: coefficients that are added up from the top. A
// face that two cells share carries f_i - f_j.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cells/solid_diagram.hpp"
#include "densities/triangle_rule.hpp"
#include "densities/voxel_lattice.hpp"
#include "semidiscrete/grid_potentials.hpp"

namespace mixot {
namespace {

// |x - y|^2 - w, or the difference of two of these, as a polynomial in the lattice height.
struct Potential {
  const double *y, *other;  // null: there is no other
  double w, w_other;
  // a + b u + c u^2, z = middle + step u
  void along(double px, double py, double middle, double step, double (&out)[3]) const {
    out[0] = out[1] = out[2] = 0;
    const auto add = [&](const double* q, double weight, double sign) {
      const double dx = px - q[0], dy = py - q[1], dz = middle - q[2];
      out[0] += sign * (dx * dx + dy * dy + dz * dz - weight);
      out[1] += sign * 2 * step * dz;
      out[2] += sign * step * step;
    };
    add(y, w, 1);
    if (other) add(other, w_other, -1);
  }
};

template <int Degree>
class Potentials {
 public:
  static constexpr int functions = Degree ? 4 : 1;  // 1, or 1, s, t, s t in hat functions
  explicit Potentials(const Grid<3>& voxels, double* out)
      : lattice_(voxels), above_(lattice_.size() * functions), middle_(0.5 * double(lattice_.pieces(2))), out_(out) {
    std::fill(out, out + voxels.size(), 0.0);
  }

  void add_face(const double (*corner)[3], std::size_t n, const Potential& f) {
    lattice_.split(corner, n, [&](const VoxelLattice::Part& part) {
      const FlatPolygon& p = part.polygon;
      for (std::size_t q = 1; q + 1 < p.size(); ++q) {
        const double *a = p.corner(0), *b = p.corner(q), *c = p.corner(q + 1);
        const double nz = 0.5 * ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));
        if (nz == 0) continue;
        triangle_rule<Degree ? 6 : 4>([&](double wa, double wb, double wc, double share) {
          add_node(part, f, wa * a[0] + wb * b[0] + wc * c[0], wa * a[1] + wb * b[1] + wc * c[1],
                   wa * a[2] + wb * b[2] + wc * c[2], nz * share);
        });
      }
    });
  }

  // From the top of each column down: the whole height of every piece below a face.
  void finish() {
    const std::size_t nz = lattice_.pieces(2);
    for (std::size_t i = 0; i < lattice_.pieces(0); ++i)
      for (std::size_t j = 0; j < lattice_.pieces(1); ++j) {
        Heights run[functions] = {};
        for (std::size_t k = nz; k-- > 0;) {
          const std::size_t at = ((i * lattice_.pieces(1) + j) * nz + k) * functions;
          for (int m = 0; m < functions; ++m) {
            give(i, j, k, m, whole(run[m].c, double(k) - middle_, 1.0));
            for (int d = 0; d < 3; ++d) run[m].c[d] += above_[at + m].c[d];
          }
        }
      }
  }

 private:
  struct Heights {
    double c[3];  // of 1, u, u^2
  };
  struct Ends {
    double low, high;  // int of the potential times 1 - r and r, or of it in low alone
  };

  // int_0^r of (c0 + c1 u + c2 u^2), u = row + r, against the two hat functions.
  static Ends whole(const double (&c)[3], double row, double r) {
    const double f = c[0] + row * (c[1] + row * c[2]), g = c[1] + 2 * row * c[2], h = c[2];
    const double all = r * (f + r * (g / 2 + r * h / 3)), up = r * r * (f / 2 + r * (g / 3 + r * h / 4));
    return Degree ? Ends{all - up, up} : Ends{all, 0};
  }

  void give(std::size_t i, std::size_t j, std::size_t k, int m, const Ends& ends) {
    const int a = m & 1, b = m >> 1;
    out_[lattice_.value(i, j, k, a, b, 0)] += ends.low;
    if (Degree) out_[lattice_.value(i, j, k, a, b, 1)] += ends.high;
  }

  void add_node(const VoxelLattice::Part& part, const Potential& f, double x, double y, double z, double weight) {
    const double s = x - double(part.i), t = y - double(part.j), r = z - double(part.k);
    double c[3];
    f.along(lattice_.place(0, x), lattice_.place(1, y), lattice_.place(2, middle_), lattice_.step(2), c);
    for (double& v : c) v *= weight;
    const Ends own = whole(c, double(part.k) - middle_, r);
    for (int m = 0; m < functions; ++m) {
      const double share = Degree ? ((m & 1) ? s : 1 - s) * ((m >> 1) ? t : 1 - t) : 1;
      give(part.i, part.j, part.k, m, {share * own.low, share * own.high});
      for (int d = 0; d < 3; ++d) above_[part.at * functions + m].c[d] += share * c[d];
    }
  }

  VoxelLattice lattice_;
  std::vector<Heights> above_;  // (pieces, functions), what faces in a piece give to those below
  double middle_;
  double* out_;
};

template <int Degree>
void potentials(const SolidDiagram& diagram, const double* weights, const Grid<3>& voxels, double* out) {
  Potentials<Degree> sums(voxels, out);
  const double* points = diagram.points();
  for (std::size_t i = 0; i < diagram.size(); ++i) {
    const SolidView cell = diagram[i];
    for (int k = 0; k < cell.size; ++k) {
      const int j = cell.id[k];
      if (j >= 0 && std::size_t(j) < i && diagram[std::size_t(j)].find(int(i)) >= 0) continue;
      const Potential f{points + 3 * i, j < 0 ? nullptr : points + 3 * std::size_t(j), weights[i],
                        j < 0 ? 0 : weights[j]};
      cell.facet(k, [&](const double (*corner)[3], std::size_t n) { sums.add_face(corner, n, f); });
    }
  }
  sums.finish();
}

}  // namespace

template <>
void grid_potentials<3>(const WeightedPoints& cloud, const Grid<3>& voxels, std::size_t threads, double* out) {
  const OrderedPoints<3> sorted(cloud);
  SolidDiagram diagram(sorted.points.data(), cloud.n, voxels.box, threads);
  diagram.update(sorted.weights.data());
  if (voxels.degree)
    potentials<1>(diagram, sorted.weights.data(), voxels, out);
  else
    potentials<0>(diagram, sorted.weights.data(), voxels, out);
}

}  // namespace mixot
