// Integrals of a density in the plane over Laguerre cells.
#pragma once
#include <vector>

#include "cells/cell_system.hpp"
#include "cells/facet_sums.hpp"
#include "cells/plane_density.hpp"
#include "cells/power_diagram.hpp"

namespace mixot {

class PlanarCells final : public CellSystem {
 public:
  // points (n, 2) in kd order; points and density stay with the caller.
  PlanarCells(const double* points, std::size_t n, const Rectangle& box, PlaneDensity& density, std::size_t threads)
      : diagram_(points, n, box, threads), density_(density) {}

  void update(const double* weights, CellIntegrals& out) override;
  void accept() override { diagram_.accept(); }
  void seed(const double* weights, const std::function<void(std::size_t, std::vector<int>&)>& candidates) override {
    diagram_.seed(weights, candidates);
  }
  void centers(std::vector<double>& center, std::vector<double>& spread) override;
  double detour(std::size_t i, std::size_t j) const override { return diagram_.detour(i, j); }
  void blend(double share) override { density_.blend(share); }
  double floor() const override { return density_.floor(); }
  void begin_raising(const double* weights) override { diagram_.begin_raising(weights); }
  double mass_at(std::size_t i, double weight) override;
  void raise(std::size_t i, double weight) override { diagram_.raise(i, weight); }

  // Mass and moments of each cell of the last update, (n, 6) as in PlaneMoments.
  void moments(std::vector<PlaneMoments>& out);
  PowerDiagram& diagram() { return diagram_; }

 private:
  PowerDiagram diagram_;
  PlaneDensity& density_;
  FacetValues<FacetIntegrals> facets_;
};

}  // namespace mixot
