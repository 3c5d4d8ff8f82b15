// Compiled for each instruction set by gaussian_edges.cpp: components are the lanes.
#include "densities/gaussian_lanes.inl"

// The line an edge lies on, as each component sees it: z = d (ty, -tx) + t (tx, ty) from t = a to b.
struct Course {
  V tx, ty, d, a, b, density;
};

MIXOT_INLINE Course course(const GaussianGroups<2>::Group& g, std::size_t at, const Corner& from, const Corner& to) {
  const V w11 = load(g.whiten[0] + at), w21 = load(g.whiten[1] + at), w22 = load(g.whiten[2] + at);
  const V cx = load(g.mean[0] + at), cy = load(g.mean[1] + at);
  const auto whiten = [&](const V& x, const V& y, V& zx, V& zy) { zx = w11 * x, zy = w21 * x + w22 * y; };
  const double dx = to.far ? to.x : from.far ? -from.x : to.x - from.x;
  const double dy = to.far ? to.y : from.far ? -from.y : to.y - from.y;
  Course out;
  V ux, uy;
  whiten(splat(dx), splat(dy), ux, uy);
  const V length = v_sqrt(ux * ux + uy * uy);
  const V scale = splat(1.0) / vec_max<double>(length, splat(1e-300));
  out.tx = ux * scale, out.ty = uy * scale;
  out.density = w11 * w22 * splat(std::sqrt(dx * dx + dy * dy)) * scale;
  // d and t from the nearer end: rounding of whitened coordinates grows with their size
  V ax, ay, bx, by;
  whiten(splat(from.x) - cx, splat(from.y) - cy, ax, ay);
  whiten(splat(to.x) - cx, splat(to.y) - cy, bx, by);
  const V na = ax * ax + ay * ay, nb = bx * bx + by * by;
  const V ta = ax * out.tx + ay * out.ty, tb = bx * out.tx + by * out.ty;
  const V da = ax * out.ty - ay * out.tx, db = bx * out.ty - by * out.tx;
  if (from.far) {
    out.a = splat(-1e300), out.b = tb, out.d = db;
  } else if (to.far) {
    out.a = ta, out.b = splat(1e300), out.d = da;
  } else {
    out.a = where_less<double>(nb, na, tb - length, ta);
    out.b = where_less<double>(nb, na, tb, ta + length);
    out.d = where_less<double>(nb, na, db, da);
  }
  return out;
}

// What the exponential reaches of an edge, lo <= t <= hi; outside it has fallen by exp(-38) from its largest value.
struct Window {
  V lo, hi, nearest;  // nearest: least t^2
};

MIXOT_INLINE Window window(const Course& c) {
  const V nearest = v_min(vec_max<double>(splat(0.0), c.a), c.b);
  const V t2 = nearest * nearest, cut = v_sqrt(t2 + splat(kReach));
  return {vec_max<double>(c.a, splat(0.0) - cut), v_min(c.b, cut), t2};
}

struct Sums {
  V flux, line, along;
};

enum class Field { whole, away, wedges };  // away: the same as whole where s / 2 is at least kAway

// Gauss-Legendre of N points on each of `panels` equal parts of [lo, hi].
template <int N, Field field>
MIXOT_INLINE void integrate(const V& d, const V& lo, const V& hi, int panels, Sums& out) {
  const double *nodes = gauss_nodes(N), *weights = gauss_weights(N);
  const V half = (hi - lo) * splat(0.5 / panels), d2 = d * d;
  V flux = splat(0.0), line = splat(0.0), along = splat(0.0);
  for (int panel = 0; panel < panels; ++panel) {
    const V middle = lo + half * splat(2.0 * panel + 1.0);
    for (int j = 0; j < N / 2; ++j)
      for (int side = -1; side <= 1; side += 2) {
        const V t = middle + half * splat(side * nodes[j]), s = d2 + t * t;
        const V x = s * splat(0.5), e = vec_exp<double>(splat(0.0) - x), we = e * splat(weights[j]);
        line += we;
        along += we * t;
        if constexpr (field == Field::wedges)
          flux += splat(0.0) - we / x;
        else if constexpr (field == Field::away)
          flux += (splat(1.0) - e) * splat(weights[j]) / x;
        else
          flux += mean_exp(x, e) * splat(weights[j]);
      }
  }
  const V scale = half * splat(1 / kTwoPi);
  out = {flux * d * scale * splat(0.5), line * scale, along * scale};
}

MIXOT_INLINE void save(const Course& c, const Sums& sums, std::size_t at, EdgeLanes& out) {
  store<double>(out.d + at, c.d), store<double>(out.tx + at, c.tx), store<double>(out.ty + at, c.ty);
  store<double>(out.flux + at, sums.flux), store<double>(out.line + at, sums.line);
  store<double>(out.along + at, sums.along), store<double>(out.density + at, c.density);
}

