// Levenberg and Marquardt's method on the dual value of semi-discrete transport.
#pragma once
#include "semidiscrete/newton.hpp"

namespace mixot {

// As newton(), but cells may be empty on the way: what rises is the dual value itself, which is concave and has a
// gradient everywhere. It carries mass across gaps of the density, where masses alone do not tell a good step.
// Outcome::empty_cells as soon as no more than this share of the cells is empty, from where newton() may be quicker; with
// a negative share it goes on to the end.
Outcome ascend(CellSystem& system, DualState& state, double tol, double few_empty, Budget& budget);

}  // namespace mixot
