#include "mixtures/mixing_supremum.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>

#include "machine/interrupt.hpp"
#include "machine/parallel.hpp"
#include "machine/simd.hpp"

namespace mixot {
namespace {

using std::size_t;
constexpr size_t kChunk = 128;      // points whose Hermite functions are held at once
constexpr double kBlock = 2.0;      // side of a block, which gathers the points that matter in it
constexpr size_t kBoxes = 4;        // boxes of a block along each axis
constexpr double kCramer = 1.0865;  // |He_k(x)| <= kCramer sqrt(k!) exp(x^2 / 4)
constexpr double kEps = std::numeric_limits<double>::epsilon();
constexpr double kHalf = kBlock / kBoxes / 2;  // half a side of a box

// Taylor polynomials around the center of a box have the total degree kTerms - 1.
constexpr size_t terms_of(size_t dim) { return dim == 1 ? 13 : dim == 2 ? 11 : 10; }
constexpr size_t power(size_t base, size_t exponent) { return exponent ? base * power(base, exponent - 1) : 1; }

double square_root_of_factorial(size_t k) {
  double out = 1;
  for (size_t j = 2; j <= k; ++j) out *= static_cast<double>(j);
  return std::sqrt(out);
}

MIXOT_INLINE double sum_of(const Lanes& x) { return (x[0] + x[1]) + (x[2] + x[3]); }

MIXOT_INLINE double dot(const Lanes* a, const Lanes* b) {
  Lanes s0{}, s1{}, s2{}, s3{};
  for (size_t l = 0; l < kChunk / lane_count; l += 4) {
    s0 += a[l] * b[l];
    s1 += a[l + 1] * b[l + 1];
    s2 += a[l + 2] * b[l + 2];
    s3 += a[l + 3] * b[l + 3];
  }
  return sum_of((s0 + s1) + (s2 + s3));
}

// The points near a block, coordinate after coordinate, each row of `stride` numbers; filled up with weights of zero.
struct Local {
  AlignedVector<double> z, v;
  size_t count = 0, stride = 0;
};

// Coefficients of t^a of sum_i v_i exp(-|y_i - t|^2 / 2), y = z - center, are sum_i v_i exp(-|y_i|^2 / 2)
// prod_j He_{a_j}(y_ij) / a_j!: into `out`, a tensor of P^D of which those of total degree below P are used. Returns
// sum_i v_i exp(-max(|y_i| - reach, 0)^2 / 4), by which every error is bounded.
template <size_t D, size_t P>
MIXOT_INLINE double taylor_in(const Local& local, const double* center, double reach, double* out) {
  alignas(64) Lanes hermite[D][P][kChunk / lane_count], first[kChunk / lane_count], second[kChunk / lane_count];
  alignas(64) double y[D][kChunk], w[kChunk], wide[kChunk];
  double spread = 0;
  std::fill(out, out + power(P, D), 0.0);
  for (size_t at = 0; at < local.stride; at += kChunk) {
    for (size_t i = 0; i < kChunk; ++i) w[i] = 0;
    for (size_t j = 0; j < D; ++j)
      for (size_t i = 0; i < kChunk; ++i) {
        y[j][i] = local.z[j * local.stride + at + i] - center[j];
        w[i] += y[j][i] * y[j][i];
      }
    for (size_t i = 0; i < kChunk; ++i) {
      const double gap = std::max(std::sqrt(w[i]) - reach, 0.0), v = local.v[at + i];
      wide[i] = v * fast_exp(-0.25 * gap * gap);
      w[i] = v * fast_exp(-0.5 * w[i]);
    }
    for (size_t i = 0; i < kChunk; ++i) spread += wide[i];
    for (size_t j = 0; j < D; ++j) {
      const Lanes* x = reinterpret_cast<const Lanes*>(y[j]);
      for (size_t l = 0; l < kChunk / lane_count; ++l) {
        Lanes before = Lanes{} + 1.0, now = x[l];
        hermite[j][0][l] = before;
        hermite[j][1][l] = now;
        for (size_t k = 2; k < P; ++k) {
          const Lanes next = (x[l] * now - before) * (1.0 / static_cast<double>(k));
          before = now;
          now = next;
          hermite[j][k][l] = now;
        }
      }
    }
    const Lanes* weight = reinterpret_cast<const Lanes*>(w);
    if constexpr (D == 1) {
      for (size_t a = 0; a < P; ++a) out[a] += dot(weight, hermite[0][a]);
    } else {
      for (size_t a = 0; a < P; ++a) {
        for (size_t l = 0; l < kChunk / lane_count; ++l) first[l] = weight[l] * hermite[0][a][l];
        for (size_t b = 0; a + b < P; ++b) {
          if constexpr (D == 2) {
            out[a * P + b] += dot(first, hermite[1][b]);
          } else {
            for (size_t l = 0; l < kChunk / lane_count; ++l) second[l] = first[l] * hermite[1][b][l];
            for (size_t c = 0; a + b + c < P; ++c) out[(a * P + b) * P + c] += dot(second, hermite[2][c]);
          }
        }
      }
    }
  }
  return spread;
}

MIXOT_INLINE void taylor_body(size_t dim, const Local& local, const double* center, double reach, double* out,
                              double* spread) {
  if (dim == 1)
    *spread = taylor_in<1, terms_of(1)>(local, center, reach, out);
  else if (dim == 2)
    *spread = taylor_in<2, terms_of(2)>(local, center, reach, out);
  else
    *spread = taylor_in<3, terms_of(3)>(local, center, reach, out);
}
MIXOT_MULTIVERSION(taylor,
                   (size_t dim, const Local& local, const double* center, double reach, double* out, double* spread),
                   (dim, local, center, reach, out, spread))

// D at the kBoxes + 1 places along each axis of a block's grid, out (kBoxes + 1)^dim: products of one-dimensional
// exponentials.
template <size_t D>
MIXOT_INLINE void vertices_in(const Local& local, const double* origin, double* out) {
  constexpr size_t kPlaces = kBoxes + 1;
  alignas(64) Lanes factor[D][kPlaces][kChunk / lane_count], first[kChunk / lane_count], second[kChunk / lane_count];
  std::fill(out, out + power(kPlaces, D), 0.0);
  for (size_t at = 0; at < local.stride; at += kChunk) {
    for (size_t j = 0; j < D; ++j)
      for (size_t a = 0; a < kPlaces; ++a) {
        const double place = origin[j] + 2 * kHalf * static_cast<double>(a);
        double* e = reinterpret_cast<double*>(factor[j][a]);
        for (size_t i = 0; i < kChunk; ++i) {
          const double y = local.z[j * local.stride + at + i] - place;
          e[i] = fast_exp(-0.5 * y * y);
        }
      }
    const Lanes* weight = reinterpret_cast<const Lanes*>(&local.v[at]);
    for (size_t a = 0; a < kPlaces; ++a) {
      if constexpr (D == 1) {
        out[a] += dot(weight, factor[0][a]);
      } else {
        for (size_t l = 0; l < kChunk / lane_count; ++l) first[l] = weight[l] * factor[0][a][l];
        for (size_t b = 0; b < kPlaces; ++b) {
          if constexpr (D == 2) {
            out[a * kPlaces + b] += dot(first, factor[1][b]);
          } else {
            for (size_t l = 0; l < kChunk / lane_count; ++l) second[l] = first[l] * factor[1][b][l];
            for (size_t c = 0; c < kPlaces; ++c) out[(a * kPlaces + b) * kPlaces + c] += dot(second, factor[2][c]);
          }
        }
      }
    }
  }
}

MIXOT_INLINE void vertices_body(size_t dim, const Local& local, const double* origin, double* out) {
  if (dim == 1)
    vertices_in<1>(local, origin, out);
  else if (dim == 2)
    vertices_in<2>(local, origin, out);
  else
    vertices_in<3>(local, origin, out);
}
MIXOT_MULTIVERSION(vertices, (size_t dim, const Local& local, const double* origin, double* out),
                   (dim, local, origin, out))

// What is known of D in a box: no value is above `top`; the best that was seen, and its place.
template <size_t D>
struct Found {
  double top = 0, best = 0;
  std::array<double, D> place{};
  size_t boxes = 0;
};

// Branch and bound on a polynomial over a box: it is halved until the polynomial is nowhere above the threshold, or the
// box is tiny. The variable of a node runs from -1 to 1 along each axis, so that |coefficients| bound their terms.
template <size_t D>
class Bisection {
  static constexpr size_t P = terms_of(D), kSize = power(P, D), kDeepest = 10 * D;