// From one direction at infinity to the next: an angle and nothing else.
MIXOT_INLINE void arc(const GaussianGroups<2>::Group& g, std::size_t at, const Corner& a, const Corner& b,
                      EdgeLanes& out) {
  const V w11 = load(g.whiten[0] + at), w21 = load(g.whiten[1] + at), w22 = load(g.whiten[2] + at);
  const V none = splat(0.0);
  const V ax = w11 * splat(a.x), ay = w21 * splat(a.x) + w22 * splat(a.y);
  const V bx = w11 * splat(b.x), by = w21 * splat(b.x) + w22 * splat(b.y);
  const V angle = turn(ax * by - ay * bx, ax * bx + ay * by);
  save({none, none, splat(1e300), none, none, none}, {angle * splat(1 / kTwoPi), none, none}, at, out);
}

// The error of N points on a panel of length 2h is about d h exp(N) (h^2 / (8 N))^N / (2 pi), the best that an ellipse
// of Bernstein gives for this integrand: 4 points up to a length of 0.1, 6 up to 0.42, 8 up to 1, 12 up to 2.4, 16 up
// to 4.
template <Field field>
MIXOT_INLINE void integrate_window(const V& d, const Window& w, double longest, Sums& out) {
  if (longest > 2.4)
    integrate<16, field>(d, w.lo, w.hi, int(std::ceil(longest / 4)), out);
  else if (longest > 1)
    integrate<12, field>(d, w.lo, w.hi, 1, out);
  else if (longest > 0.42)
    integrate<8, field>(d, w.lo, w.hi, 1, out);
  else if (longest > 0.1)
    integrate<6, field>(d, w.lo, w.hi, 1, out);
  else if (longest > 0)
    integrate<4, field>(d, w.lo, w.hi, 1, out);
}

MIXOT_INLINE void edge_lanes(const GaussianGroups<2>::Group& g, std::size_t at, const Corner& a, const Corner& b,
                             EdgeLanes& out) {
  if (a.far && b.far) return arc(g, at, a, b, out);
  const Course c = course(g, at, a, b);
  Window w = window(c);
  const V s0 = w.nearest + c.d * c.d, beyond = splat(kReach);
  const V start = a.far ? c.b : c.a;
  w.lo = where_less<double>(s0, beyond, w.lo, start);
  w.hi = where_less<double>(s0, beyond, w.hi, start);
  Sums sums{splat(0.0), splat(0.0), splat(0.0)};
  const double longest = greatest(w.hi - w.lo);
  if (greatest(splat(0.0) - s0) < -2 * kAway)
    integrate_window<Field::away>(c.d, w, longest, sums);
  else
    integrate_window<Field::whole>(c.d, w, longest, sums);
  // what is seen under the rest of the edge, from infinity to lo or from a, and from hi to b or to infinity
  const V d2 = c.d * c.d;
  V angle = splat(0.0);
  if (a.far)
    angle += turn(c.d, splat(0.0) - w.lo);
  else if (greatest(w.lo - c.a) > 0)
    angle += turn(c.d * (w.lo - c.a), d2 + c.a * w.lo);
  if (b.far)
    angle += turn(c.d, w.hi);
  else if (greatest(c.b - w.hi) > 0)
    angle += turn(c.d * (c.b - w.hi), d2 + w.hi * c.b);
  sums.flux += angle * splat(1 / kTwoPi);
  save(c, sums, at, out);
}

// Relative errors stay small while exp(-t^2 / 2) falls by less than exp(-10) on a panel of 16 points, and the poles of
// 1 / s at t = +- i |d| are further off than a panel is long.
MIXOT_INLINE void far_edge_lanes(const GaussianGroups<2>::Group& g, std::size_t at, const Corner& a, const Corner& b,
                                 EdgeLanes& out) {
  const Course c = course(g, at, a, b);
  const Window w = window(c);
  const V furthest = vec_max<double>(w.lo * w.lo, w.hi * w.hi);
  const double fall = 0.5 * greatest(furthest - w.nearest), longest = greatest(w.hi - w.lo);
  Sums sums{splat(0.0), splat(0.0), splat(0.0)};
  if (fall < 0.1 && longest < 0.1)
    integrate<4, Field::wedges>(c.d, w.lo, w.hi, 1, sums);
  else if (fall < 1 && longest < 0.5)
    integrate<8, Field::wedges>(c.d, w.lo, w.hi, 1, sums);
  else
    integrate<16, Field::wedges>(c.d, w.lo, w.hi, int(std::ceil(longest > fall / 5 ? longest / 2 : fall / 10)), sums);
  save(c, sums, at, out);
}

MIXOT_INLINE void clear_lanes(std::size_t at, EdgeLanes& out) {
  const V none = splat(0.0);
  for (; at < gaussian_lanes; at += kLanes<double>)
    save({none, none, none, none, none, none}, {none, none, none}, at, out);
}

void edge_of_group(const GaussianGroups<2>::Group& group, const Corner& a, const Corner& b, EdgeLanes& out) {
  std::size_t at = 0;
  for (; at < group.used; at += kLanes<double>) edge_lanes(group, at, a, b, out);
  clear_lanes(at, out);
}

void far_edge_of_group(const GaussianGroups<2>::Group& group, const Corner& a, const Corner& b, EdgeLanes& out) {
  std::size_t at = 0;
  for (; at < group.used; at += kLanes<double>) far_edge_lanes(group, at, a, b, out);
  clear_lanes(at, out);
}
