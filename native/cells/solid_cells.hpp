// Integrals over Laguerre cells in three dimensions.
#pragma once
#include <vector>

#include "cells/cell_system.hpp"
#include "cells/facet_sums.hpp"
#include "cells/solid_diagram.hpp"
#include "cells/solid_density.hpp"

namespace mixot {

class SolidCells final : public CellSystem {
 public:
  // points (n, 3) in kd order; points and density stay with the caller.
  SolidCells(const double* points, std::size_t n, const Cuboid& box, SolidDensity& density, std::size_t threads)
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

  // Moments of each cell of the last update.
  void moments(std::vector<SolidMoments>& out);
  SolidDiagram& diagram() { return diagram_; }

 private:
  SolidDiagram diagram_;
  SolidDensity& density_;
  FacetValues<FacetIntegrals> facets_;
  std::vector<double> loop_;
};

}  // namespace mixot
