// Quadrature rules on triangles.
#pragma once

namespace mixot {

// Calls visit(wa, wb, wc, share) for each node, given by its barycentric coordinates; with share times the area as
// mass, exact for polynomials of Degree 1, 4 or 6 by one, six or twelve nodes (Dunavant 1985, Int. J. Numer. Methods
// Eng. 21).
template <int Degree, class Visit>
void triangle_rule(Visit&& visit) {
  static_assert(Degree == 1 || Degree == 4 || Degree == 6, "no such rule here");
  const auto three = [&](double u, double share) {
    const double v = 1 - 2 * u;
    visit(v, u, u, share), visit(u, v, u, share), visit(u, u, v, share);
  };
  if constexpr (Degree == 1) {
    visit(1.0 / 3, 1.0 / 3, 1.0 / 3, 1.0);
  } else if constexpr (Degree == 4) {
    three(0.44594849091596488632, 0.22338158967801146570);
    three(0.09157621350977074346, 0.10995174365532186764);
  } else {
    three(0.24928674517091042129, 0.11678627572637936603);
    three(0.06308901449150222834, 0.05084490637020681692);
    constexpr double a = 0.31035245103378440542, b = 0.05314504984481694735, c = 1 - a - b;
    constexpr double share = 0.08285107561837357519;
    visit(a, b, c, share), visit(b, c, a, share), visit(c, a, b, share);
    visit(a, c, b, share), visit(c, b, a, share), visit(b, a, c, share);
  }
}

}  // namespace mixot