 public:
  Bisection(double threshold, double tol, bool asks) : threshold_(threshold), tol_(tol), asks_(asks) {}

  // coefficients by powers of t, |t_j| <= half; D is at most the polynomial plus `error`.
  Found<D> run(const double* coefficients, const std::array<double, D>& center, double half, double error) {
    double scale[P];
    scale[0] = 1;
    for (size_t k = 1; k < P; ++k) scale[k] = scale[k - 1] * half;
    Node root;
    root.center = center;
    root.half.fill(half);
    root.degree = P - 1;
    double size = 0;
    each(root.degree, [&](size_t at, size_t degree, const std::array<size_t, D>&) {
      root.c[at] = coefficients[at] * scale[degree];
      size += std::abs(root.c[at]);
    });
    // Each halving rounds by less than 8 P eps of the sum of |coefficients|, which never grows.
    root.error = error + 8.0 * P * kEps * static_cast<double>(kDeepest) * size;
    found_ = {};
    visit(root, 0);
    return found_;
  }

 private:
  struct Node {
    std::array<double, kSize> c;
    std::array<double, D> center, half;
    double error;
    size_t degree;
  };

  template <class Body>
  static void each(size_t degree, Body body) {
    std::array<size_t, D> a{};
    if constexpr (D == 1) {
      for (a[0] = 0; a[0] <= degree; ++a[0]) body(a[0], a[0], a);
    } else if constexpr (D == 2) {
      for (a[0] = 0; a[0] <= degree; ++a[0])
        for (a[1] = 0; a[0] + a[1] <= degree; ++a[1]) body(a[0] * P + a[1], a[0] + a[1], a);
    } else {
      for (a[0] = 0; a[0] <= degree; ++a[0])
        for (a[1] = 0; a[0] + a[1] <= degree; ++a[1])
          for (a[2] = 0; a[0] + a[1] + a[2] <= degree; ++a[2])
            body((a[0] * P + a[1]) * P + a[2], a[0] + a[1] + a[2], a);
    }
  }

