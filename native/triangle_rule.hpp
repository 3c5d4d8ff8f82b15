// A quadrature rule on triangles.
#pragma once

namespace mixot {

// Calls visit(wa, wb, wc, share) for each of six nodes, given by their barycentric coordinates; with share times the
// area as mass, exact for polynomials of degree 4 (Dunavant 1985, Int. J. Numer. Methods Eng. 21).
template <class Visit>
void triangle_rule(Visit&& visit) {
  constexpr double near[2] = {0.44594849091596488632, 0.09157621350977074346};
  constexpr double share[2] = {0.22338158967801146570, 0.10995174365532186764};
  for (int kind = 0; kind < 2; ++kind) {
    const double u = near[kind], v = 1 - 2 * u;
    visit(v, u, u, share[kind]), visit(u, v, u, share[kind]), visit(u, u, v, share[kind]);
  }
}

}  // namespace mixot
