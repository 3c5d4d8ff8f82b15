// Quadrature rules on triangles.
#pragma once
#include <array>
#include <cstddef>

namespace mixot {

struct TriangleNode {
  double wa, wb, wc, share;
};

template <int Degree>
constexpr auto triangle_nodes() {
  static_assert(Degree == 1 || Degree == 4 || Degree == 6, "no such rule here");
  std::array<TriangleNode, Degree == 1 ? 1 : Degree == 4 ? 6 : 12> out{};
  std::size_t count = 0;
  const auto add = [&](double wa, double wb, double wc, double share) { out[count++] = {wa, wb, wc, share}; };
  const auto three = [&](double u, double share) {
    const double v = 1 - 2 * u;
    add(v, u, u, share), add(u, v, u, share), add(u, u, v, share);
  };
  if constexpr (Degree == 1) {
    add(1.0 / 3, 1.0 / 3, 1.0 / 3, 1.0);
  } else if constexpr (Degree == 4) {
    three(0.44594849091596488632, 0.22338158967801146570);
    three(0.09157621350977074346, 0.10995174365532186764);
  } else {
    three(0.24928674517091042129, 0.11678627572637936603);
    three(0.06308901449150222834, 0.05084490637020681692);
    constexpr double a = 0.31035245103378440542, b = 0.05314504984481694735, c = 1 - a - b;
    constexpr double share = 0.08285107561837357519;
    add(a, b, c, share), add(b, c, a, share), add(c, a, b, share);
    add(a, c, b, share), add(c, b, a, share), add(b, a, c, share);
  }
  return out;
}
template <int Degree>
inline constexpr auto triangle_table = triangle_nodes<Degree>();

// Calls visit(wa, wb, wc, share) for each node, given by its barycentric coordinates; with share times the area as
// mass, exact for polynomials of Degree 1, 4 or 6 by one, six or twelve nodes (Dunavant 1985, Int. J. Numer. Methods
// Eng. 21). A loop over a table: written out, a dozen copies of a long visit take their time to compile.
template <int Degree, class Visit>
void triangle_rule(Visit&& visit) {
  for (const TriangleNode& node : triangle_table<Degree>) visit(node.wa, node.wb, node.wc, node.share);
}

}  // namespace mixot