  void visit(Node& node, size_t depth) {
    ++found_.boxes;
    if (asks_) look_for_interrupt(static_cast<int>(found_.boxes % 64));
    double by_degree[P] = {}, square[D] = {}, slope[D] = {}, cross[D] = {};
    double bound = node.c[0] + node.error;
    each(node.degree, [&](size_t at, size_t degree, const std::array<size_t, D>& a) {
      const double size = std::abs(node.c[at]);
      by_degree[degree] += size;
      if (degree == 1 || degree == 2)
        for (size_t j = 0; j < D; ++j) {
          if (a[j] == degree) (degree == 1 ? slope : square)[j] = node.c[at];
          else if (a[j] == 1) cross[j] += size / 2;
        }
    });
    for (size_t k = 3; k <= node.degree; ++k) bound += by_degree[k];
    size_t axis = 0;
    double widest = -1;
    for (size_t j = 0; j < D; ++j) {
      const double b = std::abs(slope[j]), s = square[j];
      bound += cross[j] + (b < -2 * s ? b * b / (-4 * s) : b + s);
      const double share = (b + 2 * std::abs(s) + 2 * cross[j]) + 1e-6 * node.half[j];
      if (share > widest) widest = share, axis = j;
    }
    if (node.c[0] > found_.best) {
      found_.best = node.c[0];
      found_.place = node.center;
      threshold_ = std::max(threshold_, node.c[0] * (1 + tol_));
    }
    if (bound <= threshold_ || depth >= kDeepest) {
      found_.top = std::max(found_.top, bound);
      return;
    }
    while (node.degree > 3 && by_degree[node.degree] < 1e-3 * tol_) node.error += by_degree[node.degree--];
    // the half where the polynomial rises first: it may lift the threshold
    const double first = slope[axis] < 0 ? -1.0 : 1.0;
    for (const double side : {first, -first}) {
      Node child = node;
      halve(child, axis, side);
      visit(child, depth + 1);
    }
  }

  // The polynomial in u, where the variable of the axis is (u + side) / 2.
  static void halve(Node& node, size_t axis, double side) {
    const size_t stride = power(P, D - 1 - axis);
    each(node.degree, [&](size_t at, size_t degree, const std::array<size_t, D>& a) {
      if (a[axis]) return;
      const size_t last = node.degree - degree;
      double* c = &node.c[at];
      double unit = 1;
      for (size_t k = 1; k <= last; ++k) c[k * stride] *= (unit *= 0.5);
      for (size_t k = 0; k < last; ++k)
        for (size_t j = last; j-- > k;) c[j * stride] += side * c[(j + 1) * stride];
    });
    node.half[axis] /= 2;
    node.center[axis] += side * node.half[axis];
  }

