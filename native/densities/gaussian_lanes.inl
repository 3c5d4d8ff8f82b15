// Registers of doubles, what the kernels for Gaussians over edges and faces have in common. Included by them, once for
// each instruction set, behind gauss_legendre.hpp.
using V = Vec<double>;

MIXOT_INLINE V v_abs(const V& x) { return vec_max<double>(x, splat(0.0) - x); }
MIXOT_INLINE V v_min(const V& x, const V& y) { return where_less<double>(x, y, x, y); }
MIXOT_INLINE V v_sqrt(const V& x) {
  double lane[kLanes<double>];
  store<double>(lane, x);
  for (double& v : lane) v = std::sqrt(v);
  return load<double>(lane);
}
MIXOT_INLINE double greatest(const V& x) {
  double out = x[0];
  for (int i = 1; i < kLanes<double>; ++i) out = x[i] > out ? x[i] : out;
  return out;
}

// atan2(y, x), by its series where every lane is small.
MIXOT_INLINE V turn(const V& y, const V& x) {
  if (greatest(v_abs(y) - splat(0.1) * x) < 0) {
    const V u = y / x, u2 = u * u;
    V p = u2 * splat(-1.0 / 15) + splat(1.0 / 13);
    p = p * u2 + splat(-1.0 / 11);
    p = p * u2 + splat(1.0 / 9);
    p = p * u2 + splat(-1.0 / 7);
    p = p * u2 + splat(1.0 / 5);
    p = p * u2 + splat(-1.0 / 3);
    return u + u * (u2 * p);
  }
  double up[kLanes<double>], right[kLanes<double>];
  store<double>(up, y), store<double>(right, x);
  for (int i = 0; i < kLanes<double>; ++i) up[i] = std::atan2(up[i], right[i]);
  return load<double>(up);
}

// (1 - e) / x for e = exp(-x), x >= 0; below 1/8 by the power series.
MIXOT_INLINE V mean_exp(const V& x, const V& e) {
  V p = x * splat(1.0 / 39916800) + splat(-1.0 / 3628800);
  p = p * x + splat(1.0 / 362880);
  p = p * x + splat(-1.0 / 40320);
  p = p * x + splat(1.0 / 5040);
  p = p * x + splat(-1.0 / 720);
  p = p * x + splat(1.0 / 120);
  p = p * x + splat(-1.0 / 24);
  p = p * x + splat(1.0 / 6);
  p = p * x + splat(-0.5);
  p = p * x + splat(1.0);
  return where_less<double>(x, splat(0.125), p, (splat(1.0) - e) / x);
}
