// The orthogonal factor of a small matrix, by one-sided Jacobi rotations (Hestenes 1958): right to rounding in each
// column however unlike their lengths, and shorter than a call of LAPACK's for the sizes of covariances.
#pragma once
#include <cmath>
#include <cstddef>
#include <vector>

namespace mixot {

class PolarFactor {
 public:
  // x (n, n) holds the columns of X = U S V^T as rows; they are replaced by those of U V^T. X has full rank.
  void replace(double* x, std::size_t n) {
    v_.assign(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) v_[i * n + i] = 1;
    for (int sweep = 0; sweep < most_sweeps && rotate_all(x, n); ++sweep) {
    }
    // Column p of x is now s_p u_p, and v_ holds v_p as its row p: U V^T = sum_p u_p v_p^T.
    for (std::size_t p = 0; p < n; ++p) {
      const double length = std::sqrt(dot(x + p * n, x + p * n, n));
      for (std::size_t i = 0; i < n; ++i) x[p * n + i] /= length;
    }
    out_.assign(n * n, 0.0);
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t e = 0; e < n; ++e)
        for (std::size_t i = 0; i < n; ++i) out_[e * n + i] += v_[p * n + e] * x[p * n + i];
    for (std::size_t at = 0; at < n * n; ++at) x[at] = out_[at];
  }

 private:
  static constexpr int most_sweeps = 40;  // it takes five to ten
  static constexpr double at_right_angles = 1e-15;

  static double dot(const double* x, const double* y, std::size_t n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += x[i] * y[i];
    return sum;
  }

  static void rotate(double* x, double* y, std::size_t n, double c, double s) {
    for (std::size_t i = 0; i < n; ++i) {
      const double at = x[i];
      x[i] = c * at - s * y[i];
      y[i] = s * at + c * y[i];
    }
  }

  // -> whether any two columns were not at right angles yet.
  bool rotate_all(double* x, std::size_t n) {
    bool any = false;
    for (std::size_t p = 0; p + 1 < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        const double pp = dot(x + p * n, x + p * n, n), qq = dot(x + q * n, x + q * n, n);
        const double pq = dot(x + p * n, x + q * n, n);
        if (!(std::abs(pq) > at_right_angles * std::sqrt(pp) * std::sqrt(qq))) continue;
        any = true;
        const double zeta = (qq - pp) / (2 * pq);
        const double t = (zeta < 0 ? -1 : 1) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        const double c = 1 / std::sqrt(1 + t * t);
        rotate(x + p * n, x + q * n, n, c, c * t);
        rotate(v_.data() + p * n, v_.data() + q * n, n, c, c * t);
      }
    return any;
  }

  std::vector<double> v_, out_;
};

}  // namespace mixot