  double threshold_, tol_;
  bool asks_;  // whether this is the thread that looks for Ctrl-C
  Found<D> found_;
};

template <size_t D>
using Cell = std::array<std::int64_t, D>;

// All places of the cube {-reach .. reach}^D.
template <size_t D, class Body>
void around(const Cell<D>& cell, std::int64_t reach, Body body) {
  Cell<D> at;
  for (size_t j = 0; j < D; ++j) at[j] = cell[j] - reach;
  while (true) {
    body(at);
    size_t j = 0;
    while (j < D && ++at[j] > cell[j] + reach) at[j] = cell[j] - reach, ++j;
    if (j == D) return;
  }
}

template <size_t D>
class Proof {
  static constexpr size_t P = terms_of(D), kPlaces = kBoxes + 1;

 public:
  Proof(WeightedPoints points, double tol) : points_(points), tol_(tol) {
    double total = 0;
    for (size_t j = 0; j < D; ++j) low_[j] = std::numeric_limits<double>::infinity(), high_[j] = -low_[j];
    for (size_t i = 0; i < points.n; ++i) {
      total += points.v[i];
      for (size_t j = 0; j < D; ++j) {
        low_[j] = std::min(low_[j], points.z[i * D + j]);
        high_[j] = std::max(high_[j], points.z[i * D + j]);
      }
    }
    for (size_t j = 0; j < D; ++j) low_[j] = std::floor(low_[j]);  // so that the corners of all boxes are exact numbers
    radius_ = std::sqrt(2 * std::log(std::max(total, 1.0) * 50 / tol));
    // what lies farther than the radius adds at most so much
    far_ = total * std::exp(-0.5 * radius_ * radius_) * (1 + 1e-9);
    reach_ = static_cast<std::int64_t>(std::ceil(radius_ / kBlock));
    for (size_t i = 0; i < points.n; ++i) held_[cell_of(&points.z[i * D])].push_back(i);
    for (const auto& [cell, rows] : held_)
      around<D>(cell, reach_, [&](const Cell<D>& near) {
        // a maximum lies in the convex hull of the points, so in the box around them
        for (size_t j = 0; j < D; ++j)
          if (near[j] < 0 || low_[j] + kBlock * static_cast<double>(near[j]) > high_[j]) return;
        blocks_[near];
      });
    for (const auto& [cell, nothing] : blocks_) cells_.push_back(cell);
  }

  Supremum run(size_t threads) {
    std::vector<Supremum> parts(cells_.size());
    parallel_blocks(cells_.size(), threads, [&](size_t b, size_t worker) { look(cells_[b], worker, parts[b]); });
    Supremum out;
    out.upper = far_;
    for (Supremum& part : parts) {
      out.upper = std::max(out.upper, part.upper);
      out.best = std::max(out.best, part.best);
      out.boxes += part.boxes;
      out.peaks.insert(out.peaks.end(), part.peaks.begin(), part.peaks.end());
    }
    return out;
  }

 private:
  // From the center of a box to its corners.
  static double reach_of(double half) { return half * std::sqrt(static_cast<double>(D)) * (1 + 1e-12); }

  Cell<D> cell_of(const double* z) const {
    Cell<D> cell;
    for (size_t j = 0; j < D; ++j) cell[j] = static_cast<std::int64_t>(std::floor((z[j] - low_[j]) / kBlock));
    return cell;
  }

  // The points within the radius of the block, and some more.
  Local gather(const Cell<D>& cell, const double* origin) const {
    std::vector<size_t> rows;
    around<D>(cell, reach_ + 1, [&](const Cell<D>& near) {
      const auto at = held_.find(near);
      if (at == held_.end()) return;
      for (const size_t i : at->second) {
        double apart = 0;
        for (size_t j = 0; j < D; ++j) {
          const double z = points_.z[i * D + j];
          const double gap = std::max({origin[j] - z, z - origin[j] - kBlock, 0.0});
          apart += gap * gap;
        }
        if (apart <= radius_ * radius_ * (1 + 1e-9) + 1e-9) rows.push_back(i);
      }
    });
    Local local;
    local.count = rows.size();
    local.stride = (rows.size() + kChunk - 1) / kChunk * kChunk;
    local.z.assign(D * local.stride, 0.0);
    local.v.assign(local.stride, 0.0);
    for (size_t r = 0; r < rows.size(); ++r) {
      for (size_t j = 0; j < D; ++j) local.z[j * local.stride + r] = points_.z[rows[r] * D + j];
      local.v[r] = points_.v[rows[r]];
    }
    for (size_t r = rows.size(); r < local.stride; ++r)
      for (size_t j = 0; j < D; ++j) local.z[j * local.stride + r] = origin[j];
    return local;
  }

