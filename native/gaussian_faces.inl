// Compiled for each instruction set by gaussian_faces.cpp: components are the lanes.
#include "gaussian_lanes.inl"

struct Triple {
  V x, y, z;
};
MIXOT_INLINE Triple operator-(const Triple& a, const Triple& b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
MIXOT_INLINE Triple operator*(const Triple& a, const V& s) { return {a.x * s, a.y * s, a.z * s}; }
MIXOT_INLINE V dot(const Triple& a, const Triple& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
MIXOT_INLINE Triple cross(const Triple& a, const Triple& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

// How the components from lane `at` on see a point or a difference of points.
struct Whitening {
  V w11, w21, w22, w31, w32, w33;
  Triple mean;
  MIXOT_INLINE Triple difference(const double* to, const double* from) const {
    const V x = splat(to[0] - from[0]), y = splat(to[1] - from[1]), z = splat(to[2] - from[2]);
    return {w11 * x, w21 * x + w22 * y, w31 * x + w32 * y + w33 * z};
  }
  MIXOT_INLINE Triple point(const double* p) const {
    const V x = splat(p[0]) - mean.x, y = splat(p[1]) - mean.y, z = splat(p[2]) - mean.z;
    return {w11 * x, w21 * x + w22 * y, w31 * x + w32 * y + w33 * z};
  }
};

MIXOT_INLINE Whitening whitening(const SpaceGaussians::Group& g, std::size_t at) {
  const auto row = [&](int r) { return load<double>(g.whiten[r] + at); };
  return {row(0), row(1), row(2), row(3), row(4), row(5),
          {load<double>(g.mean[0] + at), load<double>(g.mean[1] + at), load<double>(g.mean[2] + at)}};
}

// The plane of a face: z = d n + u e1 + v e2, (e1, e2, n) a right-handed frame (Duff et al. 2017).
struct Frame {
  Triple n, e1, e2;
  V d, density, least;  // least: a lower bound of the distance between mean and face
};

// Distances from the corner that is nearest: rounding of whitened coordinates grows with their size.
MIXOT_INLINE Frame frame_of(const Whitening& law, const double (*corner)[3], std::size_t n) {
  const Triple first = law.point(corner[0]);
  Triple twice{splat(0.0), splat(0.0), splat(0.0)}, near = first;
  Triple before = law.difference(corner[1], corner[0]);
  V nearest = dot(first, first), widest = dot(before, before);
  const V from_first = nearest;
  double flat[3] = {0, 0, 0};
  for (std::size_t k = 1; k < n; ++k) {
    const Triple z = law.point(corner[k]);
    const V r2 = dot(z, z);
    near = {where_less<double>(r2, nearest, z.x, near.x), where_less<double>(r2, nearest, z.y, near.y),
            where_less<double>(r2, nearest, z.z, near.z)};
    nearest = v_min(r2, nearest);
    if (k == 1) continue;
    const Triple here = law.difference(corner[k], corner[0]), part = cross(before, here);
    widest = vec_max<double>(widest, dot(here, here));
    twice = {twice.x + part.x, twice.y + part.y, twice.z + part.z};
    before = here;
    double u[3], v[3];
    for (int a = 0; a < 3; ++a) u[a] = corner[k - 1][a] - corner[0][a], v[a] = corner[k][a] - corner[0][a];
    for (int a = 0; a < 3; ++a) flat[a] += u[(a + 1) % 3] * v[(a + 2) % 3] - u[(a + 2) % 3] * v[(a + 1) % 3];
  }
  const V size = v_sqrt(dot(twice, twice)), none = splat(0.0), one = splat(1.0), minus = splat(-1.0);
  const V inverse = where_less<double>(size, splat(1e-280), none, one / vec_max<double>(size, splat(1e-300)));
  Frame out;
  out.n = twice * inverse;
  out.d = dot(out.n, near);
  out.density = law.w11 * law.w22 * law.w33 * inverse *
                splat(std::sqrt(flat[0] * flat[0] + flat[1] * flat[1] + flat[2] * flat[2]));
  const V sign = where_less<double>(out.n.z, none, minus, one);
  const V a = minus / (sign + out.n.z), b = out.n.x * out.n.y * a;
  out.e1 = {one + sign * out.n.x * out.n.x * a, sign * b, none - sign * out.n.x};
  out.e2 = {b, sign + out.n.y * out.n.y * a, none - out.n.y};
  out.least = vec_max<double>(v_abs(out.d), v_sqrt(from_first) - v_sqrt(widest));
  return out;
}

// Half the solid angle under which the mean sees the face: tan(angle / 2) of a triangle (a, b, c) of unit vectors is
// det(a, b, c) / (1 + a b + b c + c a) (van Oosterom and Strackee 1983), and half a flat face never wraps around.
MIXOT_INLINE V half_solid_angle(const Whitening& law, const double (*corner)[3], std::size_t n) {
  const V one = splat(1.0);
  const auto unit = [&](std::size_t k) {
    const Triple z = law.point(corner[k]);
    return z * (one / v_sqrt(vec_max<double>(dot(z, z), splat(1e-300))));
  };
  const Triple a = unit(0);
  Triple b = unit(1);
  V re = one, im = splat(0.0);
  for (std::size_t k = 2; k < n; ++k) {
    const Triple c = unit(k);
    const V x = one + dot(a, b) + dot(b, c) + dot(c, a), y = dot(a, cross(b, c));
    const V next = re * x - im * y, up = re * y + im * x;
    const V scale = one / vec_max<double>(v_abs(next) + v_abs(up), splat(1e-300));
    re = next * scale, im = up * scale;
    b = c;
  }
  return turn(im, re);
}

// (1 - exp(-y^2) erfc-like tail) sqrt(pi) / (2 y) = F(y^2), e = exp(-y^2).
MIXOT_INLINE V boys(const V& y, const V& e) {
  const V u = (y - splat(3.75)) / (y + splat(3.75));
  V p = splat(kTail[15]);
  MIXOT_UNROLL for (int j = 14; j >= 0; --j) p = p * u + splat(kTail[j]);
  return (splat(1.0) - e * p) * (splat(kHalfRootPi) / y);
}

// F and its next four, F_m(x) = int_0^1 u^(2 m) exp(-x u^2) du = -F_{m-1}'(x), at x = d^2 / 2: what a face needs of its
// distance. Below 2 from a power series downward, above upward.
struct Ladder {
  V f[5], e;
};
MIXOT_INLINE Ladder ladder(const V& x) {
  Ladder out;
  out.e = vec_exp<double>(splat(0.0) - x);
  V low = splat(0.0), term = splat(1.0);
  const V inside = v_min(x, splat(2.0));
  for (int k = 0; k < 24; ++k) {
    low += term * splat(1.0 / (2 * k + 9));
    term = term * (splat(0.0) - inside) * splat(1.0 / (k + 1));
  }
  V down[5];
  down[4] = low;
  for (int m = 3; m >= 0; --m) down[m] = (splat(2.0) * x * down[m + 1] + out.e) * splat(1.0 / (2 * m + 1));
  const V far = vec_max<double>(x, splat(1.0)), half = splat(0.5) / far;
  V up = boys(v_sqrt(far), out.e);
  for (int m = 0; m < 5; ++m) {
    out.f[m] = where_less<double>(x, splat(2.0), down[m], up);
    up = (splat(2.0 * m + 1) * up - out.e) * half;
  }
  return out;
}

// An edge in the plane of its face, as each component sees it: on the line at signed distance a from the foot of the
// normal (positive: the foot is on its left), from t = from to t = to.
struct Side {
  V tx, ty, a, from, to;
};
struct FaceSums {
  V flux, mass, x, y;
};

// Gauss-Legendre of N points on each of `panels` equal parts of [lo, hi].
template <int N>
MIXOT_INLINE void integrate_side(const Frame& frame, const Ladder& f, const Side& side, const V& lo, const V& hi,
                                 int panels, FaceSums& out) {
  const double *nodes = gauss_nodes(N), *weights = gauss_weights(N);
  const V half = (hi - lo) * splat(0.5 / panels), a2 = side.a * side.a, x0 = splat(0.5) * frame.d * frame.d;
  V flux = splat(0.0), mass = splat(0.0), line = splat(0.0);
  for (int panel = 0; panel < panels; ++panel) {
    const V middle = lo + half * splat(2.0 * panel + 1.0);
    for (int j = 0; j < N / 2; ++j)
      for (int way = -1; way <= 1; way += 2) {
        const V t = middle + half * splat(way * nodes[j]);
        const V delta = vec_max<double>(splat(0.5) * (a2 + t * t), splat(1e-300));
        const V e = vec_exp<double>(splat(0.0) - delta), w = splat(weights[j]);
        const V beyond = boys(v_sqrt(vec_max<double>(x0 + delta, splat(1e-300))), f.e * e);
        V near = f.f[3] * splat(1.0 / 6) - f.f[4] * delta * splat(1.0 / 24);
        near = f.f[1] - delta * (f.f[2] * splat(0.5) - delta * near);
        flux += w * where_less<double>(delta, splat(kTaylor), near, (f.f[0] - beyond) / delta);
        mass += w * mean_exp(delta, e);
        line += w * e;
      }
  }
  line = line * half * splat(0.5 / kPi);
  out.flux += side.a * frame.d * half * flux * splat(0.5 * kFlux);
  out.mass += side.a * half * mass * splat(0.25 / kPi);
  out.x += splat(0.0) - side.ty * line;
  out.y += side.tx * line;
}

// Beyond reach of the exponential: angles in the plane and in space.
MIXOT_INLINE void rest_of_side(const Frame& frame, const Ladder& f, const Side& side, const V& lo, const V& hi,
                               FaceSums& out) {
  double theta[kLanes<double>], psi[kLanes<double>], a[kLanes<double>], d[kLanes<double>], t[4][kLanes<double>];
  store<double>(a, side.a), store<double>(d, frame.d);
  store<double>(t[0], side.from), store<double>(t[1], lo), store<double>(t[2], hi), store<double>(t[3], side.to);
  for (int j = 0; j < kLanes<double>; ++j) {
    theta[j] = psi[j] = 0;
    for (int end = 0; end < 4; end += 2) {
      const double u = t[end][j], v = t[end + 1][j], h2 = a[j] * a[j] + d[j] * d[j];
      if (!(v > u)) continue;
      const double ru = std::sqrt(h2 + u * u), rv = std::sqrt(h2 + v * v);
      theta[j] += std::atan2(a[j] * (v - u), a[j] * a[j] + u * v);
      psi[j] += std::atan2(a[j] * d[j] * (v * ru - u * rv), a[j] * a[j] * ru * rv + d[j] * d[j] * u * v);
    }
  }
  const V angle = load<double>(theta);
  out.flux += splat(kFlux) * frame.d * f.f[0] * angle - splat(0.25 / kPi) * load<double>(psi);
  out.mass += angle * splat(0.5 / kPi);
}

// The rules as in gaussian_edges.inl: the integrands grow alike off the real line.
MIXOT_INLINE void add_side(const Frame& frame, const Ladder& f, const Side& side, FaceSums& out) {
  const V within = splat(kReach) - side.a * side.a - frame.d * frame.d;
  const V cut = v_sqrt(vec_max<double>(within, splat(0.0)));
  V lo = vec_max<double>(side.from, splat(0.0) - cut), hi = v_min(side.to, cut);
  const V none = where_less<double>(hi - lo, splat(0.0), splat(1.0), splat(0.0));
  lo = where_less<double>(none, splat(0.5), lo, side.from), hi = where_less<double>(none, splat(0.5), hi, side.from);
  const double longest = greatest(hi - lo);
  if (longest > 1)
    integrate_side<16>(frame, f, side, lo, hi, int(std::ceil(longest / 4)), out);
  else if (longest > 0.1)
    integrate_side<8>(frame, f, side, lo, hi, 1, out);
  else if (longest > 0)
    integrate_side<4>(frame, f, side, lo, hi, 1, out);
  if (greatest((side.to - side.from) - (hi - lo)) > 0) rest_of_side(frame, f, side, lo, hi, out);
}

MIXOT_INLINE void face_lanes(const SpaceGaussians::Group& g, std::size_t at, const double (*corner)[3], std::size_t n,
                             FaceLanes& out) {
  const Whitening law = whitening(g, at);
  const Frame frame = frame_of(law, corner, n);
  FaceSums sums{splat(0.0), splat(0.0), splat(0.0), splat(0.0)};
  if (greatest(splat(0.0) - frame.least) < -std::sqrt(kReach)) {
    sums.flux = half_solid_angle(law, corner, n) * splat(0.5 / kPi);
  } else {
    const Ladder f = ladder(splat(0.5) * frame.d * frame.d);
    Triple z = law.point(corner[0]);
    V r2 = dot(z, z), u = dot(frame.e1, z), v = dot(frame.e2, z);
    for (std::size_t k = 0; k < n; ++k) {
      const double *from = corner[k], *to = corner[k + 1 < n ? k + 1 : 0];
      const Triple step = law.difference(to, from), z1 = law.point(to);
      const V r21 = dot(z1, z1), u1 = dot(frame.e1, z1), v1 = dot(frame.e2, z1);
      const V du = dot(frame.e1, step), dv = dot(frame.e2, step), length = v_sqrt(du * du + dv * dv);
      const V scale = splat(1.0) / vec_max<double>(length, splat(1e-300));
      Side side;
      side.tx = du * scale, side.ty = dv * scale;
      const V t = u * side.tx + v * side.ty, t1 = u1 * side.tx + v1 * side.ty;
      side.from = where_less<double>(r21, r2, t1 - length, t), side.to = where_less<double>(r21, r2, t1, t + length);
      side.a = where_less<double>(r21, r2, u1 * side.ty - v1 * side.tx, u * side.ty - v * side.tx);
      add_side(frame, f, side, sums);
      r2 = r21, u = u1, v = v1;
    }
    const V on = f.e * splat(kOnLine);
    sums.mass = sums.mass * on, sums.x = sums.x * on, sums.y = sums.y * on;
  }
  const V along = frame.d * sums.mass;
  store<double>(out.flux + at, sums.flux), store<double>(out.mass_on + at, sums.mass);
  store<double>(out.density + at, frame.density);
  store<double>(out.normal[0] + at, frame.n.x), store<double>(out.normal[1] + at, frame.n.y);
  store<double>(out.normal[2] + at, frame.n.z);
  store<double>(out.first_on[0] + at, frame.n.x * along + frame.e1.x * sums.x + frame.e2.x * sums.y);
  store<double>(out.first_on[1] + at, frame.n.y * along + frame.e1.y * sums.x + frame.e2.y * sums.y);
  store<double>(out.first_on[2] + at, frame.n.z * along + frame.e1.z * sums.x + frame.e2.z * sums.y);
}

void face_of_group(const SpaceGaussians::Group& group, const double (*corner)[3], std::size_t n, FaceLanes& out) {
  for (std::size_t at = 0; at < group.used; at += kLanes<double>) face_lanes(group, at, corner, n, out);
}
