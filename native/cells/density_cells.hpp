// Integrals of a density over Laguerre cells, in the plane and in space.
#pragma once
#include <type_traits>
#include <vector>

#include "cells/cell_system.hpp"
#include "cells/density.hpp"
#include "cells/facet_sums.hpp"
#include "cells/power_diagram.hpp"
#include "cells/solid_diagram.hpp"

namespace mixot {

template <int D>
using Diagram = std::conditional_t<D == 2, PowerDiagram, SolidDiagram>;

template <int D>
class DensityCells final : public CellSystem {
 public:
  // points (n, D) in kd order; points and density stay with the caller.
  DensityCells(const double* points, std::size_t n, const Box<D>& box, Density<D>& density, std::size_t threads)
      : diagram_(points, n, box, threads), density_(density) {}

  void update(const double* weights, CellIntegrals& out) override;
  void accept() override { diagram_.accept(); }
  void seed(const double* weights, const std::function<void(std::size_t, std::vector<int>&)>& candidates) override {
    diagram_.seed(weights, candidates);
  }
  void centers(std::vector<double>& center, std::vector<double>& spread) override;
  double potential() override;
  double detour(std::size_t i, std::size_t j) const override { return diagram_.detour(i, j); }
  void blend(double share) override { density_.blend(share); }
  double floor() const override { return density_.floor(); }
  void begin_raising(const double* weights) override { diagram_.begin_raising(weights); }
  double mass_at(std::size_t i, double weight) override;
  void raise(std::size_t i, double weight) override { diagram_.raise(i, weight); }

  // Mass and moments of each cell of the last update.
  void moments(std::vector<Moments<D>>& out);
  Diagram<D>& diagram() { return diagram_; }

 private:
  Diagram<D> diagram_;
  Density<D>& density_;
};

}  // namespace mixot