  // Bounds D in a box by a Taylor polynomial, or by those of its parts where that is not accurate enough; returns the
  // threshold for the boxes that follow.
  double settle(const Local& local, const std::array<double, D>& center, double half, double threshold,
                size_t worker, Supremum& out) const {
    if (worker == 0) look_for_interrupt();
    const double reach = reach_of(half);
    double coefficients[power(P, D)], spread = 0;
    taylor(D, local, center.data(), reach, coefficients, &spread);
    // Taylor's remainder along a line by Cramer's bound
    const double remainder = kCramer * std::pow(reach, static_cast<double>(P)) / square_root_of_factorial(P);
    if (spread * remainder > 0.3 * tol_ && half > kHalf / 16) {
      for (size_t part = 0; part < power(2, D); ++part) {
        std::array<double, D> middle = center;
        for (size_t j = 0; j < D; ++j) middle[j] += half * ((part >> j & 1) ? 0.5 : -0.5);
        threshold = settle(local, middle, half / 2, threshold, worker, out);
      }
      return threshold;
    }
    // rounding of the sums and of the recurrence; far points
    const double rounding = 8 * static_cast<double>(local.count + 500) * kEps;
    const double error = spread * (remainder + rounding) + far_;
    const Found<D> found = Bisection<D>(threshold, tol_, worker == 0).run(coefficients, center, half, error);
    out.upper = std::max(out.upper, found.top);
    out.best = std::max(out.best, found.best);
    out.boxes += found.boxes;
    if (found.best > 1 + tol_) {
      out.peaks.push_back(found.best);
      out.peaks.insert(out.peaks.end(), found.place.begin(), found.place.end());
    }
    return std::max(threshold, out.best * (1 + tol_));
  }

  void look(const Cell<D>& cell, size_t worker, Supremum& out) const {
    double origin[D];
    for (size_t j = 0; j < D; ++j) origin[j] = low_[j] + kBlock * static_cast<double>(cell[j]);
    const Local local = gather(cell, origin);
    if (!local.count) return;
    const double rounding = static_cast<double>(local.count + 500) * kEps;
    double grid[power(kPlaces, D)];
    vertices(D, local, origin, grid);
    // log D + |m|^2 / 2 is convex: in a box of side s no value is above the largest corner times exp(D s^2 / 8)
    const double corner_factor = std::exp(D * kHalf * kHalf / 2) * (1 + 8 * rounding);
    double threshold = 1 + tol_;
    Cell<D> box;
    for (size_t s = 0; s < power(kBoxes, D); ++s) {
      size_t rest = s;
      for (size_t j = 0; j < D; ++j) box[j] = static_cast<std::int64_t>(rest % kBoxes), rest /= kBoxes;
      double corner = 0;
      for (size_t side = 0; side < power(2, D); ++side) {
        size_t at = 0;
        for (size_t j = 0; j < D; ++j) at = at * kPlaces + static_cast<size_t>(box[j]) + (side >> j & 1);
        corner = std::max(corner, grid[at]);
      }
      ++out.boxes;
      if (const double bound = corner * corner_factor + far_; bound <= threshold) {
        out.upper = std::max(out.upper, bound);
        continue;
      }
      std::array<double, D> center;
      for (size_t j = 0; j < D; ++j) center[j] = origin[j] + kHalf * static_cast<double>(2 * box[j] + 1);
      threshold = settle(local, center, kHalf, threshold, worker, out);
    }
  }

  WeightedPoints points_;
  double tol_, radius_ = 0, far_ = 0, low_[D], high_[D];
  std::int64_t reach_ = 0;
  std::map<Cell<D>, std::vector<size_t>> held_;
  std::map<Cell<D>, char> blocks_;
  std::vector<Cell<D>> cells_;
};

}  // namespace

Supremum mixing_supremum(WeightedPoints points, double tol, std::size_t threads) {
  if (points.dim == 1) return Proof<1>(points, tol).run(threads);
  if (points.dim == 2) return Proof<2>(points, tol).run(threads);
  return Proof<3>(points, tol).run(threads);
}

}  // namespace mixot
