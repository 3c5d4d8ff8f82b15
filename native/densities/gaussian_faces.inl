// Compiled for each instruction set by gaussian_faces.cpp: components are the lanes, and of an edge its nodes.
#include "densities/gaussian_lanes.inl"

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

MIXOT_INLINE Whitening whitening(const GaussianGroups<3>::Group& g, std::size_t at) {
  const auto row = [&](int r) { return load<double>(g.whiten[r] + at); };
  return {row(0), row(1), row(2), row(3), row(4), row(5),
          {load<double>(g.mean[0] + at), load<double>(g.mean[1] + at), load<double>(g.mean[2] + at)}};
}

// The plane of a face: z = d n + u e1 + v e2, (e1, e2, n) a right-handed frame (Duff et al. 2017).
struct Frame {
  Triple n, e1, e2;
  V d, density;
};

// Distances from the corner that is nearest: rounding of whitened coordinates grows with their size.
MIXOT_INLINE Frame frame_of(const Whitening& law, const double (*corner)[3], std::size_t n) {
  const Triple first = law.point(corner[0]);
  Triple twice{splat(0.0), splat(0.0), splat(0.0)}, near = first;
  Triple before = law.difference(corner[1], corner[0]);
  V nearest = dot(first, first);
  double flat[3] = {0, 0, 0};
  for (std::size_t k = 1; k < n; ++k) {
    const Triple z = law.point(corner[k]);
    const V r2 = dot(z, z);
    near = {where_less<double>(r2, nearest, z.x, near.x), where_less<double>(r2, nearest, z.y, near.y),
            where_less<double>(r2, nearest, z.z, near.z)};
    nearest = v_min(r2, nearest);
    if (k == 1) continue;
    const Triple here = law.difference(corner[k], corner[0]), part = cross(before, here);
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

// sqrt(pi) / (2 y) (1 - exp(-y^2) p(y)) = F(y^2), e = exp(-y^2); pairs of coefficients at a time, so that few
// operations wait for each other.
MIXOT_INLINE V boys(const V& y, const V& e) {
  const V u = (y - splat(3.75)) / (y + splat(3.75)), u2 = u * u, u4 = u2 * u2;
  const auto pair = [&](int j) { return splat(kTail[j]) + splat(kTail[j + 1]) * u; };
  const auto four = [&](int j) { return pair(j) + pair(j + 2) * u2; };
  const V p = (four(0) + four(4) * u4) + (four(8) + four(12) * u4) * (u4 * u4);
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
// normal (positive: the foot is on its left), from t = from to t = to along (tx, ty).
struct Side {
  double tx[kLanes<double>], ty[kLanes<double>], a[kLanes<double>], from[kLanes<double>], to[kLanes<double>];
};

// The sides of a face, and the squared distance between mean and face.
MIXOT_INLINE V measure_sides(const Whitening& law, const Frame& frame, const double (*corner)[3], std::size_t n,
                             Side* sides) {
  Triple z = law.point(corner[0]);
  V r2 = dot(z, z), u = dot(frame.e1, z), v = dot(frame.e2, z), least = splat(1e300), outside = splat(0.0);
  for (std::size_t k = 0; k < n; ++k) {
    const double *from = corner[k], *to = corner[k + 1 < n ? k + 1 : 0];
    const Triple step = law.difference(to, from), z1 = law.point(to);
    const V r21 = dot(z1, z1), u1 = dot(frame.e1, z1), v1 = dot(frame.e2, z1);
    const V du = dot(frame.e1, step), dv = dot(frame.e2, step), length = v_sqrt(du * du + dv * dv);
    const V scale = splat(1.0) / vec_max<double>(length, splat(1e-300)), tx = du * scale, ty = dv * scale;
    const V t = u * tx + v * ty, t1 = u1 * tx + v1 * ty;
    const V begin = where_less<double>(r21, r2, t1 - length, t), end = where_less<double>(r21, r2, t1, t + length);
    const V a = where_less<double>(r21, r2, u1 * ty - v1 * tx, u * ty - v * tx);
    const V near = v_min(vec_max<double>(splat(0.0), begin), end);
    least = v_min(least, a * a + near * near), outside = where_less<double>(a, splat(0.0), splat(1.0), outside);
    store<double>(sides[k].tx, tx), store<double>(sides[k].ty, ty), store<double>(sides[k].a, a);
    store<double>(sides[k].from, begin), store<double>(sides[k].to, end);
    r2 = r21, u = u1, v = v1;
  }
  return frame.d * frame.d + where_less<double>(outside, splat(0.5), splat(0.0), least);
}

// One component: its distance, what a ladder says of that, and sums over the sides, of which the lanes are parts.
struct Seen {
  double d, f[5], e;
};
struct FaceSums {
  V flux, mass, x, y;
};

// Gauss-Legendre of N points on each of `panels` equal parts of [lo, hi]: nodes are the lanes.
template <int N>
MIXOT_INLINE void integrate_side(const Seen& seen, double a, double tx, double ty, double lo, double hi, int panels,
                                 FaceSums& out) {
  const double half = (hi - lo) * (0.5 / panels);
  const V a2 = splat(a * a), x0 = splat(0.5 * seen.d * seen.d), tiny = splat(1e-300);
  for (int panel = 0; panel < panels; ++panel)
    for (int j = 0; j < N; j += kLanes<double>) {
      const V t = splat(lo + half * (2 * panel + 1)) + splat(half) * load<double>(gauss_rule<N>.node + j);
      const V w = splat(half) * load<double>(gauss_rule<N>.weight + j), wa = w * splat(a);
      const V delta = vec_max<double>(splat(0.5) * (a2 + t * t), tiny), e = vec_exp<double>(splat(0.0) - delta);
      const V beyond = boys(v_sqrt(vec_max<double>(x0 + delta, tiny)), splat(seen.e) * e), inverse = splat(1.0) / delta;
      V flux = (splat(seen.f[0]) - beyond) * inverse, mass = (splat(1.0) - e) * inverse;
      if (greatest(splat(0.0) - delta) > -0.125) {
        mass = mean_exp(delta, e);
        V near = splat(seen.f[3] / 6) - delta * splat(seen.f[4] / 24);
        near = splat(seen.f[1]) - delta * (splat(seen.f[2] / 2) - delta * near);
        flux = where_less<double>(delta, splat(kTaylor), near, flux);
      }
      out.flux += wa * flux, out.mass += wa * mass;
      out.x += w * splat(0.0 - ty) * e, out.y += w * splat(tx) * e;
    }
}

struct Angles {
  double plane, space;
};

// Beyond reach of the exponential: the angles under which the foot of the normal and the mean see u <= t <= v.
MIXOT_INLINE void add_angles(double d, double a, double u, double v, Angles& out) {
  const double h2 = a * a + d * d, ru = std::sqrt(h2 + u * u), rv = std::sqrt(h2 + v * v);
  out.plane += std::atan2(a * (v - u), a * a + u * v);
  out.space += std::atan2(a * d * (v * ru - u * rv), a * a * ru * rv + d * d * u * v);
}

// The error of N points on a panel of length 2h is about d h exp(N) (h^2 / (8 N))^N / (2 pi), as in gaussian_edges.inl:
// below 4e-15 here.
MIXOT_INLINE void add_side(const Seen& seen, double a, double tx, double ty, double from, double to, FaceSums& out,
                           Angles& angles) {
  const double within = kReach - a * a - seen.d * seen.d, cut = within > 0 ? std::sqrt(within) : 0;
  const double lo = from < -cut ? -cut : from, hi = to > cut ? cut : to, length = hi - lo;
  if (!(length > 0) || within <= 0) return add_angles(seen.d, a, from, to, angles);
  if (length > 3)
    integrate_side<16>(seen, a, tx, ty, lo, hi, int(std::ceil(length / 5)), out);
  else if (length > 1.4 && kLanes<double> <= 4)
    integrate_side<12>(seen, a, tx, ty, lo, hi, 1, out);
  else if (length > 1.4)
    integrate_side<16>(seen, a, tx, ty, lo, hi, 1, out);
  else if (length > 0.16 || kLanes<double> > 4)
    integrate_side<8>(seen, a, tx, ty, lo, hi, 1, out);
  else
    integrate_side<4>(seen, a, tx, ty, lo, hi, 1, out);
  if (lo > from) add_angles(seen.d, a, from, lo, angles);
  if (to > hi) add_angles(seen.d, a, hi, to, angles);
}

MIXOT_INLINE void face_lanes(const GaussianGroups<3>::Group& g, std::size_t at, const double (*corner)[3],
                             std::size_t n, AlignedVector<double>& space, FaceLanes& out) {
  constexpr std::size_t lanes = kLanes<double>;
  space.resize(n * (sizeof(Side) / sizeof(double)));
  Side* sides = reinterpret_cast<Side*>(space.data());
  const Whitening law = whitening(g, at);
  const Frame frame = frame_of(law, corner, n);
  const V apart = measure_sides(law, frame, corner, n, sides);
  double flux[lanes], mass[lanes] = {}, x[lanes] = {}, y[lanes] = {}, d[lanes];
  const std::size_t used = g.used - at < lanes ? g.used - at : lanes;
  store<double>(d, frame.d);
  if (greatest(apart) > kReach) store<double>(flux, half_solid_angle(law, corner, n) * splat(0.5 / kPi));
  if (greatest(splat(0.0) - apart) >= -kReach) {
    const Ladder ladders = ladder(splat(0.5) * frame.d * frame.d);
    for (std::size_t j = 0; j < used; ++j) {
      if (apart[j] > kReach) continue;
      Seen seen{d[j], {}, ladders.e[j]};
      for (int m = 0; m < 5; ++m) seen.f[m] = ladders.f[m][j];
      FaceSums sums{splat(0.0), splat(0.0), splat(0.0), splat(0.0)};
      Angles angles{0, 0};
      for (std::size_t k = 0; k < n; ++k) {
        const Side& s = sides[k];
        add_side(seen, s.a[j], s.tx[j], s.ty[j], s.from[j], s.to[j], sums, angles);
      }
      const double on = seen.e * kOnLine, line = on * 0.5 / kPi;
      flux[j] = kFlux * seen.d * (0.5 * sum_lanes<double>(sums.flux) + seen.f[0] * angles.plane) -
                angles.space * (0.25 / kPi);
      mass[j] = on * (0.25 * sum_lanes<double>(sums.mass) + 0.5 * angles.plane) / kPi;
      x[j] = line * sum_lanes<double>(sums.x), y[j] = line * sum_lanes<double>(sums.y);
    }
  }
  const V m = load<double>(mass), along = frame.d * m, u = load<double>(x), v = load<double>(y);
  store<double>(out.flux + at, load<double>(flux)), store<double>(out.mass_on + at, m);
  store<double>(out.density + at, frame.density);
  store<double>(out.normal[0] + at, frame.n.x), store<double>(out.normal[1] + at, frame.n.y);
  store<double>(out.normal[2] + at, frame.n.z);
  store<double>(out.first_on[0] + at, frame.n.x * along + frame.e1.x * u + frame.e2.x * v);
  store<double>(out.first_on[1] + at, frame.n.y * along + frame.e1.y * u + frame.e2.y * v);
  store<double>(out.first_on[2] + at, frame.n.z * along + frame.e1.z * u + frame.e2.z * v);
}

void face_of_group(const GaussianGroups<3>::Group& group, const double (*corner)[3], std::size_t n,
                   AlignedVector<double>& space, FaceLanes& out) {
  for (std::size_t at = 0; at < group.used; at += kLanes<double>) face_lanes(group, at, corner, n, space, out);
}
